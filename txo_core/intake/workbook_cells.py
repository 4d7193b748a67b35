"""The cells of a workbook, with what a person sees in Excel and a plain reader does not tell. Imports openpyxl late.

That are leading zeros of a format, formulas whose result was never saved, error values, merged cells and hidden rows.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from txo_core.exceptions import ValidationError
from txo_core.formats.archives import check_workbook
from txo_core.intake.cells import MOST_CELLS, MOST_ROWS, Area, Cell, SourceRow, is_blank
from txo_core.regular_files import open_regular

MOST_AREAS = 1_000
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
PADDED = re.compile(r'(?:"(?P<before>[^"]*)")?(?P<zeros>0+)(?:"(?P<after>[^"]*)")?')
OTHER_KINDS = {b"\xd0\xcf\x11\xe0": "an old .xls workbook, or one with a password", b"%PDF": "a PDF"}
NO_RESULT = "is a formula whose result is not saved in the file: open it in Excel and save it"


class WorkbookCells:
    """The sheets of a workbook; a ValidationError says what is wrong with the file, without a word of its content."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_regular(path)  # once: what is read is what was checked
        self._areas: dict[str, list[Area]] = {}
        self._formats: dict[int, re.Match[str] | None] = {}
        try:
            check_magic(path, self._file)
            with _understood(path):
                check_workbook(path, self._file)
        except BaseException:
            self._file.close()
            raise

    @cached_property
    def _book(self) -> Any:
        with _understood(self._path):
            return load_workbook(self._file, read_only=True, data_only=True, keep_links=False)

    @property
    def visible(self) -> Sequence[str]:
        """The names of the sheets that a person sees."""
        return [sheet.title for sheet in self._book.worksheets if sheet.sheet_state == "visible"]

    @property
    def sheets(self) -> Sequence[str]:
        """The names of all sheets, the hidden ones last."""
        return [*self.visible, *(each.title for each in self._book.worksheets if each.sheet_state != "visible")]

    def rows(self, sheet: str, most: int = 0) -> list[SourceRow]:
        """Return the rows of a sheet that are not blank; the first of them, where it is said how many."""
        page = self._book[sheet]
        rows: list[SourceRow] = []
        cells = 0
        with _understood(self._path), closing(page._get_source()) as source:
            parser = self._parser(page, source)
            for number, found in parser.parse():
                row = SourceRow(number, self._cells(page, found), _is_hidden(parser, number))
                parser.row_dimensions.clear()
                if row.cells:
                    rows.append(row)
                    cells += len(row.cells)
                if len(rows) == most > 0:
                    return rows
                if len(rows) > MOST_ROWS or cells > MOST_CELLS:
                    raise too_many(self._path)
            self._areas[sheet] = _areas(parser)
        return rows

    def _parser(self, page: Any, source: Any) -> "_Parser":
        return _Parser(
            source,
            page._shared_strings,
            data_only=True,
            epoch=self._book.epoch,
            date_formats=self._book._date_formats,
            timedelta_formats=self._book._timedelta_formats,
        )

    def merged(self, sheet: str) -> Sequence[Area]:
        """Return the merged cells of a sheet, once its rows are read to the end."""
        return self._areas.get(sheet, [])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _cells(self, page: Any, found: list[dict[str, Any]]) -> dict[int, Cell]:
        return {
            each["column"]: self._cell(page, each)
            for each in found
            if each["data_type"] == "f" or not is_blank(each["value"])
        }

    def _cell(self, page: Any, found: dict[str, Any]) -> Cell:
        value, kind = found["value"], found["data_type"]
        if kind == "f":
            return Cell("", problem=NO_RESULT)
        if kind == "e":
            return Cell(value, problem=f"is the error {value}, which a formula gave")
        if isinstance(value, str):
            return Cell(ESCAPED.sub(lambda match: chr(int(match[1], 16)), value) if "_x" in value else value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value == int(value):
            return Cell(value, shown=self._padded(page, found, int(value)))
        return Cell(value)

    def _padded(self, page: Any, found: dict[str, Any], value: int) -> str:
        """Return a number as a format of zeros shows it, such as 00123; "" where the format is another."""
        style = found["style_id"]
        if style not in self._formats:
            self._formats[style] = PADDED.fullmatch(ReadOnlyCell(page, **found).number_format)
        match = self._formats[style]
        if match is None or (match["zeros"] == "0" and not (match["before"] or match["after"])):
            return ""
        return f"{match['before'] or ''}{value:0{len(match['zeros'])}d}{match['after'] or ''}"


class _Parser(WorkSheetParser):
    """openpyxl's own, which also tells a formula without a result from an empty cell."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().parse_cell(element)
        if found["value"] is None and element.find(FORMULA_TAG) is not None:
            found["data_type"] = "f"
        return found


@contextmanager
def _understood(path: Path) -> Iterator[None]:
    """Turn what openpyxl raises, which checks little of what it reads, into a sentence, and its warnings into none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about what it would not write back
            yield
    except (ValidationError, OSError):
        raise
    except Exception as error:
        kind = type(error).__name__
    else:
        return
    raise ValidationError(
        f"{path} is no Excel workbook, a damaged one, or one that is still being written ({kind})",
        "Wait until it is copied, or open it in Excel and save it as .xlsx anew",
        f"ls -l {path.parent}",
    )


def check_magic(path: Path, file: BinaryIO) -> None:
    """Refuse a file that begins as something else, and say as what."""
    head = file.read(512)
    file.seek(0)
    if head.startswith(b"PK"):
        return
    kind = next((name for magic, name in OTHER_KINDS.items() if head.startswith(magic)), "")
    if not kind and head.lstrip().lower().startswith((b"<html", b"<!doctype html", b"<table")):
        kind = "a web page, as some programs export it"
    elif not kind and b"\0" not in head:
        kind = "plain text, perhaps CSV"
    raise ValidationError(
        f"{path} is no Excel workbook inside, whatever its name says{f': it is {kind}' * bool(kind)}",
        "Open it in Excel and save it as an Excel workbook (.xlsx); a text file is named .csv",
        f"--file {path.stem}.csv" if "CSV" in kind else f"--file {path.name}",
    )


def too_many(path: Path) -> ValidationError:
    """Return the error for more rows than are read."""
    return ValidationError(
        f"{path} has more than {MOST_ROWS:,} rows, or {MOST_CELLS:,} cells",
        "Delete the empty rows and columns behind the data, or split the file",
        "customers-1.xlsx, customers-2.xlsx",
    )


def _is_hidden(parser: WorkSheetParser, number: int) -> bool:
    return parser.row_dimensions.get(str(number), {}).get("hidden") in ("1", "true")


def _areas(parser: WorkSheetParser) -> list[Area]:
    merged = getattr(parser.merged_cells, "mergeCell", None) or []
    areas = []
    for each in merged[:MOST_AREAS]:
        with suppress(TypeError, ValueError):
            areas.append(Area(each.min_col, each.min_row, each.max_col, each.max_row))
    return areas
