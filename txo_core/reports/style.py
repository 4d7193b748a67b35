"""How a report looks: colours, cell styles and page set-up, in one place. Imports openpyxl: import it late."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties

from txo_core.formats.workbook import fits_cell, put

FONT, INK, GREY, LINE, HEADER, BAND = "Calibri", "1F2933", "6B7785", "E1E6EC", "1F3A5F", "F5F8FB"
TONES = {"good": ("E3F4E8", "1E7B3A"), "warn": ("FFF3D6", "8A5A00"), "bad": ("FCE4E4", "B3261E"), "calm": (BAND, INK)}
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
    "bar": (11, False, INK),
}
LINED = frozenset({"text", "right", "centre", "wrapped", "label", "link", "bar"})
DATE, MOMENT, CLOCK, SPAN = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "hh:mm:ss", "[h]:mm:ss"
HAIRLINE = Border(bottom=Side(style="thin", color=LINE))
A4 = 9
ROW_HEIGHT = 18
LONGEST_TEXT = 16_000


class Pen:
    """Makes cells of one sheet; each look is built once and shared, so that a hundred thousand rows stay cheap."""

    def __init__(self, sheet: Any) -> None:
        self.sheet = sheet
        self._looks: dict[tuple[str, str, bool], Any] = {}

    def cell(self, value: Any, look: str = "text", number_format: str = "General") -> Cell:
        """Return a cell with this value in one of the looks: a word such as "text" or "title", or "bad text"."""
        if isinstance(value, str) and not fits_cell(value):
            value = f"{value[:LONGEST_TEXT]}… ({len(value):,} characters)"
        cell = put(WriteOnlyCell(self.sheet), value)
        quoted = bool(cell.has_style and cell.quotePrefix)
        if (look, number_format, quoted) not in self._looks:
            model = WriteOnlyCell(self.sheet)
            _dress(model, look)
            model.number_format, model.quotePrefix = number_format, quoted
            self._looks[look, number_format, quoted] = model._style  # type: ignore[attr-defined]
        cell._style = self._looks[look, number_format, quoted]  # type: ignore[attr-defined]
        return cell

    def value(self, value: Any, number_format: str) -> Cell:
        """Return a cell of a table: numbers and dates to the right, yes and no in the middle, text to the left."""
        if isinstance(value, bool):
            return self.cell("Yes" if value else "No", "centre")
        if isinstance(value, (int, float, Decimal, date, time, timedelta)):
            cell = self.cell(value, "right", number_format)
            return cell if cell.data_type != "s" else self.cell(value, "right")
        return self.cell(value)

    def link(self, sheet: str) -> Cell:
        """Return a cell that leads to another sheet."""
        cell = self.cell(sheet, "link")
        cell.hyperlink = Hyperlink(ref="A1", location="'{}'!A1".format(sheet.replace("'", "''")))
        return cell

    def row(self, *cells: tuple[Any, str] | Cell | None) -> None:
        """Add a row of cells or (value, look) pairs; None leaves a cell out."""
        self.sheet.append([self.cell(*cell) if isinstance(cell, tuple) else cell for cell in cells])


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
    elif background and word != "bar":
        cell.fill = _fill(background)
    if word in LINED:
        cell.border = HAIRLINE


def _alignment(word: str, rest: list[str]) -> Alignment:
    if word in ("title", "subtitle", "section", "note"):
        return Alignment(vertical="center")
    if word == "header" and rest:
        # so far from the edge that the filter's arrow does not cover it
        return Alignment(horizontal="right", vertical="center", indent=2)
    horizontal = {"right": "right", "centre": "center"}.get(word, "left")
    indent = 0 if word == "centre" else 1
    return Alignment(horizontal=horizontal, vertical="center", indent=indent, wrap_text=word == "wrapped")


def _fill(colour: str) -> PatternFill:
    return PatternFill("solid", start_color=colour, end_color=colour)


def set_page(sheet: Any, widths: Iterable[float], footer: str) -> None:
    """Set column widths, and a page that prints: landscape A4, as wide as the paper, numbered."""
    for position, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(position)].width = width
    sheet.sheet_view.showGridLines = False
    sheet.sheet_format.defaultRowHeight, sheet.sheet_format.customHeight = ROW_HEIGHT, True
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.page_margins.top = sheet.page_margins.bottom = 0.6
    sheet.oddFooter.left.text = footer.replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"


def set_table(sheet: Any, columns: int, rows: int, banded: bool = True) -> None:
    """Freeze the header in row 1, repeat it in print, filter it, and shade every second row where that helps."""
    area = f"A1:{get_column_letter(columns)}{rows + 1}"
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.auto_filter.ref = area
    sheet.row_dimensions[1].height = 24
    if banded and rows:
        shade = DifferentialStyle(fill=PatternFill(bgColor=BAND))
        band = Rule(type="expression", formula=["MOD(ROW(),2)=1"], dxf=shade)
        sheet.conditional_formatting.add(area.replace("A1", "A2", 1), band)


def display_format(value: Any, places: int) -> str:
    """Return the number format of a value in a column whose numbers have so many decimal places."""
    if isinstance(value, datetime):
        return MOMENT
    if isinstance(value, (date, time, timedelta)):
        return DATE if isinstance(value, date) else CLOCK if isinstance(value, time) else SPAN
    return f"#,##0.{'0' * places}" if places else "0"
