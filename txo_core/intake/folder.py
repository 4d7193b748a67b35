"""Which file is meant: one in the folder data/, of a kind that can be read, and not in the middle of being written."""

import logging
import os
from pathlib import Path, PurePath

from txo_core.exceptions import FileOperationError, ValidationError
from txo_core.paths import Dir, get_path
from txo_core.redaction import redact
from txo_core.settings.checks import closest

SUFFIXES = (".xlsx", ".csv", ".tsv")
SHOWN_FILES = 15
EXCEL_LOCK, OFFICE_LOCK = "~$", ".~lock."
OLD_KINDS = {
    ".xls": "Open it in Excel and save it as an Excel workbook (.xlsx)",
    ".xlsm": "Save it in Excel as a workbook without macros (.xlsx)",
    ".xlsb": "Save it in Excel as an Excel workbook (.xlsx)",
    ".ods": "Save it as .xlsx",
    ".numbers": "Export it as .xlsx",
}

logger = logging.getLogger("txo_core.intake")


def find_input(filename: str) -> Path:
    """Return the path of an input file in the folder data/; a HelpfulError says what is wrong and what there is."""
    path = get_path(Dir.DATA, filename, ensure_parent=False)
    parts = PurePath(filename).parts
    if len(parts) > 1 and parts[0] == Dir.DATA and not path.exists():
        path = get_path(Dir.DATA, str(PurePath(*parts[1:])), ensure_parent=False)
    if path.name.startswith((EXCEL_LOCK, OFFICE_LOCK)):
        raise ValidationError(
            f"{path.name} is no data, it is what Excel leaves beside a file that is open",
            "Give the file itself",
            f"--file {path.name.removeprefix(EXCEL_LOCK)}",
        )
    if not path.is_file():
        raise missing(path)
    check_kind(path)
    note_lock(path)
    return path


def missing(path: Path) -> FileOperationError:
    """Return the error for a file that is not there: which there are, and which was meant."""
    if path.is_dir():
        return FileOperationError(f"{path} is a folder", "Give a file in it", f"--file {path.name}/customers.xlsx")
    there = files_in(path.parent)
    if not there:
        return FileOperationError(
            f"There is no file {path}, and none of {', '.join(SUFFIXES)} beside it",
            "Put the file there",
            f"cp ~/Downloads/{path.name} {path.parent}/",
        )
    like = closest(path.name, there)
    others = ", ".join(there[:SHOWN_FILES]) + (f" and {len(there) - SHOWN_FILES} more" * (len(there) > SHOWN_FILES))
    meant = f"Did you mean {like}? " if like else ""
    return FileOperationError(
        f"There is no file {path}",
        f"{meant}Put it there, or give one that is there: {others}",
        f"--file {like or there[0]}",
    )


def files_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder that could be read, the locks of open ones not among them."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return []
    kinds = [name for name in names if PurePath(name).suffix.lower() in SUFFIXES]
    return [redact(name) for name in kinds if not name.startswith((EXCEL_LOCK, "."))]


def check_kind(path: Path) -> None:
    """Refuse a file whose name says that it is of a kind that is not read."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValidationError(
            f"{path.name} is a file of the kind {suffix or 'nothing'}, and rows are read of {', '.join(SUFFIXES)}",
            OLD_KINDS.get(suffix, "Save the rows as an Excel workbook (.xlsx), or as CSV"),
            f"--file {path.stem}.xlsx",
        )
    if path.stat().st_size == 0:
        raise ValidationError(
            f"{path} is empty (0 bytes)", "Save it anew, or wait until it is copied", f"ls -l {path.parent}"
        )


def note_lock(path: Path) -> None:
    """Say in the log that somebody has the file open: what is not saved there is not read."""
    locks = [path.with_name(f"{EXCEL_LOCK}{path.name}"), path.with_name(f"{OFFICE_LOCK}{path.name}#")]
    if any(lock.exists() for lock in locks):
        logger.warning("%s is open in a spreadsheet program: what is not saved there yet is not read", path.name)


def version(path: Path) -> tuple[int, int]:
    """Return what changes when somebody writes the file: its size and the moment of the last change."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def changed_meanwhile(path: Path) -> FileOperationError:
    """Return the error for a file that was written while it was read."""
    return FileOperationError(
        f"{path} was changed while it was read, so nobody knows what was read",
        "Wait until it is saved or copied, then run again",
        f"ls -l {path.parent}",
    )
