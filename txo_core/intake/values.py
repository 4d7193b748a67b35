"""From a cell to a value of the type that a column asks for; the checks of the model come after."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from txo_core.intake.cells import Cell, Unreadable, trimmed
from txo_core.intake.dates import date_of, moment_of, time_of
from txo_core.intake.numbers import number_of

MOST_DIGITS = 15
"""Digits of a number that a spreadsheet keeps."""
SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,}")
YES = frozenset({"true", "yes", "y", "1", "x", "on", "ja", "wahr", "oui", "vrai", "si", "sí", "sann"})
NO = frozenset({"false", "no", "n", "0", "off", "nein", "falsch", "nej", "nei", "non", "faux", "falskt", "usann"})


@dataclass(frozen=True, slots=True)
class Habits:
    """How a file writes what can be written in two ways; None is for: nobody has said."""

    decimal_comma: bool | None = None
    time_zone: str | None = None


def text_of(cell: Cell) -> str:
    """Return the text of a cell as a person sees it: leading zeros kept, numbers as digits. Raises Unreadable."""
    value = cell.value
    if isinstance(value, str):
        text = trimmed(value)
        if SCIENTIFIC.fullmatch(text):
            raise Unreadable("is a number that a spreadsheet has rounded; format the column as text before typing")
        return text
    if cell.shown:
        return cell.shown
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _digits(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _digits(value: int | float) -> str:
    if abs(value) >= 10**MOST_DIGITS:
        raise Unreadable(
            f"is a number of more than {MOST_DIGITS} digits, of which a spreadsheet keeps {MOST_DIGITS};"
            " format the column as text before typing"
        )
    return f"{_decimal(value):f}"


def _decimal(value: int | float) -> Decimal:
    """Return a number of a spreadsheet with the digits that it shows, not with those of its binary form."""
    number = Decimal(format(value, f".{MOST_DIGITS}g") if isinstance(value, float) else value)
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number


def decimal_of(cell: Cell, habits: Habits) -> Decimal:
    """Return the number in a cell. Raises Unreadable."""
    value = cell.value
    if isinstance(value, str):
        return number_of(trimmed(value), habits.decimal_comma)
    if isinstance(value, bool) or not isinstance(value, int | float):
        kind = "yes or no" if isinstance(value, bool) else "a date or a time"
        raise Unreadable(f"is {kind}, and a number is asked for")
    return _decimal(value)


def whole_of(cell: Cell, habits: Habits) -> int:
    """Return the whole number in a cell. Raises Unreadable."""
    number = decimal_of(cell, habits)
    if number != number.to_integral_value():
        raise Unreadable("has decimals, and a whole number is asked for")
    return int(number)


def yes_or_no(cell: Cell, habits: Habits) -> bool:
    """Return what a cell says: TRUE, yes, ja, x, 1 and their opposites. Raises Unreadable."""
    if isinstance(cell.value, bool):
        return cell.value
    word = text_of(cell).casefold()
    if word not in YES | NO:
        raise Unreadable("is neither yes nor no")
    return word in YES


def choice_of(cell: Cell, choices: Mapping[str, Any]) -> Any:
    """Return the one of the choices that a cell names, in whatever case; a word that is none is left to the model."""
    text = text_of(cell)
    if text in choices:
        return choices[text]
    return next((value for name, value in choices.items() if name.casefold() == text.casefold()), text)


READERS: Mapping[type, Callable[[Cell, Habits], Any]] = {
    str: lambda cell, _: text_of(cell),
    bool: yes_or_no,
    int: whole_of,
    float: lambda cell, habits: float(decimal_of(cell, habits)),
    Decimal: decimal_of,
    datetime: lambda cell, habits: moment_of(_trimmed(cell), habits.time_zone),
    date: lambda cell, _: date_of(_trimmed(cell)),
    time: lambda cell, _: time_of(_trimmed(cell)),
}


def value_of(cell: Cell, kinds: tuple[Any, ...], choices: Mapping[str, Any], habits: Habits) -> Any:
    """Return the cell's value for a column of these types; what no reader knows goes on as text, or as it is.

    Raises Unreadable.
    """
    if cell.problem:
        raise Unreadable(cell.problem)
    if choices:
        return choice_of(cell, choices)
    if len(kinds) == 1:
        reader = READERS.get(kinds[0])
        if reader is not None:
            return reader(cell, habits)
        return text_of(cell)
    return _trimmed(cell)


def plain_value(value: Any) -> Any:
    """Return a value of a cell as it is shown in messages."""
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, timedelta) else value


def _trimmed(cell: Cell) -> Any:
    return trimmed(cell.value) if isinstance(cell.value, str) else cell.value
