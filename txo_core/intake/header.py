"""Which row has the titles, and which column of a file is which column of the model."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from txo_core.changes import shown
from txo_core.exceptions import ValidationError
from txo_core.intake.cells import SourceRow, column_letter, reference
from txo_core.intake.columns import Column
from txo_core.settings.checks import closest, near_miss, squeeze

BRACKETS = re.compile(r"[(\[].*?[)\]]")
MOST_TITLES = 500
LOOKED_AT = 20
"""Rows at the top in which the titles are looked for: some files have a heading above them."""

logger = logging.getLogger("txo_core.intake")


@dataclass(frozen=True)
class Header:
    """The row of the titles: which columns of the file are which of the model, and what is wrong with it.

    `unused` are titles that the model does not have, `absent` are columns that the file does not have.
    """

    row_number: int = 0
    columns: dict[int, Column] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    @property
    def is_usable(self) -> bool:
        """Tell whether rows can be read by it."""
        return not self.problems


def find_header(rows: Sequence[SourceRow], columns: Sequence[Column]) -> Header:
    """Return the header of a sheet: that of its first rows which names most of the columns, the first of equals."""
    headers = [match(row, columns) for row in rows[:LOOKED_AT]]
    if not headers:
        return Header(problems=["  it has no row at all"])
    return max(headers, key=lambda header: len(header.columns))


def match(row: SourceRow, columns: Sequence[Column]) -> Header:
    """Return what a row means as a header."""
    titles = {number: str(cell.value).strip() for number, cell in sorted(row.cells.items())[:MOST_TITLES]}
    found: dict[int, Column] = {}
    problems: list[str] = []
    for number, title in titles.items():
        column = next((each for each in columns if not names(title).isdisjoint(each.titles)), None)
        if column is None:
            continue
        first = next((place for place, each in found.items() if each is column), None)
        if first is None:
            found[number] = column
        else:
            places = f"{reference(row.number, first)} and {reference(row.number, number)}"
            problems.append(f"  {column.title!r} stands twice, in {places}; delete or rename one of them")
    missing = [column for column in columns if column not in found.values()]
    unknown = {number: title for number, title in titles.items() if number not in found}
    unknown = {number: title for number, title in unknown.items() if not _repeats(title, found)}
    absent = [column.title if column.takes_none else f"{column.title} (its default is sent)" for column in missing]
    problems += _mistyped(row.number, unknown, missing)
    unused = [f"{shown('title', title)} ({column_letter(number)})" for number, title in unknown.items()]
    return Header(row.number, found, problems, unused, absent, list(titles.values()))


def names(title: str) -> set[str]:
    """Return what a title is compared by: without separators, and also without what stands in brackets."""
    return {squeeze(title), squeeze(BRACKETS.sub("", title))} - {""}


def _repeats(title: str, found: dict[int, Column]) -> bool:
    return any(not names(title).isdisjoint(column.titles) for column in found.values())


def _mistyped(row: int, unknown: dict[int, str], missing: Sequence[Column]) -> list[str]:
    """Return a line for each column that is missing or whose title is a slip of the fingers away from one."""
    lines: list[str] = []
    meant: set[str] = set()
    for number, title in unknown.items():
        column = next((each for each in missing if _like(title, each)), None)
        if column is not None and column.field not in meant:
            meant.add(column.field)
            place = reference(row, number)
            lines.append(f"  {shown('title', title)!r} in {place} is unknown; did you mean {column.title!r}?")
    required = [column for column in missing if column.is_required and column.field not in meant]
    return lines + [f"  {column.title!r} is missing, and every row needs it" for column in required]


def _like(title: str, column: Column) -> bool:
    """Tell whether a title is almost that of a column; of one that every row needs, also from further off."""
    if near_miss(title, column.titles):
        return True
    return column.is_required and closest(title, column.titles, 0.7) is not None


def check(header: Header, place: str, columns: Sequence[Column], hint: str) -> None:
    """Refuse a header with problems, all of them at once; say in the log which columns are not used."""
    known = ", ".join(f"{column.title}{'*' * column.is_required}" for column in columns)
    advice = f"The columns are: {known} (* has to be there){hint}"
    if not header.columns and header.titles:
        first = ", ".join(shown("title", title) for title in header.titles[:10])
        raise ValidationError(
            f"No row at the top of {place} has the titles of the columns; row {header.row_number} has: {first}",
            advice,
            _example(columns),
        )
    if not header.is_usable:
        where = f"the titles in row {header.row_number} of {place}" if header.row_number else place
        raise ValidationError(
            f"There is something wrong with {where}:\n" + "\n".join(header.problems), advice, _example(columns)
        )
    if header.unused:
        logger.info("Not used, since the model does not have it: %s", ", ".join(header.unused))
    if header.absent:
        logger.info("Not in the file: %s", ", ".join(header.absent))


def _example(columns: Sequence[Column]) -> str:
    return " | ".join(column.title for column in columns)
