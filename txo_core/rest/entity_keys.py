"""What tells one entity from another: the values of its key, its address, and one lock for all who write it."""

import threading
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, time
from enum import Enum
from typing import Any, NoReturn
from uuid import UUID
from weakref import WeakValueDictionary

from txo_core.exceptions import ValidationError
from txo_core.http.own_success import holds
from txo_core.odata.literals import key_segment, literal

Key = str | Sequence[str] | Mapping[str, Any]
Entity = Mapping[str, Any]

EXAMPLE = 'api.create_or_update("customers", {"no": "C0099", "city": "Oslo"}, key="no")'


def key_values(entity: Entity, key: Key) -> dict[str, Any]:
    """Return the values of the key fields; a ValidationError says which one is missing."""
    if not isinstance(entity, Mapping):
        _refuse(f"The entity is {type(entity).__name__}, not a dictionary of fields")
    if isinstance(key, Mapping):
        values = dict(key)
    else:
        names = [key] if isinstance(key, str) else list(key) if isinstance(key, Sequence) else []
        if not all(isinstance(name, str) for name in names):
            _refuse("The names of the key fields are no texts")
        values = {name: entity.get(name) for name in names}
    if not values:
        _refuse("The key names no field")
    for name, value in values.items():
        if value is None or (isinstance(value, str) and not value.strip()):
            _refuse(f"The entity has no value for its key field {name!r}, so it cannot be found again")
        if name in entity and not same_key(entity[name], value):
            _refuse(f"The entity has another value for {name!r} than its key")
    return values


def control(entity: Any, name: str) -> str | None:
    """Return control information of an entity, `@odata.etag`, or `@etag` as OData 4.01 may write it."""
    found = [entity.get(f"@{prefix}{name}") for prefix in ("odata.", "")] if isinstance(entity, Mapping) else []
    return next((value for value in found if isinstance(value, str) and value), None)


def json_form(value: Any) -> Any:
    """Return a typed value as JSON has it."""
    if isinstance(value, Enum):
        return json_form(value.value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def same_key(one: Any, other: Any) -> bool:
    """Tell whether two values of a key may be one: many servers take no heed of the case."""
    one, other = json_form(one), json_form(other)
    return holds(one, other) or str(one).strip().casefold() == str(other).strip().casefold()


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
