"""Excel workbooks by openpyxl: the one engine with styles, and the trusted one. Imports openpyxl: import it late."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.styles import Font
from openpyxl.writer.excel import ExcelWriter

from txo_core.formats.batches import Batch, Table, as_table, refused
from txo_core.formats.cells import (
    FORMATS,
    MAX_ROWS,
    cell_text,
    check_sheet_names,
    check_size,
    content,
    fits_cell,
    too_large,
)
from txo_core.formats.formulas import starts_a_formula
from txo_core.formats.tables import Unsavable

__all__ = [
    "MAX_ROWS",
    "cell_text",
    "check_sheet_names",
    "content",
    "fits_cell",
    "new_workbook",
    "put",
    "too_large",
    "write_with_openpyxl",
]


def write_with_openpyxl(data: Any, file: BinaryIO) -> None:
    """Write the same workbook as `workbook_writer.write_workbook`, ten times slower; all rows are in memory."""
    sheets = data if isinstance(data, Mapping) else {"Data": data}
    check_sheet_names(list(sheets))
    with new_workbook(file) as book:
        for name, rows in sheets.items():
            _write_sheet(book, name, as_table(rows))


@contextmanager
def new_workbook(file: BinaryIO) -> Iterator[Workbook]:
    """Yield a write-only workbook that is in the file when the block ends well; no trace of it stays otherwise."""
    book = Workbook(write_only=True)
    try:
        yield book
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            ExcelWriter(book, archive).save()
    except Exception as error:
        if type(error).__name__ == "SerialisationError":
            raise _as_os_error(error) from error
        raise
    finally:
        for sheet in book.worksheets:
            _discard(sheet)


def put(cell: Cell, value: Any) -> Cell:
    """Put a value into the cell, as `content` says, so that no text ever becomes a formula, not even when edited."""
    cell._value, cell.data_type = content(value)  # type: ignore[attr-defined]
    if cell.data_type == "s" and starts_a_formula(str(cell.value)):
        cell.quotePrefix = True
    return cell


def _write_sheet(book: Workbook, name: str, table: Table) -> None:
    """Write a sheet; the header comes first here, so that all rows have to come before anything is written."""
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    batches = list(table.batches)
    check_size(name, sum(batch.rows for batch in batches), len(table.columns))
    bold = Font(bold=True)
    header = [put(WriteOnlyCell(sheet), column) for column in table.columns]
    for cell in header:
        cell.font = bold
    sheet.append(header)
    written = 0
    for batch in batches:
        _write_batch(sheet, table, batch, written)
        written += batch.rows


def _write_batch(sheet: Any, table: Table, batch: Batch, before: int) -> None:
    make = partial(_cell, sheet)
    try:
        for row in zip(*batch.values, strict=True):
            sheet.append([make(value) for value in row])
    except Unsavable:
        raise refused(table.columns, batch, before, content) from None


def _cell(sheet: Any, value: Any) -> Cell | None:
    if value is None:
        return None
    cell = put(WriteOnlyCell(sheet), value)
    if cell.data_type == "d":
        cell.number_format = next(form for kind, form in FORMATS.items() if isinstance(cell.value, kind))
    return cell


def _as_os_error(error: Exception) -> OSError:
    """Return what lxml hides in an error of its own, whose text is `IO_ENOSPC`."""
    number = getattr(errno, str(error).removeprefix("IO_"), errno.EIO)
    return OSError(number, os.strerror(number))


def _discard(sheet: Any) -> None:
    """Remove openpyxl's own temporary file, which it keeps until the process ends when saving fails."""
    if sheet._writer is None:
        return
    with suppress(Exception):
        if not sheet.closed:
            sheet.close()
    Path(sheet._writer.out).unlink(missing_ok=True)
