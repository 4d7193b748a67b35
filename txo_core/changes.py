"""What differed, in words: the fields of an item that were written, or would be, before and after."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from txo_core.logs.clean_data import clean_member
from txo_core.logs.text import one_line
from txo_core.results import NEW, ItemResult

LONGEST_VALUE = 40
NOTHING = "(empty)"


def changes_text(record: ItemResult) -> str:
    """Return what differed in one line: `city: Oslo → Bergen; email: (empty) → a@b.example`; "" where nothing did.

    Of a new item only what it has is told: `no: C9; city: Oslo`. Secrets are masked, long values are cut.
    """
    is_new = record.outcome in NEW
    parts = [
        f"{name}: {shown(name, after)}" if is_new else f"{name}: {shown(name, before)} → {shown(name, after)}"
        for name, (before, after) in record.changes.items()
        if not is_new or after is not None
    ]
    return "; ".join(parts)


def shown(name: str, value: Any) -> str:
    """Return the value of a field as a person reads it: without secrets, in one line, and cut where it is long."""
    value = clean_member(name, value.value if isinstance(value, Enum) else value)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = one_line(str(value))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
