"""How documents become bytes, and come back: JSON, JSON Lines, YAML, text, and bytes as they are."""

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO

from txo_core.exceptions import ValidationError
from txo_core.formats import sources
from txo_core.formats.batches import as_table, is_frame
from txo_core.formats.selection import Selection, shaped
from txo_core.formats.sources import damaged, opened, too_large
from txo_core.formats.structured_text import Malformed, parse_json, parse_yaml
from txo_core.formats.tables import Unsavable, as_record, plain

LARGEST_YAML = 4 * 2**20
"""Bytes of a YAML document, whose reader is slow."""
LONGEST_LINE = 64 * 2**20
"""Bytes of one row of JSON Lines."""

_ENCODE = json.JSONEncoder(allow_nan=False, ensure_ascii=False, default=plain).encode
_ENCODE_INDENTED = json.JSONEncoder(allow_nan=False, ensure_ascii=False, default=plain, indent=2).encode


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
    yaml.dump(document, file, Dumper=_dumper(yaml), allow_unicode=True, sort_keys=False, encoding="utf-8")


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


def write_bytes(data: Any, file: BinaryIO) -> None:
    """Write bytes as they are, or pieces of them from a generator."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        data = (data,)
    if isinstance(data, (str, Mapping)) or not isinstance(data, Iterable):
        raise _no_bytes(data)
    for piece in data:
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise _no_bytes(piece)
        file.write(piece)


def read_json(path: Path) -> Any:
    """Return what the JSON file holds."""
    return _parsed(path, parse_json, read_text(path))


def read_json_lines(path: Path, wanted: Selection) -> Any:
    """Return the rows of a JSON Lines file; empty lines do not count."""
    values = _values(path, sources.LARGEST_TEXT if wanted.whole else None)
    first = list(islice(values, 1))  # so that a file that is not there is told at once
    rows: Iterator[Any] = islice(islice(chain(first, values), wanted.skiprows, None), wanted.nrows)
    if wanted.usecols is not None:
        rows = map(_narrowed, rows, repeat(wanted.usecols))
    return shaped(wanted, rows, list)


def read_text(path: Path, largest: int | None = None, encoding: str = "utf-8-sig") -> str:
    """Return the text of a file of at most so many bytes; a byte order mark is left out."""
    try:
        return read_bytes(path, largest).decode(encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        raise damaged(path, None, f"byte {error.start + 1} is not {name}") from None


def read_bytes(path: Path, largest: int | None = None) -> bytes:
    """Return the bytes of a file of at most so many."""
    most = sources.LARGEST_TEXT if largest is None else min(largest, sources.LARGEST_TEXT)
    with closing(opened(path, most)) as file:
        content = file.read(most + 1)
    if len(content) > most:  # it has grown meanwhile
        raise too_large(path, most)
    return content


def read_yaml(path: Path) -> Any:
    """Return what the YAML document holds; only plain values, never Python objects."""
    return _parsed(path, parse_yaml, read_text(path, LARGEST_YAML))


def _dumper(yaml: Any) -> Any:
    """Return PyYAML's safe writer, which would take a next-line character for the end of a line."""

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        pass

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if "\x85" in value else None)

    Dumper.add_representer(str, text)
    return Dumper


def _values(path: Path, largest: int | None) -> Iterator[Any]:
    with closing(opened(path, largest)) as file:
        before = 0
        for number in count(1):
            line = file.readline(LONGEST_LINE)
            if not line:
                return
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise damaged(path, number, f"it has more than {LONGEST_LINE // 2**20} MiB")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise damaged(path, None, f"byte {before + error.start + 1} is not UTF-8") from None
            before += len(line)
            if text.strip():
                yield _parsed(path, parse_json, text, number)


def _narrowed(row: Any, names: tuple[str, ...]) -> Any:
    if not isinstance(row, dict):
        raise ValidationError("A row has no columns: it is no object", "Load it without usecols", "usecols=None")
    return {name: row.get(name) for name in names}


def _rows(data: Any) -> Iterator[Any] | None:
    """Return an iterator over the rows, or None for data that is no list of rows."""
    if is_frame(data):
        return _frame_rows(data)
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable) or as_record(data) is not None:
        return None
    return iter(data)


def _frame_rows(frame: Any) -> Iterator[Any]:
    table = as_table(frame)
    for batch in table.batches:
        for row in zip(*batch.values, strict=True):
            yield dict(zip(table.columns, row, strict=True))


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
        return _json(data, _ENCODE_INDENTED) + b"\n"
    except Unsavable as error:
        raise error.in_document() from None
    except RecursionError:
        raise _circular() from None


def _json(value: Any, encode: Callable[[Any], str] = _ENCODE) -> bytes:
    """Return the value as JSON; the second try is for what the fast one refuses, such as NaN and dates as keys."""
    try:
        text = encode(value)
    except (TypeError, ValueError, Unsavable):
        text = encode(plain(value))
    # only half a surrogate pair has no UTF-8, and its backslash form is the escape that JSON has for it
    return text.encode("utf-8", "backslashreplace")


def _from_row(error: Unsavable) -> ValidationError:
    number, *steps = error.steps
    return Unsavable(error.what, *steps).in_row(number + 1)


def _circular() -> ValidationError:
    return ValidationError("The data contains itself, or is nested too deeply", "Save only the part that is needed")


def _no_bytes(data: Any) -> ValidationError:
    return ValidationError(
        f"A binary file holds bytes, not a value of type {type(data).__name__}",
        "Give bytes, or a generator of pieces; rows go into .json, .csv or .xlsx, text into .txt",
        'TxoDataHandler().save(response.content, "files", "invoice.pdf")',
    )


def _parsed(path: Path, parse: Callable[[str], Any], text: str, line: int | None = None) -> Any:
    try:
        return parse(text)
    except Malformed as error:
        raise damaged(path, line or error.line, error.problem) from None
