"""How data becomes bytes, and comes back: one writer and one reader for each kind of text file."""

import codecs
import csv
import importlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from txo_core.exceptions import ValidationError
from txo_core.formats.formulas import Formula, guarded, unguarded
from txo_core.formats.structured_text import Malformed, parse_json, parse_yaml
from txo_core.formats.tables import (
    SCALARS,
    Unsavable,
    as_table,
    compact,
    is_frame,
    native,
    plain,
    refused_cell,
    scalar_text,
)
from txo_core.regular_files import TooLarge, read_regular

_FILLED_LINE = re.compile(r"[^\n]+")
LARGEST_CSV_FIELD = 2**31 - 1
LARGEST_TEXT = 512 * 2**20
"""Bytes of a text file; read, it takes several times as much memory."""
MOST_MISSING, MISSING_FACTOR = 1_000_000, 20
"""Fields that the rows of a CSV may lack: so many in any case, and so many for each that is there."""
LARGEST_YAML = 4 * 2**20
"""Bytes of a YAML document, whose reader is slow."""


def write_json(data: Any, file: BinaryIO) -> None:
    """Write rows one to a line, in an array; any other data with indents."""
    rows = _rows(data)
    if rows is None:
        file.write(_document(data))
        return
    separator = b"[\n"
    for line in _json_lines(rows):
        file.write(separator + line)
        separator = b",\n"
    file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def write_json_lines(data: Any, file: BinaryIO) -> None:
    """Write one row to a line."""
    rows = _rows(data)
    if rows is None:
        raise ValidationError("JSON Lines are a list of rows", "Give a list, or save as .json", "[{...}, {...}]")
    for line in _json_lines(rows):
        file.write(line + b"\n")


def write_csv(data: Any, file: BinaryIO) -> None:
    """Write a header and rows, UTF-8, commas, as RFC 4180 says; None and empty text are both an empty field.

    Text that a spreadsheet would take for a formula (first sign = + - @, tab, line break) gets an apostrophe in
    front, and one more if it has some; `read_csv` takes one away. Numbers are left alone, and a `Formula` is one.
    """
    table = as_table(data)
    writer = csv.writer(codecs.getwriter("utf-8")(file))
    writer.writerow([guarded(name) for name in table.columns])
    for number, row in enumerate(table.rows, 1):
        try:
            writer.writerow([csv_field(value) for value in row])
        except Unsavable:
            raise refused_cell(table.columns, row, number, csv_field) from None
        except UnicodeEncodeError:
            raise ValidationError(
                f"Row {number} holds half of a surrogate pair, which is no text",
                "Read the source with its right encoding",
                'text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")',
            ) from None


def csv_field(value: Any) -> str:
    """Return one value as a CSV field. Raises Unsavable."""
    value = native(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value if isinstance(value, Formula) else guarded(value)
    return scalar_text(value) if isinstance(value, SCALARS) else guarded(compact(value))


def write_text(data: Any, file: BinaryIO) -> None:
    """Write text as it is, in UTF-8."""
    if not isinstance(data, str):
        raise ValidationError(
            f"A text file holds text, not a value of type {type(data).__name__}",
            "Give a str, or save as .json or .csv",
            '"\\n".join(lines)',
        )
    try:
        file.write(data.encode())
    except UnicodeEncodeError:
        raise ValidationError("The text holds half of a surrogate pair", "Read the source with its encoding") from None


def write_yaml(data: Any, file: BinaryIO) -> None:
    """Write a YAML document with the same plain values as JSON has."""
    yaml = importlib.import_module("yaml")
    rows = _rows(data)
    try:
        document = plain(data if rows is None else list(rows))
    except Unsavable as error:
        raise (_from_row(error) if rows is not None else error.in_document()) from None
    except RecursionError:
        raise _circular() from None
    yaml.dump(document, file, Dumper=yaml.SafeDumper, allow_unicode=True, sort_keys=False, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what the JSON file holds."""
    return _parsed(path, parse_json, read_text(path))


def read_json_lines(path: Path) -> list[Any]:
    """Return the rows of a JSON Lines file; empty lines do not count."""
    return [_parsed(path, parse_json, line, number) for number, line in _lines(path) if line.strip()]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows as dicts of text; nothing is taken for a number, so that leading zeros stay."""
    csv.field_size_limit(LARGEST_CSV_FIELD)
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        rows = [[unguarded(field) for field in row] for row in reader if row]
    except csv.Error as error:
        raise _damaged(path, reader.line_num, str(error)) from None
    header, *body = rows or [[]]
    missing, most = 0, MOST_MISSING + MISSING_FACTOR * sum(map(len, body))
    for number, row in enumerate(body, 1):
        if len(row) > len(header):
            raise _damaged(path, None, f"row {number} has {len(row)} fields, the header {len(header)}")
        missing += len(header) - len(row)
        if missing > most:
            raise _damaged(path, None, f"its rows lack most of the {len(header):,} fields of the header")
        row.extend([""] * (len(header) - len(row)))
    return [dict(zip(header, row, strict=True)) for row in body]


def read_text(path: Path, largest: int | None = None) -> str:
    """Return the text of a UTF-8 file of at most so many bytes; a byte order mark is left out."""
    largest = LARGEST_TEXT if largest is None else min(largest, LARGEST_TEXT)
    try:
        return read_regular(path, largest).decode("utf-8-sig")
    except TooLarge:
        raise ValidationError(
            f"{path} has more than {largest // 2**20:,} MiB, too much to be read as a whole",
            "Split it, or read it piece by piece",
            'for rows in pandas.read_csv(get_path("data", "big.csv"), dtype=str, chunksize=10_000):',
        ) from None
    except UnicodeDecodeError as error:
        raise _damaged(path, None, f"byte {error.start + 1} is not UTF-8") from None


def read_yaml(path: Path) -> Any:
    """Return what the YAML document holds; only plain values, never Python objects."""
    return _parsed(path, parse_yaml, read_text(path, LARGEST_YAML))


def _rows(data: Any) -> Iterator[Any] | None:
    """Return an iterator over the rows, or None for data that is no list of rows."""
    if is_frame(data):
        table = as_table(data)
        return (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable) or hasattr(data, "model_dump"):
        return None
    return iter(data)


def _json_lines(rows: Iterator[Any]) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        try:
            yield _json(row)
        except Unsavable as error:
            raise error.in_row(number) from None
        except RecursionError:
            raise _circular() from None


def _document(data: Any) -> bytes:
    try:
        return _json(data, indent=2) + b"\n"
    except Unsavable as error:
        raise error.in_document() from None
    except RecursionError:
        raise _circular() from None


def _json(value: Any, indent: int | None = None) -> bytes:
    """Return the value as JSON; the second try is for what the fast one refuses, such as NaN and dates as keys."""
    form = partial(json.dumps, allow_nan=False, ensure_ascii=False, indent=indent)
    try:
        text = form(value, default=plain)
    except (TypeError, ValueError, Unsavable):
        text = form(plain(value))
    # only half a surrogate pair has no UTF-8, and its backslash form is the escape that JSON has for it
    return text.encode("utf-8", "backslashreplace")


def _from_row(error: Unsavable) -> ValidationError:
    number, *steps = error.steps
    return Unsavable(error.what, *steps).in_row(number + 1)


def _circular() -> ValidationError:
    return ValidationError("The data contains itself, or is nested too deeply", "Save only the part that is needed")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, each with its number."""
    text, number, at = read_text(path), 1, 0
    for line in _FILLED_LINE.finditer(text):
        number, at = number + text.count("\n", at, line.start()), line.start()
        yield number, line[0]


def _parsed(path: Path, parse: Callable[[str], Any], text: str, line: int | None = None) -> Any:
    try:
        return parse(text)
    except Malformed as error:
        raise _damaged(path, line or error.line, error.problem) from None


def _damaged(path: Path, line: int | None, problem: str) -> ValidationError:
    place = f", line {line}" if line else ""
    return ValidationError(f"{path}{place} cannot be read: {problem}", "Correct the file, or save it anew")
