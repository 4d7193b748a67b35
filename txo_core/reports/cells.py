"""Values as the XML of their cells, in the looks of a report. Written as text: 100,000 rows cost a tenth of openpyxl's.

The cells are those that openpyxl would write (a test compares them): text stands inline, so it is never a formula.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from openpyxl.utils import datetime as excel_dates
from openpyxl.utils import get_column_letter

from txo_core.formats.cells import MAX_DIGITS, cell_text, content, fits_cell
from txo_core.formats.formulas import starts_a_formula
from txo_core.formats.tables import Unsavable
from txo_core.reports.columns import Column
from txo_core.reports.style import CLOCK, DATE, SPAN, Looks

Write = Callable[[Any, int], str]

CAREFUL = re.compile(r"[&<>\x00-\x1f\ud800-\udfff\ufffe\uffff]|_x|^\W|\s\Z")
"""What a text has to have so that it cannot be written as it is; a superset, which need not be exact."""
LARGEST = 10**MAX_DIGITS
SHORT = 16_000
FIRST_FAST = datetime(1900, 3, 1)  # noqa: DTZ001 - cells have no zone
DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001
DAY_SECONDS = 86_400
ROWS_AT_ONCE = 500


def row_texts(writers: Sequence[Write], rows: Iterable[Sequence[Any]], heights: Iterable[float] = ()) -> Iterator[str]:
    """Yield the XML of rows below the header, some hundred at a time; a height is in points."""
    high = iter(heights)
    parts: list[str] = []
    for number, row in enumerate(rows, 2):
        height = next(high, None)
        parts.append(_row(number, height))
        parts += [write(value, number) for write, value in zip(writers, row, strict=True)]
        parts.append("</row>")
        if number % ROWS_AT_ONCE == 0:
            yield "".join(parts)
            parts.clear()
    yield "".join(parts)


def header_text(names: Sequence[str], looks: Looks, words: Sequence[str], height: float) -> str:
    """Return the XML of the header row, each name in the look of that word."""
    cells = [
        _inline(f"{get_column_letter(number)}1", looks.number(word, quoted=starts_a_formula(name)), name)
        for number, (name, word) in enumerate(zip(names, words, strict=True), 1)
    ]
    return f"{_row(1, height)}{''.join(cells)}</row>"


def _row(number: int, height: float | None) -> str:
    return f'<row r="{number}">' if height is None else f'<row r="{number}" ht="{height:g}" customHeight="1">'


def column_writers(columns: Sequence[Column], looks: Looks, tall: bool = False) -> list[Write]:
    """Return for each column what makes the cells of its values; in rows that are `tall` they stand at the top."""
    return [
        _writer(column.kinds, get_column_letter(number), _Forms(column, looks, " top" if tall else ""))
        for number, column in enumerate(columns, 1)
    ]


def text_writer(number: int, looks: Looks, look: str) -> Write:
    """Return what makes text cells in one look, for a column by its number."""
    return _text(get_column_letter(number), looks.number(look), looks.number(look, quoted=True))


def look_writer(number: int, looks: Mapping[str, int], other: int) -> Write:
    """Return what makes text cells whose look is told by their text."""
    letter = get_column_letter(number)
    return lambda value, row: _inline(f"{letter}{row}", looks.get(value, other), value)


class _Forms:
    """The numbers of the looks that the values of one column have."""

    def __init__(self, column: Column, looks: Looks, place: str) -> None:
        text, right = f"{'wrapped' if column.tall else 'text'}{place}", f"right{place}"
        decimals = f"#,##0.{'0' * column.places}" if column.places else "0"
        self.text, self.quoted = looks.number(text), looks.number(text, quoted=True)
        self.centre, self.right = looks.number(f"centre{place}"), looks.number(right)
        self.of: dict[type, int] = {
            **dict.fromkeys((int, float, Decimal), looks.number(right, decimals)),
            datetime: looks.number(right, DATE + column.clock),
            date: looks.number(right, DATE),
            time: looks.number(right, CLOCK),
            timedelta: looks.number(right, SPAN),
        }


def _writer(kinds: Collection[type], letter: str, forms: _Forms) -> Write:
    """Return what writes values of these kinds; where there is only one, without asking each value for its own."""
    other = _other(letter, forms)
    made: dict[type, Write] = {
        str: _text(letter, forms.text, forms.quoted),
        type(None): lambda value, row: f'<c r="{letter}{row}" s="{forms.text}"/>',
        bool: lambda value, row: (
            f'<c r="{letter}{row}" s="{forms.centre}" t="inlineStr"><is><t>{"Yes" if value else "No"}</t></is></c>'
        ),
        int: _whole(letter, forms.of[int], other),
        float: _fraction(letter, forms.of[float], other),
        datetime: _moment(letter, forms.of[datetime], other),
        date: _day(letter, forms.of[date], other),
    }
    wanted = {kind: made.get(kind, other) for kind in kinds}
    if len(wanted) == 1:
        return next(iter(wanted.values()))
    return lambda value, row: wanted[type(value)](value, row)


def _text(letter: str, look: int, quoted: int) -> Write:
    def cell(value: Any, row: int) -> str:
        if not value:
            return f'<c r="{letter}{row}" s="{look}"/>'
        if len(value) > SHORT or CAREFUL.search(value):
            value = _fitting(value)
            return _inline(f"{letter}{row}", quoted if starts_a_formula(value) else look, value)
        return f'<c r="{letter}{row}" s="{look}" t="inlineStr"><is><t>{value}</t></is></c>'

    return cell


def _whole(letter: str, look: int, other: Write) -> Write:
    def cell(value: Any, row: int) -> str:
        if -LARGEST < value < LARGEST:
            return f'<c r="{letter}{row}" s="{look}" t="n"><v>{value}</v></c>'
        return other(value, row)

    return cell


def _fraction(letter: str, look: int, other: Write) -> Write:
    def cell(value: Any, row: int) -> str:
        if value - value == 0:
            return f'<c r="{letter}{row}" s="{look}" t="n"><v>{value}</v></c>'
        return other(value, row)

    return cell


def _moment(letter: str, look: int, other: Write) -> Write:
    def cell(value: Any, row: int) -> str:
        if value.tzinfo is not None or value < FIRST_FAST:
            return other(value, row)
        since = value - DAY_ZERO
        days = since.days + (since.seconds + since.microseconds / 1_000_000) / DAY_SECONDS
        return f'<c r="{letter}{row}" s="{look}" t="n"><v>{days}</v></c>'

    return cell


def _day(letter: str, look: int, other: Write) -> Write:
    first, zero = FIRST_FAST.toordinal(), DAY_ZERO.toordinal()

    def cell(value: Any, row: int) -> str:
        number = value.toordinal()
        if number < first:
            return other(value, row)
        return f'<c r="{letter}{row}" s="{look}" t="n"><v>{number - zero}</v></c>'

    return cell


def _other(letter: str, forms: _Forms) -> Write:
    """Return what writes a value of any kind as `content` says: the slow and careful way."""

    def cell(value: Any, row: int) -> str:
        place = f"{letter}{row}"
        if isinstance(value, str) and not fits_cell(value):
            value = _fitting(value)
        try:
            shown, kind = content(value)
        except (Unsavable, ArithmeticError):
            shown, kind = cell_text(_fitting(str(value))), "s"
        look = forms.of.get(type(value), forms.text)
        if kind == "f":
            return f'<c r="{place}" s="{look}"><f>{escape(str(shown)[1:])}</f><v/></c>'
        if kind == "s":
            text = str(shown)
            look = forms.right if type(value) in forms.of else forms.quoted if starts_a_formula(text) else forms.text
            return _inline(place, look, text, ready=True)
        number = excel_dates.to_excel(shown) if kind == "d" else shown  # type: ignore[no-untyped-call]
        return f'<c r="{place}" s="{look}" t="n"><v>{number}</v></c>'

    return cell


def _inline(place: str, look: int, text: str, ready: bool = False) -> str:
    """Return the cell of a text; what is `ready` has no characters any more that XML forbids."""
    if not text:
        return f'<c r="{place}" s="{look}"/>'
    written = escape(text if ready else cell_text(text), {"\r": "&#13;"})
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f'<c r="{place}" s="{look}" t="inlineStr"><is><t{space}>{written}</t></is></c>'


def _fitting(text: str) -> str:
    """Return the text as far as a cell holds it, with its length where that is not all."""
    return text if fits_cell(text) else f"{text[:SHORT]}… ({len(text):,} characters)"
