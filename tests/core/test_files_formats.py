"""What a file may be, and what of it is wanted: each kind, packed or not, whole or piece by piece."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from pydantic import BaseModel

from txo_core.exceptions import ConfigurationError, FileOperationError, ValidationError
from txo_core.files import TxoDataHandler
from txo_core.formats import workbook_reader
from txo_core.formats.workbook_contents import format_kind
from txo_core.paths import get_path

REPOSITORY = Path(__file__).resolve().parents[2]
files = TxoDataHandler()
TABLES = ["csv", "tsv", "jsonl", "xlsx", "csv.gz", "jsonl.gz", "xlsx.gz"]
ROWS = [{"no": f"{n:05}", "name": f"Customer {n}", "city": "Oslo"} for n in range(25)]


@pytest.fixture
def only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the trusted reader be asked for nothing."""

    def refuse(*_: object) -> None:
        raise AssertionError("openpyxl was asked")

    monkeypatch.setattr(workbook_reader, "_by_openpyxl", refuse)


# Kinds


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "tsv", "xlsx", "yaml", "yml"])
def test_each_kind_is_packed_by_a_further_suffix(suffix: str) -> None:
    """With neither a name nor a time in it, so that the same rows are the same bytes."""
    plain = files.save(ROWS, "output", f"a.{suffix}")
    packed = files.save(ROWS, "output", f"a.{suffix}.gz")

    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert files.load("output", packed.name) == files.load("output", plain.name) == ROWS
    assert files.save(ROWS, "tmp", f"b.{suffix}.gz").read_bytes() == packed.read_bytes()


@pytest.mark.parametrize("name", ["a.bin", "a.dat", "a.pdf", "A.ZIP", "a.gz", "a.pdf.gz", "a.rapidstart", "a.pkl"])
def test_bytes_are_saved_and_loaded_as_they_are(name: str) -> None:
    """Nothing is ever unpickled; a package of Business Central is packed bytes."""
    content = os.urandom(100_000)

    files.save(content, "files", name)
    assert files.load("files", name) == content

    files.save((content[n : n + 999] for n in range(0, len(content), 999)), "files", name)
    assert files.load("files", name) == content


def test_a_package_is_what_other_programs_pack() -> None:
    get_path("files", "a.rapidstart").write_bytes(gzip.compress(b"<xml/>"))

    assert files.load("files", "a.rapidstart") == b"<xml/>"


@pytest.mark.parametrize("data", ["text", {"a": 1}, [1], 7, None])
def test_what_is_no_bytes_is_no_binary_file(data: Any) -> None:
    with pytest.raises(ValidationError, match="holds bytes"):
        files.save(data, "files", "a.bin")


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.xml", "a.log", "a.py", "a.txt.gz"])
def test_text_is_saved_and_loaded_as_it_is(name: str) -> None:
    files.save("Tromsø\r\n\x00😀\n", "tmp", name)

    assert files.load("tmp", name) == "Tromsø\r\n\x00😀\n"


@pytest.mark.parametrize("name", ["a.xls", "a.xlsm", "a.ods"])
def test_another_kind_of_workbook_says_what_to_do(name: str) -> None:
    for act in (lambda: files.save(ROWS, "output", name), lambda: files.load("output", name)):
        with pytest.raises(ValidationError, match=r"Save it as \.xlsx"):
            act()


def test_rows_may_be_dataclasses_models_or_a_generator_in_every_kind() -> None:
    @dataclass
    class Item:
        no: str

    class Customer(BaseModel):
        no: str

    for suffix in ("json", "jsonl", "csv", "tsv", "xlsx", "yaml"):
        files.save((kind(no="01") for kind in (Item, Customer, dict)), "output", f"a.{suffix}")
        assert files.load("output", f"a.{suffix}") == [{"no": "01"}] * 3


def test_one_model_is_a_document_and_no_table() -> None:
    class Customer(BaseModel):
        no: str

    assert json.loads(files.save(Customer(no="01"), "output", "a.json").read_text()) == {"no": "01"}
    for name in ("a.csv", "a.xlsx", "a.jsonl"):
        with pytest.raises(ValidationError, match="list"):
            files.save(Customer(no="01"), "output", name)


def test_a_workbook_of_openpyxl_is_saved_as_it_is() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["made", "elsewhere"])

    assert openpyxl.load_workbook(files.save(book, "output", "a.xlsx")).worksheets[0]["B1"].value == "elsewhere"


def test_only_what_is_needed_is_imported() -> None:
    """A workbook of dicts is written and read without pandas and openpyxl."""
    code = """
import sys
from txo_core.files import TxoDataHandler
files = TxoDataHandler()
for suffix in ("json", "jsonl", "csv", "xlsx", "csv.gz", "txt"):
    files.save("text" if suffix == "txt" else [{"a": 1}], "output", f"a.{suffix}")
    files.load("output", f"a.{suffix}")
assert not {"pandas", "openpyxl", "yaml", "lxml", "prefect"} & set(sys.modules), sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


# Names


def test_a_name_has_organization_environment_and_time() -> None:
    config = SimpleNamespace(org_id="txo", env_type="prod")

    path = files.save_with_timestamp(ROWS, "output", "2026/report.csv.gz", config=config)

    assert path.parent.name == "2026"
    assert len(path.name) == len("txo-prod-report_2026-11-22T1430Z.csv.gz")
    assert path.name.startswith("txo-prod-report_20")
    assert path.name.endswith("Z.csv.gz")
    with pytest.raises(ConfigurationError, match="organization"):
        files.save_with_timestamp([], "output", "a.json", config=SimpleNamespace(org_id="../x", env_type="prod"))


# What is wanted of a table


@pytest.mark.parametrize("suffix", TABLES)
def test_some_columns_some_rows_or_pieces_of_them(suffix: str) -> None:
    name = files.save(ROWS, "data", f"a.{suffix}").name
    numbers = [{"no": row["no"]} for row in ROWS]

    assert files.load("data", name, nrows=2) == ROWS[:2]
    assert files.load("data", name, nrows=0) == []
    assert files.load("data", name, nrows=99) == ROWS
    assert files.load("data", name, usecols=["city", "no"]) == [{"city": row["city"], "no": row["no"]} for row in ROWS]
    assert [len(piece) for piece in files.load("data", name, chunks=10)] == [10, 10, 5]
    assert [row for piece in files.load("data", name, chunks=10) for row in piece] == ROWS
    assert list(files.load("data", name, chunks=5, nrows=7, usecols=["no"])) == [numbers[:5], numbers[5:7]]
    assert files.load("data", name, as_frame=True).to_dict("records") == ROWS
    pieces = list(files.load("data", name, chunks=20, as_frame=True))
    assert [type(piece) for piece in pieces] == [pd.DataFrame] * 2
    assert pd.concat(pieces).to_dict("records") == ROWS


@pytest.mark.parametrize("suffix", ["csv", "tsv", "xlsx"])
def test_rows_above_the_header_are_left_out(suffix: str) -> None:
    """A title, and an empty line."""
    if suffix == "xlsx":
        book = openpyxl.Workbook()
        for line in (["Report of March"], [], ["no", "name"], ["01", "A"]):
            book.worksheets[0].append(line)
        files.save(book, "data", "a.xlsx")
    else:
        sign = "," if suffix == "csv" else "\t"
        get_path("data", f"a.{suffix}").write_text(f"Report of March\n\nno{sign}name\n01{sign}A\n")

    for skipped in (1, 2):
        assert files.load("data", f"a.{suffix}", skiprows=skipped) == [{"no": "01", "name": "A"}]


def test_pieces_are_read_as_they_are_asked_for() -> None:
    """A damaged end is reached only by who reads so far, and the file is closed when nobody reads on."""
    path = get_path("data", "a.csv")
    path.write_bytes(b"a\r\n" + b"1\r\n" * 50_000 + b"2,3\r\n")

    pieces = files.load("data", "a.csv", chunks=10)
    assert next(pieces) == [{"a": "1"}] * 10
    with pytest.raises(ValidationError, match="row 50001 has 2 fields"):
        list(pieces)
    del pieces


def test_a_missing_file_is_told_at_once_also_for_pieces() -> None:
    for suffix in TABLES:
        with pytest.raises(FileOperationError, match="could not be loaded"):
            files.load("data", f"gone.{suffix}", chunks=10)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_column_that_is_not_there_is_named(suffix: str) -> None:
    name = files.save([{f"c{n}": n for n in range(30)}], "data", f"a.{suffix}").name

    with pytest.raises(ValidationError, match="no column 'x'") as caught:
        files.load("data", name, usecols=["c1", "x"])
    assert caught.value.how_to_fix.startswith("There are: c0, c1")
    assert caught.value.how_to_fix.endswith("and 10 more")


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("a.json", {"nrows": 1}, "nrows means nothing for a .json file"),
        ("a.yaml", {"usecols": ["a"]}, "usecols means nothing"),
        ("a.txt", {"chunks": 1}, "chunks means nothing"),
        ("a.bin", {"as_frame": True}, "as_frame means nothing"),
        ("a.csv", {"sheet": "Data"}, "sheet means nothing"),
        ("a.xlsx", {"delimiter": ";"}, "delimiter means nothing"),
        ("a.jsonl", {"encoding": "cp1252"}, "encoding means nothing"),
        ("a.csv", {"nrows": -1}, "nrows is a whole number from 0"),
        ("a.csv", {"chunks": 0}, "chunks is a whole number from 1"),
        ("a.csv", {"skiprows": 1.5}, "skiprows is a whole number"),
        ("a.csv", {"usecols": "no"}, "list of column names"),
        ("a.csv", {"delimiter": ";;"}, "one character"),
        ("a.csv", {"encoding": "klingon"}, "no encoding 'klingon'"),
        ("a.xlsx", {"sheet": None, "chunks": 5}, "Only one sheet"),
    ],
)
def test_an_option_that_means_nothing_is_an_error(name: str, options: dict[str, Any], problem: str) -> None:
    """With what it would be for."""
    files.save(b"" if ".bin" in name else "" if ".txt" in name else ROWS, "data", name)

    with pytest.raises(ValidationError, match=problem):
        files.load("data", name, **options)


def test_a_csv_from_elsewhere_has_its_own_signs() -> None:
    """Semicolons, and an alphabet of Windows; a wrong guess is told, not returned as one column."""
    get_path("data", "a.csv").write_bytes("Nummer;Straße\r\n007;Tromsø, Ålesund\r\n".encode("cp1252"))

    with pytest.raises(ValidationError, match="byte 12 is not UTF-8"):
        files.load("data", "a.csv")
    with pytest.raises(ValidationError, match="looks like several") as caught:
        files.load("data", "a.csv", encoding="cp1252")
    assert "delimiter=';'" in caught.value.how_to_fix
    assert files.load("data", "a.csv", encoding="cp1252", delimiter=";") == [
        {"Nummer": "007", "Straße": "Tromsø, Ålesund"}
    ]
    assert files.load("data", "a.csv", encoding="cp1252", delimiter="|")[0] == {"Nummer;Straße": "007;Tromsø, Ålesund"}


@pytest.mark.parametrize(("encoding", "at"), [(None, 70_003), ("utf-8", 70_003), ("ascii", 70_003)])
def test_a_byte_that_is_no_text_is_named_by_its_position(encoding: str | None, at: int) -> None:
    """Also far behind the beginning, and behind a byte order mark."""
    path = get_path("data", "a.csv")
    path.write_bytes(b"a\n" + b"x" * 70_000 + b"\xff\n")
    with pytest.raises(ValidationError, match=f"byte {at} is not"):
        files.load("data", "a.csv", encoding=encoding)

    if encoding is None:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        with pytest.raises(ValidationError, match=f"byte {at + 3} is not UTF-8"):
            list(files.load("data", "a.csv", chunks=10))


def test_columns_without_a_name_or_with_the_same_keep_their_values() -> None:
    """Which a dict would lose."""
    get_path("data", "a.csv").write_text("a,a,,a (2)\n1,2,3,4\n")
    book = openpyxl.Workbook()
    for line in (["a", "a", None, "a (2)"], [1, 2, 3, 4]):
        book.worksheets[0].append(line)
    files.save(book, "data", "a.xlsx")

    names = ["a", "a (2)", "column 3", "a (2) (2)"]
    assert files.load("data", "a.csv") == [dict(zip(names, "1234", strict=True))]
    assert files.load("data", "a.xlsx") == [dict(zip(names, (1, 2, 3, 4), strict=True))]


def test_a_frame_keeps_the_values_of_its_rows() -> None:
    """Whole numbers with gaps stay whole, digits stay text, and long numbers exact."""
    rows = [
        {"no": "00123", "n": 1, "f": 1.5, "b": True, "at": "x", "long": 2**60, "mixed": 1, "empty": None},
        {"no": "NA", "n": None, "f": None, "b": None, "at": "", "long": 0.5, "mixed": "a", "empty": None},
    ]
    files.save(rows, "data", "a.json")

    frame = files.load("data", "a.json", as_frame=True)

    assert [str(kind) for kind in frame.dtypes[["n", "f", "b", "long", "mixed", "empty"]]] == [
        "Int64", "float64", "boolean", "object", "object", "object"
    ]  # fmt: skip
    assert list(frame["no"]) == ["00123", "NA"]
    assert frame["n"][0] == 1
    assert list(frame["long"]) == [2**60, 0.5]


def test_dates_of_a_workbook_are_dates_in_a_frame() -> None:
    rows = [{"n": 1, "at": datetime(2026, 1, 2, 3), "day": date(2026, 1, 2)}, {"n": 2}]  # noqa: DTZ001
    files.save(rows, "data", "a.xlsx")

    frame = files.load("data", "a.xlsx", as_frame=True)

    assert str(frame["at"].dtype) == "datetime64[us]"
    assert list(frame["day"]) == [date(2026, 1, 2), None]


def test_rows_that_are_no_rows_make_no_frame() -> None:
    files.save([1, 2], "data", "a.json")
    files.save({"a": 1}, "data", "b.json")

    with pytest.raises(ValidationError, match="Row 1 has no columns"):
        files.load("data", "a.json", as_frame=True)
    with pytest.raises(ValidationError, match="no list of rows"):
        files.load("data", "b.json", as_frame=True)


def test_a_column_that_only_later_rows_have_stays_in_pieces() -> None:
    files.save(({"a": n} if n < 7 else {"a": n, "b": "x"} for n in range(10)), "data", "a.xlsx")

    pieces = list(files.load("data", "a.xlsx", chunks=5))

    assert pieces[0][0] == {"a": 0, "b": None}
    assert pieces[1][-1] == {"a": 9, "b": "x"}


# Flat memory

FLAT = r"""
import re, sys
from pathlib import Path
from txo_core.files import TxoDataHandler
name, rows = sys.argv[1], int(sys.argv[2])
def made():
    for n in range(rows):
        yield {f"c{k}": f"text {n} {k}" if k % 2 else n * k for k in range(10)}
files = TxoDataHandler()
files.save(made(), "output", name)
count = sum(len(piece) for piece in files.load("output", name, chunks=1_000))
assert count == rows, count
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process alone")
@pytest.mark.parametrize("suffix", ["xlsx", "jsonl", "csv", "csv.gz"])
def test_memory_is_flat_however_many_rows_come(suffix: str) -> None:
    """Ten times the rows take the same megabytes, to write them and to read them piece by piece."""
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", FLAT, f"a.{suffix}", str(rows)], cwd=REPOSITORY, text=True))
        for rows in (15_000, 150_000)
    ]

    assert peaks[1] < peaks[0] + 15
    assert peaks[1] < 150


# Workbooks from elsewhere


def elsewhere(rows: Sequence[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    return files.save(book, "data", "a.xlsx")


def replaced(path: Path, old: str, new: str) -> None:
    changed(path, lambda xml: xml.replace(old, new))


def changed(path: Path, change: Callable[[str], str]) -> None:
    """Change the XML of the first sheet."""
    entry = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[entry] = change(parts[entry].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


STRANGE: dict[str, Callable[[str], str]] = {
    "prefixes": lambda xml: xml.replace("<", "<x:").replace("<x:/", "</x:").replace("xmlns=", "xmlns:x="),
    "blanks between": lambda xml: xml.replace("><row", ">\n  <row").replace("><c ", ">\n    <c "),
    "other quotes": lambda xml: xml.replace('"', "'"),
    "another order": lambda xml: xml.replace('<c r="B2" t="n">', '<c t="n" r="B2">'),
    "no numbers of cells": lambda xml: xml.replace(' r="B2"', ""),
    "a comment": lambda xml: xml.replace("<v>7</v>", "<v><!-- seven -->7</v>"),
    "a section": lambda xml: xml.replace("<t>a</t>", "<t><![CDATA[a]]></t>"),
    "rich text": lambda xml: xml.replace("<is><t>a</t></is>", "<is><r><t>a</t></r></is>"),
}


@pytest.mark.parametrize("way", STRANGE)
def test_a_sheet_in_another_form_is_read_by_the_trusted_reader(way: str) -> None:
    """From the row on where it begins; nothing is lost or read twice."""
    rows = [["k", "n"], ["a", 7], ["b", 8]]
    path = elsewhere(rows)
    changed(path, STRANGE[way])

    assert files.load("data", "a.xlsx") == [{"k": "a", "n": 7}, {"k": "b", "n": 8}]


def test_the_trusted_reader_goes_on_where_ours_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["k", "n"], *[[f"text {n}", n] for n in range(5_000)]]
    path = elsewhere(rows)
    changed(path, lambda xml: xml.replace("<v>4900</v>", "<v><!-- here -->4900</v>"))
    begun: list[int] = []
    real = workbook_reader._by_openpyxl

    def by_openpyxl(*arguments: Any) -> Iterator[Any]:
        begun.append(1)
        return real(*arguments)

    monkeypatch.setattr(workbook_reader, "_by_openpyxl", by_openpyxl)

    assert [row["n"] for row in files.load("data", "a.xlsx")] == list(range(5_000))
    assert begun


@pytest.mark.usefixtures("only_ours")
def test_shared_and_rich_texts_are_read() -> None:
    """As Excel writes them: a list of texts, some with looks of their own, some with a reading aid."""
    path = elsewhere([["k"], ["a"], ["b"], ["c"]])
    texts = (
        '<sst xmlns="x" count="4"><si><t>k</t></si><si><t xml:space="preserve"> a &amp; _x0041_ </t></si>'
        '<si><r><rPr><b/></rPr><t>bo</t></r><r><t xml:space="preserve">ld </t></r><phoneticPr fontId="1"/></si>'
        '<si><t>漢</t><rPh sb="0" eb="1"><t>kan</t></rPh></si></sst>'
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", texts)
    for n, text in enumerate("kabc"):
        replaced(path, f't="inlineStr"><is><t>{text}</t></is>', f't="s"><v>{n}</v>')

    assert [row["k"] for row in files.load("data", "a.xlsx")] == [" a & A ", "bold ", "漢"]


@pytest.mark.usefixtures("only_ours")
def test_cells_of_every_type_are_read() -> None:
    """Results of formulas as they were last computed, errors as they are shown, blanks where nothing is."""
    path = elsewhere([["n", "text", "bool", "error", "empty", "none", "f"], [1, 2, 3, 4, 5, 6, 7]])
    cells = {
        '<c r="A2" t="n"><v>1</v></c>': '<c r="A2" cm="1"><f>B2+1</f><v>1.5E2</v></c>',
        '<c r="B2" t="n"><v>2</v></c>': '<c r="B2" t="str"><f t="shared" ref="B2" si="0">"a"</f><v>a&#10;b</v></c>',
        '<c r="C2" t="n"><v>3</v></c>': '<c r="C2" t="b"><v>1</v></c>',
        '<c r="D2" t="n"><v>4</v></c>': '<c r="D2" t="e"><v>#N/A</v></c>',
        '<c r="E2" t="n"><v>5</v></c>': '<c r="E2" t="inlineStr"><is><t></t></is></c>',
        '<c r="F2" t="n"><v>6</v></c>': '<c r="F2"><f>G2</f></c>',
    }
    for old, new in cells.items():
        replaced(path, old, new)

    assert files.load("data", "a.xlsx") == [
        {"n": 150.0, "text": "a\nb", "bool": True, "error": "#N/A", "empty": "", "none": None, "f": 7}
    ]


DAYS = [46_024, 46_024.5, 46_024.000_011_574_07, 0.25, 0, 59, 60, 61, -5, 3_000_000, 1.5]


@pytest.mark.filterwarnings("ignore:Cell .* is marked as a date")
@pytest.mark.parametrize("is_1904", [False, True])
@pytest.mark.parametrize(
    "code",
    ["yyyy-mm-dd", "dd/mm/yy hh:mm", "h:mm AM/PM", "mmm", "[h]:mm:ss", "[mm]:ss", "0.00", '"day" 0', "[Red]0", "@"],
)
def test_our_reader_and_openpyxl_agree_on_dates(code: str, is_1904: bool) -> None:
    """By the format of the cell; a date without a time is a date to us."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["v"])
    for days in DAYS:
        book.worksheets[0].append([days])
        book.worksheets[0].cell(book.worksheets[0].max_row, 1).number_format = code
    if is_1904:
        book.epoch = CALENDAR_MAC_1904
    files.save(book, "data", "a.xlsx")

    ours = [row["v"] for row in files.load("data", "a.xlsx")]
    theirs = [row["v"] for row in files.load("data", "a.xlsx", engine="openpyxl")]

    for days, own, their in zip(DAYS, ours, theirs, strict=True):
        # a number that is no day stays a number, which openpyxl calls an error; and there was no day 60
        if their != "#VALUE!" and days not in (60, -5):
            assert own == their
            assert type(own) is type(their)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", None), ("0.00", None), ("#,##0;[Red]-#,##0", None), ("0%", None), ("0.00E+00", None), ("@", None),
        ('"dd"0', None), ("\\d0", None), ("_d0", None), ("[Blue]0", None), ("[$€-2] 0.00", None),
        ("yyyy-mm-dd", "date"), ("m/d/yy", "date"), ("mmm", "date"), ("[$-409]d mmm yyyy;@", "date"),
        ("yyyy-mm-dd hh:mm", "moment"), ("d.m.yy h:mm", "moment"), ("hh:mm:ss", "clock"), ("h AM/PM", "clock"),
        ("mm:ss.0", "clock"), ("[h]:mm:ss", "span"), ("[mm]:ss", "span"), ("[ss]", "span"),
    ],
)  # fmt: skip
def test_a_format_says_what_a_number_is(code: str, kind: str | None) -> None:
    assert format_kind(code) == kind


CELLS = st.one_of(
    st.none(), st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False), st.booleans(),
    st.dates(date(1900, 3, 1)), st.sampled_from(["a", "_x0041_", " a ", "=1", "&", "00123", "\n"]),
    st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(microsecond=0)),  # noqa: DTZ001
    st.just(time(12, 30)), st.just(timedelta(hours=30)),
)  # fmt: skip


@given(st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_our_reader_and_openpyxl_read_the_same(rows: list[list[Any]]) -> None:
    """Whatever stands in which cell, written by either engine."""
    table = [{f"c{n}": value for n, value in enumerate(row)} for row in rows]
    for engine in (None, "openpyxl"):
        files.save(table, "data", "a.xlsx", engine=engine)
        assert files.load("data", "a.xlsx") == files.load("data", "a.xlsx", engine="openpyxl")


@pytest.mark.usefixtures("only_ours")
def test_rows_without_a_value_stay_between_others_and_go_at_the_end() -> None:
    """So that the row of the file is that of the list, plus the header."""
    elsewhere([[], ["k"], ["a"], [], [None, None], ["b"], [None], []])

    assert files.load("data", "a.xlsx") == [{"k": "a"}, {"k": None}, {"k": None}, {"k": "b"}]


@pytest.mark.usefixtures("only_ours")
def test_looks_that_change_from_row_to_row_do_not_matter() -> None:
    """Bands, borders, and a column that is text here and a number there."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["a", "b", "c"])
    for n in range(500):
        sheet.append([n, "x" if n % 3 else n, date(2026, 1, 2) if n % 2 else None])
        if n % 2:
            sheet.cell(n + 2, 1).number_format = "0.000"
            sheet.cell(n + 2, 2).font = Font(bold=True)
    files.save(book, "data", "a.xlsx")

    assert files.load("data", "a.xlsx") == [
        {"a": n, "b": "x" if n % 3 else n, "c": date(2026, 1, 2) if n % 2 else None} for n in range(500)
    ]


def test_rich_text_within_a_cell_is_its_text() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["k"])
    book.worksheets[0]["A2"] = CellRichText("plain ", TextBlock(InlineFont(b=True), "bold"))
    files.save(book, "data", "a.xlsx")

    assert files.load("data", "a.xlsx") == [{"k": "plain bold"}]
