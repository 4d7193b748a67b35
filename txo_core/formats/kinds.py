"""Which suffix means which kind of file, and what each kind can be asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from txo_core.exceptions import ValidationError
from txo_core.formats import delimited, texts
from txo_core.formats.selection import Selection
from txo_core.formats.sources import PACKAGE, SUFFIX, packing

TEXTS = (".txt", ".log", ".md", ".html", ".xml", ".py")
BYTES = (".bin", ".dat", ".pdf", ".zip", ".png", ".jpg", ".pkl")
ROWS = (".csv", ".tsv", ".jsonl", ".xlsx")
DOCUMENTS = (".json", ".yaml", ".yml")
TRUSTED = "openpyxl"

Write = Callable[[Any, BinaryIO], None]
Read = Callable[[Path], Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; what is left at its default asks for nothing."""

    wanted: Selection
    sheet: str | int | None = 0
    delimiter: str | None = None
    encoding: str | None = None
    engine: str | None = None


def writer(filename: str, engine: str | None = None) -> Write:
    """Return what writes this kind of file. Raises ValidationError for a kind that nobody knows."""
    suffix, packed = _kind(filename)
    _check_engine(engine, suffix)
    write = _writer(suffix, engine) or _unknown(filename)
    if not packed:
        return write

    def write_packed(data: Any, file: BinaryIO) -> None:
        with packing(file) as inner:
            write(data, inner)

    return write_packed


def reader(filename: str, how: Reading) -> Read:
    """Return what reads this kind of file so. Raises ValidationError for a kind or an option that means nothing."""
    suffix, _ = _kind(filename)
    _check_engine(how.engine, suffix)
    _check_options(suffix, how)
    if suffix in (".csv", ".tsv"):
        return partial(delimited.read_delimited, wanted=how.wanted, delimiter=how.delimiter, encoding=how.encoding)
    if suffix == ".xlsx":
        from txo_core.formats.workbook_reader import read_workbook

        return partial(read_workbook, wanted=how.wanted, sheet=how.sheet, trusted=how.engine == TRUSTED)
    if suffix == ".jsonl":
        return partial(texts.read_json_lines, wanted=how.wanted)
    if suffix in DOCUMENTS:
        return partial(_read_document, texts.read_json if suffix == ".json" else texts.read_yaml, how.wanted)
    if suffix in TEXTS:
        return partial(texts.read_text, encoding=how.encoding or "utf-8-sig")
    if suffix in BYTES:
        return texts.read_bytes
    raise _unknown_error(filename)


def _kind(filename: str) -> tuple[str, bool]:
    """Return the suffix that says what is in the file, and whether it is packed."""
    path = PurePath(filename)
    suffix = path.suffix.lower()
    if suffix == PACKAGE:
        return ".bin", True
    if suffix != SUFFIX:
        return suffix, False
    return path.with_suffix("").suffix.lower() or ".bin", True


def _writer(suffix: str, engine: str | None) -> Write | None:
    writers: dict[str, Write] = {
        ".json": texts.write_json,
        ".jsonl": texts.write_json_lines,
        ".csv": delimited.write_delimited,
        ".tsv": partial(delimited.write_delimited, delimiter="\t"),
        ".yaml": texts.write_yaml,
        ".yml": texts.write_yaml,
    }
    if suffix == ".xlsx":
        if engine == TRUSTED:
            from txo_core.formats.workbook import write_with_openpyxl

            return write_with_openpyxl
        from txo_core.formats.workbook_writer import write_workbook

        return write_workbook
    return writers.get(suffix) or (
        texts.write_text if suffix in TEXTS else texts.write_bytes if suffix in BYTES else None
    )


def _read_document(read: Read, wanted: Selection, path: Path) -> Any:
    value = read(path)
    if not wanted.as_frame:
        return value
    if not isinstance(value, list):
        raise ValidationError(f"{path} holds no list of rows", "Load it without as_frame", "as_frame=False")
    from txo_core.formats.frames import as_frame

    return as_frame(value)


def _check_engine(engine: str | None, suffix: str) -> None:
    if engine is not None and (engine != TRUSTED or suffix != ".xlsx"):
        raise ValidationError(
            f"engine={engine!r} means nothing for a {suffix} file",
            "Leave it out; for a workbook there is the trusted engine",
            f'TxoDataHandler().save(rows, "output", "customers.xlsx", engine="{TRUSTED}")',
        )


def _check_options(suffix: str, how: Reading) -> None:
    wanted = how.wanted
    given = {
        "usecols": (wanted.usecols is not None, ROWS),
        "nrows": (wanted.nrows is not None, ROWS),
        "skiprows": (wanted.skiprows != 0, ROWS),
        "chunks": (wanted.chunks is not None, ROWS),
        "as_frame": (wanted.as_frame, ROWS + DOCUMENTS),
        "sheet": (how.sheet != 0, (".xlsx",)),
        "delimiter": (how.delimiter is not None, (".csv", ".tsv")),
        "encoding": (how.encoding is not None, (".csv", ".tsv", *TEXTS)),
    }
    for name, (is_given, kinds) in given.items():
        if is_given and suffix not in kinds:
            raise ValidationError(
                f"{name} means nothing for a {suffix} file", f"It is for {' '.join(kinds)}", "Leave it out"
            )


def _unknown(filename: str) -> Write:
    raise _unknown_error(filename)


def _unknown_error(filename: str) -> ValidationError:
    if PurePath(filename).suffix.lower() in (".xls", ".xlsm", ".xlsb", ".ods"):
        return ValidationError(
            f"{filename!r} is an older or another kind of workbook, or one with macros",
            "Save it as .xlsx in Excel",
            'TxoDataHandler().load("data", "customers.xlsx")',
        )
    kinds = " ".join([*DOCUMENTS, *ROWS, *TEXTS, *BYTES, PACKAGE])
    return ValidationError(
        f"The name {filename!r} does not say what kind of file it is",
        f"End it in one of: {kinds}; each also with {SUFFIX}",
        'TxoDataHandler().save(rows, "output", "customers.xlsx")',
    )
