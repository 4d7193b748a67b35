"""Values as OData writes them, in filters and in the keys of addresses, whatever they hold (OData 4.01, ABNF)."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import Any, NoReturn
from urllib.parse import quote
from uuid import UUID

from txo_core.exceptions import ValidationError

TAKEN = frozenset({"null", "true", "false", "and", "or", "not", "INF", "NaN"})
"""Words that mean something else where the name of a field is expected."""
MISSING = frozenset({"null", "NaN"})
"""Literals of what is not there; in tables NaN stands for that."""
LONGEST, LARGEST = 40, 10**1000
SEGMENT_SAFE = "$'(),:@!*="
_ONE_LITERAL = re.compile(
    r"(?:(?:duration|binary|(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*)?'(?:[^']|'')*'"
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d))?"
    r"|\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?INF|NaN|true|false|null)(?![\w.])",
    re.ASCII,
)
_SHORT_FORM = re.compile(r" *(eq|ne|gt|ge|lt|le) +(\S.*)", re.DOTALL)
_UNREADABLE = re.compile(r"[^A-Za-z0-9\-._~ $'(),:/@!*]")


def literal(value: Any) -> str:
    """Return the value as an OData literal, not yet encoded for an address: `O'Brien` is `'O''Brien'`.

    Texts are quoted, points in time become UTC (`2024-01-31T08:30:00Z`), None is `null`, an Enum stands for its value.
    Raises ValidationError for a point in time without a zone, and for what has no literal.
    """
    if isinstance(value, Enum):
        return literal(value.value)
    if value is None:
        return "null"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return str(bool(value)).lower()
    if isinstance(value, UUID):
        return UUID.__str__(value)
    if isinstance(value, Integral | Real | Decimal):
        return _number(value)
    if isinstance(value, date | time | timedelta):
        return _moment(value)
    if isinstance(value, Iterable) and getattr(value, "ndim", None) == 0:
        return literal(_alone(value))
    raise ValidationError(
        f"{type(value).__name__} has no form in OData",
        "Give a text, a number, true or false, a date, an aware datetime, a UUID or None",
        'build_odata_filter({"city": "Oslo", "createdOn": ge(date(2024, 1, 31))})',
    )


def _alone(array: Any) -> Any:
    """Return the value of an array of no dimensions."""
    return array[()]


def is_several(value: Any) -> bool:
    """Tell whether a value is several ones, such as a list; a flag and an array of no dimensions only look like it."""
    single = isinstance(value, str | bytes | bytearray | memoryview | Mapping | Enum)
    return isinstance(value, Iterable) and not single and getattr(value, "ndim", 1) != 0


def key_segment(key: Any) -> str:
    """Return the key of an entity as it stands in its address: `('C0001')`, `(42)`, `(no='X',line=1)`.

    A mapping names the fields of the key. What the values hold is percent-encoded, so that it stays within the key.
    Raises ValidationError for None, and for a mapping that is empty or names what is no field.
    """
    if isinstance(key, Mapping):
        parts = [f"{field_name(name)}={_key_literal(value)}" for name, value in key.items()]
    else:
        parts = [_key_literal(key)]
    if not parts:
        raise ValidationError("A key needs a field at least", "Name its fields", 'key_segment({"no": "C0001"})')
    return quote(f"({','.join(parts)})", safe=SEGMENT_SAFE)


def field_name(name: Any) -> str:
    """Return the name of a field or the path to one, `address/city`; a ValidationError if it is something else."""
    name = str.__str__(name) if isinstance(name, str) else name
    parts = name.split("/") if isinstance(name, str) else []
    words = [word for part in parts for word in part.split(".")]
    if not parts or name in TAKEN or not all(word.isidentifier() for word in words):
        raise ValidationError(
            f"{name!r} is not the name of a field",
            "Use letters, digits and _, and / between the steps of a path; anything else goes into raw(...)",
            'build_odata_filter({"address/city": "Oslo"})',
        )
    return str(name)


def short_form(text: str) -> tuple[str, str] | None:
    """Return operator and literal of `"ge 100"`, the guide's short form; None for a text that is data.

    Raises ValidationError for an operator with a literal behind which more follows, and for a quote without its end.
    """
    match = _SHORT_FORM.fullmatch(text)
    if match is None:
        return None
    operator, rest = match[1], match[2].rstrip(" ")
    if _ONE_LITERAL.fullmatch(rest):
        return operator, rest
    if not rest.startswith("'") and not _ONE_LITERAL.match(rest):
        return None
    _refuse(
        f"A condition that begins with {operator!r} is more than one operator and one literal",
        f"Give data with its operator, {operator}(value); double the quotes in a literal that you write yourself;"
        " a point in time needs its zone (Z)",
        'build_odata_filter({"name": eq(name), "createdOn": "ge 2024-01-31T00:00:00Z"})',
    )


def percent_encoded(expression: str) -> str:
    """Return the expression with what would break a query encoded; letters, spaces and quotes stay readable.

    A client encodes spaces and foreign letters by itself, and leaves alone what is encoded already.
    """
    return _UNREADABLE.sub(lambda match: match[0] if match[0].isalpha() else quote(match[0], safe=""), expression)


def _text(value: str) -> str:
    """Return the text in quotes; what a class of its own makes of its methods does not matter."""
    value = str.__str__(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        _refuse("A text holds half of a character (a lone surrogate), which no address can carry", "Clean the text")
    return "'" + value.replace("'", "''") + "'"


def _number(value: Any) -> str:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, Integral):
        whole = int(value)
        return str(whole) if abs(whole) < LARGEST else _refuse("A number has more than 1000 digits", "Give a text")
    # The shortest text of a narrow number, such as numpy's float32, has not the digits that widening it would show.
    number = float(str(value)) if hasattr(value, "dtype") else float(value)
    return _not_finite(number) or repr(number).replace("e+", "e")


def _decimal(value: Decimal) -> str:
    value = Decimal(value)
    plain = not value.is_finite() or abs(value.adjusted()) < LONGEST
    return _not_finite(value) or (format(value, "f") if plain else str(value).replace("E+", "E"))


def _not_finite(value: float | Decimal) -> str | None:
    """Return OData's word for what is no number, or too large for one; None for a number."""
    shown = str(value).lower()
    if "nan" in shown:
        return "NaN"
    return ("-INF" if shown.startswith("-") else "INF") if "inf" in shown else None


def _moment(value: date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        return f"duration'{_seconds(value)}'"
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, time) and value.tzinfo is not None:
        _refuse("A time of day with a zone has no form in OData", "Give a datetime, or the time without its zone")
    return time.isoformat(value) if isinstance(value, time) else date.isoformat(value)


def _utc(value: datetime) -> str:
    try:
        offset = value.utcoffset()
    except ValueError:  # pandas' NaT, which is a datetime by name only
        offset = None
    if offset is None:
        _refuse(
            f"{value} is a point in time without a zone, so it could be any of 26 hours",
            "Say which zone it is in; for a day without a time give a date",
            "ge(datetime(2024, 1, 31, 8, 30, tzinfo=UTC))",
        )
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        _refuse(f"{value} is outside the years 1 to 9999 in UTC", "Give a date")
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _seconds(value: timedelta) -> str:
    whole, rest = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if value < timedelta(0) else ''}PT{whole}{fraction}S"


def _key_literal(value: Any) -> str:
    text = literal(value)
    if text in MISSING:
        _refuse("The value of a key is missing", "Give the key of the entity that is meant", "key_segment('C0001')")
    return text


def _refuse(problem: str, solution: str, example: str = "") -> NoReturn:
    raise ValidationError(problem, solution, example)
