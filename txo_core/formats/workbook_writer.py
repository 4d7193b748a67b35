"""Workbooks of plain tables, written row by row in flat memory: our own writer, as fast as those in Rust.

`workbook.write_with_openpyxl` writes the same values ten times slower.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, BinaryIO

from txo_core.formats.batches import Batch, Table, as_table, refused
from txo_core.formats.cells import MAX_ROWS, check_sheet_names, check_size, content, too_large
from txo_core.formats.packing import Archive, Packed, TooLarge
from txo_core.formats.sheet_cells import cells, column_letters, header_cells
from txo_core.formats.tables import Unsavable, native
from txo_core.formats.workbook_parts import MAIN, PROLOG, parts, sheet_path
from txo_core.hidden_files import scratch

NARROWEST, WIDEST = 9, 60
SEEN = 100
"""Rows that tell how wide the columns are."""


def write_workbook(data: Any, file: BinaryIO) -> None:
    """Write rows to the sheet "Data", or a dict of sheet name -> rows to one sheet each; also a workbook of openpyxl.

    The header is bold and stays in view. Raises ValidationError for what no sheet holds.
    """
    if hasattr(data, "save") and hasattr(data, "worksheets"):
        data.save(file)
        return
    sheets = data if isinstance(data, Mapping) else {"Data": data}
    check_sheet_names(list(sheets))
    archive = Archive(file)
    for path, text in parts(list(sheets)):
        archive.add(path, text.encode())
    for number, (name, rows) in enumerate(sheets.items(), 1):
        with _within_limits(name):
            _write_sheet(archive, sheet_path(number), name, as_table(rows))
    with _within_limits(name):
        archive.finish()


def _write_sheet(archive: Archive, path: str, name: str, table: Table) -> None:
    check_size(name, table.length or 0, len(table.columns))
    widths: list[int] = []
    with scratch(archive.file) as file:
        packed = Packed(file)
        written = 0
        for batch in table.batches:
            check_size(name, written + batch.rows, len(table.columns))
            packed.write(_rows(table, batch, written).encode())
            _see_widths(widths, batch)
            written += batch.rows
        packed.write(b"</sheetData></worksheet>")
        packed.finish()
        archive.add(path, _beginning(table.columns, widths, written).encode(), packed)


def _rows(table: Table, batch: Batch, before: int) -> str:
    numbers = [str(number) for number in range(before + 2, before + 2 + batch.rows)]
    try:
        columns = [cells(column_letters(place), numbers, values) for place, values in enumerate(batch.values)]
    except Unsavable:
        raise refused(table.columns, batch, before, content) from None
    starts = [f'<row r="{number}">' for number in numbers]
    return "".join(map("".join, zip(starts, *columns, ["</row>"] * batch.rows, strict=True)))


def _beginning(columns: list[str], widths: list[int], rows: int) -> str:
    letters = [column_letters(place) for place in range(len(columns))]
    area = f"A1:{letters[-1]}{rows + 1}" if letters else "A1"
    both = zip_longest(widths, columns, fillvalue=0)  # without rows nothing was seen
    fitting = (min(max(width, len(str(name)) + 2, NARROWEST), WIDEST) for width, name in both)
    cols = "".join(
        f'<col min="{place}" max="{place}" width="{width}" customWidth="1"/>' for place, width in enumerate(fitting, 1)
    )
    try:
        header = header_cells(columns, letters)
    except Unsavable as error:
        raise error.in_row(0) from None
    return (
        f'{PROLOG}<worksheet xmlns="{MAIN}"><dimension ref="{area}"/><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'{f"<cols>{cols}</cols>" if cols else ""}<sheetData><row r="1">{header}</row>'
    )


def _see_widths(widths: list[int], batch: Batch) -> None:
    """Add the widths of columns that are new, as their first values ask for."""
    for values in batch.values[len(widths) :]:
        widths.append(max((len(str(native(value))) for value in values[:SEEN] if value is not None), default=0) + 1)


@contextmanager
def _within_limits(name: str) -> Iterator[None]:
    try:
        yield
    except TooLarge:
        raise too_large(name, "4 GiB of data or more", f"{MAX_ROWS:,} rows") from None
