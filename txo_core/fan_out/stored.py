"""Values of items as JSON that gives them back: rows with dates and exact numbers, without known secrets."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from txo_core.formats.tables import as_record, native
from txo_core.redaction import holds_known_secret, redact

TAG = "$txo"
DEEPEST = 60


class NotStored(Exception):
    """A value that the journal cannot hold; its text says what kind it is."""


def stored(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON can say it, with tags where that would lose its kind; raises NotStored.

    Dataclasses and pydantic models come back as dicts, sets and tuples as lists: as rows of a report they are the same.
    """
    value = native(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value) if holds_known_secret(value) else value
    if depth > DEEPEST:
        raise NotStored("data that is nested so deep")
    tagged = _tagged(value)
    if tagged is not None:
        return {TAG: tagged}
    if isinstance(value, list | tuple | set | frozenset):
        return [stored(item, depth + 1) for item in value]
    record = as_record(value)
    if record is None:
        raise NotStored(f"a value of type {type(value).__name__}")
    return _record(record, depth)


def restored(value: Any) -> Any:
    """Return what `stored` was given."""
    if isinstance(value, list):
        return [restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value.get(TAG):
        case [kind, text]:
            return KINDS[kind](text)
        case _:
            return {key: restored(item) for key, item in value.items()}


def _record(record: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    if any(not isinstance(key, str) for key in record):
        raise NotStored("a dict whose keys are not all texts")
    if TAG in record:
        raise NotStored(f"a dict with the key {TAG}")
    return {stored(key): stored(item, depth + 1) for key, item in record.items()}


def _tagged(value: Any) -> list[str] | None:
    for name, kind in (("datetime", datetime), ("date", date), ("time", time)):
        if isinstance(value, kind):
            return [name, value.isoformat()]
    if isinstance(value, timedelta):
        return ["seconds", f"{value.days} {value.seconds} {value.microseconds}"]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if not isinstance(value, bytes | bytearray):
        return None
    if holds_known_secret(value.hex()):
        raise NotStored("bytes with a secret in them")
    return ["bytes", value.hex()]


def _span(text: str) -> timedelta:
    days, seconds, microseconds = map(int, text.split())
    return timedelta(days, seconds, microseconds)


KINDS: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "seconds": _span,
    "decimal": Decimal,
    "bytes": bytes.fromhex,
}
