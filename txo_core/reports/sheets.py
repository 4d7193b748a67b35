"""The three sheets of a report. Imports openpyxl: import it late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from openpyxl import Workbook

from txo_core.formats.workbook import MAX_ROWS, check_sheet_names, new_workbook, too_large
from txo_core.redaction import redact
from txo_core.reports.columns import Column, columns_of, keys
from txo_core.reports.style import LONGEST_TEXT, TONES, Pen, display_format, set_page, set_table
from txo_core.results import ItemResult, ProcessingResults

SUMMARY, REMARKS = "Summary", "Skipped and failed"
BAR = 24
REMARK_COLUMNS = (("Item", 18), ("Outcome", 12), ("Reason", 90), ("What to do", 52))
LINE_HEIGHT = 15
OUTCOME_TONES = {"skipped": "warn", "failed": "bad"}


@dataclass(frozen=True)
class Report:
    """All that a report shows."""

    title: str
    org_id: str
    env_type: str
    results: ProcessingResults
    rows: Sequence[Mapping[Any, Any]]
    sheet: str
    started: datetime | None
    finished: datetime

    @property
    def footer(self) -> str:
        """What stands below every printed page."""
        return f"{self.title} · {self.org_id}-{self.env_type} · {self.finished:%Y-%m-%d %H:%M} UTC"


def write_sheets(report: Report, file: BinaryIO) -> None:
    """Write the workbook: the summary first, then the data, then what was skipped or failed."""
    check_sheet_names([SUMMARY, report.sheet, REMARKS])
    if len(report.rows) >= MAX_ROWS:
        raise too_large(report.sheet, f"{len(report.rows):,} rows", f"{MAX_ROWS - 1:,}")
    columns = columns_of(report.rows)
    with new_workbook(file) as book:
        book.properties.title, book.properties.creator = report.title, "TXO"
        _summary(book, report, columns)
        _data(book, report, [column for column in columns if column.seen])
        _remarks(book, report)


def _summary(book: Workbook, report: Report, columns: list[Column]) -> None:
    sheet = book.create_sheet(SUMMARY)
    pen = Pen(sheet)
    set_page(sheet, (2.5, 24, 12, 12, 62), report.footer)
    sheet.page_setup.fitToHeight = 1
    sheet.row_dimensions[2].height, sheet.row_dimensions[5].height = 32, 28
    tone, verdict = _verdict(report.results)
    pen.row()
    pen.row(None, (report.title, "title"))
    pen.row(None, (f"Organization {report.org_id} · environment {report.env_type}", "subtitle"))
    pen.row()
    pen.row(None, *[(text, tone) for text in (verdict, "", "", "")])
    pen.row()
    _counts(pen, report.results)
    pen.row()
    pen.row(None, ("This run", "section"))
    for label, text in _facts(report):
        pen.row(None, (label, "label"), *_across(text))
    pen.row()
    pen.row(None, ("In this file", "section"))
    for label, text in _contents(report, columns):
        pen.row(None, pen.link(label) if label in (report.sheet, REMARKS) else (label, "label"), *_across(text))
    pen.row()
    pen.row(None, ("Where to look next", "section"))
    for text in _next_steps(report.results):
        pen.row(None, (text, "note"))


def _across(text: str) -> list[tuple[str, str]]:
    return [(text, "text"), ("", "text"), ("", "text")]


def _verdict(results: ProcessingResults) -> tuple[str, str]:
    if results.failed:
        return "bad", f"✖  {len(results.failed):,} of {len(results.complete()):,} items failed"
    if results.skipped:
        return "warn", f"✔  Nothing failed; skipped: {len(results.skipped):,} of {len(results.complete()):,}"
    return (
        "good",
        f"✔  All succeeded: {_count(len(results.complete()), 'item')}"
        if results.complete()
        else "✔  There was nothing to do",
    )


def _counts(pen: Pen, results: ProcessingResults) -> None:
    """Add the table of outcomes, each with its share as a bar."""
    counts: dict[str, int] = {"ok": 0} | dict.fromkeys((record.outcome for record in results.complete()), 0)
    for record in results.complete():
        counts[record.outcome] += 1
    if not counts["ok"] and len(results.success):
        del counts["ok"]
    counts |= {"skipped": len(results.skipped), "failed": len(results.failed)}
    pen.row(None, ("Outcome", "header"), ("Items", "header right"), ("Share", "header right"), ("", "header"))
    for outcome in sorted(counts, key=lambda outcome: outcome in OUTCOME_TONES):
        share = counts[outcome] / max(1, len(results.complete()))
        tone = OUTCOME_TONES.get(outcome, "good") if share else "calm"
        bar = "█" * max(bool(share), round(BAR * share))
        pen.row(
            None,
            (outcome, f"{tone} text"),
            pen.cell(counts[outcome], "right", "#,##0"),
            pen.cell(share, "right", "0.0%"),
            (bar, f"{tone} bar"),
        )
    total = pen.cell(len(results.complete()), "right", "#,##0")
    pen.row(None, ("Total", "label"), total, ("", "text"), ("", "text"))


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = [("Organization", report.org_id), ("Environment", report.env_type)]
    if report.started:
        facts.append(("Started", f"{report.started:%Y-%m-%d %H:%M:%S} UTC"))
        duration = _duration((report.finished - report.started).total_seconds())
        return [*facts, ("Finished", f"{report.finished:%Y-%m-%d %H:%M:%S} UTC"), ("Took", duration)]
    return [*facts, ("Saved", f"{report.finished:%Y-%m-%d %H:%M:%S} UTC")]


def _contents(report: Report, columns: list[Column]) -> list[tuple[str, str]]:
    seen = [column for column in columns if column.seen]
    rows, remarks = len(report.rows), len(report.results.remarks())
    lines = [
        (
            report.sheet,
            f"{_count(rows, 'row')}, {_count(len(seen), 'column')}: what was found for the items that succeeded",
        ),
        (REMARKS, f"{_count(remarks, 'item')}, each with the reason" if remarks else "Empty: there is none"),
    ]
    left_out = [column for column in columns if not column.seen]
    if left_out:
        lines.append(("Left out", f"Columns in which no row has a value: {keys(left_out)}"))
    return [*lines, ("Times", "All times are UTC")]


def _next_steps(results: ProcessingResults) -> list[str]:
    steps = []
    if results.failed:
        steps.append(f'1.  Read the reasons on the sheet "{REMARKS}" and mend what they name.')
        steps.append("2.  Run it again. The log of this run holds the details.")
    elif results.skipped:
        steps.append(f'Read on the sheet "{REMARKS}" why items were skipped; nothing else is open.')
    else:
        steps.append("Nothing is open.")
    return steps


def _data(book: Workbook, report: Report, columns: list[Column]) -> None:
    sheet = book.create_sheet(report.sheet)
    pen = Pen(sheet)
    set_page(sheet, [column.fitting for column in columns] or [40], report.footer)
    if not columns:
        pen.row(("No item brought a row.", "note"))
        return
    set_table(sheet, len(columns), len(report.rows))
    pen.row(*[(str(column.key), "header right" if column.numeric else "header") for column in columns])
    for row in report.rows:
        values = [column.shown(row.get(column.key)) for column in columns]
        sheet.append(
            [
                pen.value(value, display_format(value, column.places))
                for value, column in zip(values, columns, strict=True)
            ]
        )


def _remarks(book: Workbook, report: Report) -> None:
    sheet = book.create_sheet(REMARKS)
    pen = Pen(sheet)
    remarks = [_remark(record) for record in report.results.remarks()]
    columns = REMARK_COLUMNS if any(advice for *_, advice in remarks) else REMARK_COLUMNS[:-1]
    set_page(sheet, [width for _, width in columns], report.footer)
    if not remarks:
        pen.row(("Nothing was skipped and nothing failed.", "note"))
        return
    set_table(sheet, len(columns), len(remarks), banded=False)
    sheet.sheet_properties.tabColor = TONES["bad" if report.results.failed else "warn"][1]
    pen.row(*[(name, "header") for name, _ in columns])
    for number, (key, outcome, reason, advice) in enumerate(remarks, 2):
        sheet.row_dimensions[number].height = LINE_HEIGHT * max(_lines(reason, 90), _lines(advice, 52)) + 5
        cells = ((key, "text"), (outcome, f"{OUTCOME_TONES[outcome]} text"), (reason, "wrapped"), (advice, "wrapped"))
        pen.row(*cells[: len(columns)])


def _lines(text: str, width: int) -> int:
    """Return about how many lines a text takes in a column, as Excel does not grow rows by itself; 27 fill a row."""
    return min(27, sum(-(-len(line) // int(width * 0.95)) or 1 for line in text.splitlines()))


def _remark(record: ItemResult) -> tuple[str, str, str, str]:
    """Return key, outcome, reason and advice; a HelpfulError brings its own advice."""
    reason = redact(record.reason or "No reason was given")
    before, _, text = reason.rpartition("❌ Problem: ")
    told, _, _ = text.partition("📝 Example:")
    problem, _, advice = told.partition("✅ Solution: ") if before.strip() == "" else (reason, "", "")
    return redact(record.key), record.outcome, problem.strip()[:LONGEST_TEXT], advice.strip()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
