"""The cells of a CSV or TSV file, whatever program wrote it: separators, encodings and Excel's own hints."""

import codecs
import csv
import io
import logging
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from txo_core.exceptions import ValidationError
from txo_core.formats.formulas import unguarded
from txo_core.intake.cells import MOST_CELLS, MOST_ROWS, Area, Cell, SourceRow, is_blank
from txo_core.regular_files import TooLarge, read_regular

LARGEST = 256 * 2**20
SEPARATORS = (";", "\t", ",", "|")
NAMES = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
LOOKED_AT = 50
"""Rows that are enough to tell the separator."""
HINT = re.compile(r"\s*\"?sep=(?P<separator>.)\"?\r?\n", re.IGNORECASE)
WHOLE = ""
"""The name of the one sheet of a text file."""
ERRORS = {"#N/A", "#NV", "#REF!", "#BEZUG!", "#DIV/0!", "#NAME?", "#VALUE!", "#WERT!", "#NUM!", "#ZAHL!", "#NULL!"}
"""What Excel writes for errors of formulas, in English and in German."""

logger = logging.getLogger("txo_core.intake")


class SeparatedText:
    """A text file as a source with one sheet, which has no name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = decoded(path)
        hint = HINT.match(self._text)
        self._text = self._text[hint.end() :] if hint else self._text
        self._separator = hint["separator"] if hint else separator_of(self._text)

    @property
    def visible(self) -> Sequence[str]:
        """The one sheet."""
        return [WHOLE]

    @property
    def sheets(self) -> Sequence[str]:
        """The one sheet."""
        return [WHOLE]

    def rows(self, sheet: str, most: int = 0) -> list[SourceRow]:
        """Return the rows that are not blank, counted as a spreadsheet that opens the file counts them."""
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._separator, strict=True)
        rows: list[SourceRow] = []
        cells = number = 0
        try:
            for number, fields in enumerate(reader, 1):
                row = SourceRow(number, {i: _cell(text) for i, text in enumerate(fields, 1) if not is_blank(text)})
                if row.cells:
                    rows.append(row)
                    cells += len(row.cells)
                if len(rows) == most > 0:
                    break
                if len(rows) > MOST_ROWS or cells > MOST_CELLS:
                    raise _refused(
                        self._path, f"has more than {MOST_ROWS:,} rows, or {MOST_CELLS:,} cells", "Split the file"
                    )
        except csv.Error:
            place = f"row {number + 1}, line {reader.line_num}"
            problem = f"cannot be read at {place}: a quotation mark there is not closed, or stands inside a value"
            fix = 'Write a quotation mark inside a value twice, and put the value between two: "the ""big"" one"'
            raise _refused(self._path, problem, fix) from None
        return rows

    def merged(self, sheet: str) -> Sequence[Area]:
        """Return nothing: text has no merged cells."""
        return []

    def close(self) -> None:
        """Let go of the text."""
        self._text = ""


def decoded(path: Path) -> str:
    """Return the text of a file in UTF-8, UTF-16 with its mark, or else Windows-1252, as Excel writes CSV."""
    try:
        raw = read_regular(path, LARGEST)
    except TooLarge:
        raise _refused(path, f"has more than {LARGEST // 2**20} MiB", "Split it") from None
    if raw.startswith(b"PK\x03\x04"):
        raise _refused(path, "is a workbook inside, whatever its name says", f"Name it {path.stem}.xlsx")
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        if encoding == "cp1252":
            logger.info("%s is no UTF-8 and is read as Windows-1252, as Excel writes CSV", path.name)
        return text
    raise _refused(path, "is no text in UTF-8, UTF-16 or Windows-1252", "Save it in Excel as CSV UTF-8")


def separator_of(text: str) -> str:
    """Return what stands between the fields: what cuts most rows into the same number of fields, and into many."""
    best, most = ",", 0
    for separator in SEPARATORS:
        try:
            sizes = Counter(map(len, islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), LOOKED_AT)))
        except csv.Error:
            continue
        weight = max(((size - 1) * times for size, times in sizes.items()), default=0)
        if weight > most:
            best, most = separator, weight
    return best


def _cell(text: str) -> Cell:
    """Return a cell of the text, without the apostrophe by which a formula is kept from being one."""
    word = text.strip()
    problem = f"is the error {word}, which a formula gave" if word in ERRORS else ""
    return Cell(unguarded(text), problem=problem)


def _refused(path: Path, problem: str, how_to_fix: str) -> ValidationError:
    return ValidationError(f"{path} {problem}", how_to_fix, f"--file {path.name}")
