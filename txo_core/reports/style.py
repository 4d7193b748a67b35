"""How a report looks: colours, cell styles, tables and page set-up, in one place. Imports openpyxl: import it late."""

import re
from collections.abc import Sequence
from typing import Any

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo

from txo_core.formats.cells import cell_text
from txo_core.formats.workbook import put

FONT, INK, GREY, LINE, HEADER, PALE = "Calibri", "1F2933", "6B7785", "E1E6EC", "1F3A5F", "F5F8FB"
TONES = {"good": ("E3F4E8", "1E7B3A"), "warn": ("FFF3D6", "8A5A00"), "bad": ("FCE4E4", "B3261E"), "calm": (PALE, INK)}
# word: size, bold, colour
FONTS = {
    "title": (20, True, HEADER),
    "subtitle": (12, False, GREY),
    "section": (13, True, HEADER),
    "verdict": (13, True, INK),
    "header": (11, True, "FFFFFF"),
    "label": (11, False, GREY),
    "note": (11, False, GREY),
    "link": (11, False, "1A5FB4"),
    "total": (11, True, INK),
}
LINED = frozenset({"text", "right", "centre", "wrapped", "label", "link", "total"})
DATE, CLOCK, SPAN = "yyyy-mm-dd", "hh:mm:ss", "[h]:mm:ss"
HAIRLINE = Border(bottom=Side(style="thin", color=LINE))
TABLE_STYLE = "TableStyleMedium2"
A4 = 9
ROW_HEIGHT, HEADER_HEIGHT = 18, 24
SCREEN, PAPER = 190, 230
"""How many characters a screen shows side by side, and a page of A4 in a size that can still be read."""


class Looks:
    """The looks of one workbook, each built once. A look is a word or two: "title", "bad text", "text top"."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._made: dict[tuple[str, str, bool], Any] = {}

    def number(self, look: str, number_format: str = "General", quoted: bool = False) -> int:
        """Return the number under which the workbook knows this look; a `quoted` text stays one when it is edited."""
        return int(self._model(look, number_format, quoted).style_id)

    def put(self, cell: Cell, value: Any, look: str = "text", number_format: str = "General") -> Cell:
        """Put a value into a cell of the workbook, in that look; text never becomes a formula."""
        put(cell, value)
        quoted = bool(cell.has_style and cell.quotePrefix)
        cell._style = self._model(look, number_format, quoted)._style  # type: ignore[attr-defined]
        return cell

    def _model(self, look: str, number_format: str, quoted: bool) -> Any:
        key = (look, number_format, quoted)
        if key not in self._made:
            model = Cell(self._sheet, row=1, column=1)
            _dress(model, look)
            model.number_format, model.quotePrefix = number_format, quoted
            self._made[key] = model
        return self._made[key]


def _dress(cell: Cell, look: str) -> None:
    """Give the cell a look: one of the words below, or a tone of `TONES` with one of them after it."""
    first, *rest = look.split()
    background, ink = TONES.get(first, ("", INK))
    word = (rest or ["verdict" if background else ""])[0] if background else first
    size, bold, colour = FONTS.get(word, (11, bool(background), ink))
    cell.font = Font(name=FONT, size=size, bold=bold, color=ink if background else colour)
    cell.alignment = _alignment(word, rest)
    if word == "header":
        cell.fill = _fill(HEADER)
    elif word == "link":
        cell.font = Font(name=FONT, size=size, color=colour, underline="single")
    elif background:
        cell.fill = _fill(background)
    if word in LINED:
        cell.border = HAIRLINE


def _alignment(word: str, rest: list[str]) -> Alignment:
    if word in ("title", "subtitle", "section"):
        return Alignment(vertical="center")
    if word == "note":
        return Alignment(vertical="center", indent=1)
    if word == "header" and "right" in rest:
        # so far from the edge that the filter's arrow does not cover it
        return Alignment(horizontal="right", vertical="center", indent=2)
    horizontal = {"right": "right", "total": "right", "centre": "center"}.get(word, "left")
    return Alignment(
        horizontal=horizontal,
        vertical="top" if "top" in rest else "center",
        indent=0 if word == "centre" else 1,
        wrap_text=word == "wrapped",
    )


def _fill(colour: str) -> PatternFill:
    return PatternFill("solid", start_color=colour, end_color=colour)


def set_page(sheet: Any, widths: Sequence[float], footer: str) -> None:
    """Set column widths, and a page that prints: landscape A4, numbered, no more pages side by side than it needs."""
    for position, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(position)].width = width
    sheet.sheet_view.showGridLines = False
    sheet.sheet_format.defaultRowHeight, sheet.sheet_format.customHeight = ROW_HEIGHT, True
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = max(1, round(sum(widths) / PAPER)), 0
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.page_margins.top, sheet.page_margins.bottom, sheet.page_margins.footer = 0.6, 0.75, 0.35
    sheet.oddFooter.left.text = footer.replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"


def set_table(sheet: Any, title: str, names: Sequence[str], rows: int, widths: Sequence[float], banded: bool) -> None:
    """Make rows below a header a table: it filters, its bands follow what is shown, and formulas can name it.

    The header stays in sight and is repeated in print; where the table is wider than a screen, so does the first
    column. Formulas know the table by its title, with an underscore for each character that they do not allow.
    """
    name = re.sub(r"\W", "_", f"txo_{title}")
    taken = {table.casefold() for other in sheet.parent.worksheets for table in other.tables}
    while name.casefold() in taken:
        name += "_"
    area = f"A1:{get_column_letter(len(names))}{rows + 1}"
    wide = sum(widths) > SCREEN and len(names) > 1
    sheet.freeze_panes = "B2" if wide else "A2"
    sheet.print_title_rows = "1:1"
    if wide:
        sheet.print_title_cols = "A:A"
    table: Any = Table(displayName=name, name=name, ref=area)
    table.tableStyleInfo = TableStyleInfo(name=TABLE_STYLE, showRowStripes=banded)
    table._initialise_columns()
    for column, text in zip(table.tableColumns, names, strict=True):
        column.name = cell_text(text)
    sheet.add_table(table)
    sheet.calculate_dimension = lambda: area
