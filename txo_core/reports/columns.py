"""What the columns of a report need: which there are, their values as shown, how wide, how many decimals."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from txo_core.formats.tables import SCALARS, Unsavable, as_record, compact, native
from txo_core.redaction import holds_known_secret, redact_known
from txo_core.reports.widths import text_width
from txo_core.results import SUCCESSES, ItemResult, ProcessingResults

ISO = re.compile(r"\d{4}-\d\d-\d\d(?P<clock>T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?")
NARROWEST, WIDEST, MOST_PLACES, FILTER_ARROW = 8, 50, 6, 5
MEASURED = 50
BLOCK = 2_000
AS_THEY_ARE = frozenset({str, int, bool, type(None), datetime, date, time, timedelta})
NUMBERS = frozenset({int, float, Decimal})
LEAST_NUMBER, LARGEST = 100_000, 10**1000
"""A shorter number is no secret, and nobody writes down a longer one."""


@dataclass(slots=True)
class Column:
    """One column: its header, its values as the report shows them, and what was seen of them."""

    header: str
    values: list[Any]
    kinds: frozenset[type] = field(init=False)
    masked: bool = field(init=False)
    places: int = field(init=False)
    clock: str = field(init=False)
    content: float = field(init=False)

    def __post_init__(self) -> None:
        self.values = _dates(_shown(self.values))
        self.kinds = frozenset(map(type, self.values))
        self.masked = any(map(holds_known_secret, _blocks(self.values)))
        if self.masked:
            self.values = [_without_secret(value) for value in self.values]
            self.kinds = frozenset(map(type, self.values))
        self.places = _places(self.values) if {float, Decimal} & self.kinds else 0
        self.clock = _clock(self.values) if datetime in self.kinds else ""
        self.content = self._content()

    @property
    def seen(self) -> bool:
        """Tell whether any row has a value here."""
        return any(value is not None and value != "" for value in self.values)

    @property
    def numeric(self) -> bool:
        """Tell whether the column holds numbers, dates and times only, which stand to the right."""
        return self.seen and not self.kinds & {str, bool}

    @property
    def tall(self) -> bool:
        """Tell whether a text of the column takes several lines."""
        return self.content + 3 > WIDEST or any("\n" in text for text in _texts(self.values))

    @property
    def width(self) -> float:
        """The width, in characters, that shows the header and the values, within reason."""
        return min(max(self.content + 3, text_width(self.header) + FILTER_ARROW, NARROWEST), WIDEST)

    def part(self, start: int, end: int) -> "Column":
        """Return some of the rows, in the looks of all of them."""
        some = copy(self)
        some.values = self.values[start:end]
        return some

    def _content(self) -> float:
        others = {datetime: 10 + len(self.clock), date: 10, time: 8, timedelta: 10, bool: 3}
        widths = [0.0, *(width for kind, width in others.items() if kind in self.kinds)]
        widths += [max(map(text_width, text[:1000].splitlines() or ("",))) for text in _longest(_texts(self.values))]
        numbers = [value for value in self.values if type(value) in NUMBERS] if NUMBERS & self.kinds else []
        if numbers:
            widths += [_digits(min(numbers), self.places), _digits(max(numbers), self.places)]
        return max(widths)


def report_rows(results: ProcessingResults) -> list[Mapping[Any, Any]]:
    """Return the rows of a report: what the tasks of the items that succeeded returned, as mappings."""
    return [row for record in results.complete() if record.outcome in SUCCESSES for row in _rows_of(record)]


def columns_of(rows: Sequence[Mapping[Any, Any]]) -> list[Column]:
    """Return a column for every key, in first-seen order, also for those without a value.

    Headers are texts that Excel takes for those of a table: of one line, and no two alike.
    """
    keys: dict[Any, None] = {}
    for row in rows:
        keys.update(dict.fromkeys(row))
    return [Column(name, [row.get(key) for row in rows]) for key, name in zip(keys, headers(keys), strict=True)]


def headers(keys: Iterable[Any]) -> list[str]:
    """Return a header for each key; upper and lower case are the same to Excel, so a number tells them apart."""
    taken: set[str] = set()
    found: list[str] = []
    for key in keys:
        name = plain = " ".join(redact_known(str(key)).split())[:200] or "(no name)"
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain} ({number})"
        taken.add(name.casefold())
        found.append(name)
    return found


def _rows_of(record: ItemResult) -> Iterator[Mapping[Any, Any]]:
    value = record.value
    if value is None:
        yield {"item": record.key, "outcome": record.outcome}
        return
    for each in value if isinstance(value, (list, tuple)) else (value,):
        row = as_record(each)
        yield {"item": record.key, "value": each} if row is None else row


def _shown(values: list[Any]) -> list[Any]:
    """Return the values as Python's own; those that are no number, date or text become JSON."""
    if not AS_THEY_ARE.issuperset(map(type, values)):
        values = [_plain(value) for value in values]
    whole = [value for value in values if type(value) is int]
    if whole and not -LARGEST < min(whole) <= max(whole) < LARGEST:
        values = ["(int)" if type(value) is int and not -LARGEST < value < LARGEST else value for value in values]
    return values


def _plain(value: Any) -> Any:
    try:
        value = native(value)
    except (ValueError, ArithmeticError):
        return f"({type(value).__name__})"
    return value if value is None or isinstance(value, (str, *SCALARS)) else _readable(value)


def _readable(value: Any) -> str:
    """Return compact JSON; a report does not fail for one odd value, it names its type."""
    try:
        return compact(value)
    except (Unsavable, RecursionError):
        return f"({type(value).__name__})"


def _dates(values: list[Any]) -> list[Any]:
    """Return the values with ISO texts as dates, where all texts of the column are such and nothing else is there."""
    if not {type(value) for value in values} <= {str, type(None), date, datetime}:
        return values
    found = []
    for value in values:
        if type(value) is str and value:
            moment = _moment(value)
            if moment is None:
                return values
            found.append(moment)
        else:
            found.append(value)
    return found


def _moment(text: str) -> date | datetime | None:
    match = ISO.fullmatch(text) if 10 <= len(text) <= 35 else None
    if match is None:
        return None
    try:
        return datetime.fromisoformat(text) if match["clock"] else date.fromisoformat(text)
    except ValueError:
        return None


def _places(values: Iterable[Any]) -> int:
    """Return how many decimals show the numbers: two at least, six at most."""
    places = 2
    for value in values:
        if type(value) is float or type(value) is Decimal:
            digits, _, exponent = str(value).lower().partition("e")
            found = len(digits.partition(".")[2].rstrip("0")) - int(exponent or 0)
            if found > places:
                places = min(found, MOST_PLACES)
                if places == MOST_PLACES:
                    break
    return places


def _clock(values: Iterable[Any]) -> str:
    """Return the format of the times of day: with seconds where one has some."""
    return " hh:mm:ss" if any(type(value) is datetime and value.second for value in values) else " hh:mm"


def _texts(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _longest(texts: Sequence[str]) -> Iterable[str]:
    """Return some of the longest texts, which are about the widest."""
    least = max(map(len, texts), default=0) * 0.8
    return islice((text for text in texts if len(text) >= least), MEASURED)


def _digits(number: float | Decimal, places: int) -> float:
    try:
        return len(f"{number:,.{places}f}")
    except OverflowError:
        return WIDEST


def _blocks(values: list[Any]) -> Iterator[str]:
    """Yield what could hold a secret, many values in one text: to look through it once is faster than through each."""
    texts = _texts(values)
    texts += [str(value) for value in values if type(value) in NUMBERS and abs(value) >= LEAST_NUMBER]
    for start in range(0, len(texts), BLOCK):
        yield "\x1f".join(texts[start : start + BLOCK])


def _without_secret(value: Any) -> Any:
    if not isinstance(value, str) and type(value) not in NUMBERS:
        return value
    text = str(value)
    cleaned = redact_known(text)
    return value if cleaned == text else cleaned
