"""The first sheet: how the run ended, which it was, what it asked of APIs, and why items did not succeed."""

import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from txo_core import report
from txo_core.report import Run, write_report
from txo_core.results import ItemResult, Outcome, ProcessingResults
from txo_core.tally import counting, note_repeat, note_sent, note_throttled

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONFIG = SimpleNamespace(org_id="txo", env_type="prod")
RUN = Run("txo-prod-report", "0b4c5d0e-9a36-4a1e-8a5e-0d3fbb7b2f11", "https://prefect.example.com/runs/flow-run/0b4c")
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "utc_now", lambda: NOON)


def items(**outcomes: int) -> list[ItemResult]:
    """Return so many items of each outcome."""
    names: dict[str, Outcome] = {
        "ok": "ok", "created": "created", "updated": "updated", "skipped": "skipped", "failed": "failed"
    }  # fmt: skip
    return [
        ItemResult(f"{name}{number}", names[name], "why" if name in ("skipped", "failed") else "", {"no": number})
        for name, count in outcomes.items()
        for number in range(count)
    ]


def saved(*records: ItemResult, **options: Any) -> Path:
    return write_report(CONFIG, "customers", ProcessingResults.of(records), **options)


def summary(*records: ItemResult, **options: Any) -> Worksheet:
    found: Worksheet = load_workbook(saved(*records, **options))["Summary"]
    return found


def facts(sheet: Worksheet) -> dict[Any, Any]:
    """Return what stands to the right of each label."""
    found: dict[Any, Any] = {}
    for row in sheet.iter_rows(values_only=True):
        told = [value for value in row if value is not None]
        found |= dict(pairwise(told))
    return found


def test_it_says_which_run_it_was_and_leads_to_it() -> None:
    """A click on its name opens its page in Prefect's UI."""
    sheet = summary(*items(ok=1), started=NOON - timedelta(minutes=2, seconds=14), run=RUN)
    told = facts(sheet)
    (link,) = [cell.hyperlink.target for row in sheet for cell in row if cell.hyperlink and cell.hyperlink.target]

    assert (told["Organization"], told["Environment"]) == ("txo", "prod")
    assert (told["Flow run"], told["Its id"], link) == (RUN.name, RUN.id, RUN.link)
    assert (told["Took"], told["Started"]) == ("2 min 14 s", "2026-11-22 11:57:46 UTC")


@pytest.mark.parametrize("link", [None, "javascript:alert(1)", "file:///etc/passwd"])
def test_a_run_without_a_page_has_no_link(link: str | None) -> None:
    """A temporary server is gone by then; and only a web page is one."""
    sheet = summary(run=Run("name", "id", link))

    assert facts(sheet)["Flow run"] == "name"
    assert [cell for row in sheet for cell in row if cell.hyperlink and cell.hyperlink.target] == []


def test_it_says_what_was_asked_of_apis() -> None:
    """Numbers as numbers, each with a word on what it counts."""
    with counting():
        for _ in range(60):
            note_sent()
        note_repeat(throttled=2.0)
        note_throttled(4.0)
        told = facts(summary(*items(ok=1)))

    assert (told["Calls"], told["Repeats"], told["Throttled"]) == (60, 1, 6)
    assert "0.10 s each" in told[6]


def test_without_a_count_of_calls_nothing_is_said_of_them() -> None:
    assert "Calls to APIs" not in facts(summary(*items(ok=1)))


def test_the_chart_shows_each_outcome_in_its_colour() -> None:
    """Names and numbers stand in it, too, for programs that show a file without working it out."""
    with zipfile.ZipFile(saved(*items(created=5, updated=3, skipped=1, failed=2))) as archive:
        tree = ElementTree.fromstring(archive.read("xl/charts/chart1.xml"))

    def texts(name: str) -> list[str]:
        return [part.text or "" for part in tree.iterfind(f".//{CHART}{name}//{CHART}v")]

    assert (texts("cat"), texts("val")) == (["created", "updated", "skipped", "failed"], ["5", "3", "1", "2"])
    assert [part.text for part in tree.iter(f"{CHART}f")] == ["'Summary'!$B$8:$B$11", "'Summary'!$C$8:$C$11"]
    fills = [part.get("val") for point in tree.iter(f"{CHART}dPt") for part in point.iter() if "srgbClr" in part.tag]
    assert fills == ["1E7B3A", "3E9C5C", "E0A526", "C9352B"]
    (told,) = tree.iter(f"{CHART}autoTitleDeleted")
    assert told.get("val") == "1"


def test_a_run_without_items_has_no_chart_and_says_so() -> None:
    """An empty chart is an empty box."""
    path = saved()
    sheet = load_workbook(path)["Summary"]

    assert sheet["B5"].value == "There was nothing to do"
    assert facts(sheet)["Total"] == 0
    assert facts(sheet)["Data"] == "Empty: no item brought a row"
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if "chart" in name]


def test_the_most_frequent_reasons_stand_on_the_summary() -> None:
    """Of 3,000 failures a person wants to know first that they are two."""
    records = [ItemResult(f"C{n}", "failed", f"The e-mail of C{n} is missing") for n in range(2_990)]
    records += [ItemResult(f"D{n}", "failed", "Locked") for n in range(10)]

    told = facts(summary(*records))

    assert told[2_990] == "The e-mail of … is missing"
    assert told[10] == "Locked"


def test_a_title_that_begins_like_a_formula_is_none() -> None:
    cell = summary(title="=1+1")["B2"]

    assert (cell.value, cell.data_type, cell.quotePrefix) == ("=1+1", "s", True)


def test_it_prints_on_one_page_with_a_footer_that_shows_the_title_as_it_is() -> None:
    """An ampersand would be a code there."""
    sheet = summary(title="Müller & Söhne")
    footer: Any = sheet.oddFooter

    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 1)
    assert footer.left.text == "Müller && Söhne · txo-prod · 2026-11-22 12:00 UTC"
