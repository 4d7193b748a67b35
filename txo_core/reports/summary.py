"""The first sheet of a report: how the run ended, at a glance. Imports openpyxl: import it late."""

from collections.abc import Sequence
from typing import Any

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink

from txo_core.reports.chart import bar_chart
from txo_core.reports.facts import TONES, Report, call_facts, moment, shown
from txo_core.reports.style import HEADER_HEIGHT, ROW_HEIGHT, Looks, set_page

SUMMARY = "Summary"
WIDTHS = (2.5, 20, 16, 24, 3, 20, 12, 62)
LEFT, RIGHT, LAST = 2, 6, 8
LONGEST = 130
CHART_WIDTH, POINTS_A_CM = 17.6, 28.35


class Pen:
    """Writes down a sheet, row by row, from where it stands."""

    def __init__(self, sheet: Any, looks: Looks) -> None:
        self.sheet = sheet
        self.looks = looks
        self.row = 2

    def put(self, column: int, value: Any, look: str = "text", form: str = "General", at: int | None = None) -> Any:
        """Put a value into a cell of this row, or of the row `at`."""
        cell = self.sheet.cell(at or self.row, column)
        return self.looks.put(cell, value, look, form)

    def line(self, look: str, first: int = LEFT, last: int = LAST, at: int | None = None) -> None:
        """Give empty cells of this row a look; a text to the left of them shows over them."""
        for column in range(first, last + 1):
            self.put(column, None, look, at=at)

    def down(self, rows: int = 1, height: float | None = None) -> None:
        """Go to a row further down, and give the present one a height in points."""
        if height is not None:
            self.sheet.row_dimensions[self.row].height = height
        self.row += rows


def write_summary(
    sheet: Any, looks: Looks, report: Report, sheets: Sequence[tuple[str, str]], notes: Sequence[tuple[str, str]]
) -> None:
    """Fill the sheet. `sheets` says what the others hold, `notes` what there is to know: names with a sentence."""
    set_page(sheet, WIDTHS, report.footer)
    sheet.page_setup.fitToHeight = 1
    sheet.print_options.horizontalCentered = True
    pen = Pen(sheet, looks)
    _heading(pen, report)
    _outcomes(pen, report)
    _run(pen, report, sheets)
    _reasons(pen, report)
    _notes(pen, report, notes)


def _heading(pen: Pen, report: Report) -> None:
    pen.put(LEFT, shown(report.title, 75), "title")
    pen.down(height=32)
    pen.put(LEFT, f"Organization {report.org_id} · environment {report.env_type}", "subtitle")
    pen.down(2)
    tone, verdict = report.verdict
    pen.line(tone)
    pen.put(LEFT, verdict, tone)
    pen.down(2, height=28)


def _outcomes(pen: Pen, report: Report) -> None:
    """Write how many items there are of each outcome, with a chart beside it."""
    first = pen.row
    for column, text in ((LEFT, "Outcome"), (LEFT + 1, "Items"), (LEFT + 2, "Share")):
        pen.put(column, text, "header" if column == LEFT else "header right")
    pen.down(height=HEADER_HEIGHT)
    for outcome, number in report.counts.items():
        tone = TONES.get(outcome, "good") if number else "calm"
        pen.put(LEFT, outcome, f"{tone} text")
        pen.put(LEFT + 1, number, "right", "#,##0")
        pen.put(LEFT + 2, number / max(1, report.total), "right", "0.0%")
        pen.down()
    pen.put(LEFT, "Total", "label")
    pen.put(LEFT + 1, report.total, "total", "#,##0")
    pen.put(LEFT + 2, None, "text")
    if report.total:
        rows = len(report.counts)
        points = HEADER_HEIGHT + ROW_HEIGHT * (rows + 1)
        chart: Any = bar_chart(SUMMARY, report.counts, (LEFT, LEFT + 1, first + 1))
        chart.width, chart.height = CHART_WIDTH, points / POINTS_A_CM
        pen.sheet.add_chart(chart, f"{get_column_letter(RIGHT)}{first}")
    pen.down(2)


def _run(pen: Pen, report: Report, sheets: Sequence[tuple[str, str]]) -> None:
    """Write which run it was, and beside it its calls and the sheets."""
    first = pen.row
    _section(pen, "This run")
    pen.put(LEFT, "Organization", "label")
    _value(pen, report.org_id)
    pen.put(LEFT, "Environment", "label")
    _value(pen, report.env_type)
    if report.run is not None:
        pen.put(LEFT, "Flow run", "label")
        _value(pen, shown(report.run.name, 60), link=report.run.link)
        pen.put(LEFT, "Its id", "label")
        _value(pen, report.run.id)
    if report.started is not None:
        pen.put(LEFT, "Started", "label")
        _value(pen, moment(report.started))
    pen.put(LEFT, "Finished" if report.started else "Saved", "label")
    _value(pen, moment(report.finished))
    if report.duration is not None:
        pen.put(LEFT, "Took", "label")
        _value(pen, report.duration)
    pen.row = max(pen.row, _right(pen, report, sheets, first))
    pen.down()


def _value(pen: Pen, value: str, link: str | None = None) -> None:
    link = link if link and link.startswith(("http://", "https://")) else None
    cell = pen.put(LEFT + 1, value, "link" if link else "text")
    if link:
        cell.hyperlink = Hyperlink(ref=cell.coordinate, target=link)
    pen.put(LEFT + 2, None, "text")
    pen.sheet.merge_cells(start_row=pen.row, end_row=pen.row, start_column=LEFT + 1, end_column=LEFT + 2)
    pen.down()


def _reasons(pen: Pen, report: Report) -> None:
    """Write the reasons that most of the items have that did not succeed."""
    reasons = report.common_reasons
    if not reasons:
        return
    _section(pen, "Why items were skipped or failed")
    for number, outcome, reason in reasons:
        pen.line("text", LEFT + 1)
        pen.put(LEFT, outcome, f"{TONES.get(outcome, 'calm')} text")
        pen.put(LEFT + 1, number, "right", '#,##0 "×"')
        pen.put(LEFT + 2, shown(reason, LONGEST))
        pen.down()
    pen.down()


def _right(pen: Pen, report: Report, sheets: Sequence[tuple[str, str]], row: int) -> int:
    """Write what the run asked of APIs, and what else is in the file; return the row below."""
    if report.calls is not None:
        pen.put(RIGHT, "Calls to APIs", "section", at=row)
        for label, number, form, words in call_facts(report.calls):
            row += 1
            pen.put(RIGHT, label, "label", at=row)
            pen.put(RIGHT + 1, number, "right", form, at=row)
            pen.put(RIGHT + 2, words, "label", at=row)
        row += 2
    pen.put(RIGHT, "In this file", "section", at=row)
    for name, words in sheets:
        row += 1
        pen.line("text", RIGHT + 1, at=row)
        cell = pen.put(RIGHT, name, "link", at=row)
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location="'{}'!A1".format(name.replace("'", "''")))
        pen.put(RIGHT + 1, words, at=row)
    return row + 1


def _notes(pen: Pen, report: Report, notes: Sequence[tuple[str, str]]) -> None:
    """Write what the reader has to know about the file, and what to do now."""
    _section(pen, "Where to look next")
    for text in report.next_steps:
        pen.put(LEFT, text, "note")
        pen.down()
    pen.down()
    _section(pen, "Notes")
    for name, words in notes:
        pen.line("text", LEFT + 1)
        pen.put(LEFT, name, "label")
        pen.put(LEFT + 1, shown(words, LONGEST + 20))
        pen.down()


def _section(pen: Pen, title: str) -> None:
    pen.put(LEFT, title, "section")
    pen.down(height=22)
