"""What tells one entity from another: the values of its key, its address, and one lock for all who write it."""

import math
import threading
from collections.abc import Hashable, Mapping, Sequence, Set
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import Any, NoReturn
from uuid import UUID
from weakref import WeakValueDictionary

from txo_core.exceptions import ValidationError
from txo_core.http.own_success import holds
from txo_core.odata.literals import LONGEST, MISSING, field_name, key_segment, literal
from txo_core.rest.arguments import encoded

Key = str | Sequence[str] | Set[str] | Mapping[str, Any]
Entity = Mapping[str, Any]
Changes = Mapping[str, tuple[Any, Any]]
"""Fields that are written, each with its value before and after."""

EXAMPLE = 'api.create_or_update("customers", {"no": "C0099", "city": "Oslo"}, key="no")'


def key_values(entity: Entity, key: Key) -> dict[str, Any]:
    """Return the values of the key fields; a ValidationError says which one is missing."""
    if not isinstance(entity, Mapping):
        _refuse(f"The entity is {type(entity).__name__}, not a dictionary of fields")
    if not all(isinstance(name, str) for name in entity):
        _refuse("The names of the fields of the entity are no texts")
    values = dict(key) if isinstance(key, Mapping) else {name: entity.get(name) for name in _names(key)}
    if not values:
        _refuse("The key names no field")
    for name, value in values.items():
        if "/" in field_name(name):
            _refuse(f"The key {name!r} is a path, and has to be a field of the entity itself")
        if (isinstance(value, str) and not value.strip()) or literal(value) in MISSING:
            _refuse(f"The entity has no value for its key field {name!r}, so it cannot be found again")
        if name in entity and not same_key(entity[name], value):
            _refuse(f"The entity has another value for {name!r} than its key")
    return values


def _names(key: Any) -> list[str]:
    """Return the names of the key fields; those of a set, which has no order, in that of the alphabet."""
    names = [key] if isinstance(key, str) else list(key) if isinstance(key, Sequence | Set) else None
    if names is None or isinstance(key, bytes | bytearray):
        _refuse(f"The key is {type(key).__name__}, and not the name of a field or a list of names")
    if not all(isinstance(name, str) for name in names):
        _refuse("The names of the key fields are no texts")
    return sorted(names) if isinstance(key, Set) else names


def json_fields(entity: Entity) -> dict[str, Any]:
    """Return the fields of the entity as JSON has them, without the server's remarks; ValidationError if it cannot."""
    wanted = {name: value for name, value in entity.items() if name == "@odata.type" or not name.startswith("@")}
    try:
        fields: dict[str, Any] = json_form(wanted)
    except RecursionError:
        fields = wanted  # it holds itself, which JSON refuses with its own words
    encoded(fields)
    return fields


def before_and_after(entity: Entity, fields: Entity) -> Changes:
    """Return the fields with the values that the entity has and those that it gets."""
    return {name: (entity.get(name), value) for name, value in fields.items() if not name.startswith("@")}


def control(entity: Any, name: str) -> str | None:
    """Return control information of an entity, `@odata.etag`, or `@etag` as OData 4.01 may write it."""
    found = [entity.get(f"@{prefix}{name}") for prefix in ("odata.", "")] if isinstance(entity, Mapping) else []
    return next((value for value in found if isinstance(value, str) and value), None)


def json_form(value: Any) -> Any:
    """Return a typed value as JSON has it: a date as text, a Decimal as a number; in lists and objects, too.

    Raises ValidationError for a point in time without a zone, and for a Decimal that is more exact than a number.
    """
    if isinstance(value, Enum):
        return json_form(value.value)
    if isinstance(value, Mapping):
        return {name: json_form(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_form(each) for each in value]
    if isinstance(value, date | time | timedelta):
        return literal(value).removeprefix("duration").strip("'")
    if isinstance(value, Decimal):
        return _json_number(value)
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        return _of_numpy(value)
    return str(value) if isinstance(value, UUID) else value


def _of_numpy(value: Any) -> Any:
    """Return a number of numpy's as Python's, the short text of a narrow one; what is no number as it is."""
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(str(value)) if isinstance(value, Real) else value


def _json_number(value: Decimal) -> int | float:
    """Return the Decimal as a number of JSON that means the same."""
    if not value.is_finite():
        return math.nan  # which JSON refuses
    if value == value.to_integral_value() and value.adjusted() < LONGEST:
        return int(value)
    number = float(value)
    if Decimal(repr(number)) == value:
        return number
    raise ValidationError(
        f"A Decimal of {len(value.as_tuple().digits)} digits is more exact than a number in JSON can be",
        "Round it, or give it as text where the API takes that",
        '{"amount": round(amount, 2)}',
    )


def same_key(one: Any, other: Any) -> bool:
    """Tell whether two values of a key may be one: many servers take no heed of the case."""
    one, other = json_form(one), json_form(other)
    return holds(one, other) or str(one).strip().casefold() == str(other).strip().casefold()


def stranger(entity: Any, key: Entity, whole: bool = True) -> str:
    """Return why the entity is not the one with the key, or may not be: a server may ignore the filter; else "".

    A row of a list need not show its key, the `whole` entity has to. Some servers read names in any case and write
    them in their own.
    """
    shown = entity if isinstance(entity, Mapping) else dict.fromkeys(key)
    if not all(same_key(shown[name], value) for name, value in key.items() if name in shown):
        return "answered with another entity than the one asked for"
    if whole and not shows_key(shown, key):
        return "answered with an entity that has no field of this name, letter by letter"
    return ""


def shows_key(entity: Entity, key: Entity) -> bool:
    """Tell whether all fields of the key are there."""
    return all(name in entity for name in key)


def guid_segments(value: Any) -> list[str]:
    """Return a GUID as the key in an address; nothing for what is none."""
    try:
        return [key_segment(UUID(value))]
    except (ValueError, TypeError, AttributeError):
        return []


class KeyLock:
    """A lock that lives as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_locks: WeakValueDictionary[Hashable, KeyLock] = WeakValueDictionary()
_guard = threading.Lock()


def lock_for(url: str, key: Entity) -> KeyLock:
    """Return the lock of all threads that write this key; keys that differ in case share one."""
    name = (
        url.partition("?")[0].rstrip("/"),
        *sorted((field, literal(value).casefold()) for field, value in key.items()),
    )
    with _guard:
        return _locks.setdefault(name, KeyLock())


def _refuse(problem: str) -> NoReturn:
    raise ValidationError(
        problem, "Give the fields of the entity, and the name of the field that tells it from others", EXAMPLE
    )
