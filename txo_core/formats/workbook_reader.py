"""Rows out of Excel workbooks that somebody else has made. Imports openpyxl: import it late."""

import re
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook

from txo_core.exceptions import ValidationError
from txo_core.formats.archives import check_workbook
from txo_core.regular_files import open_regular

MAX_ROWS = 1_048_576
MOST_EMPTY = 20_000_000
FEW_EMPTY, EMPTY_FACTOR = 1_000_000, 100
"""Empty cells that a sheet may have in any case, and for each cell with a value."""
WIDEST_GAP = 100_000
"""Empty rows one after the other."""
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read_workbook(path: Path, sheet: str | int | None = 0) -> Any:
    """Return the rows of one sheet as dicts, by name or position; None gives a dict of all sheets.

    The first row names the columns. Formulas give the value that was last computed.
    """
    try:
        with open_regular(path) as file:  # once: what is read is what was checked
            check_workbook(path, file)
            with closing(load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book:
                if sheet is None:
                    return {each.title: _read_sheet(each) for each in book.worksheets}
                return _read_sheet(_sheet_of(book, sheet, path))
    except (ValidationError, OSError):
        raise
    except Exception as error:
        # openpyxl checks little of what it reads. Of what it says nothing, since it may quote a cell.
        problem = f"{path} is not an Excel workbook, or a damaged one ({type(error).__name__})"
    raise ValidationError(problem, "Save it as .xlsx anew")


def _sheet_of(book: Workbook, sheet: str | int, path: Path) -> Any:
    try:
        return book[sheet] if isinstance(sheet, str) else book.worksheets[sheet]
    except (KeyError, IndexError):
        names = ", ".join(book.sheetnames)
        raise ValidationError(f"{path} has no sheet {sheet!r}", f"It has: {names}", 'sheet="Data"') from None


def _read_sheet(sheet: Any) -> list[dict[str, Any]]:
    sheet.reset_dimensions()  # what the file says of its size is not to be relied on
    rows: list[list[Any]] = []
    empty = filled = gap = 0
    for row in sheet.iter_rows(values_only=True):
        blank = row.count(None)
        empty, filled = empty + blank, filled + len(row) - blank
        gap = gap + 1 if blank == len(row) else 0
        if len(rows) >= MAX_ROWS or gap > WIDEST_GAP or empty > min(MOST_EMPTY, FEW_EMPTY + EMPTY_FACTOR * filled):
            raise ValidationError(
                f"The sheet {sheet.title!a} says that it has more rows or empty cells than can be meant",
                "Delete the empty rows and columns behind the data in Excel, and save it anew",
            )
        rows.append([_read(value) for value in row])
    return _as_dicts(rows)


def _as_dicts(rows: list[list[Any]]) -> list[dict[str, Any]]:
    width = max(map(len, rows), default=0)
    header, *body = rows or [[]]
    names = [str(name) if name is not None else "" for name in [*header, *[None] * (width - len(header))]]
    names = [name or f"column {position}" for position, name in enumerate(names, 1)]
    if width * len(body) > MOST_EMPTY + sum(map(len, body)):
        raise ValidationError(
            "A sheet has data in a column far to the right of its table", "Delete it in Excel, and save it anew"
        )
    return [dict(zip_longest(names, row)) for row in body]


def _read(value: Any) -> Any:
    if isinstance(value, str) and "_x" in value:
        return ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)
    return value
