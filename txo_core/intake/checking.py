"""Every row checked, every problem noted: rows that fit the model, and rows that do not with all the reasons."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from pydantic import ValidationError as ModelError

from txo_core.changes import shown
from txo_core.intake.cells import Area, Cell, SourceRow, Unreadable, column_letter
from txo_core.intake.columns import Column, by_location, columns_of
from txo_core.intake.header import Header
from txo_core.intake.model import InputRow, placed
from txo_core.intake.reasons import reason_of, told
from txo_core.intake.values import Habits, plain_value, value_of

R = TypeVar("R", bound=InputRow)

MOST_MERGED = 100_000


@dataclass(frozen=True, slots=True)
class BadCell:
    """What is wrong in one place: sheet, row and column as a spreadsheet counts, title, value as shown, and reason."""

    sheet: str
    row: int
    column: str
    title: str
    value: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.title} ({self.column}{self.row})" if self.column else "the row as a whole"
        return " ".join(filter(None, (place, self.value, self.reason)))


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not fit: its number, its key as far as it has one, and all that is wrong with it."""

    sheet: str
    number: int
    key: str
    cells: tuple[BadCell, ...]

    @property
    def name(self) -> str:
        """The row as results name it: `row 7 of Customers (C0042)`."""
        sheet = f" of {self.sheet}" if self.sheet else ""
        return f"row {self.number}{sheet}{f' ({self.key})' if self.key else ''}"

    @property
    def reason(self) -> str:
        """All that is wrong with it, in one line."""
        return "; ".join(map(str, self.cells))


class Checker(Generic[R]):
    """Makes models of the rows of one sheet."""

    def __init__(self, model: type[R], header: Header, sheet: str, merged: Sequence[Area] = ()) -> None:
        self._model = model
        self._header = header
        self._sheet = sheet
        self._merged = covered(merged, header.columns)
        self._habits = Habits(model.decimal_comma, model.time_zone)
        self._columns = columns_of(model)
        self._by_location = by_location(self._columns, model)
        self._places = {column.field: number for number, column in header.columns.items()}

    def check(self, rows: Iterable[SourceRow]) -> tuple[list[R], list[BadRow]]:
        """Return the rows that fit, and those that do not, both in the order of the file."""
        good: list[R] = []
        bad: dict[int, list[BadCell]] = defaultdict(list)
        keys: dict[int, str] = {}
        for row in rows:
            found, problems = self._row(row)
            if found is not None:
                good.append(found)
            is_whole = found is not None and self._model.key_columns
            keys[row.number] = found.row_key if found is not None and is_whole else self._key_of(row)
            bad[row.number] += problems
        for number, problem in self._duplicates(keys):
            bad[number].append(problem)
        wrong = [self._bad_row(number, keys[number], cells) for number, cells in bad.items() if cells]
        numbers = {each.number for each in wrong}
        return [row for row in good if row.row_number not in numbers], wrong

    def _bad_row(self, number: int, key: str, cells: Iterable[BadCell]) -> BadRow:
        title = " ".join(self._by_location[name].title for name in self._model.key_columns)
        ordered = sorted(cells, key=lambda cell: (not cell.column, len(cell.column), cell.column))
        return BadRow(self._sheet, number, shown(title, key) if key else "", tuple(ordered))

    def _row(self, row: SourceRow) -> tuple[R | None, list[BadCell]]:
        values: dict[str, Any] = {}
        problems: list[BadCell] = []
        for number, column in self._header.columns.items():
            cell = row.cells.get(number)
            try:
                self._read(values, row.number, number, column, cell)
            except Unreadable as error:
                problems.append(self._bad_cell(row, column, str(error)))
        told_of = {problem.title for problem in problems}
        try:
            found = placed(self._model.model_validate(values), self._sheet, row.number)
        except ModelError as error:
            more = [self._finding(row, detail) for detail in error.errors(include_url=False)]
            return None, problems + [each for each in more if not each.title or each.title not in told_of]
        return (None if problems else found), problems

    def _read(self, values: dict[str, Any], row: int, number: int, column: Column, cell: Cell | None) -> None:
        """Put the value of a cell among the others; a blank one leaves the model's default, or is None."""
        if cell is not None:
            values[column.field] = value_of(cell, column.kinds, column.choices, self._habits)
        elif (row, number) in self._merged:
            raise Unreadable("is merged with the cell before it, and only the first of merged cells has a value")
        elif column.takes_none:
            values[column.field] = None

    def _finding(self, row: SourceRow, detail: Any) -> BadCell:
        column = self._by_location.get(str(detail["loc"][0])) if detail["loc"] else None
        if column is None:
            return BadCell(self._sheet, row.number, "", "", "", reason_of(detail, None))
        return self._bad_cell(row, column, reason_of(detail, column))

    def _bad_cell(self, row: SourceRow, column: Column, reason: str) -> BadCell:
        number = self._places.get(column.field, 0)
        cell = row.cells.get(number)
        value = "" if cell is None else told(column.title, cell.shown or plain_value(cell.value))
        letter = column_letter(number) if number else ""
        return BadCell(self._sheet, row.number, letter, column.title, value, reason)

    def _key_of(self, row: SourceRow) -> str:
        """Return the key of a row as the file has it; "" where it has none or not all of it."""
        parts: list[str] = []
        for name in self._model.key_columns:
            column = self._by_location[name]
            cell = row.cells.get(self._places.get(name, 0))
            try:
                value = None if cell is None else value_of(cell, column.kinds, column.choices, self._habits)
            except Unreadable:
                value = None
            if value is None:
                return ""
            parts.append(str(plain_value(value)))
        return " / ".join(parts)

    def _duplicates(self, keys: Mapping[int, str]) -> Iterator[tuple[int, BadCell]]:
        """Yield each row whose key another one has, too; servers take little heed of the case, so it does not count."""
        rows: dict[str, list[int]] = defaultdict(list)
        for number, key in keys.items():
            if key:
                rows[key.casefold()].append(number)
        for numbers in rows.values():
            for number in numbers if len(numbers) > 1 else ():
                others = ", ".join(str(other) for other in numbers if other != number)
                yield number, self._duplicate(number, keys[number], others)

    def _duplicate(self, number: int, key: str, others: str) -> BadCell:
        column = self._by_location[self._model.key_columns[0]]
        title = " and ".join(self._by_location[name].title for name in self._model.key_columns)
        letter = column_letter(self._places[column.field])
        rows = "row" if "," not in others else "rows"
        return BadCell(self._sheet, number, letter, title, told(title, key), f"stands in {rows} {others}, too")


def covered(merged: Iterable[Area], columns: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Return row and column of the merged cells in these columns; of very many only the first."""
    within = [(area, [each for each in columns if area.first_column <= each <= area.last_column]) for area in merged]
    cells = (
        (row, column)
        for area, inside in within
        if inside
        for row in range(area.first_row, area.last_row + 1)
        for column in inside
    )
    return frozenset(islice(cells, MOST_MERGED))


def untitled(rows: Iterable[SourceRow], header: Header, titled: frozenset[int]) -> list[str]:
    """Return the letters of the columns in which rows have values below no title."""
    found = {number for row in rows for number in row.cells if number not in titled}
    return [column_letter(number) for number in sorted(found) if number not in header.columns]
