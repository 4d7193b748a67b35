"""Whether the values of a write fit the properties they are meant for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from .errors import bad_request
from .schema import EntitySchema

CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, str) and _reads(date.fromisoformat, value),
    "datetime": lambda value: isinstance(value, str) and _reads(datetime.fromisoformat, value),
    "guid": lambda value: isinstance(value, str) and _reads(uuid.UUID, value),
}


def require_kinds(schema: EntitySchema, values: Mapping[str, Any]) -> None:
    """Raises ApiProblem 400 for a value of the wrong kind; unknown properties are taken as they are."""
    for name, value in values.items():
        kind = schema.properties.get(name)
        if kind is None or value is None:
            continue
        if not CHECKS[kind](value):
            message = f"Cannot convert the value of '{name}' to a {kind}."
            raise bad_request(message, name, "BadRequest_InvalidPropertyValue")
    key = values.get(schema.key)
    if key == "":
        raise bad_request(f"The key '{schema.key}' must not be empty.", schema.key)


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True
