"""Files that somebody made to do harm: each is refused at once, in words, or read without harm."""

import csv
import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from txo_core.exceptions import ConfigurationError, FileOperationError, ValidationError
from txo_core.files import Formula, TxoDataHandler
from txo_core.formats import archives, delimited, sources, texts, workbook_reader, xml_texts
from txo_core.formats.formulas import guarded, starts_a_formula, unguarded
from txo_core.formats.sheet_cells import column_letters
from txo_core.formats.structured_text import Malformed, parse_yaml
from txo_core.paths import get_path
from txo_core.report import write_report
from txo_core.results import ItemResult, ProcessingResults

files = TxoDataHandler()
SIGN_FIRST = re.compile(r"[\s\x00-\x1f\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20-]")
FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1+1",
    "\ufeff=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    '=HYPERLINK("file:///etc/passwd","x")',
    "'=1",
]


# What data becomes in a spreadsheet


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_data_is_never_a_formula_in_a_workbook(text: str) -> None:
    """S36: the cell says text, stays text when somebody edits it, and comes back as it went."""
    path = files.save([{text: text, "n": -5, "f": -1.5}], "output", "a.xlsx")

    sheet = load_workbook(path)["Data"]
    cells = [cell for row in sheet for cell in row if cell.column == 1]
    assert [(cell.data_type, cell.quotePrefix) for cell in cells] == [("s", True)] * 2
    assert [(cell.value, cell.data_type) for cell in sheet[2][1:]] == [(-5, "n"), (-1.5, "n")]
    assert files.load("output", "a.xlsx")[0][text] == text
    assert not any(cell.hyperlink for row in sheet for cell in row)


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_data_is_never_a_formula_in_a_report(text: str, own_root: Path) -> None:
    """S36: neither as a value, nor as the key or reason of an item; the summary's links lead to sheets alone."""
    from types import SimpleNamespace

    results = ProcessingResults()
    results.add(ItemResult("C1", "ok", value={text: text}))
    results.add(ItemResult(text, "failed", reason=text))

    path = write_report(SimpleNamespace(org_id="txo", env_type="test"), "report", results)

    book = load_workbook(path)
    cells = [cell for sheet in book for row in sheet for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert all(cell.quotePrefix for cell in cells if isinstance(cell.value, str) and starts_a_formula(cell.value))
    assert [cell.hyperlink.target for cell in cells if cell.hyperlink and cell.hyperlink.target] == []


def test_an_address_in_data_is_no_link() -> None:
    """S36: whatever its scheme; a person copies it, or does not."""
    rows = [{"url": url} for url in ("https://a.example", "file:///etc/passwd", "javascript:alert(1)", "\\\\srv\\x")]

    path = files.save(rows, "output", "a.xlsx")

    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.endswith("sheet1.xml.rels")]
        assert b"hyperlink" not in archive.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_data_is_never_a_formula_in_a_csv_whatever_the_program_takes_for_its_separator(text: str) -> None:
    """S36: a German Excel opens it with semicolons, where quotes in the middle of a field mean nothing."""
    rows = [{"no": "1", "text": each} for each in (text, f"a;{text}", f"a\n{text}", f"a\t{text}", f'a;"{text}"')]
    path = files.save([*rows, {"no": 2, "text": -5}], "output", "a.csv")
    raw = path.read_text(encoding="utf-8")

    for separator in ",;\t":
        fields = [field for row in csv.reader(io.StringIO(raw, newline=""), delimiter=separator) for field in row]
        assert [field for field in fields if SIGN_FIRST.match(field) and field != "-5"] == []
    assert files.load("output", "a.csv") == [*rows, {"no": "2", "text": "-5"}]


TEXTS = st.text(alphabet=st.sampled_from("=+-@;,\t\r\n'\" a1\uff1d\ufeff"), max_size=12)


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_what_is_guarded_begins_no_formula_anywhere_and_comes_back(texts: list[str]) -> None:
    """S36."""
    out = io.StringIO()
    csv.writer(out).writerow(["1", *map(guarded, texts)])
    line = out.getvalue()

    assert [unguarded(guarded(text)) for text in texts] == texts
    assert [unguarded(field) for field in next(csv.reader(io.StringIO(line, newline="")))] == ["1", *texts]
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator):
            assert not [field for field in row if SIGN_FIRST.match(field)]


@pytest.mark.parametrize("piece", ["\n", "; ", '"', "'", "\n'", " ", ";=", "\ufeff"])
def test_a_long_text_does_not_keep_the_writer_busy(piece: str) -> None:
    """S9, S36: it takes linear time, or this test would not end."""
    assert unguarded(guarded(piece * 200_000)) == piece * 200_000


def test_a_formula_of_the_scripts_own_is_one() -> None:
    """S36: by a type that data never has."""
    row = {"a": 1, "sum": Formula("=A2+1")}
    assert load_workbook(files.save([row], "output", "a.xlsx"))["Data"]["B2"].data_type == "f"
    assert "=A2+1" in files.save([row], "output", "a.csv").read_text().splitlines()[1]
    for text in ("1+1", "", "="):
        with pytest.raises(ValidationError, match="equals sign"):
            Formula(text)


# Workbooks from elsewhere


def parts(name: str = "base.xlsx") -> dict[str, bytes]:
    """Return the parts of a harmless workbook."""
    with zipfile.ZipFile(files.save([{"no": "1", "name": "A"}], "output", name)) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


def packed(entries: dict[str, bytes], *more: tuple[str, bytes]) -> Path:
    path = get_path("data", "bad.xlsx")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*entries.items(), *more]:
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
REMOTE_DTD = b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'


def with_sheet(rows: bytes, prolog: bytes = b"") -> Callable[[], Path]:
    sheet = (
        b"<?xml version='1.0'?>" + prolog + b"<worksheet " + MAIN + b"><sheetData>" + rows + b"</sheetData></worksheet>"
    )
    return lambda: packed(parts() | {SHEET: sheet})


def utf_16() -> Path:
    text = f"<?xml version='1.0' encoding='UTF-16'?>{LAUGHS.decode()}<worksheet/>"
    return packed(parts() | {SHEET: text.encode("utf-16")})


def renamed_sheet() -> Path:
    """The sheet has another suffix, and a document type behind a long comment."""
    own = parts()
    sheet = b"<?xml version='1.0'?><!--" + b" -" * 50_000 + b"-->".replace(b"--", b" --") + LAUGHS + own.pop(SHEET)[55:]
    own["xl/_rels/workbook.xml.rels"] = own["xl/_rels/workbook.xml.rels"].replace(b"sheet1.xml", b"sheet1.dat")
    return packed(own | {"xl/worksheets/sheet1.dat": sheet.replace(b"- --", b"  --")})


def encrypted() -> Path:
    path = packed(parts())
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + at] |= 1
    path.write_bytes(raw)
    return path


HOSTILE: dict[str, tuple[Callable[[], Path], str]] = {
    "a bomb of spaces": (with_sheet(b" " * 20_000_000), "times its size"),
    "a bomb beside the sheets": (lambda: packed(parts(), ("x.bin", bytes(30_000_000))), "times its size"),
    "too many entries": (lambda: packed(parts(), *((f"x{n}", b"") for n in range(6_000))), "entries"),
    "an archive within": (lambda: packed(parts(), ("xl/embeddings/a.xlsx", b"x")), "another archive"),
    "an archive by its content": (
        lambda: packed(parts(), ("xl/media/a.png", b"PK\x03\x04" + b"x" * 50)),
        "another archive",
    ),
    "a gzip within": (lambda: packed(parts(), ("a.dat", gzip.compress(bytes(9_000)))), "another archive"),
    "a link to another workbook": (
        lambda: packed(parts(), ("xl/externalLinks/externalLink1.xml", b"<a/>")),
        "links to",
    ),
    "billion laughs": (with_sheet(b"", LAUGHS), "document type"),
    "an external entity": (with_sheet(b"", XXE), "document type"),
    "a remote document type": (with_sheet(b"", REMOTE_DTD), "document type"),
    "entities in UTF-16": (utf_16, "document type"),
    "entities in the shared parts": (
        lambda: packed(parts() | {"xl/styles.xml": LAUGHS + b"<styleSheet/>"}),
        "document type",
    ),
    "an encrypted entry": (encrypted, "encrypted"),
    "no XML at all": (lambda: packed(parts() | {SHEET: b"\x00\x01"}), "not an Excel workbook"),
    "half a sheet": (with_sheet(b"<row><c t='inlineStr'><is>"), "not an Excel workbook"),
    "a cell that is no number": (with_sheet(b"<row r='1'><c r='A1'><v>hunter2</v></c></row>"), "not an Excel workbook"),
    "a row at the end of the world": (with_sheet(b"<row r='9999999'><c r='A9999999'><v>1</v></c></row>"), "more rows"),
    "a row far below": (
        with_sheet(b'<row r="1"><c r="A1"><v>1</v></c></row><row r="90000"><c r="A90000"><v>1</v></c></row>'),
        "row 90,000",
    ),
    "a cell twice": (with_sheet(b'<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>'), "damaged"),
    "a row twice": (with_sheet(b'<row r="1"><c r="A1"><v>1</v></c></row>' * 2), "damaged"),
    "a number of no text": (with_sheet(b'<row r="1"><c r="A1" t="s"><v>-1</v></c></row>'), "damaged"),
    "an entity that nobody knows": (
        with_sheet(b'<row r="1"><c r="A1" t="inlineStr"><is><t>&hunter2;</t></is></c></row>'),
        "damaged",
    ),
    "macros": (lambda: packed(parts(), ("xl/vbaProject.bin", b"x")), "has macros"),
    "more looks than there are": (
        lambda: packed(parts() | {"xl/styles.xml": random.Random(7).randbytes(9 * 2**20)}),
        "MiB in 'xl/styles.xml'",
    ),
    "a cell that does not exist": (with_sheet(b"<row r='1'><c r='ZZZZZ1'><v>1</v></c></row>"), "not an Excel workbook"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_workbook_is_refused(case: str) -> None:
    """S35: before it costs anything, and without a word of its content."""
    make, problem = HOSTILE[case]
    make()

    with pytest.raises(ValidationError, match=problem) as refused:
        files.load("data", "bad.xlsx")

    assert "hunter2" not in str(refused.value)


def test_a_row_without_an_end_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """S35: and so is a sheet that begins with megabytes of something else."""
    monkeypatch.setattr(xml_texts, "LONGEST_PIECE", 1_000)
    monkeypatch.setattr(xml_texts, "BLOCK", 500)
    cell = b'<c r="%s1" t="inlineStr"><is><t>text</t></is></c>'
    for name in (b"long", b"late"):
        rows = b'<row r="1">' + b"".join(cell % letter for letter in (b"A", b"B", b"C")) * 100 + b"</row>"
        with_sheet(rows if name == b"long" else b"", b"" if name == b"long" else b"<!--" + b" x" * 9_000 + b"-->")()
        with pytest.raises(ValidationError, match="damaged one \\(Broken\\)"):
            files.load("data", "bad.xlsx")


def test_what_openpyxl_gets_to_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """S35: it takes ten times as long."""
    monkeypatch.setattr(workbook_reader, "LARGEST_TRUSTED", 1_000)
    with_sheet(b"<row r='1'><c r='A1'><v>1</v></c></row>")()

    with pytest.raises(ValidationError, match="would unpack to"):
        files.load("data", "bad.xlsx")


def test_a_sheet_of_many_forms_of_rows_is_read_all_the_same() -> None:
    """S35: what is learned of them is bounded, in number and width."""
    rows = []
    for n in range(1, 60):
        cells = b"".join(
            b'<c r="%s%d"><v>%d</v></c>' % (column_letters(k).encode(), n, k) for k in range(n % 7, 300, n)
        )
        rows.append(b'<row r="%d">%s</row>' % (n, cells))
    with_sheet(b"".join(rows))()

    ours = files.load("data", "bad.xlsx")
    assert ours == files.load("data", "bad.xlsx", engine="openpyxl")


def test_a_workbook_that_claims_to_be_wide_and_long_costs_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """S35: a cell in the last column of many rows would be billions of values."""
    monkeypatch.setattr(workbook_reader, "MOST_EMPTY", 1_000_000)
    row = b"".join(b"<row r='%d'><c r='XFD%d'><v>1</v></c></row>" % (n, n) for n in range(1, 3_000))
    with_sheet(row)()

    with pytest.raises(ValidationError, match="empty cells"):
        files.load("data", "bad.xlsx")


def test_the_dimension_of_a_sheet_is_not_believed() -> None:
    """S35."""
    sheet = parts()[SHEET].replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    packed(parts() | {SHEET: sheet})

    assert files.load("data", "bad.xlsx") == [{"no": "1", "name": "A"}]


def test_two_entries_of_one_name_are_refused() -> None:
    """S35: one program would read the first, another the second."""
    with pytest.warns(UserWarning, match="Duplicate"):
        packed(parts(), (SHEET, b"<a/>"))

    with pytest.raises(ValidationError, match="same name"):
        files.load("data", "bad.xlsx")


@pytest.mark.parametrize("limit", ["LARGEST", "LARGEST_IN_MEMORY"])
def test_the_sum_of_all_entries_is_bounded(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S35: many entries of an ordinary ratio are too much together."""
    monkeypatch.setattr(archives, limit, 1_000)
    packed(parts())

    with pytest.raises(ValidationError, match="would unpack to"):
        files.load("data", "bad.xlsx")


def test_an_ordinary_large_workbook_is_read() -> None:
    """S35: 5,000 rows of the same value pack well, and are no bomb."""
    files.save([{"a": "same", "b": 0, "c": None}] * 5_000, "output", "a.xlsx")

    assert len(files.load("output", "a.xlsx")) == 5_000


def test_a_sheet_keeps_its_columns_without_a_name_and_its_empty_cells() -> None:
    row = b"<row r='1'><c r='A1'><v>1</v></c></row><row r='2'><c r='C2'><v>2</v></c></row>"
    with_sheet(row)()

    assert files.load("data", "bad.xlsx") == [{"1": None, "column 2": None, "column 3": 2}]


def test_a_value_far_to_the_right_of_a_long_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_reader, "MOST_EMPTY", 1_000)
    rows = b"".join(b"<row r='%d'><c r='A%d'><v>1</v></c></row>" % (n, n) for n in range(1, 400))
    with_sheet(rows + b"<row r='400'><c r='A400'><v>1</v></c><c r='ZZ400'><v>1</v></c></row>")()

    with pytest.raises(ValidationError, match="empty cells"):
        files.load("data", "bad.xlsx")


# JSON


def text_file(name: str, content: str | bytes) -> Path:
    path = get_path("data", name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "nested"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested"),
        ("[" * 300 + "]" * 300, "nested more than 200"),
        ('{"a": 1, "b": 2, "a": "hunter2"}', "same name twice"),
        ("9" * 5_000, "number of more digits"),
        ('{"a": hunter2}', "line 1"),
        ("", "line 1"),
    ],
    ids=["endless", "deep", "deeper", "twice", "long number", "no JSON", "empty"],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_hostile_json_is_refused(name: str, text: str, problem: str) -> None:
    """S37: depth, repeated names and huge numbers; nothing of the content is in the message."""
    text_file(name, text)
    if not text and name == "a.jsonl":
        return

    with pytest.raises(ValidationError, match=problem) as refused:
        files.load("data", name)

    assert "hunter2" not in str(refused.value)


def test_numbers_that_json_does_not_have_and_large_ones_are_read() -> None:
    """S37: other programs write them."""
    text_file("a.json", '[NaN, -Infinity, 1e999, 123456789012345678901234567890, "\\u0000"]')

    nan, *rest = files.load("data", "a.json")

    assert nan != nan
    assert rest == [float("-inf"), float("inf"), 123456789012345678901234567890, "\0"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.yaml", "a.txt"])
def test_a_file_that_is_too_large_to_be_read_as_a_whole_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S37: with advice on how to read it."""
    monkeypatch.setattr(sources, "LARGEST_TEXT", 10)
    text_file(name, "x" * 11)

    with pytest.raises(ValidationError, match="too much to be read as a whole"):
        files.load("data", name)


# Packed files and endless lines


@pytest.mark.parametrize("name", ["a.csv.gz", "a.json.gz", "a.jsonl.gz", "a.xlsx.gz", "a.txt.gz", "a.yaml.gz", "a.gz"])
def test_a_packed_bomb_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S35: by what it unpacks to, as soon as that is beyond what rows come to; and always by the limit of the whole."""
    text_file(name, gzip.compress(b" " * 20_000_000))

    monkeypatch.setattr(sources, "HARMLESS", 1_000_000)
    with pytest.raises(ValidationError, match="many times its size"):
        files.load("data", name)
    if name != "a.xlsx.gz":
        monkeypatch.setattr(sources, "LARGEST_TEXT", 500_000)
        with pytest.raises(ValidationError, match="too much to be read as a whole"):
            files.load("data", name)


def test_rows_that_are_much_alike_are_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """S35."""
    monkeypatch.setattr(sources, "HARMLESS", 10_000)
    files.save(({"a": "the same in each row", "b": n // 10, "c": None} for n in range(20_000)), "output", "a.csv.gz")

    assert len(files.load("output", "a.csv.gz")) == 20_000


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"no gzip at all", gzip.compress(b"a\n1\n" * 500)[:-9]])
@pytest.mark.parametrize("name", ["a.csv.gz", "a.json.gz", "a.xlsx.gz", "a.gz"])
def test_a_damaged_packed_file_is_refused(name: str, content: bytes) -> None:
    """S35: also one that ends too early; an empty one has no rows."""
    text_file(name, content)

    if content or name in ("a.json.gz", "a.xlsx.gz"):
        with pytest.raises(ValidationError, match=r"damaged|cannot be read"):
            files.load("data", name)


def test_a_quote_that_is_never_closed_does_not_take_the_rest_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """S37: in pieces, a file of any size is read."""
    monkeypatch.setattr(delimited, "LONGEST_FIELD", 1_000)
    text_file("a.csv", 'a\n"' + "x\n" * 1_000)

    with pytest.raises(ValidationError, match="field limit"):
        list(files.load("data", "a.csv", chunks=10))


def test_a_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """S37."""
    monkeypatch.setattr(texts, "LONGEST_LINE", 2**20)
    text_file("a.jsonl", "1\n" + "[" * 2**21)

    with pytest.raises(ValidationError, match="line 2 cannot be read: it has more than 1 MiB"):
        list(files.load("data", "a.jsonl", chunks=10))


# YAML


def laughs(levels: int = 9, width: int = 9) -> str:
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merging(levels: int = 9, width: int = 9) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * width)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (laughs(), "aliases multiply"),
        (merging(), "aliases multiply"),
        ("a: &x [*x]", "contains itself|cannot be read"),
        ("[" * 1_500, "nested"),
        ("[" * 250 + "]" * 250, "nested"),
        ("a: 1\nb: 2\na: hunter2", "same key twice"),
        ("!!python/object/apply:os.system ['hunter2']", "cannot be read"),
        ("!!python/name:os.system ''", "cannot be read"),
        ("!hunter2 x", "cannot be read"),
        ("a: 2026-13-45", "date, number or key"),
        ("a: " + "9" * 5_000, "date, number or key"),
        ("? [a]\n: 1", "cannot be read"),
        ("a: 'hunter2", "line"),
        ("a: *hunter2", "line 1"),
        ("a: \x01", "cannot be read"),
        ("a: 1\n--- \nb: hunter2", "line"),
    ],
)
def test_hostile_yaml_is_refused(text: str, problem: str) -> None:
    """S37: only safe values, no multiplication by aliases, and no content in the message."""
    text_file("a.yaml", text)

    with pytest.raises(ValidationError, match=problem) as refused:
        files.load("data", "a.yaml")

    assert "hunter2" not in str(refused.value)


def test_ordinary_aliases_are_read() -> None:
    """S37: a default that several entries share is what they are for."""
    text = "base: &base {retries: 3, on: true}\n" + "\n".join(f"e{n}: {{<<: *base, n: {n}}}" for n in range(50))

    value = parse_yaml(text)

    assert value["e7"] == {"retries": 3, True: True, "n": 7}
    assert parse_yaml("") is None


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_the_yaml_reader_fail_otherwise(text: str) -> None:
    """S37."""
    with suppress(Malformed):
        parse_yaml(text)


# Whatever the bytes


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_a_reader_fail_otherwise(content: bytes) -> None:
    """S35, S37: a file of another kind under our suffix is an error for a person."""
    for name in ("f.json", "f.jsonl", "f.csv", "f.tsv", "f.xlsx", "f.yaml", "f.txt", "f.csv.gz", "f.rapidstart"):
        text_file(name, content)
        with suppress(ValidationError):
            files.load("data", name)


@pytest.fixture
def flipped() -> bytes:
    """Return the bytes of a workbook."""
    return packed(parts()).read_bytes()


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_workbook_with_flipped_bytes_is_read_or_refused(flipped: bytes, data: st.DataObject) -> None:
    """S35: openpyxl's own exceptions stay inside."""
    raw = bytearray(flipped)
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    text_file("f.xlsx", bytes(raw))
    with suppress(ValidationError, FileOperationError):
        files.load("data", "f.xlsx")


# Where files may go


@pytest.mark.parametrize("name", ["txo-prod-config.json", "txo-prod-config-secrets.json", "new.json"])
def test_nothing_is_saved_among_the_configurations(name: str, own_root: Path) -> None:
    """S40: a script writes what it fetched, and never what it is told by."""
    with pytest.raises(ConfigurationError, match="config"):
        files.save({}, "config", name)
    with pytest.raises(ConfigurationError, match="config"):
        files.save_with_timestamp({}, "config", name)

    assert not (own_root / "config" / name).exists()


def test_that_a_file_is_replaced_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """S40: not silently."""
    caplog.set_level("INFO", "txo_core.files")
    files.save([1], "output", "a.json")
    assert caplog.messages == []

    files.save([2], "output", "a.json")
    assert caplog.messages == ["output/a.json was there and is replaced"]
    assert json.loads(get_path("output", "a.json").read_text()) == [2]
