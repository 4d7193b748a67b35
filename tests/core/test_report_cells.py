"""The cells of a report, which are written as text: what readers find there, whatever the values."""

import re
import tempfile
import zipfile
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from txo_core.exceptions import FileOperationError
from txo_core.formats.cells import cell_text, content
from txo_core.formats.formulas import Formula
from txo_core.formats.workbook import write_with_openpyxl
from txo_core.redaction import register_secret
from txo_core.report import write_report
from txo_core.reports import cells, sheets
from txo_core.results import ItemResult, ProcessingResults

CONFIG = SimpleNamespace(org_id="txo", env_type="prod")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PLAIN = "{http://schemas.openxmlformats.org/package/2006/relationships}"
SECRET = "sesame-opens-the-mountain"


NOON = datetime(2026, 1, 5, 12, 0)  # noqa: DTZ001 - cells have no zone


class Colour(Enum):
    RED = "red"


VALUES: list[Any] = [
    "text", "", " spaces ", "00123", "NA", "a&b<c>d", "line\nline", "cr\r\nlf", "tab\t", "=1+1", "+47 22", "-", "@x",
    "＝1+1", "'=x", "\x01\x1f", "_x0041_", "half \ud83d", "\uffff", "🌷", "株式会社", "Å" * 300, "2026-01-05x",
    0, 1, -1, 10**14, 10**15, -(10**16), 12345678901234567, 0.1, 1 / 3, 1e300, -1e-7, float("nan"), float("inf"),
    Decimal("1234.50"), Decimal("0.1234567890123456789"), Decimal("1E+20"), Decimal("Infinity"), None,
    date(2026, 1, 5), date(1899, 12, 31), date(1900, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(9999, 12, 31),
    NOON, NOON.replace(year=1900, month=1), NOON.replace(second=13, microsecond=500_000),
    datetime(2026, 1, 5, 10, 12, tzinfo=UTC), datetime(2026, 1, 5, 10, 12, tzinfo=timezone(timedelta(hours=5))),
    time(10, 12), time(10, 12, tzinfo=UTC), timedelta(hours=30), timedelta(seconds=-5), Colour.RED,
]  # fmt: skip


def data_of(path: Path, sheet: str = "Data") -> Worksheet:
    found: Worksheet = load_workbook(path)[sheet]
    return found


def reported(values: list[Any], **options: Any) -> Path:
    records = [
        ItemResult(str(number), "ok", value={"no": number, "value": value}) for number, value in enumerate(values)
    ]
    return write_report(CONFIG, "cells", ProcessingResults.of(records), **options)


def told(cell: Any) -> tuple[Any, str]:
    """Return value and type; a cell without a value has none."""
    return (cell.value, cell.data_type) if cell.value is not None else (None, "")


@pytest.fixture
def expected(tmp_path: Path) -> list[tuple[Any, str]]:
    """Return what the writer that plain files go through makes of the values."""
    path = tmp_path / "plain.xlsx"
    with path.open("wb") as file:
        write_with_openpyxl([{"no": number, "value": value} for number, value in enumerate(VALUES)], file)
    return [told(row[1]) for row in load_workbook(path)["Data"].iter_rows(min_row=2)]


def test_a_cell_is_the_one_that_openpyxl_writes(expected: list[tuple[Any, str]]) -> None:
    """Each value in a column of many kinds, where each is asked for its own."""
    found = [told(row[1]) for row in data_of(reported(VALUES)).iter_rows(min_row=2)]

    assert [repr(pair) for pair in found] == [repr(pair) for pair in expected]


def test_so_it_is_in_a_column_of_its_kind(expected: list[tuple[Any, str]]) -> None:
    """Where all values are of one kind nobody asks; columns without any value are not there."""
    row = {f"value {number}": value for number, value in enumerate(VALUES)}
    sheet = data_of(write_report(CONFIG, "cells", ProcessingResults.of([ItemResult("1", "ok", value=row)])))

    assert [repr(told(cell)) for cell in sheet[2]] == [repr(pair) for pair in expected if pair[0] is not None]


def test_another_reader_finds_the_same() -> None:
    """The standard library's XML reader: each cell at its place, text inline, numbers digit by digit."""
    path = reported(["a & b", 0.1, 12345678901234567])

    with zipfile.ZipFile(path) as archive:
        tree = ElementTree.fromstring(archive.read("xl/worksheets/sheet2.xml"))
    cells_of_b = [cell for cell in tree.iter(f"{MAIN}c") if "B" in cell.get("r", "")]
    found = [(cell.get("r"), cell.get("t"), "".join(cell.itertext())) for cell in cells_of_b]

    assert found == [
        ("B1", "inlineStr", "value"),
        ("B2", "inlineStr", "a & b"),
        ("B3", "n", "0.1"),
        ("B4", "inlineStr", "12345678901234567"),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec=None)), min_size=1, max_size=30))
def test_any_text_is_text(texts: list[str]) -> None:
    """Whatever characters: the file opens, nothing is a formula, and what stands there is the text."""
    column = data_of(reported(["a letter", *texts]))["B"][2:]

    assert {cell.data_type for cell in column} <= {"s", "n"}
    assert [cell.value or "" for cell in column] == [content(text)[0] for text in texts]


def test_a_text_that_begins_like_a_formula_stays_text_when_somebody_edits_it() -> None:
    column = data_of(reported(["=1+1", "plain", "-5", "  =x"]))["B"][1:]

    assert [cell.quotePrefix for cell in column] == [True, False, True, True]


def test_a_formula_is_one_only_by_name() -> None:
    assert told(data_of(reported([Formula("=A2*2")]))["B"][1]) == ("=A2*2", "f")


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
ODD: dict[str, Any] = {
    "a number of 10,000 digits": 10**10_000,
    "a number too large for a float": 10**400,
    "a signalling NaN": Decimal("sNaN"),
    "a function": len,
    "bytes": b"\xff",
    "a moment before the first one": datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
    "the same as text": "0001-01-01T00:00:00+02:00",
    "a list in itself": CIRCLE,
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_no_odd_value_costs_the_report(odd: Any) -> None:
    """The row is there, and the next one is whole."""
    found = [cell.value for cell in data_of(reported([odd, "next"]))["B"]]

    assert found[0] == "value"
    assert found[1] or odd is ODD["a signalling NaN"]
    assert found[2] == "next"


def test_headers_are_those_of_a_table() -> None:
    """Texts of one line, no two alike to Excel, none empty; the table's own names are the same."""
    row = {"Name": 1, "name": 2, 7: 3, None: 4, "two\nlines": 5, "": 6, "=x": 7, "_x0041_": 8, "a" * 300: 9}
    sheet = data_of(write_report(CONFIG, "cells", ProcessingResults.of([ItemResult("1", "ok", value=row)])))
    (table,) = sheet.tables.values()

    found = [cell.value for cell in sheet[1]]

    assert found[:8] == ["Name", "name (2)", "7", "None", "two lines", "(no name)", "=x", "_x005F_x0041_"]
    assert [cell_text(name) for name in table.column_names] == found
    assert [(cell.data_type, cell.quotePrefix) for cell in sheet[1][5:8]] == [("s", False), ("s", True), ("s", False)]


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is lost, neither of data nor of what failed; the summary leads to all sheets."""
    monkeypatch.setattr(sheets, "ROWS_A_SHEET", 2)
    records = [ItemResult(str(number), "ok", value={"no": number}) for number in range(5)]
    records += [ItemResult(f"F{number}", "failed", "why") for number in range(3)]

    long = "A name of thirty-one characters"
    book = load_workbook(write_report(CONFIG, "cells", ProcessingResults.of(records), sheet=long))

    assert book.sheetnames[1:4] == [long, "A name of thirty-one characte 2", "A name of thirty-one characte 3"]
    assert book.sheetnames[4:] == ["Skipped and failed", "Skipped and failed 2"]
    assert [cell.value for name in book.sheetnames[1:4] for cell in book[name]["A"][1:]] == [0, 1, 2, 3, 4]
    assert [cell.value for name in book.sheetnames[4:] for cell in book[name]["A"][1:]] == ["F0", "F1", "F2"]
    names = [table for sheet in book.worksheets for table in sheet.tables]
    assert len(names) == len(set(names)) == 5
    links = {cell.hyperlink.location for row in book["Summary"] for cell in row if cell.hyperlink}
    assert "'A name of thirty-one characte 3'!A1" in links


def test_sheets_whose_names_are_alike_to_a_table_open_all_the_same() -> None:
    book = load_workbook(
        write_report(
            CONFIG,
            "cells",
            ProcessingResults.of([ItemResult("1", "ok", value={"a": 1}), ItemResult("2", "failed", "why")]),
            sheet="skipped-and-failed",
        )
    )

    assert [name for sheet in book.worksheets for name in sheet.tables] == [
        "txo_skipped_and_failed",
        "txo_Skipped_and_failed_",
    ]


def test_a_wide_table_keeps_its_first_column_in_sight() -> None:
    """And takes several pages side by side rather than print too small to read."""
    row = {f"column {number}": "some text" for number in range(40)}
    sheet = data_of(write_report(CONFIG, "cells", ProcessingResults.of([ItemResult("1", "ok", value=row)])))

    assert (sheet.freeze_panes, sheet.print_title_cols, sheet.page_setup.fitToWidth) == ("B2", "$A:$A", 2)


def test_long_texts_and_texts_of_many_lines_stay_within_their_cells() -> None:
    """Wrapped, in rows of four lines at the most; Excel would let them run over the whole screen."""
    sheet = data_of(reported(["short", "one\ntwo", "word " * 500]))

    assert [sheet.row_dimensions[row].height for row in (2, 3, 4)] == [18, 33, 63]
    assert all(row[1].alignment.wrapText for row in sheet.iter_rows(min_row=2))


def test_a_known_secret_in_the_data_is_masked_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """In texts, numbers, nested values, keys and headers; what only looks like a secret is data, and stays."""
    register_secret(SECRET)
    register_secret("4711081542")
    digest = "da39a3ee5e6b4b0d3255bfef95601890afd80709a1b2c3"
    row = {"note": f"it is {SECRET}!", "number": 4711081542, "nested": [{"deep": SECRET}], f"by {SECRET}": 1}
    row |= {"digest": digest, "password": "hunter2"}
    results = ProcessingResults.of([ItemResult("1", "ok", value=row), ItemResult(f"key {SECRET}", "failed", SECRET)])

    path = write_report(CONFIG, "cells", results, title=f"Of {SECRET}")

    with zipfile.ZipFile(path) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert SECRET.encode() not in whole
    assert b"4711081542" not in whole
    assert [cell.value for cell in data_of(path)[2]] == [
        "it is [REDACTED]!", "[REDACTED]", '[{"deep": "[REDACTED]"}]', 1, digest, "hunter2"
    ]  # fmt: skip
    (said,) = [record.getMessage() for record in caplog.records if record.name == "txo_core.report"]
    assert said.endswith("masked in the columns: note, number, nested")
    assert "Secrets that stood in the columns: note, number, nested" in str(
        [cell.value for row in load_workbook(path)["Summary"] for cell in row]
    )


def test_all_parts_of_the_file_are_there_and_named() -> None:
    """Excel calls a file damaged in which a relation leads nowhere, or a part has no type."""
    records = [ItemResult("1", "ok", value={"a": 1}), ItemResult("2", "failed", "why")]
    with zipfile.ZipFile(write_report(CONFIG, "cells", ProcessingResults.of(records))) as archive:
        names = set(archive.namelist())
        types = archive.read("[Content_Types].xml").decode()
        targets = [
            relation.get("Target", "")
            for name in names
            if name.endswith(".rels")
            for relation in ElementTree.fromstring(archive.read(name)).iter(f"{PLAIN}Relationship")
        ]
        ids = re.findall(rb'<table id="(\d+)"', b"".join(archive.read(name) for name in names if "tables/" in name))

    assert len(names) == len(archive.namelist())
    assert {target.lstrip("/") for target in targets} <= names | {name.removeprefix("xl/") for name in names}
    assert all(f'PartName="/{name}"' in types for name in names if name.startswith("xl/") and name.endswith(".xml"))
    assert sorted(ids) == [b"1", b"2"]


def test_nothing_lies_in_a_temporary_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a script is killed, no customer's data stays behind in the system's folder for such files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "does not exist"))

    assert data_of(reported(["x"] * 2_000))["B"][-1].value == "x"


def test_a_failure_in_the_middle_leaves_no_file(monkeypatch: pytest.MonkeyPatch, own_root: Path) -> None:
    """The rows before it are written by then."""

    def broken(*arguments: Any) -> Any:
        yield "<row r='2'/>" * 10_000
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cells, "row_texts", broken)

    with pytest.raises(FileOperationError, match="No space left"):
        reported(["x"])
    assert list((own_root / "output").iterdir()) == []
