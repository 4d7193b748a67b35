"""Tables out of Excel workbooks that somebody else has made."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import ZipFile

from txo_core.exceptions import ValidationError
from txo_core.formats.archives import LARGEST, check_workbook
from txo_core.formats.cells import MAX_ROWS
from txo_core.formats.selection import Grid, Selection, picked, unique_names
from txo_core.formats.sheet_reader import NumberedRow, numbered_rows
from txo_core.formats.sources import is_gzipped, opened
from txo_core.formats.workbook_contents import contents_of, format_kind
from txo_core.formats.xml_texts import Unusual, text_of_cell
from txo_core.regular_files import open_regular

MOST_EMPTY = 1_000_000
"""Empty cells between others that a sheet may have, however few of the others there are."""
MOST_EMPTY_EACH = 100
"""Empty cells for each other one, beyond that."""
MOST_BLANK = 10_000
"""Rows without a value between two with one."""
LARGEST_TRUSTED = 256 * 2**20
"""Bytes that openpyxl gets to read, unpacked: it takes ten times as long."""
NOT_READ = (Unusual, ValueError, IndexError, KeyError, SyntaxError)
"""What says that a workbook is to be read by the trusted reader; SyntaxError is that of XML."""


def read_workbook(path: Path, wanted: Selection, sheet: str | int | None = 0, trusted: bool = False) -> Any:
    """Return the rows of one sheet, by name or position; None gives a dict of all sheets.

    The first row with a value names the columns; a second `name` becomes `name (2)`. Rows without a value stay where
    they are between others, and are left out at the end. Formulas give the value that was last computed. Numbers
    with the format of a date are dates. With `trusted`, openpyxl reads, as it does anyway where our own reader cannot.
    """
    if sheet is not None:
        return _read_sheet(path, wanted, sheet, trusted)
    if wanted.chunks is not None:
        raise ValidationError("Only one sheet can be read piece by piece", "Name it", 'sheet="Data", chunks=1_000')
    return {name: _read_sheet(path, wanted, name, trusted) for name in _names(path)}


def _read_sheet(path: Path, wanted: Selection, sheet: str | int, trusted: bool) -> Any:
    rows = _dense_rows(path, sheet, trusted)
    for _ in range(wanted.skiprows):
        next(rows, None)
    header = next((row for row in rows if row), [])
    return picked(Grid(unique_names(header), rows, None), wanted)


def _dense_rows(path: Path, sheet: str | int, trusted: bool) -> Iterator[list[Any]]:
    """Yield each row up to the last one with a value, as far as its last value."""
    expected, width, filled = 1, 0, 0
    for number, row in _numbered_rows(path, sheet, trusted):
        while row and row[-1] is None:
            row.pop()
        if not row:
            continue
        width, filled = max(width, len(row)), filled + len(row) - row.count(None)
        empty = width * number - filled
        if number - expected > MOST_BLANK or number > MAX_ROWS or empty > max(MOST_EMPTY, MOST_EMPTY_EACH * filled):
            raise ValidationError(
                f"{path} says that it has more rows or empty cells than can be meant (row {number:,})",
                "Delete the empty rows and columns behind the data in Excel, and save it anew",
            )
        yield from ([] for _ in range(expected, number))
        expected = number + 1
        yield row


def _numbered_rows(path: Path, sheet: str | int, trusted: bool) -> Iterator[NumberedRow]:
    with _checked(path) as file:
        last = 0
        if not trusted:
            try:
                with ZipFile(file) as archive:
                    contents = contents_of(archive)
                    name = _sheet_of(list(contents.sheets), sheet, path)
                    for last, row in numbered_rows(contents, contents.sheets[name]):
                        yield last, row
                return
            except NOT_READ:
                pass
        for number, row in _by_openpyxl(file, path, sheet):
            if number > last:
                yield number, row


def _by_openpyxl(file: BinaryIO, path: Path, sheet: str | int) -> Iterator[NumberedRow]:
    from openpyxl import load_workbook

    check_workbook(path, file, LARGEST_TRUSTED)
    with closing(load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book:
        names = [each.title for each in book.worksheets]
        cells = book[_sheet_of(names, sheet, path)]
        cells.reset_dimensions()  # what the file says of its size is not to be relied on
        for number, row in enumerate(cells.iter_rows(), 1):
            if number > MAX_ROWS:
                raise ValidationError(f"{path} has more rows than a sheet of Excel can have", "Save it anew")
            yield number, [_value(cell) for cell in row]


def _value(cell: Any) -> Any:
    value = cell.value
    if isinstance(value, str):
        return text_of_cell(value)
    if isinstance(value, datetime) and value.time() == time() and format_kind(cell.number_format) == "date":
        return value.date()
    return value


@contextmanager
def _checked(path: Path) -> Iterator[BinaryIO]:
    """Yield the file, in which nothing is hidden that could do harm; whatever else it raises is said in words."""
    try:
        with _unpacked(path) as file:
            check_workbook(path, file)
            yield file
    except (ValidationError, OSError):
        raise
    except Exception as error:
        # Readers check little of what they read. Of what they say nothing, since it may quote a cell.
        problem = f"{path} is not an Excel workbook, or a damaged one ({type(error).__name__})"
    else:
        return
    raise ValidationError(problem, "Save it as .xlsx anew")


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    if not is_gzipped(path):
        with open_regular(path) as file:  # once: what is read is what was checked
            yield file
        return
    with closing(opened(path, LARGEST)) as packed, tempfile.TemporaryFile() as file:
        shutil.copyfileobj(packed, file, 2**20)
        yield cast(BinaryIO, file)


def _names(path: Path) -> list[str]:
    with _checked(path) as file:
        try:
            with ZipFile(file) as archive:
                return list(contents_of(archive).sheets)
        except NOT_READ:
            from openpyxl import load_workbook

            file.seek(0)
            with closing(load_workbook(file, read_only=True, keep_links=False)) as book:
                return [sheet.title for sheet in book.worksheets]


def _sheet_of(names: list[str], sheet: str | int, path: Path) -> str:
    if isinstance(sheet, str) and sheet in names:
        return sheet
    if isinstance(sheet, int) and -len(names) <= sheet < len(names):
        return names[sheet]
    raise ValidationError(f"{path} has no sheet {sheet!r}", f"It has: {', '.join(names)}", 'sheet="Data"')
