"""Files in the `Dir` folders: what a script saves stands there whole or not at all, and values survive."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from txo_core.atomic import atomic_write, write_new
from txo_core.exceptions import ConfigurationError, FileOperationError
from txo_core.file_names import split_suffix
from txo_core.formats.formulas import Formula
from txo_core.formats.kinds import Reading, reader, writer
from txo_core.formats.selection import selection
from txo_core.paths import Dir, OrgEnv, check_ids, get_path, root, utc_stamp

__all__ = ["Formula", "TxoDataHandler", "atomic_write", "write_new"]

logger = logging.getLogger("txo_core.files")


class TxoDataHandler:
    """Saves and loads files by their suffix: .json .jsonl .csv .tsv .xlsx .yaml .yml, text, bytes; with .gz packed.

    Rows are a list or generator of dicts, dataclasses or pydantic models, or a DataFrame without its index. Columns are
    the union of all keys. A generator goes to the disk as it comes, except into YAML. A workbook also takes a dict of
    sheet name -> rows. Directories are `Dir.OUTPUT` or "output".

    | value | JSON, YAML | CSV, TSV | Excel |
    |---|---|---|---|
    | "00123", "NA", "1E5" | text | text | text |
    | "=1+1", "+47 22" | text | `'=1+1`, taken back by `load` | text, never a formula |
    | Formula("=A1+B1") | text | formula | formula |
    | Decimal | text with its exact digits | exact digits | number up to 15 digits, else text |
    | integer | number | digits | number up to 15 digits, else text |
    | date | ISO 8601 | ISO 8601 | date; before March 1900: ISO 8601 |
    | datetime | ISO 8601 | ISO 8601 | date with time; with a zone: the same moment in UTC |
    | timedelta | seconds, as text | seconds | span of hours; below zero text, `-26:30:00` |
    | None, NaN, NaT | null | empty | no cell |
    | "" | text | empty | empty text |
    | infinity | "Infinity" | Infinity | "Infinity" |
    | dict, list | as they are | JSON | JSON |

    `load` gives text for every field of a CSV, and for what JSON has no values for; of a workbook numbers, dates and
    times as they are. A cell holds 32,767 characters and a sheet 1,048,575 rows; more is an error, and nothing is cut.
    """

    def save(self, data: Any, directory: str, filename: str, *, engine: str | None = None) -> Path:
        """Return the path of the saved file, which replaces an older one only when it is complete.

        `engine="openpyxl"` writes a workbook by the trusted engine: the same values, ten times slower. Raises
        ValidationError (naming row and column) for what this kind of file cannot hold, FileOperationError where the
        disk, a permission or something in the way prevents it, ConfigurationError for an unknown directory.
        """
        write = writer(filename, engine)
        path = _target(directory, filename)
        with suppress(OSError):  # a name that cannot be looked for cannot be written either, which is told below
            if path.exists():
                logger.info("%s/%s was there and is replaced", path.parent.name, path.name)
        with atomic_write(path, root() / directory) as file:
            write(data, file)
        return path

    def save_with_timestamp(
        self, data: Any, directory: str, filename: str, *, config: OrgEnv | None = None, engine: str | None = None
    ) -> Path:
        """Return the path of the new file: `report.csv.gz` becomes `report_2026-11-22T1430Z.csv.gz`, in UTC.

        With `config` its organization and environment come first: `txo-prod-report_2026-11-22T1430Z.csv.gz`. Never
        replaces a file: a second one within the minute is `..._2026-11-22T1430Z-2.csv.gz`. Raises as `save`.
        """
        write = writer(filename, engine)
        folder, _, name = filename.rpartition("/")
        stem, suffix = split_suffix(name)
        if config is not None:
            check_ids(config.org_id, config.env_type)
            stem = f"{config.org_id}-{config.env_type}-{stem}"
        path = _target(directory, f"{folder}{'/' if folder else ''}{stem}_{utc_stamp()}{suffix}")
        return write_new(path, partial(write, data), root() / directory)

    def load(
        self,
        directory: str,
        filename: str,
        *,
        sheet: str | int | None = 0,
        usecols: Sequence[str] | None = None,
        nrows: int | None = None,
        skiprows: int = 0,
        chunks: int | None = None,
        as_frame: bool = False,
        delimiter: str | None = None,
        encoding: str | None = None,
        engine: str | None = None,
    ) -> Any:
        """Return what the file holds: rows as a list of dicts, text as str, bytes, JSON and YAML as they are.

        Of a workbook one sheet, by name or position; None gives a dict of all. `usecols` are the wanted columns,
        `nrows` how many rows, `skiprows` how many are left out above the header. With `chunks` an iterator comes
        back, over lists of so many rows, in flat memory however large the file. With `as_frame` rows come as a
        DataFrame. `delimiter` and `encoding` are those of a CSV from elsewhere: ";", "cp1252".

        Raises FileOperationError where there is no such file, ValidationError where it is damaged, hostile, or an
        option means nothing for this kind of file.
        """
        wanted = selection(usecols, nrows, skiprows, chunks, as_frame)
        read = reader(filename, Reading(wanted, sheet, delimiter, encoding, engine))
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
