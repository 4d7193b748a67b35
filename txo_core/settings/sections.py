"""Which keys the framework has, where each belongs, and how a place in a file is written."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from txo_core.settings.models import ApiTimeouts, Behavior, Globals, Jitter, kebab
from txo_core.settings.values import join

KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]

TIMEOUTS: KeyPath = ("script-behavior", "api-timeouts")
SECTIONS: dict[KeyPath, type[BaseModel]] = {
    ("global",): Globals,
    ("script-behavior",): Behavior,
    TIMEOUTS: ApiTimeouts,
    ("script-behavior", "jitter"): Jitter,
}
TOP = ("global", "script-behavior", "endpoints")
ADDRESSES = ("auth", "api")


def framework_keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a section as they stand in the file."""
    return [field.alias or kebab(name) for name, field in model.model_fields.items()]


HOMES: dict[str, str] = dict.fromkeys(TOP, "the top level") | {
    key: ".".join(map(str, path)) for path, model in SECTIONS.items() for key in framework_keys(model)
}
TWINS = [key for key in framework_keys(ApiTimeouts) if key in framework_keys(Behavior)]


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: `script-behavior.api-timeouts.max-retries`, `global.trusted-origins[0]`."""
    text = ""
    for part in path:
        text = f"{text}[{part}]" if isinstance(part, int) else join(text, part)
    return text or "(top level)"


def is_framework_key(path: KeyPath) -> bool:
    """Tell whether a path is one of the framework's own keys."""
    model = SECTIONS.get(path[:-1])
    return bool(model and path[-1] in framework_keys(model)) or path in {("endpoints", name) for name in ADDRESSES}


def is_note(key: str) -> bool:
    """Tell whether a key is only for the reader: `$schema`, `_comment`, `_comment-on-limits`."""
    return key == "$schema" or key.startswith("_comment")


def section(document: Mapping[str, Any], path: KeyPath) -> Mapping[str, Any]:
    """Return a section of a document; an empty one where there is none, or something else in its place."""
    value: Any = document
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
