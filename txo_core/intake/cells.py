"""What a file of rows is made of: sheets, rows as a spreadsheet counts them, and cells with what stands in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MOST_ROWS = 100_000
"""Rows of an input that are read; more are a matter of batches, not of a row each."""
MOST_CELLS = 5_000_000
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"
_EDGES = re.compile(rf"^[\s{_UNSEEN}]+|[\s{_UNSEEN}]+$")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: text, a number, a date, yes or no.

    `shown` is how a spreadsheet shows a number that its format gives leading zeros; `problem` says why the cell has no
    value that could be used, as the end of a sentence.
    """

    value: Any
    shown: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row with its number, from 1 as a spreadsheet counts, and its cells by column, from 1; blank ones are not there.

    `is_hidden` tells that a person who opens the file does not see it.
    """

    number: int
    cells: Mapping[int, Cell]
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """Cells that were merged into one, corner to corner."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int


class Unreadable(Exception):
    """A value that is not what it has to be; the text is the end of a sentence: `is not a number`."""


class Source(Protocol):
    """A file of rows that is open for reading."""

    @property
    def sheets(self) -> Sequence[str]:
        """The names of the sheets, those that are hidden last; "" is the only one of a text file."""

    @property
    def visible(self) -> Sequence[str]:
        """The names of the sheets that a person sees."""

    def rows(self, sheet: str, most: int = 0) -> list[SourceRow]:
        """Return the rows of a sheet that are not blank; the first of them, where it is said how many."""

    def merged(self, sheet: str) -> Sequence[Area]:
        """Return the merged cells of a sheet, once all its rows are read."""

    def close(self) -> None:
        """Let go of the file."""


def trimmed(text: str) -> str:
    """Return the text without blanks and characters that cannot be seen at its ends, as they come with copied text."""
    return _EDGES.sub("", text)


def is_blank(value: Any) -> bool:
    """Tell whether a cell with this value is taken for empty."""
    return value is None or (isinstance(value, str) and not trimmed(value))


def column_letter(number: int) -> str:
    """Return the letters of a column: 1 is A, 27 is AA."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def reference(row: int, column: int) -> str:
    """Return the name of a cell, such as F7."""
    return f"{column_letter(column)}{row}"
