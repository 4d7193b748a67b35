"""Data without secrets, whatever its form: what goes into log fields, artifacts, variables and events."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from txo_core.redaction import MASK, redact

DEEPEST = 12
ATOMS = (bool, type(None), UUID, date, time, timedelta)
SHORTEST_NUMBER = 100_000
SAMPLE = "Zx81Qv7mTnR4"
"""Looks like nothing: where it is masked, its name was the reason."""


def clean_data(value: Any, depth: int = 0) -> Any:
    """Return the value with every secret in it masked: texts, names, members of containers, at any depth.

    Numbers, dates and the like stay what they are; an object of another kind becomes its text.
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        return redact(str(value))
    if isinstance(value, ATOMS):
        return value
    if isinstance(value, int | float | Decimal):
        return value if -SHORTEST_NUMBER < value < SHORTEST_NUMBER or redact(str(value)) == str(value) else MASK
    if depth >= DEEPEST:
        return redact(str(value))
    if isinstance(value, Mapping):
        return {clean_key(key): clean_member(key, part, depth) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [clean_data(part, depth + 1) for part in value]
        return parts if isinstance(value, list) else tuple(parts) if isinstance(value, tuple) else set(parts)
    if isinstance(value, bytes | bytearray):
        return redact(bytes(value).decode("utf-8", "backslashreplace"))
    return redact(str(value))


def clean_member(name: Any, value: Any, depth: int = 0) -> Any:
    """Return the value of a field: masked as a whole where the field's name says that it is a secret."""
    told = isinstance(name, str) and tells(name)
    if told and isinstance(value, str | bytes | int | float) and not isinstance(value, bool) and value:
        return MASK
    return clean_data(value, depth + 1)


def clean_key(key: Any) -> Any:
    """Return the name of a field without secrets; a number stays one."""
    return key if isinstance(key, int | float | type(None)) else redact(str(key))


@lru_cache(maxsize=4096)
def tells(name: str) -> bool:
    """Tell whether a field of this name holds a secret, whatever it holds."""
    return SAMPLE not in redact(f'{{"{name}": "{SAMPLE}"}}')
