"""The sheets of a report: the summary, the rows, what was skipped or failed. Imports openpyxl: import it late."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import BinaryIO

from openpyxl import Workbook

from txo_core.formats.cells import MAX_COLUMNS, MAX_ROWS, check_sheet_names
from txo_core.reports import cells
from txo_core.reports.book import save_book
from txo_core.reports.columns import Column
from txo_core.reports.facts import REMARKS, TONES, Report, count
from txo_core.reports.reasons import Remark
from txo_core.reports.style import HEADER_HEIGHT, ROW_HEIGHT, Looks, set_page, set_table
from txo_core.reports.style import TONES as COLOURS
from txo_core.reports.summary import SUMMARY, write_summary
from txo_core.reports.widths import LINE_HEIGHT, lines, rough_lines, text_width

ROWS_A_SHEET, LONGEST_NAME = MAX_ROWS - 1, 31
REMARK_COLUMNS = (("Item", 18.0), ("Outcome", 14.0), ("Reason", 78.0), ("What to do", 44.0), ("Call", 56.0))
LONGEST_REASON, LONGEST_KEY, MOST_LINES = 1_800, 40.0, 4
Part = tuple[str, Sequence[Column]]


def write_sheets(report: Report, columns: Sequence[Column], file: BinaryIO) -> None:
    """Write the workbook: the summary first, then the rows, then what was skipped or failed.

    What is more than a sheet holds goes on in a second one.
    """
    shown = [column for column in columns if column.seen][:MAX_COLUMNS]
    parts = list(_parts(report.sheet, shown, len(report.rows)))
    remarks = list(_pages(REMARKS, report.remarks))
    check_sheet_names([SUMMARY, *(name for name, _ in parts), *(name for name, _ in remarks)])
    book = Workbook()
    book.properties.title, book.properties.creator = report.title, "TXO"
    first = book.worksheets[0]
    first.title, looks = SUMMARY, Looks(first)
    others = _sheets(report, len(shown), [name for name, _ in parts], [name for name, _ in remarks])
    write_summary(first, looks, report, others, _notes(columns, shown))
    rows = {name: _data(book, looks, report, name, part) for name, part in parts}
    rows |= {name: _remarks(book, looks, report, name, part) for name, part in remarks}
    save_book(book, file, rows)


def _parts(name: str, columns: Sequence[Column], rows: int) -> Iterator[Part]:
    """Yield the name of each sheet of rows, and the part of the columns that stands there."""
    for number, start in enumerate(range(0, max(rows, 1), ROWS_A_SHEET), 1):
        whole = number == 1 and rows <= ROWS_A_SHEET
        part = columns if whole else [column.part(start, start + ROWS_A_SHEET) for column in columns]
        yield _numbered(name, number), part


def _pages(name: str, remarks: Sequence[Remark]) -> Iterator[tuple[str, Sequence[Remark]]]:
    for number, start in enumerate(range(0, max(len(remarks), 1), ROWS_A_SHEET), 1):
        yield _numbered(name, number), remarks[start : start + ROWS_A_SHEET]


def _numbered(name: str, number: int) -> str:
    """Return the name of the first, second... sheet of its kind; Excel takes 31 characters."""
    return name if number == 1 else f"{name[: LONGEST_NAME - len(f' {number}')]} {number}"


def _sheets(report: Report, columns: int, data: Sequence[str], remarks: Sequence[str]) -> list[tuple[str, str]]:
    """Return the name of each sheet, and what it holds."""
    rows = f"{count(len(report.rows), 'row')}, {count(columns, 'column')}: what the items that succeeded brought"
    rows = rows if report.rows else "Empty: no item brought a row"
    why = f"{count(len(report.remarks), 'item')}, each with the reason" if report.remarks else "Empty: there is none"
    found = [(name, rows if number == 0 else "The rows that follow") for number, name in enumerate(data)]
    return found + [(name, why if number == 0 else "Those that follow") for number, name in enumerate(remarks)]


def _notes(columns: Sequence[Column], shown: Sequence[Column]) -> list[tuple[str, str]]:
    """Return what there is to know about the file: a name and a sentence each."""
    notes = []
    empty = ", ".join(column.header for column in columns if not column.seen)
    if empty:
        notes.append(("Left out", f"Columns in which no row has a value: {empty}"))
    if sum(column.seen for column in columns) > len(shown):
        notes.append(("Left out", f"All columns after the first {len(shown):,}, which are all that a sheet holds"))
    masked = ", ".join(column.header for column in columns if column.masked)
    if masked:
        notes.append(("Masked", f"Secrets that stood in the columns: {masked}"))
    return [*notes, ("Times", "All times are UTC")]


def _data(book: Workbook, looks: Looks, report: Report, name: str, columns: Sequence[Column]) -> Iterable[str]:
    """Add a sheet of rows, and return the XML of these."""
    sheet = book.create_sheet(name)
    names, widths = [column.header for column in columns], [column.width for column in columns]
    set_page(sheet, widths or [40], report.footer)
    if not columns:
        return _note(looks, "No item brought a row.")
    rows = len(columns[0].values)
    set_table(sheet, name, names, rows, widths, banded=True)
    words = ["header right" if column.numeric else "header" for column in columns]
    heights = _heights(columns)
    writers = cells.column_writers(columns, looks, tall=heights is not None)
    values = zip(*(column.values for column in columns), strict=True)
    return _with_header(
        cells.header_text(names, looks, words, HEADER_HEIGHT), cells.row_texts(writers, values, heights or iter(()))
    )


def _heights(columns: Sequence[Column]) -> Iterator[float] | None:
    """Return the height of each row where texts take several lines; Excel would make room for all of them."""
    tall = [(column.values, column.width) for column in columns if column.tall]
    if not tall:
        return None
    taken = [map(rough_lines, values, repeat(width), repeat(MOST_LINES)) for values, width in tall]
    return (LINE_HEIGHT * max(lines) + 3 for lines in zip(*taken, strict=True))


def _remarks(book: Workbook, looks: Looks, report: Report, name: str, remarks: Sequence[Remark]) -> Iterable[str]:
    """Add a sheet of what was skipped or failed, and return the XML of its rows."""
    sheet = book.create_sheet(name)
    rows = [(each.key, each.outcome, _cut(each.reason), _cut(each.advice), each.call) for each in remarks]
    used = [place for place in range(len(REMARK_COLUMNS)) if place < 3 or any(row[place] for row in rows)]
    names, widths = zip(*(REMARK_COLUMNS[place] for place in used), strict=True)
    keys = max((text_width(key) for key, *_ in rows), default=0.0) + 3
    widths = (min(max(keys, widths[0]), LONGEST_KEY), *widths[1:])
    set_page(sheet, widths, report.footer)
    if not rows:
        return _note(looks, "Nothing was skipped and nothing failed.")
    set_table(sheet, name, names, len(rows), widths, banded=False)
    sheet.sheet_properties.tabColor = COLOURS["bad" if report.counts["failed"] else "warn"][1]
    outcomes = {outcome: looks.number(f"{tone} text") for outcome, tone in TONES.items()}
    writers: list[cells.Write] = [cells.text_writer(number, looks, "wrapped") for number in range(1, len(used) + 1)]
    writers[1] = cells.look_writer(2, outcomes, looks.number("text"))
    shown = [tuple(row[place] for place in used) for row in rows]
    heights = (LINE_HEIGHT * max(map(lines, row, widths)) + ROW_HEIGHT - LINE_HEIGHT + 4 for row in shown)
    header = cells.header_text(names, looks, ["header"] * len(names), HEADER_HEIGHT)
    return _with_header(header, cells.row_texts(writers, shown, heights))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}… ({len(text):,} characters)"


def _with_header(header: str, rows: Iterator[str]) -> Iterator[str]:
    yield header
    yield from rows


def _note(looks: Looks, text: str) -> list[str]:
    return [cells.header_text([text], looks, ["note"], HEADER_HEIGHT)]
