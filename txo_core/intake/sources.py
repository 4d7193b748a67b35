"""A file of rows, opened: a workbook or text with separators behind the same door."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from txo_core.exceptions import FileOperationError
from txo_core.intake.cells import Source
from txo_core.intake.folder import changed_meanwhile, version


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Give the file as a source; an error tells where it cannot be read, or was written meanwhile.

    Raises FileOperationError and ValidationError.
    """
    try:
        before = version(path)
        source = _source(path)
        try:
            yield source
        finally:
            source.close()
        if version(path) != before:
            raise changed_meanwhile(path)
    except OSError as error:
        raise FileOperationError(
            f"{path} cannot be read: {error.strerror or error}",
            "Close it in Excel, and see that you may read it",
            f"ls -l {path}",
        ) from error


def _source(path: Path) -> Source:
    if path.suffix.lower() == ".xlsx":
        from txo_core.intake.workbook_cells import WorkbookCells

        return WorkbookCells(path)
    from txo_core.intake.separated_text import SeparatedText

    return SeparatedText(path)
