"""Files in the `Dir` folders: what a script saves stands there whole or not at all, and values survive."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from txo_core.atomic import atomic_write, write_new
from txo_core.exceptions import ConfigurationError, FileOperationError, ValidationError
from txo_core.formats import texts as formats
from txo_core.formats.formulas import Formula
from txo_core.paths import Dir, get_path, root, utc_stamp

__all__ = ["Formula", "TxoDataHandler", "atomic_write", "write_new"]

logger = logging.getLogger("txo_core.files")

TEXTS = (".txt", ".log", ".md", ".html", ".xml")


class TxoDataHandler:
    """Saves and loads files by their suffix: .json .jsonl .csv .xlsx .yaml .yml, and text.

    Rows are a list (or generator) of dicts, dataclasses or pydantic models, or a DataFrame without its index.
    A workbook also takes a dict of sheet name -> rows. Directories are `Dir.OUTPUT` or "output".

    | value | JSON, YAML | CSV | Excel |
    |---|---|---|---|
    | "00123" | text | text | text |
    | "=1+1", "+47 22" | text | `'=1+1`, taken back by `load` | text, never a formula |
    | Formula("=A1+B1") | text | formula | formula |
    | Decimal | text with its exact digits | exact digits | number up to 15 digits, else text |
    | integer | number | digits | number up to 15 digits, else text |
    | date, datetime | ISO 8601 | ISO 8601 | date; with a zone: the same moment in UTC; before 1900: ISO 8601 |
    | None, NaN, NaT | null | empty | empty |
    | infinity | "Infinity" | Infinity | "Infinity" |
    | dict, list | as they are | JSON | JSON |
    """

    def save(self, data: Any, directory: str, filename: str) -> Path:
        """Return the path of the saved file, which replaces an older one only when it is complete.

        Raises ValidationError (naming row and column) for what this kind of file cannot hold, FileOperationError
        where the disk, a permission or something in the way prevents it, ConfigurationError for an unknown directory.
        """
        write = _writer(filename)
        path = _target(directory, filename)
        with suppress(OSError):  # a name that cannot be looked for cannot be written either, which is told below
            if path.exists():
                logger.info("%s/%s was there and is replaced", path.parent.name, path.name)
        with atomic_write(path, root() / directory) as file:
            write(data, file)
        return path

    def save_with_timestamp(self, data: Any, directory: str, filename: str) -> Path:
        """Return the path of the new file: `report.json` becomes `report_2026-11-22T1430Z.json`, in UTC.

        Never replaces a file: a second one within the minute is `report_2026-11-22T1430Z-2.json`. Raises as `save`.
        """
        write = _writer(filename)
        name = PurePath(filename)
        path = _target(directory, str(name.with_name(f"{name.stem}_{utc_stamp()}{name.suffix}")))
        return write_new(path, partial(write, data), root() / directory)

    def load(self, directory: str, filename: str, *, sheet: str | int | None = 0) -> Any:
        """Return what the file holds: rows as a list of dicts, text as str, JSON and YAML as they are.

        Fields of a CSV are all text. Of a workbook one sheet, by name or position; None gives a dict of all.
        Raises FileOperationError where there is no such file, ValidationError where it is damaged.
        """
        read = _reader(filename, sheet)
        path = get_path(directory, filename, ensure_parent=False)
        try:
            return read(path)
        except OSError as error:
            raise FileOperationError(
                f"{path} could not be loaded: {error.strerror or error}",
                "Check the name, the folder, and that you may read it",
                f'TxoDataHandler().load("{directory}", "{filename}")',
            ) from error


def _target(directory: str, filename: str) -> Path:
    """Return the path to save to, which is not among the configurations: they tell a script what to do."""
    path = None if directory == Dir.CONFIG else get_path(directory, filename)
    if path is None or path.resolve().is_relative_to((root() / Dir.CONFIG).resolve()):
        raise ConfigurationError(
            "A script does not save into the folder 'config', where configurations and secrets lie",
            f"Save into one of: {', '.join(folder for folder in Dir if folder != Dir.CONFIG)}",
            f'TxoDataHandler().save(data, "output", {filename!a})',
        )
    return path


def _writer(filename: str) -> Callable[[Any, BinaryIO], None]:
    match PurePath(filename).suffix.lower():
        case ".json":
            return formats.write_json
        case ".jsonl":
            return formats.write_json_lines
        case ".csv":
            return formats.write_csv
        case ".yaml" | ".yml":
            return formats.write_yaml
        case ".xlsx":
            from txo_core.formats.workbook import write_workbook

            return write_workbook
        case suffix if suffix in TEXTS:
            return formats.write_text
    raise _unknown(filename)


def _reader(filename: str, sheet: str | int | None) -> Callable[[Path], Any]:
    match PurePath(filename).suffix.lower():
        case ".json":
            return formats.read_json
        case ".jsonl":
            return formats.read_json_lines
        case ".csv":
            return formats.read_csv
        case ".yaml" | ".yml":
            return formats.read_yaml
        case ".xlsx":
            from txo_core.formats.workbook_reader import read_workbook

            return partial(read_workbook, sheet=sheet)
        case suffix if suffix in TEXTS:
            return formats.read_text
    raise _unknown(filename)


def _unknown(filename: str) -> ValidationError:
    return ValidationError(
        f"The name {filename!r} does not say what kind of file it is",
        f"End it in one of: .json .jsonl .csv .xlsx .yaml .yml {' '.join(TEXTS)}",
        'TxoDataHandler().save(rows, "output", "customers.xlsx")',
    )
