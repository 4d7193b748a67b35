"""Excel workbooks, written row by row and read back with the same values. Imports openpyxl: import it late."""

import errno
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.styles import Font
from openpyxl.writer.excel import ExcelWriter

from txo_core.exceptions import ValidationError
from txo_core.formats.formulas import Formula, starts_a_formula
from txo_core.formats.tables import SCALARS, Table, Unsavable, as_table, compact, native, refused_cell, scalar_text

MAX_ROWS, MAX_COLUMNS, MAX_TEXT, MAX_DIGITS = 1_048_576, 16_384, 32_767, 15
FIRST_YEAR = 1900
FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss", timedelta: "[h]:mm:ss"}
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
SURROGATES = re.compile(r"[\ud800-\udfff]")
NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]|^'|'$")

Content = tuple[str | date | time | timedelta | None, str]


def write_workbook(data: Any, file: BinaryIO) -> None:
    """Write rows to the sheet "Data", or a dict of sheet name -> rows to one sheet each."""
    sheets = data if isinstance(data, Mapping) else {"Data": data}
    tables = {name: as_table(rows) for name, rows in sheets.items()}
    check_sheet_names(list(tables))
    with new_workbook(file) as book:
        for name, table in tables.items():
            _write_sheet(book, name, table)


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


def check_sheet_names(names: list[str]) -> None:
    """Refuse names that Excel does, such as two that differ only in case."""
    lower = [str(name).lower() for name in names]
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= 31 or NOT_IN_SHEET_NAME.search(name):
            problem = f"{name!r} cannot be the name of a sheet"
        elif lower.count(name.lower()) > 1 or name.lower() == "history":
            problem = f"The sheet name {name!r} is taken; upper and lower case are the same to Excel"
        else:
            continue
        raise ValidationError(problem, "Use 1 to 31 characters without [ ] : * ? / \\", '{"Customers": rows}')
    if not names:
        raise ValidationError("A workbook has at least one sheet", "Give rows, or a dict of sheets", '{"Data": rows}')


def content(value: Any) -> Content:
    """Return what stands in a cell and its type (s text, n number, b boolean, d date, f formula). Raises Unsavable.

    Numbers are written digit by digit: openpyxl would round them to 16.
    """
    value = native(value)
    if value is None:
        return None, "n"
    if isinstance(value, str):
        return cell_text(value), "f" if isinstance(value, Formula) else "s"
    if isinstance(value, bool):
        return str(int(value)), "b"
    if isinstance(value, (int, float, Decimal)):
        return (str(value), "n") if _exact(value) else (scalar_text(value), "s")
    if isinstance(value, (date, time, timedelta)):
        return _moment(value)
    return cell_text(scalar_text(value) if isinstance(value, SCALARS) else compact(value)), "s"


def cell_text(text: str) -> str:
    """Return text in the form that Excel wants: control characters as `_x0001_`, half characters replaced."""
    if not fits_cell(text):
        raise Unsavable(f"a text of {len(text):,} characters, and an Excel cell holds {MAX_TEXT:,}")
    return SURROGATES.sub("\ufffd", NOT_IN_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", text))


def fits_cell(text: str) -> bool:
    """Tell whether Excel, which counts an emoji as two characters, takes this text into one cell."""
    return len(text) <= MAX_TEXT // 2 or len(text.encode("utf-16-le", "surrogatepass")) <= 2 * MAX_TEXT


def put(cell: Cell, value: Any) -> Cell:
    """Put a value into the cell, as `content` says, so that no text ever becomes a formula, not even when edited."""
    cell._value, cell.data_type = content(value)  # type: ignore[attr-defined]
    if cell.data_type == "s" and starts_a_formula(str(cell.value)):
        cell.quotePrefix = True
    return cell


def _write_sheet(book: Workbook, name: str, table: Table) -> None:
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    if len(table.columns) > MAX_COLUMNS:
        raise too_large(name, f"{len(table.columns):,} columns", f"{MAX_COLUMNS:,}")
    bold = Font(bold=True)
    header = [put(WriteOnlyCell(sheet), column) for column in table.columns]
    for cell in header:
        cell.font = bold
    sheet.append(header)
    make = partial(_cell, sheet)
    for number, row in enumerate(table.rows, 1):
        if number >= MAX_ROWS:
            raise too_large(name, "more rows", f"{MAX_ROWS - 1:,}")
        try:
            sheet.append([make(value) for value in row])
        except Unsavable:
            raise refused_cell(table.columns, row, number, content) from None


def _cell(sheet: Any, value: Any) -> Cell | None:
    if value is None:
        return None
    cell = put(WriteOnlyCell(sheet), value)
    if cell.data_type == "d":
        cell.number_format = next(form for kind, form in FORMATS.items() if isinstance(cell.value, kind))
    return cell


def _exact(value: int | float | Decimal) -> bool:
    """Tell whether Excel keeps this number: it holds doubles and shows 15 digits."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return len(str(abs(value))) <= MAX_DIGITS
    digits = "".join(map(str, value.as_tuple().digits)).strip("0")
    return value.is_finite() and len(digits) <= MAX_DIGITS and -300 < value.adjusted() < 300


def _moment(value: date | time | timedelta) -> Content:
    """Return a date or time as Excel has it: without a zone, so in UTC; text where it has none, as before 1900."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date) and value.year < FIRST_YEAR:
        return value.isoformat(), "s"
    if isinstance(value, timedelta) and value < timedelta(0):
        return str(value), "s"
    if isinstance(value, time) and value.tzinfo:
        return value.isoformat(), "s"
    return value, "d"


def too_large(sheet: str, what: str, limit: str) -> ValidationError:
    """Return the error for a sheet with more than Excel holds."""
    return ValidationError(
        f"The sheet {sheet!r} would have {what}, and Excel holds {limit}",
        "Save the rows as .csv or .jsonl, or spread them over several sheets",
        'TxoDataHandler().save(rows, "output", "customers.csv")',
    )


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
