"""The list of all that is wrong with a file, for the one who fills it in: a workbook of one sheet. Imports openpyxl."""

from collections.abc import Sequence
from typing import BinaryIO

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill

from txo_core.intake.checking import BadCell
from txo_core.redaction import redact

COLUMNS = (("Sheet", 16), ("Row", 7), ("Column", 9), ("Title", 20), ("Value", 34), ("Reason", 90))
HEADER = PatternFill("solid", start_color="1F3A5F", end_color="1F3A5F")


def write_bad_rows(cells: Sequence[BadCell], file: BinaryIO) -> None:
    """Write a row for each place: sheet, row and column as a spreadsheet counts, title, value and reason."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "Bad rows"
    page.freeze_panes = "A2"
    for number, (title, width) in enumerate(COLUMNS, 1):
        head = page.cell(1, number, title)
        head.font, head.fill = Font(bold=True, color="FFFFFF"), HEADER
        page.column_dimensions[head.column_letter].width = width
    for number, each in enumerate(cells, 2):
        values: tuple[str | int, ...] = (each.sheet, each.row, each.column, each.title, each.value, each.reason)
        for column, value in enumerate(values, 1):
            cell = page.cell(number, column)
            cell.value = redact(value) if isinstance(value, str) else value
            cell.alignment = Alignment(vertical="top", wrap_text=column == len(COLUMNS))
            if isinstance(value, str) and value:
                cell.data_type = "s"  # whatever it begins with, it is no formula
    page.auto_filter.ref = page.dimensions
    book.save(file)
