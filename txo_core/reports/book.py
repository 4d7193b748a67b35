"""A workbook of openpyxl whose long sheets are written row by row, as text, straight into the file.

openpyxl makes everything but these rows: styles, widths, tables, charts, links. Nothing lies in a temporary file.
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.functions import Element, tostring

LEVEL = 4
"""Of zlib: half the time of the usual 6, for a tenth more bytes."""
NO_ROWS, START, END = b"<sheetData/>", b"<sheetData>", b"</sheetData>"


def save_book(book: Workbook, file: BinaryIO, rows: Mapping[str, Iterable[str]]) -> None:
    """Write the workbook to the file. `rows` has the XML of the rows of those sheets, by name, that have no cells."""
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        StreamingWriter(book, archive, rows).save()


class StreamingWriter(ExcelWriter):
    """openpyxl's writer, which takes rows of some sheets as text."""

    def __init__(self, book: Workbook, archive: ZipFile, rows: Mapping[str, Iterable[str]]) -> None:
        super().__init__(book, archive)
        self._charts: list[Any] = []
        self._archive: ZipFile = archive
        self._rows = rows

    def write_worksheet(self, ws: Any) -> None:
        """Write one sheet into the archive; openpyxl calls this for each."""
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts, ws._drawing.images = ws._charts, ws._images
        writer: Any = WorksheetWriter(ws, BytesIO())
        writer.write()
        ws._rels = writer._rels
        self.manifest.append(ws)
        with self._archive.open(ws.path[1:], "w", force_zip64=True) as part:
            self._write_parts(part, writer.read(), self._rows.get(ws.title))

    def _write_charts(self) -> None:
        """Write the charts, each without a title: Excel gives one of a single series its name otherwise."""
        for chart in self._charts:
            tree = chart._write()
            if chart.title is None:
                tree.find("chart").insert(0, Element("autoTitleDeleted", {"val": "1"}))
            self._archive.writestr(chart.path[1:], tostring(tree))
            self.manifest.append(chart)

    def _write_parts(self, part: Any, xml: bytes, rows: Iterable[str] | None) -> None:
        if rows is None:
            part.write(xml)
            return
        before, found, after = xml.replace(START + END, NO_ROWS).partition(NO_ROWS)
        if not found:
            raise ValueError("a sheet whose rows are written as text has cells of its own")
        part.write(before + START)
        for text in rows:
            part.write(text.encode())
        part.write(END + after)
