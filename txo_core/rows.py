"""Rows out of a spreadsheet or CSV file in the folder data/, each checked by a model, and all that is wrong at once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Literal, TypeVar

from txo_core.changes import changes_text
from txo_core.exceptions import ConfigurationError, ValidationError
from txo_core.intake.cells import Source, SourceRow
from txo_core.intake.checking import BadCell, BadRow, Checker, untitled
from txo_core.intake.columns import Column, columns_of
from txo_core.intake.folder import find_input
from txo_core.intake.header import LOOKED_AT, Header, check, find_header
from txo_core.intake.model import InputRow
from txo_core.intake.sources import open_source
from txo_core.logs.clean_data import clean_data
from txo_core.results import NEW, ItemResult, ProcessingResults
from txo_core.settings.checks import closest

__all__ = ["BadCell", "BadRow", "InputRow", "InputRows", "OnBadRows", "read_rows", "sync_record"]

OnBadRows = Literal["stop", "continue"]
"""What a run does when some rows are bad: send none, or send the good ones. Bad rows are failed items in both cases."""

R = TypeVar("R", bound=InputRow)

logger = logging.getLogger("txo_core.intake")


@dataclass(frozen=True)
class InputRows(Generic[R]):
    """What a file holds: the rows that fit the model, and those that do not, both in the order of the file."""

    path: Path
    sheet: str
    good: list[R]
    bad: list[BadRow]
    on_bad_rows: OnBadRows = "stop"
    dry_run: bool = False

    @property
    def is_stopped(self) -> bool:
        """Tell whether bad rows keep the good ones back."""
        return bool(self.bad) and self.on_bad_rows == "stop"

    @property
    def to_send(self) -> list[R]:
        """The rows that are for the API: all that are good, or none where the file has a bad one and that stops it."""
        return [] if self.is_stopped else self.good

    @property
    def kept_back(self) -> ProcessingResults:
        """What becomes of the others: bad rows have failed, good ones that may not go on are skipped; with reasons."""
        others = "another row" if len(self.bad) == 1 else f"{len(self.bad)} other rows"
        reason = f"not sent, since {others} of the file cannot be used"
        failed = [ItemResult(row.name, "failed", row.reason) for row in self.bad]
        held = [ItemResult(row.row_key, "skipped", reason) for row in (self.good if self.is_stopped else [])]
        return ProcessingResults.of([*failed, *held], dry_run=self.dry_run)

    @property
    def bad_cells(self) -> list[BadCell]:
        """All that is wrong, place by place."""
        return [cell for row in self.bad for cell in row.cells]


def read_rows(
    filename: str,
    model: type[R],
    *,
    sheet: str | None = None,
    on_bad_rows: OnBadRows = "stop",
    dry_run: bool = False,
) -> InputRows[R]:
    """Return the rows of data/<filename> (.xlsx, .csv, .tsv) as models, and every row that does not fit with why.

    The titles stand in the first row, or below a heading; the order of columns does not matter. Of a workbook the
    first visible sheet with these columns is read, or the one named. Rows without a value in any of them do not count.
    100,000 rows at most.

    Raises FileOperationError where there is no such file, or it is being written; ValidationError where it is no file
    of rows, has no such sheet, or where titles are missing, mistyped or double, all of them at once.
    """
    check_model(model)
    path = find_input(filename)
    columns = columns_of(model)
    with open_source(path) as source:
        name = sheet_of(source, path, sheet) if sheet is not None else best_sheet(source, columns)
        rows = source.rows(name)
        header = find_header(rows, columns)
        others = [each for each in source.visible if each != name]
        check(header, place_of(path, name), columns, f"; other sheets are: {', '.join(others)}" if others else "")
        below = [row for row in rows if row.number > header.row_number]
        say_unseen(below, rows, header)
        body = [row for row in below if not row.cells.keys().isdisjoint(header.columns)]
        good, bad = Checker(model, header, name, source.merged(name)).check(body)
    say_read(place_of(path, name), len(body), len(bad))
    return InputRows(path, name, good, bad, on_bad_rows, dry_run)


def say_read(place: str, rows: int, bad: int) -> None:
    """Say in the log how many rows there are; none at all is worth a warning."""
    if not rows:
        logger.warning("%s has no rows below its titles", place)
        return
    count = "1 row" if rows == 1 else f"{rows} rows"
    logger.info("%s: %s%s", place, count, f", {bad} of them bad" if bad else "")


def check_model(model: type[InputRow]) -> None:
    """Refuse what is no model of a row, and key columns that are none or may be empty."""
    example = 'class CustomerRow(InputRow):\n    key_columns = ("no",)\n\n    no: str\n    city: str | None = None'
    if not (isinstance(model, type) and issubclass(model, InputRow)):
        raise ConfigurationError(f"{model!r} is no model of a row", "Make a class of InputRow", example)
    columns = {column.field: column for column in columns_of(model)}
    for name in model.key_columns:
        if name not in columns or not columns[name].is_required:
            problem = "is no column" if name not in columns else "may be empty"
            raise ConfigurationError(
                f"The key column {name!r} of {model.__name__} {problem}",
                "Name fields that every row has to fill in",
                example,
            )


def sheet_of(source: Source, path: Path, wanted: str) -> str:
    """Return the name of the sheet that is meant, whatever its case; a ValidationError says which there are."""
    names = {name.casefold().strip(): name for name in source.sheets}
    found = names.get(wanted.casefold().strip())
    if found is not None:
        return found
    if list(source.sheets) == [""]:
        raise ValidationError(
            f"{path.name} is a text file and has no sheets", "Leave the sheet out", f"--file {path.name}"
        )
    like = closest(wanted, source.sheets)
    meant = f"Did you mean {like!r}? " if like else ""
    raise ValidationError(
        f"{path.name} has no sheet {wanted!r}",
        f"{meant}It has: {', '.join(source.sheets)}",
        f'--sheet "{like or source.sheets[0]}"',
    )


def best_sheet(source: Source, columns: Sequence[Column]) -> str:
    """Return the first sheet that a person sees and that has the columns; else the one that has most of them."""
    names = source.visible or source.sheets
    if len(names) == 1:
        return names[0]
    headers = {name: find_header(source.rows(name, LOOKED_AT), columns) for name in names}
    usable = [name for name in names if headers[name].columns and headers[name].is_usable]
    return usable[0] if usable else max(names, key=lambda name: len(headers[name].columns))


def place_of(path: Path, sheet: str) -> str:
    """Return file and sheet as messages name them."""
    return f"{path.name}, sheet {sheet}" if sheet else path.name


def say_unseen(body: Sequence[SourceRow], rows: Sequence[SourceRow], header: Header) -> None:
    """Say in the log what a person may not have seen: rows hidden by a filter, values in columns without a title."""
    hidden = sum(row.is_hidden for row in body)
    if hidden:
        count = "1 hidden row is" if hidden == 1 else f"{hidden} hidden rows are"
        logger.warning("%s read like the others; a filter in the spreadsheet may hide them", count)
    titled = next((frozenset(row.cells) for row in rows if row.number == header.row_number), frozenset[int]())
    nameless = untitled(body, header, titled)
    if nameless:
        logger.warning(
            "Not read, since there is no title above: column %s (merged titles count for the first column alone)",
            ", ".join(nameless),
        )


def sync_record(row: InputRow, result: ItemResult) -> ItemResult:
    """Return the result of a row, with what a report shows of it: where it stands, what came of it, what differed."""
    changes = "(new)" if result.outcome in NEW else changes_text(result) or None
    told = {"row": row.row_number, "outcome": result.outcome, "changes": changes}
    return replace(result, value=told | clean_data(row.payload()))
