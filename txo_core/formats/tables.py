"""What a script calls its data, as records and plain values."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from txo_core.exceptions import ValidationError

LISTS = (list, tuple, set, frozenset)
MOST_BITS = 4 * 3_500
"""Whole numbers of fewer bits can be written, whatever Python's limit of digits says about longer ones."""
SCALARS = (bool, int, float, Decimal, datetime, date, time, timedelta)


class Unsavable(Exception):
    """A value that no file can hold: what it is, and the steps (keys, positions) that lead to it."""

    def __init__(self, what: str, *steps: Any) -> None:
        super().__init__(what, *steps)
        self.what = what
        self.steps = steps

    def below(self, step: Any) -> "Unsavable":
        """Return the same, seen from one level further up."""
        return Unsavable(self.what, step, *self.steps)

    def in_row(self, number: int) -> ValidationError:
        """Return the error for a person; rows count from 1, the header not among them."""
        column = f", column {self.steps[0]!r}" if self.steps else ""
        return self._error(f"Row {number}{column}")

    def in_document(self) -> ValidationError:
        """Return the error for a person, for data that is not rows."""
        return self._error(f"The value at {' > '.join(map(repr, self.steps))}" if self.steps else "The data")

    def _error(self, place: str) -> ValidationError:
        return ValidationError(
            f"{place} is {self.what}, which this kind of file cannot hold",
            "Turn it into text, a number, a date, a list or a dict before saving",
            'row["owner"] = str(row["owner"])',
        )


def as_record(value: Any) -> Mapping[Any, Any] | None:
    """Return a dict, dataclass or pydantic model as a mapping; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return dict(value.model_dump())
    return None


def native(value: Any) -> Any:
    """Return the value as Python's own: enum members, numpy and pandas scalars unwrapped; NaN, NaT and NA are None."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if isinstance(value, Enum):
        return native(value.value)
    if isinstance(value, (UUID, PurePath)):
        return str(value)
    if kind.__name__ in ("NAType", "NaTType"):
        return None
    if kind.__name__ == "Timestamp" and isinstance(value, datetime):
        return value.to_pydatetime(warn=False)  # type: ignore[attr-defined]
    if kind.__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    return None if isinstance(value, float) and math.isnan(value) else value


def plain(value: Any) -> Any:
    """Return the value as JSON can say it; nested ones too.

    Decimal becomes text with its exact digits, as pydantic does it; dates and times are ISO 8601, a time span is
    seconds; NaN is null, an infinity the text `Infinity`. Raises Unsavable.
    """
    value = native(value)
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < MOST_BITS else scalar_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(Decimal(value))
    if isinstance(value, SCALARS):
        return scalar_text(value)
    if isinstance(value, LISTS):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_below(position, item) for position, item in enumerate(items)]
    record = as_record(value)
    if record is None:
        raise Unsavable(named(value))
    result = {_key(key): _below(key, item) for key, item in record.items()}
    if len(result) < len(record):
        raise Unsavable("a dict in which two keys are the same as text")
    return result


def scalar_text(value: Any) -> str:
    """Return a number, date, time or span in the form that every text format uses."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _seconds(value)
    if isinstance(value, float) and math.isinf(value):
        return str(Decimal(value))
    try:
        return str(value)
    except ValueError:
        raise Unsavable("a whole number of more digits than can be written") from None


def _seconds(span: timedelta) -> str:
    """Return the seconds of a time span, to the last microsecond."""
    return format(Decimal(span // timedelta(microseconds=1)).scaleb(-6).normalize(), "f")


def compact(value: Any) -> str:
    """Return a nested value as JSON in one line. Raises Unsavable."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(", ", ": "))


def named(value: Any) -> str:
    """Return the kind of a value, never its content, which may be secret."""
    return f"a value of type {type(value).__name__}"


def _key(key: Any) -> str:
    key = plain(key)
    if isinstance(key, str):
        return key
    if isinstance(key, (list, dict)):
        raise Unsavable("a key that is not text")
    return json.dumps(key)


def _below(step: Any, value: Any) -> Any:
    try:
        return plain(value)
    except Unsavable as error:
        raise error.below(step) from None
