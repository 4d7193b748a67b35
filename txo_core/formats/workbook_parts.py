"""The parts of a workbook that say what there is: its sheets, the looks of cells, who refers to whom (ECMA-376)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from xml.sax.saxutils import escape, quoteattr

from txo_core.formats.cells import FORMATS

PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
FIRST_FORMAT = 164
"""Numbers below are those of formats that every program knows."""


def parts(sheets: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each part but the sheets themselves, which are `sheet_path(1)` and so on."""
    yield "[Content_Types].xml", _content_types(len(sheets))
    yield "_rels/.rels", _relationships([(f"{OFFICE}/officeDocument", "xl/workbook.xml")])
    yield "xl/workbook.xml", _workbook(sheets)
    targets = [(f"{OFFICE}/worksheet", sheet_path(number)[3:]) for number in range(1, len(sheets) + 1)]
    yield "xl/_rels/workbook.xml.rels", _relationships([*targets, (f"{OFFICE}/styles", "styles.xml")])
    yield "xl/styles.xml", _styles()


def sheet_path(number: int) -> str:
    """Return the name of the entry in which a sheet lies; the first is 1."""
    return f"xl/worksheets/sheet{number}.xml"


def _content_types(sheets: int) -> str:
    overrides = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    overrides += [(f"/{sheet_path(number)}", "worksheet") for number in range(1, sheets + 1)]
    return (
        f'{PROLOG}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        + "".join(f'<Override PartName="{name}" ContentType="{TYPE}{kind}+xml"/>' for name, kind in overrides)
        + "</Types>"
    )


def _relationships(targets: Sequence[tuple[str, str]]) -> str:
    lines = (
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'{PROLOG}<Relationships xmlns="{PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def _workbook(sheets: Sequence[str]) -> str:
    lines = (
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(sheets, 1)
    )
    return (
        f'{PROLOG}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><bookViews><workbookView/></bookViews>'
        f'<sheets>{"".join(lines)}</sheets><calcPr calcId="0" fullCalcOnLoad="1"/></workbook>'
    )


def _styles() -> str:
    """Return the looks of cells, in the order that `sheet_cells` counts them."""
    kinds = (datetime, date, time, timedelta)
    formats = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{escape(FORMATS[kind])}"/>'
        for number, kind in enumerate(kinds, FIRST_FORMAT)
    )
    looks = [
        _look(),
        _look(quoted=True),
        *[_look(number_format=number) for number in range(FIRST_FORMAT, FIRST_FORMAT + len(kinds))],
        _look(font=1),
        _look(font=1, quoted=True),
    ]
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    return (
        f'{PROLOG}<styleSheet xmlns="{MAIN}"><numFmts count="{len(kinds)}">{formats}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(looks)}">{"".join(looks)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _look(number_format: int = 0, font: int = 0, quoted: bool = False) -> str:
    return (
        f'<xf numFmtId="{number_format}" fontId="{font}" fillId="0" borderId="0" xfId="0"'
        + (' applyNumberFormat="1"' if number_format else "")
        + (' applyFont="1"' if font else "")
        + (' quotePrefix="1"' if quoted else "")
        + "/>"
    )
