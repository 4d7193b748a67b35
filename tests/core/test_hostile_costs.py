"""Small files that would grow, or take for ever: each is refused in a second, and takes no memory to speak of."""

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.programs import run_program
from txo_core.exceptions import ValidationError
from txo_core.files import TxoDataHandler
from txo_core.formats.structured_text import Malformed, parse_yaml

files = TxoDataHandler()
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = "xl/worksheets/sheet1.xml"
REFERENCE = b"xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'"


def book(folder: Path, name: str, **changed: bytes) -> Path:
    """Write a workbook some of whose parts are others."""
    with zipfile.ZipFile(folder / "ordinary.xlsx") as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    names = {"sheet": SHEET, "workbook": "xl/workbook.xml", "shared": "xl/sharedStrings.xml"}
    parts |= {names[part]: content for part, content in changed.items()}
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in parts.items():
            archive.writestr(entry, content)
    return folder / name


def rows(text: bytes) -> bytes:
    return b"<?xml version='1.0'?><worksheet " + MAIN + b"><sheetData>" + text + b"</sheetData></worksheet>"


def many_sheets(folder: Path, name: str) -> None:
    with zipfile.ZipFile(folder / "ordinary.xlsx") as archive:
        list_of_sheets = archive.read("xl/workbook.xml")
    more = b"".join(b"<sheet %s name='s%d' sheetId='%d' r:id='rId1'/>" % (REFERENCE, n, n + 2) for n in range(20_000))
    book(folder, name, workbook=list_of_sheets.replace(b"</sheets>", more + b"</sheets>"))


def text(content: str | bytes) -> Callable[[Path, str], object]:
    return lambda folder, name: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def sheet(content: bytes) -> Callable[[Path, str], object]:
    return lambda folder, name: book(folder, name, sheet=rows(content))


def sparse(size: int) -> Callable[[Path, str], None]:
    def make(folder: Path, name: str) -> None:
        with (folder / name).open("wb") as file:
            file.write(b"a\n")
            file.truncate(size)

    return make


LAUGHS = "a0: &a0 [lol]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
MERGES = "a0: &a0 {x: 1}\n" + "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))

CASES: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "row 10485760.xlsx": (sheet(b"<row r='10485760'><c r='A10485760'><v>1</v></c></row>"), "more rows than a sheet"),
    "row 1048575.xlsx": (sheet(b"<row r='1048575'><c r='A1048575'><v>1</v></c></row>"), "more rows or empty cells"),
    "last column.xlsx": (
        sheet(b"".join(b"<row r='%d'><c r='XFD%d'><v>1</v></c></row>" % (n, n) for n in range(1, 3_000))),
        "more rows or empty cells",
    ),
    "one packed cell.xlsx": (sheet(b"<row><c><v>" + b" " * 20_000_000 + b"</v></c></row>"), "times its size"),
    "many sheets.xlsx": (many_sheets, "lists more than 2,000 sheets"),
    "wide header.csv": (text(",".join(f"c{n}" for n in range(100_000)) + "\n" + "1\n" * 20_000), "lack most of"),
    "empty lists.json": (text("[" + "[]," * 6_000_000 + "1]"), "more lists and objects"),
    "deep.json": (text("[" * 4_000_000), "nested too deeply"),
    "deep objects.jsonl": (text('{"a":' * 2_000_000), "nested too deeply"),
    "long number.json": (text("9" * 10_000_000), "number of more digits"),
    "laughs.yaml": (text(LAUGHS), "aliases multiply"),
    "merges.yaml": (text(MERGES), "aliases multiply"),
    "base 60.yaml": (text("a: " + ":".join(["1"] + ["59"] * 100_000)), "date, number or key"),
    "large.yaml": (text("a: " + "x" * 5_000_000), "more than 4 MiB"),
    "sparse.json": (sparse(2**40), "more than 512 MiB"),
    "sparse.xlsx": (sparse(2**40), "not an Excel workbook"),
    "sparse below the bound.csv": (sparse(500 * 2**20), "it has holes"),
    "sparse below the bound.jsonl": (sparse(500 * 2**20), "it has holes"),
    "sparse below the bound.txt": (sparse(500 * 2**20), "it has holes"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="only Unix tells what a process has cost")
def test_what_would_grow_is_refused_within_a_second_and_without_memory(own_root: Path) -> None:
    """S35, S37: the seconds are the processor's, the memory is the most that the process ever had."""
    (own_root / "data").mkdir()
    files.save([{"no": "1", "name": "A"}], "data", "ordinary.xlsx")
    for name, (make, _) in CASES.items():
        make(own_root / "data", name)

    ended = run_program("tests/support/load_cost.py", *CASES, environment={"TXO_HOME": str(own_root)})

    costs = [json.loads(line) for line in ended.out.splitlines()]
    assert [name for name, *_ in costs] == list(CASES), ended.screen
    assert [(name, said) for name, _, _, said in costs if CASES[name][1] not in said] == []
    assert [(name, seconds) for name, seconds, *_ in costs if seconds > 1] == []
    assert [(name, size) for name, _, size, _ in costs if size > 100] == []


def test_a_workbook_with_macros_is_refused(own_root: Path) -> None:
    """S35: they are never run, and a workbook of data has none."""
    (own_root / "data").mkdir()
    files.save([{"no": "1"}], "data", "ordinary.xlsx")
    with zipfile.ZipFile(own_root / "data" / "ordinary.xlsx", "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 x")

    with pytest.raises(ValidationError, match="has macros in it"):
        files.load("data", "ordinary.xlsx")
    with pytest.raises(ValidationError, match="or one with macros"):
        files.load("data", "ordinary.xlsm")


def test_ordinary_gaps_are_read(own_root: Path) -> None:
    """S35: rows that lack their last fields, and sheets that are mostly empty."""
    (own_root / "data").mkdir()
    names = [f"c{n}" for n in range(300)]
    files.save([dict.fromkeys(names, None) | {"c0": n} for n in range(2_000)], "data", "a.xlsx")
    (own_root / "data" / "a.csv").write_text(",".join(names) + "\n" + "1\n" * 2_000)

    assert len(files.load("data", "a.xlsx")) == len(files.load("data", "a.csv")) == 2_000


@pytest.mark.parametrize("value", ["1:59:59.5", "0x1F", "1_000", "2026-11-22", "1e3", "9" * 900])
def test_ordinary_numbers_and_dates_in_yaml_are_read(value: str) -> None:
    assert parse_yaml(f"a: {value}")["a"] is not None


def test_a_number_that_no_float_holds_is_refused_in_words() -> None:
    """S37: it is no OverflowError."""
    with pytest.raises(Malformed, match="date, number or key"):
        parse_yaml("a: " + ":".join(["1"] + ["59"] * 300) + ".5")


def test_lines_of_nothing_are_passed_over_and_the_others_keep_their_numbers(own_root: Path) -> None:
    """S37: a hundred million line breaks are a hundred million bytes, and no more."""
    path = own_root / "data" / "a.jsonl"
    path.parent.mkdir()
    path.write_text("\n\n1\n  \n\n2\n" + "\n" * 2_000_000 + "{")

    with pytest.raises(ValidationError, match="line 2000007 cannot be read"):
        TxoDataHandler().load("data", "a.jsonl")
    path.write_text("\n\n1\n  \n\r\n2")
    assert TxoDataHandler().load("data", "a.jsonl") == [1, 2]
