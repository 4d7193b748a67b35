"""What the columns of a report need: which there are, how wide, how many decimals, and which hold dates as text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from txo_core.formats.tables import SCALARS, Unsavable, as_record, compact, native
from txo_core.results import SUCCESSES, ItemResult, ProcessingResults

ISO = re.compile(r"\d{4}-\d\d-\d\d(?P<clock>T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?")
NARROWEST, WIDEST, MOST_PLACES, FILTER_ARROW = 8, 50, 6, 6


@dataclass(slots=True)
class Column:
    """One column: the key of its values, and what was seen of them."""

    key: Any
    width: int = 0
    places: int = 0
    iso: bool = True
    numeric: bool = True

    def see(self, value: Any) -> None:
        """Take one value into account."""
        value = native(value)
        if value is None or value == "":
            return
        number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        if number and not isinstance(value, int):
            self.places = max(self.places, 2, _places(value))
        text = isinstance(value, str)
        self.iso = self.iso and (_moment(value) is not None if text else isinstance(value, date))
        self.numeric = self.numeric and (number or self.iso)
        self.width = max(self.width, len(f"{value:,.2f}") if number else _length(value))

    @property
    def seen(self) -> bool:
        """Tell whether any row has a value here."""
        return self.width > 0

    @property
    def fitting(self) -> float:
        """The width, in characters, that shows the header and the values, within reason."""
        content = self.width + max(0, self.places - 2)
        content = min(content, 16) if self.iso else content
        return min(max(content + 3, len(str(self.key)) + FILTER_ARROW, NARROWEST), WIDEST)

    def shown(self, value: Any) -> Any:
        """Return the value as the report shows it: ISO dates as dates, nested ones as JSON."""
        value = native(value)
        if isinstance(value, str):
            value = _moment(value) or value if self.iso else value
        elif value is not None and not isinstance(value, SCALARS):
            value = _readable(value)
        return value


def report_rows(results: ProcessingResults) -> list[Mapping[Any, Any]]:
    """Return the rows of a report: what the tasks of the items that succeeded returned, as mappings."""
    return [row for record in results.complete() if record.outcome in SUCCESSES for row in _rows_of(record)]


def columns_of(rows: Sequence[Mapping[Any, Any]]) -> list[Column]:
    """Return a column for every key, in first-seen order, also for those without a value."""
    columns: dict[Any, Column] = {}
    for row in rows:
        for key, value in row.items():
            column = columns.get(key)
            if column is None:
                column = columns[key] = Column(key)
            column.see(value)
    return list(columns.values())


def _rows_of(record: ItemResult) -> Iterator[Mapping[Any, Any]]:
    value = record.value
    if value is None:
        yield {"item": record.key, "outcome": record.outcome}
        return
    for each in value if isinstance(value, (list, tuple)) else (value,):
        row = as_record(each)
        yield {"item": record.key, "value": each} if row is None else row


def _readable(value: Any) -> str:
    """Return compact JSON; a report does not fail for one odd value, it names its type."""
    try:
        return compact(value)
    except (Unsavable, RecursionError):
        return f"({type(value).__name__})"


def _moment(text: str) -> date | datetime | None:
    match = ISO.fullmatch(text) if 10 <= len(text) <= 35 else None
    if match is None:
        return None
    try:
        return datetime.fromisoformat(text) if match["clock"] else date.fromisoformat(text)
    except ValueError:
        return None


def _places(value: float | Decimal) -> int:
    return len(f"{value:.{MOST_PLACES}f}".rstrip("0").partition(".")[2])


def _length(value: Any) -> int:
    """Return how many characters wide a value is shown; of a text with several lines, the longest."""
    if isinstance(value, bool):
        return 3
    if isinstance(value, date):
        return 16 if isinstance(value, datetime) else 10
    text = value if isinstance(value, str) else str(value) if isinstance(value, SCALARS) else _readable(value)
    return max(map(len, text[:1000].splitlines() or ("",)))


def keys(columns: Iterable[Column]) -> str:
    """Return the names of these columns in one line."""
    return ", ".join(str(column.key) for column in columns)
