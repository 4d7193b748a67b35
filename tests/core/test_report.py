"""The workbook that a person opens in the morning."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from txo_core import report
from txo_core.exceptions import FileOperationError, ValidationError
from txo_core.report import write_report
from txo_core.results import ItemResult, ProcessingResults

REPOSITORY = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONFIG = SimpleNamespace(org_id="txo", env_type="prod")
CUSTOMER = {
    "no": "01234",
    "name": "=1+1 Trading",
    "balance": Decimal("1234.50"),
    "createdOn": "2026-01-05T10:12:00+02:00",
    "orderCount": 7,
    "blocked": False,
    "tags": ["a", {"b": 1}],
}
FAILED = ItemResult("C9", "failed", "400: the field is not valid; client_secret=abcdef123456")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TXO_HOME", str(home))
    monkeypatch.setattr(report, "utc_now", lambda: NOON)
    return home


def written(*records: ItemResult, **options: Any) -> Workbook:
    return load_workbook(write_report(CONFIG, "customers", ProcessingResults.of(records), **options))


def ok(value: Any, key: str = "C1") -> ItemResult:
    return ItemResult(key, "ok", value=value)


def rows(book: Workbook, sheet: str = "Data") -> list[list[Any]]:
    return [list(row) for row in book[sheet].iter_rows(values_only=True)]


def words(book: Workbook, sheet: str = "Summary") -> str:
    return "\n".join(str(value) for row in rows(book, sheet) for value in row if value is not None)


def test_the_file_is_named_by_org_env_script_and_time(home: Path) -> None:
    """It lies in the output folder, and a second one does not replace it."""
    first, second = (write_report(CONFIG, "customers", ProcessingResults()) for _ in range(2))

    assert first.parent == home / "output"
    assert first.name.startswith("txo-prod-customers_20")
    assert second != first
    assert len(list(first.parent.iterdir())) == 2


def test_the_summary_comes_first() -> None:
    """Then the data, then what was skipped or failed."""
    book = written(ok(CUSTOMER), sheet="Customers")

    assert book.sheetnames == ["Summary", "Customers", "Skipped and failed"]
    assert book.active is book["Summary"]


def test_values_are_shown_as_what_they_are() -> None:
    """Text as text, numbers as numbers, dates as dates in UTC, yes and no, JSON for what is nested."""
    assert rows(written(ok(CUSTOMER))) == [
        list(CUSTOMER),
        ["01234", "=1+1 Trading", 1234.5, datetime(2026, 1, 5, 8, 12), 7, "No", '["a", {"b": 1}]'],  # noqa: DTZ001
    ]


def test_cells_have_the_types_and_formats_of_their_values() -> None:
    """A text is a text cell, however it begins; amounts have two places and stand to the right."""
    sheet = written(ok(CUSTOMER))["Data"]
    no, name, balance, created, count, *_ = sheet[2]

    assert [cell.data_type for cell in (no, name, balance, created, count)] == ["s", "s", "n", "d", "n"]
    assert [cell.number_format for cell in (balance, created, count)] == ["#,##0.00", "yyyy-mm-dd hh:mm", "0"]
    assert [cell.alignment.horizontal for cell in (name, balance, created)] == ["left", "right", "right"]


def test_a_column_of_which_not_all_are_dates_stays_text() -> None:
    """One value that is no date, and a reference number is not mistaken for one."""
    book = written(ok({"ref": "2026-01-05", "due": "2026-01-05"}), ok({"ref": "2026-13-05", "due": None}))

    assert rows(book)[1:] == [["2026-01-05", datetime(2026, 1, 5)], ["2026-13-05", None]]  # noqa: DTZ001


def test_the_data_can_be_scrolled_filtered_and_printed() -> None:
    """The header stays in sight and on every page; the page is landscape and as wide as the table."""
    sheet = written(ok(CUSTOMER), ok(CUSTOMER))["Data"]
    (table,) = sheet.tables.values()

    assert (sheet.freeze_panes, sheet.print_title_rows) == ("A2", "$1:$1")
    assert (table.ref, table.autoFilter.ref, table.column_names) == ("A1:G3", "A1:G3", list(CUSTOMER))
    assert (table.tableStyleInfo.name, table.tableStyleInfo.showRowStripes) == ("TableStyleMedium2", True)
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (
        "landscape", 1, 0
    )  # fmt: skip
    page = sheet.sheet_properties.pageSetUpPr
    assert page is not None
    assert page.fitToPage


def test_columns_are_as_wide_as_their_content_within_reason() -> None:
    """A long text does not push the others off the screen."""
    widths = written(ok({"no": "1", "name": "x" * 30, "note": "y" * 500}))["Data"].column_dimensions

    assert (widths["A"].width, widths["B"].width, widths["C"].width) == (8, 33, 50)


def test_columns_are_the_union_in_first_seen_order_and_empty_ones_are_named() -> None:
    """What no row has is left out of the table, not out of the report."""
    book = written(ok({"a": 1, "fax": None}), ok({"b": 2, "a": 3, "telex": ""}))

    assert rows(book) == [["a", "b"], [1, None], [3, 2]]
    assert "no row has a value: fax, telex" in words(book)


def test_the_summary_says_what_happened() -> None:
    """Who, where, when, how long, how many, and that something failed."""
    book = written(
        ok(CUSTOMER),
        ItemResult("C2", "skipped", "gone"),
        FAILED,
        title="Customers",
        started=NOON - timedelta(seconds=134),
    )
    text = words(book)

    for part in ("Customers", "txo", "prod", "2026-11-22 12:00:00 UTC", "2 min 14 s", "1 of 3 items failed", "1 row"):
        assert part in text
    assert [row[1:4] for row in rows(book, "Summary")[7:11]] == [
        ["ok", 1, pytest.approx(1 / 3)],
        ["skipped", 1, pytest.approx(1 / 3)],
        ["failed", 1, pytest.approx(1 / 3)],
        ["Total", 3, None],
    ]


@pytest.mark.parametrize(
    ("records", "verdict", "colour"),
    [
        ([ok(CUSTOMER)], "All succeeded: 1 item", "E3F4E8"),
        ([ItemResult("C1", "skipped", "gone")], "Nothing failed; skipped: 1 of 1", "FFF3D6"),
        ([FAILED], "1 of 1 items failed", "FCE4E4"),
        ([], "There was nothing to do", "E3F4E8"),
    ],
)
def test_the_outcome_is_seen_at_a_glance(records: list[ItemResult], verdict: str, colour: str) -> None:
    """Green, amber or red."""
    cell = written(*records)["Summary"]["B5"]

    assert verdict in cell.value
    assert cell.fill.fgColor.rgb == f"00{colour}"


def test_the_summary_leads_to_the_other_sheets() -> None:
    """By a click."""
    sheet = written(FAILED, sheet="Ann's")["Summary"]

    assert [cell.hyperlink.location for row in sheet for cell in row if cell.hyperlink] == [
        "'Ann''s'!A1",
        "'Skipped and failed'!A1",
    ]


def test_what_did_not_succeed_is_listed_with_its_reason() -> None:
    """In input order, secrets masked, and with advice where the error has some."""
    problem = ValidationError("The e-mail is missing", "Add it on the card", "a@b.example")
    book = written(FAILED, ItemResult("C2", "skipped", str(problem)), ok(CUSTOMER))

    assert rows(book, "Skipped and failed") == [
        ["Item", "Outcome", "Reason", "What to do"],
        ["C9", "failed", "400: the field is not valid; client_secret=[REDACTED]", None],
        ["C2", "skipped", "The e-mail is missing", "Add it on the card"],
    ]


def test_without_advice_there_is_no_column_for_it() -> None:
    """No empty columns; an item without a reason says so."""
    assert rows(written(ItemResult("C2", "skipped")), "Skipped and failed") == [
        ["Item", "Outcome", "Reason"],
        ["C2", "skipped", "No reason was given"],
    ]


def test_an_empty_sheet_says_that_it_is_meant_to_be() -> None:
    """Both of them."""
    book = written()

    assert rows(book) == [["No item brought a row."]]
    assert rows(book, "Skipped and failed") == [["Nothing was skipped and nothing failed."]]


def test_an_item_without_a_row_still_has_one() -> None:
    """A task may return nothing, one value, a model or several rows."""

    @dataclass
    class Item:
        item: str

    book = written(ItemResult("C1", "created"), ok("x", "C2"), ok(Item("C3")), ok([{"item": "C4"}, {"item": "C5"}]))

    assert rows(book) == [
        ["item", "outcome", "value"],
        ["C1", "created", None],
        ["C2", None, "x"],
        ["C3", None, None],
        ["C4", None, None],
        ["C5", None, None],
    ]


def test_odd_values_do_not_cost_the_report() -> None:
    """What a file refuses, a report shows as far as it goes."""
    row = {"text": "a\x01b\ud83d", "long": "x" * 40_000, "number": 10**17 + 1, "nested": [object()], "object": object()}

    text, long, number, nested, what = rows(written(ok(row)))[1]

    assert (text, number, nested, what) == ("a_x0001_b_xD83D_", "100000000000000001", "(list)", "(object)")
    assert long.endswith("… (40,000 characters)")


def test_a_sheet_name_that_excel_refuses_is_refused(home: Path) -> None:
    """Also one that the report has itself; nothing is left behind."""
    for name in ("summary", "a/b"):
        with pytest.raises(ValidationError):
            written(ok(CUSTOMER), sheet=name)

    assert list((home / "output").iterdir()) == []


def test_a_report_that_cannot_be_saved_is_an_error_for_a_person(home: Path) -> None:
    """A file where the folder should be."""
    (home / "output").write_text("")

    with pytest.raises(FileOperationError):
        written(ok(CUSTOMER))


def test_a_disk_that_fills_up_leaves_nothing_half_written(home: Path) -> None:
    """Neither in the output folder nor where programs keep temporary files."""
    code = """
import random, resource
from types import SimpleNamespace
from txo_core.exceptions import FileOperationError
from txo_core.report import write_report
from txo_core.results import ItemResult, ProcessingResults
config = SimpleNamespace(org_id="txo", env_type="prod")
write_report(config, "warm", ProcessingResults()).unlink()
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
records = [ItemResult(str(n), "ok", value={"n": random.random()}) for n in range(3_000)]
try:
    write_report(config, "customers", ProcessingResults.of(records))
except FileOperationError as error:
    print(error.what_went_wrong)
"""
    scratch = home / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(scratch)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "could not be saved" in done.stdout
    assert done.stderr == ""
    assert list((home / "output").iterdir()) == []
    assert list(scratch.iterdir()) == []


def test_a_kill_at_any_moment_leaves_a_whole_report_or_none(home: Path) -> None:
    """Killed at moments all over the writing, which goes on in a process of its own."""
    code = """
import os, signal, sys, time
from pathlib import Path
from types import SimpleNamespace
from openpyxl import load_workbook
from txo_core.report import write_report
from txo_core.results import ItemResult, ProcessingResults
config = SimpleNamespace(org_id="txo", env_type="prod")
results = ProcessingResults.of(ItemResult(str(n), "ok", value={"no": n, "name": f"name {n}"}) for n in range(8_000))
output = Path(os.environ["TXO_HOME"]) / "output"
start = time.perf_counter()
write_report(config, "whole", results).unlink()
whole = time.perf_counter() - start
ends = {"none": 0, "whole": 0}
for part in range(1, 16):
    child = os.fork()
    if not child:
        write_report(config, "killed", results)
        os._exit(0)
    time.sleep(whole * part / 12)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = [path for path in output.iterdir() if not path.name.startswith(".")]
    for path in found:
        assert load_workbook(path)["Data"].max_row == 8_001, path
        path.unlink()
    ends["whole" if found else "none"] += 1
print(ends["none"] > 3, len(ends))
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("True 2\n", "")
