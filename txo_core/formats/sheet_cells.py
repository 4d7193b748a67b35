"""Cells of a sheet as XML, a column at a time: what all values of a column share is found out once for many rows.

The form of each value is that of `cells.content`; tests hold both together.
"""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from txo_core.formats.cells import FIRST_DATE, MAX_DIGITS, MAX_TEXT, MAX_WHOLE, content, in_utc
from txo_core.formats.formulas import Formula, starts_a_formula

PLAIN, QUOTED, MOMENT, DATE, CLOCK, SPAN, HEADER, QUOTED_HEADER = range(8)
"""Positions of the looks in the list of cell formats."""
EPOCH, DAY = datetime(1899, 12, 30), timedelta(days=1)  # noqa: DTZ001 - Excel knows no zones
DAY_ZERO = EPOCH.toordinal()
FIRST_MOMENT = datetime.combine(FIRST_DATE, time())
OF_PANDAS = ("Timestamp", "NaTType")
_ODD = re.compile(
    r"[\x01-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_"
    r"|\0[\s'=+\-@\uff0b-\uff20\ufe62-\ufe6b\u200b\ufeff]|\s\0"
)
"""What needs a look at each text of a column; a \\0 stands between them."""
_NO_DIGIT = re.compile(r"[^-.0-9]")

Cells = list[str]
Form = Callable[[str, Sequence[str], Sequence[Any]], Cells]


def cells(letters: str, numbers: Sequence[str], values: Sequence[Any]) -> Cells:
    """Return one piece of XML for each value of the column, empty where there is no value. Raises Unsavable."""
    opening = f'<c r="{letters}'
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return _form(kinds.pop())(opening, numbers, values)
    result = [""] * len(values)
    for kind in kinds:
        places = [place for place, value in enumerate(values) if type(value) is kind]
        made = _form(kind)(opening, [numbers[place] for place in places], [values[place] for place in places])
        for place, cell in zip(places, made, strict=True):
            result[place] = cell
    return result


def header_cells(names: Sequence[str], letters: Sequence[str]) -> str:
    """Return the cells of row 1."""
    cells = []
    for name, letter in zip(names, letters, strict=True):
        look = QUOTED_HEADER if starts_a_formula(name) else HEADER
        cells.append(f'<c r="{letter}1" s="{look}" t="inlineStr"><is>{_text(str(content(name)[0]))}</is></c>')
    return "".join(cells)


def column_letters(position: int) -> str:
    """Return what Excel calls the column: A for 0, AA for 26."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _form(kind: type) -> Form:
    """Return what turns values of a type into cells; what nobody knows is looked at one by one."""
    if kind in _FORMS:
        return _FORMS[kind]
    base = next((base for base in (datetime, date) if issubclass(kind, base)), None)
    return _FORMS[base] if base and kind.__name__ not in OF_PANDAS else _one_by_one


def _none(opening: str, numbers: Sequence[str], values: Sequence[None]) -> Cells:
    return [""] * len(values)


def _texts(opening: str, numbers: Sequence[str], values: Sequence[str]) -> Cells:
    joined = "\0".join(["", *values, ""])
    if (
        _ODD.search(joined)
        or joined.count("\0") > len(values) + 1
        or (len(joined) > MAX_TEXT // 2 and max(map(len, values)) > MAX_TEXT // 2)
    ):
        return _one_by_one(opening, numbers, values)
    if "&" in joined or "<" in joined or ">" in joined:
        values = [_escaped(value) for value in values]
    return [
        f'{opening}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
        for number, value in zip(numbers, values, strict=True)
    ]


def _booleans(opening: str, numbers: Sequence[str], values: Sequence[bool]) -> Cells:
    return [f'{opening}{number}" t="b"><v>{value:d}</v></c>' for number, value in zip(numbers, values, strict=True)]


def _integers(opening: str, numbers: Sequence[str], values: Sequence[int]) -> Cells:
    if max(values) >= MAX_WHOLE or min(values) <= -MAX_WHOLE:
        return _one_by_one(opening, numbers, values)
    return [f'{opening}{number}"><v>{value}</v></c>' for number, value in zip(numbers, values, strict=True)]


def _floats(opening: str, numbers: Sequence[str], values: Sequence[float]) -> Cells:
    if not all(map(math.isfinite, values)):
        return _one_by_one(opening, numbers, values)
    return [f'{opening}{number}"><v>{value!r}</v></c>' for number, value in zip(numbers, values, strict=True)]


def _decimals(opening: str, numbers: Sequence[str], values: Sequence[Decimal]) -> Cells:
    texts = list(map(str, values))
    if max(map(len, texts)) > MAX_DIGITS or _NO_DIGIT.search("".join(texts)):
        return _one_by_one(opening, numbers, values)
    return [f'{opening}{number}"><v>{text}</v></c>' for number, text in zip(numbers, texts, strict=True)]


def _moments(opening: str, numbers: Sequence[str], values: Sequence[datetime]) -> Cells:
    values = [in_utc(value) for value in values]
    if min(values) < FIRST_MOMENT:
        return _one_by_one(opening, numbers, values)
    return [
        f'{opening}{number}" s="{MOMENT}"><v>{(value - EPOCH) / DAY!r}</v></c>'
        for number, value in zip(numbers, values, strict=True)
    ]


def _dates(opening: str, numbers: Sequence[str], values: Sequence[date]) -> Cells:
    if min(values) < FIRST_DATE:
        return _one_by_one(opening, numbers, values)
    return [
        f'{opening}{number}" s="{DATE}"><v>{value.toordinal() - DAY_ZERO}</v></c>'
        for number, value in zip(numbers, values, strict=True)
    ]


def _one_by_one(opening: str, numbers: Sequence[str], values: Sequence[Any]) -> Cells:
    return [_cell(opening, number, value) for number, value in zip(numbers, values, strict=True)]


def _cell(opening: str, number: str, value: Any) -> str:
    held, kind = content(value)
    if held is None:
        return ""
    if isinstance(held, str) and kind == "s":
        look = f' s="{QUOTED}"' if starts_a_formula(held) else ""
        return f'{opening}{number}"{look} t="inlineStr"><is>{_text(held)}</is></c>'
    if kind == "f":
        return f'{opening}{number}"><f>{_escaped(str(held)[1:])}</f></c>'
    if kind == "d":
        shown_as, days = _days(held)
        return f'{opening}{number}" s="{shown_as}"><v>{days!r}</v></c>'
    flag = ' t="b"' if kind == "b" else ""
    return f'{opening}{number}"{flag}><v>{held}</v></c>'


def _days(held: Any) -> tuple[int, float]:
    """Return the look of a date or time, and the days since day zero, or of a span."""
    if isinstance(held, datetime):
        return MOMENT, (held - EPOCH) / DAY
    if isinstance(held, date):
        return DATE, held.toordinal() - DAY_ZERO
    if isinstance(held, timedelta):
        return SPAN, held / DAY
    since = timedelta(hours=held.hour, minutes=held.minute, seconds=held.second, microseconds=held.microsecond)
    return CLOCK, since / DAY


def _text(text: str) -> str:
    """Return a text element; blanks at its ends are kept by saying so."""
    keep = ' xml:space="preserve"' if text != text.strip() else ""
    return f"<t{keep}>{_escaped(text)}</t>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


_FORMS: dict[Any, Form] = {
    type(None): _none,
    str: _texts,
    bool: _booleans,
    int: _integers,
    float: _floats,
    Decimal: _decimals,
    datetime: _moments,
    date: _dates,
    time: _one_by_one,
    timedelta: _one_by_one,
    Formula: _one_by_one,
}
