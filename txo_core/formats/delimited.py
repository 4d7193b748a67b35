"""CSV and TSV files: written so that no text becomes a formula, read so that no text becomes a number."""

import codecs
import csv
import io
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from txo_core.exceptions import ValidationError
from txo_core.formats import sources
from txo_core.formats.batches import Batch, Table, as_table, refused
from txo_core.formats.formulas import Formula, guarded, unguarded
from txo_core.formats.selection import Grid, Selection, picked, unique_names
from txo_core.formats.sources import damaged, opened
from txo_core.formats.tables import SCALARS, Unsavable, compact, native, scalar_text
from txo_core.hidden_files import scratch

LONGEST_FIELD = 2**24
"""Characters of a field that are read; a quote that is never closed would take the rest of a file for one."""
UTF_8 = "utf-8-sig"
_ODD = re.compile(r"\0[\s'=+\-@\uff0b-\uff20\ufe62-\ufe6b\u200b\ufeff\x00-\x1f]|[;\t\r\n]")
"""What needs a look at each text of a column; a \\0 stands between them."""
MOST_MISSING, MISSING_FACTOR = 1_000_000, 20
"""Fields that the rows may lack: so many in any case, and so many for each that is there."""


def write_delimited(data: Any, file: BinaryIO, delimiter: str = ",") -> None:
    """Write a header and rows, UTF-8, as RFC 4180 says; None and empty text are both an empty field.

    Text that a spreadsheet would take for a formula (first sign = + - @, tab, line break) gets an apostrophe in
    front, and one more if it has some; `read_delimited` takes one away. Numbers are left alone, and a `Formula` is one.
    """
    table = as_table(data)
    sizes: list[tuple[int, int]] = []
    with scratch(file) as body:
        for batch, before in _counted(table):
            text = _encoded(_lines(table, batch, before, delimiter), batch, before)
            sizes.append((len(text), len(table.columns)))
            body.write(text)
        file.write(_encoded(_text([[guarded(name) for name in table.columns]], delimiter), None, 0))
        body.seek(0)
        if all(width == len(table.columns) for _, width in sizes):
            shutil.copyfileobj(body, file, 2**20)
            return
        for size, width in sizes:
            text = body.read(size)
            file.write(text if width == len(table.columns) else _wider(text, len(table.columns), delimiter))


def read_delimited(path: Path, wanted: Selection, delimiter: str | None = None, encoding: str | None = None) -> Any:
    """Return the rows as dicts of text; nothing is taken for a number, so that leading zeros stay."""
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ValidationError("A delimiter is one character", "Give the one between the fields", 'delimiter=";"')
    largest = sources.LARGEST_TEXT if wanted.whole else None
    lines = islice(_lines_of(path, delimiter or _delimiter_of(path), _known(encoding), largest), wanted.skiprows, None)
    rows = ([unguarded(field) if "'" in field else field for field in line] for line in lines if line)
    header = next(rows, [])
    if delimiter is None and len(header) == 1:
        _check_delimiter(path, header[0])
    return picked(Grid(unique_names(header), _checked(path, rows, len(header)), ""), wanted)


def csv_field(value: Any) -> str:
    """Return one value as a field. Raises Unsavable."""
    value = native(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value if isinstance(value, Formula) else guarded(value)
    return scalar_text(value) if isinstance(value, SCALARS) else guarded(compact(value))


def _counted(table: Table) -> Iterator[tuple[Batch, int]]:
    """Yield each batch, and how many rows came before it."""
    before = 0
    for batch in table.batches:
        yield batch, before
        before += batch.rows


def _lines(table: Table, batch: Batch, before: int, delimiter: str) -> str:
    try:
        columns = [_fields(values) for values in batch.values]
    except Unsavable:
        raise refused(table.columns, batch, before, csv_field) from None
    return _text(zip(*columns, strict=True), delimiter)


def _text(rows: Any, delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def _fields(values: list[Any]) -> list[str]:
    kinds = set(map(type, values))
    if kinds == {str}:
        joined = "\0".join(["", *values, ""])
        if not _ODD.search(joined) and joined.count("\0") == len(values) + 1:
            return values
    elif kinds == {float} and all(map(math.isfinite, values)):
        return list(map(str, values))
    elif kinds == {date}:
        return [value.isoformat() for value in values]
    return list(map(csv_field, values))


def _encoded(text: str, batch: Batch | None, before: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        place = "A column name"
    for number, row in enumerate(zip(*batch.values, strict=True) if batch else (), before + 1):
        try:
            "".join(map(csv_field, row)).encode()
        except UnicodeEncodeError:
            place = f"Row {number}"
            break
    raise ValidationError(
        f"{place} holds half of a surrogate pair, which is no text",
        "Read the source with its right encoding",
        'text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")',
    )


def _wider(text: bytes, width: int, delimiter: str) -> bytes:
    """Return lines with an empty field for each column that came later."""
    rows = csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter)
    return _text((row + [""] * (width - len(row)) for row in rows), delimiter).encode()


def _lines_of(path: Path, delimiter: str, encoding: str, largest: int | None) -> Iterator[list[str]]:
    """Yield the fields of each line; none for an empty one."""
    csv.field_size_limit(LONGEST_FIELD)
    with closing(opened(path, largest)) as file, io.TextIOWrapper(file, encoding, newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            yield from reader
        except csv.Error as error:
            raise damaged(path, reader.line_num, str(error)) from None
        except UnicodeError:
            raise damaged(path, None, f"byte {_bad_byte(path, encoding)} is not {_named(encoding)}") from None


def _checked(path: Path, rows: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    missing = there = 0
    for number, row in enumerate(rows, 1):
        if len(row) > width:
            raise damaged(path, None, f"row {number} has {len(row)} fields, the header {width}")
        there, missing = there + len(row), missing + width - len(row)
        if missing > MOST_MISSING + MISSING_FACTOR * there:
            raise damaged(path, None, f"its rows lack most of the {width:,} fields of the header")
        yield row


def _bad_byte(path: Path, encoding: str) -> int:
    """Return the position of the first byte that is no text, counted from 1."""
    decoder = codecs.getincrementaldecoder("utf-8" if encoding == UTF_8 else encoding)()
    before = 0
    with closing(opened(path)) as file:
        while True:
            piece = file.read(2**20)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                return before - held + error.start + 1
            before += len(piece)
            if not piece:
                return before


def _delimiter_of(path: Path) -> str:
    return "\t" if ".tsv" in (suffix.lower() for suffix in path.suffixes) else ","


def _check_delimiter(path: Path, header: str) -> None:
    other = next((sign for sign in ";\t|," if sign in header), None)
    if other:
        raise ValidationError(
            f"{path} has one column, {header!r}, whose name looks like several",
            f"Say what stands between the fields: delimiter={other!r}; any other sign says that it is one column",
            f'TxoDataHandler().load("data", "{path.name}", delimiter={other!r})',
        )


def _known(encoding: str | None) -> str:
    if encoding is None:
        return UTF_8
    try:
        return UTF_8 if codecs.lookup(encoding).name == "utf-8" else encoding
    except LookupError:
        raise ValidationError(
            f"There is no encoding {encoding!r}", "Give one that Python knows", 'encoding="cp1252"'
        ) from None


def _named(encoding: str) -> str:
    return "UTF-8" if encoding == UTF_8 else encoding
