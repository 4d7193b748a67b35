"""The summary of a run on Prefect's server: a picture and tables that show nothing but what they say."""

import base64
import re
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from prefect import artifacts
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from tasks.output import ARTIFACT_ROWS, publish_summary
from txo_core.config import TxoConfig
from txo_core.redaction import redact, register_secret
from txo_core.report import report_of
from txo_core.reports.markdown_text import APART, inert, plain
from txo_core.reports.picture import markdown, picture
from txo_core.results import ItemResult, ProcessingResults
from txo_core.runs.present import page_of, present_run
from txo_core.runs.publishing import publish_markdown, publish_table

SECRET = "sesame-opens-the-mountain"
SVG = "{http://www.w3.org/2000/svg}"
COUNTS = {"created": 5, "updated": 300, "skipped": 0, "failed": 1}
HOSTILE = "<img src=x onerror=alert(1)> ![p](https://x.example/p.png) [click](https://x.example) | `code`\n# heading"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Return what was handed to Prefect, by key."""
    found: dict[str, dict[str, Any]] = {}

    def take(**named: Any) -> None:
        found[named["key"]] = named

    for name in ("create_table_artifact", "create_markdown_artifact"):
        monkeypatch.setattr(artifacts, name, take)
    return found


def summed_up(*records: ItemResult, filename: str = "") -> str:
    config = SimpleNamespace(org_id="txo", env_type="prod")
    return markdown(report_of(config, "customers", ProcessingResults.of(records)), filename)


def drawn(text: str) -> str:
    """Return the picture in a Markdown text."""
    found = re.search(r"!\[picture\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", text)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_the_picture_has_a_bar_for_each_outcome() -> None:
    """As long as its number, but one that is there can be seen; with name, number and share."""
    tree = ElementTree.fromstring(picture(COUNTS))
    bars = [float(bar.get("width", "")) for bar in tree.iter(f"{SVG}rect")][1:]
    texts = [text.text for text in tree.iter(f"{SVG}text")]

    assert bars == [pytest.approx(406 * 5 / 300, abs=0.1), 406.0, 0.0, 2.0]
    assert texts == ["created", "5  (1.6%)", "updated", "300  (98.0%)", "skipped", "0", "failed", "1  (0.3%)"]


def test_the_redactor_leaves_the_picture_as_it_is() -> None:
    assert redact(picture(COUNTS)) == picture(COUNTS)
    assert ElementTree.fromstring(picture({"ok": 0, "skipped": 0, "failed": 0})) is not None


def test_the_summary_says_what_the_first_sheet_says() -> None:
    text = summed_up(
        *(ItemResult(f"C{n}", "ok") for n in range(39)),
        ItemResult("C39", "skipped", "gone"),
        ItemResult("C40", "failed", "Locked"),
        ItemResult("C41", "failed", "Locked"),
        filename="txo-prod_customers.xlsx",
    )

    assert text.splitlines()[0] == "# 2 of 42 items failed"
    for line in (
        "| ok | 39 | 92.9% |",
        "| **Total** | **42** | |",
        "| Organization | txo |",
        "| failed | 2 | Locked |",
    ):
        assert line in text.splitlines()
    assert "| Workbook | txo-prod\\_customers.xlsx |" in text


def test_texts_of_an_api_are_texts_in_markdown() -> None:
    """No picture is fetched, nothing leads elsewhere, no column is added."""
    text = summed_up(ItemResult("C1", "failed", HOSTILE))
    (line,) = [line for line in text.splitlines() if "onerror" in line]

    assert re.findall(r"(?<!\\)[<>\[\]|!`#]", line) == ["|"] * 4
    assert plain("a\n\nb  c") == "a b c"


def test_texts_of_an_api_are_texts_in_tables_too(published: dict[str, dict[str, Any]]) -> None:
    """Prefect's first UI reads cells as Markdown, its second as they are: both show the same characters."""
    publish_table("key", [{"reason": HOSTILE, "nested": [{"<b>": ["![x](y)"]}], "number": 5}])

    (row,) = published["key"]["table"]
    assert not re.search(r"!\[|\]\(|<[a-z]", str(row))
    assert row["reason"].replace(APART, "") == HOSTILE
    assert row["number"] == 5
    assert inert("a < b, [x] and 5 & 6!") == "a < b, [x] and 5 & 6!"


def test_a_picture_travels_inside_of_the_text_and_without_secrets(published: dict[str, dict[str, Any]]) -> None:
    """Behind the first line; a secret in it would otherwise be hidden from the redactor by its encoding."""
    register_secret(SECRET)
    publish_markdown("key", f"# Title {SECRET}\n\nrest", "about", picture=f"<svg>{SECRET}</svg>")

    text = published["key"]["markdown"]
    assert drawn(text) == "<svg>[REDACTED]</svg>"
    assert text.startswith("# Title [REDACTED]\n\n![picture](")
    assert text.endswith(")\n\nrest")


def test_a_run_publishes_a_summary_with_a_picture_and_a_table_of_items(published: dict[str, dict[str, Any]]) -> None:
    """Both named after organization, environment and report."""
    config = TxoConfig("txo", "prod", {"global": {"api-base-url": "https://api.example.com"}})
    results = ProcessingResults.of([ItemResult("C1", "ok"), ItemResult("C2", "failed", "two\nlines")])

    publish_summary.fn(config, "report", results, "report.xlsx")

    table, summary = published["txo-prod-report"], published["txo-prod-report-summary"]
    assert table["table"] == [{"item": "C2", "outcome": "failed", "reason": "two lines"}]
    assert "1 ok, 1 failed" in table["description"]
    assert summary["description"] == "1 ok, 1 failed"
    assert ElementTree.fromstring(drawn(summary["markdown"])) is not None
    assert "| Workbook | report.xlsx |" in summary["markdown"]


def test_a_table_of_too_many_items_says_how_many_are_not_in_it(published: dict[str, dict[str, Any]]) -> None:
    """A page with 3,000 rows is none that a browser shows gladly."""
    config = TxoConfig("txo", "prod", {"global": {"api-base-url": "https://api.example.com"}})
    results = ProcessingResults.of(ItemResult(f"C{n}", "failed", "why") for n in range(3_000))

    publish_summary.fn(config, "report", results)

    table = published["txo-prod-report"]["table"]
    assert len(table) == ARTIFACT_ROWS + 1
    assert table[-1]["reason"] == "and 2,500 more, all of them in the workbook"


def test_a_run_without_remarks_says_so(published: dict[str, dict[str, Any]]) -> None:
    config = TxoConfig("txo", "prod", {"global": {"api-base-url": "https://api.example.com"}})

    publish_summary.fn(config, "report", ProcessingResults())

    assert published["txo-prod-report"]["table"][0]["reason"] == "nothing was skipped, nothing failed"
    assert published["txo-prod-report-summary"]["markdown"].startswith("# There was nothing to do\n")


PAGES = [
    ({PREFECT_UI_URL: "https://prefect.example.com"}, "https://prefect.example.com/runs/flow-run/0b4c"),
    ({PREFECT_API_URL: "http://127.0.0.1:4200/api"}, "http://127.0.0.1:4200/runs/flow-run/0b4c"),
    ({PREFECT_UI_URL: "https://user:word@prefect.example.com"}, None),
    ({PREFECT_UI_URL: "javascript:alert(1)//"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("settings", "page"), PAGES, ids=lambda value: str(value)[:60])
def test_the_page_of_a_run_is_that_of_the_server_in_use(settings: dict[Any, str], page: str | None) -> None:
    """Without a server that stays there is none; nor does an address with credentials go into a file."""
    with temporary_settings(settings):
        assert page_of("0b4c") == page


def test_outside_of_a_flow_run_there_is_none() -> None:
    assert present_run() is None
