"""Removed rows of a delta reading: how a server tells of them, and whether a row is one that came back."""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from txo_core.http.origins import resolved

REMOVED_KEYS = ("@removed", "@odata.removed")
ADDRESS_KEYS = ("@odata.id", "@id")
KEY_NAMES = frozenset({"id", "no", "number", "key", "code", "uuid", "guid"})
"""Names of a field that is the key by itself."""
PART_NAMES = frozenset(
    {"line", "position", "pos", "sequence", "seq", "item", "company", "tenant", "plant", "location", "variant", "year"}
)
PART_ENDINGS = ("id", "no", "number", "code", "key", "type", "line")
"""Names of fields that may be a part of the key; what else a removed row holds may have changed when it comes back."""
_PART = re.compile(r"(?:([^\W\d]\w*)=)?('(?:[^']|'')*'|[^,'=]+)(?:,|$)")
_PREDICATE = re.compile(r"\(([^()]*(?:'(?:[^']|'')*'[^()]*)*)\)$")

Token = Hashable
"""Something by which two tellings of one row can be known: its address, or the names and values of its key."""


@dataclass(frozen=True)
class Removal:
    """A row that is no longer in the list: its key, and why.

    The key is a text, or a dictionary where it has several properties. The reason is `deleted`, or `changed` for a row
    that the list's filter no longer lets through.
    """

    key: Any
    reason: str = "deleted"


class Removals:
    """The rows that were removed so far; `base` is the address to which those of rows are relative."""

    def __init__(self) -> None:
        self._removed: dict[Token, tuple[Removal, list[Token]]] = {}
        self._by_token: dict[Token, set[Token]] = {}
        self._shapes: set[tuple[str, ...]] = set()

    def take(self, row: Any, base: str) -> bool:
        """Take the row in if it tells of a removal, and say so; else it is there, and no longer among the removed."""
        told = _told(row)
        if told is None:
            self._came_back(row, base)
            return False
        tokens = list(_tokens_of_removal(row, told, base))
        self._removed[tokens[0]] = (_removal(row, told), tokens)
        for token in tokens:
            self._by_token.setdefault(token, set()).add(tokens[0])
            if isinstance(token, tuple) and token[0] == "fields":
                self._shapes.add(token[1])
        return True

    def all(self) -> list[Removal]:
        """Return the removals, in the order in which they were told."""
        return [removal for removal, _ in self._removed.values()]

    def _came_back(self, row: Any, base: str) -> None:
        if not self._removed or not isinstance(row, Mapping):
            return
        for token in _tokens_of_row(row, self._shapes, base):
            for name in self._by_token.pop(token, ()):
                self._removed.pop(name, None)


def _told(row: Any) -> dict[str, Any] | None:
    """Return the fields that say which row was removed, without the reason; None if the row tells of no removal.

    In OData 4.01 that is a row with `@removed`, in 4.0 an entry whose context ends in `$deletedEntity`.
    """
    if not isinstance(row, Mapping):
        return None
    is_removed = any(key in row for key in REMOVED_KEYS)
    if not is_removed and not _is_deleted_entity(row):
        return None
    return {name: row[name] for name in row if "@" not in name and (is_removed or name != "reason")}


def _is_deleted_entity(row: Mapping[str, Any]) -> bool:
    return str(row.get("@odata.context", row.get("@context"))).endswith("/$deletedEntity")


def _removal(row: Mapping[str, Any], told: dict[str, Any]) -> Removal:
    inner = next((row[key] for key in REMOVED_KEYS if key in row), row)
    reason = inner.get("reason") if isinstance(inner, Mapping) else None
    address = {name: row[name] for name in row if name in ADDRESS_KEYS}
    fields = told if not address or any(_may_be_key(name, value) for name, value in told.items()) else address
    return Removal(next(iter(fields.values())) if len(fields) == 1 else fields, str(reason or "deleted"))


def _tokens_of_removal(row: Mapping[str, Any], told: dict[str, Any], base: str) -> Iterator[Token]:
    """Yield what the removed row can be known by; the first is the one that it is kept under.

    A row with an address is known by that, and where the one that came back has none, by the key in the address. The
    `id` of 4.0 is an address, or with some servers a bare key.
    """
    address = _address(row)
    if address is None and isinstance(told.get("id"), str) and _is_deleted_entity(row):
        address = told["id"]
    if address is None:
        yield from (_of_fields(told), _of_fields(_key_fields(told))) if told else (("row", repr(row)),)
        return
    if not any(mark in address for mark in "/(?"):
        yield ("bare", address)
        return
    yield _at(address, base)
    key = _key_in(address)
    yield _of_fields(dict(key)) if all(name for name, _ in key) else ("key", key[0][1])


def _tokens_of_row(row: Mapping[str, Any], shapes: set[tuple[str, ...]], base: str) -> Iterator[Token]:
    """Yield what the row can be known by; its fields count for the keys of all removals that were told by fields."""
    address = _address(row)
    if address is not None:
        yield _at(address, base)
        yield ("bare", _key_in(address)[0][1])
    for names in shapes:
        if all(name in row for name in names):
            yield _of_fields({name: row[name] for name in names})
    plain = {name: value for name, value in row.items() if "@" not in name}
    first = next(iter(plain), None)
    for name in plain:
        if name == first or name.casefold() in KEY_NAMES:
            yield from [(kind, _text(plain[name])) for kind in (("bare",) if address else ("bare", "key"))]


def _at(address: str, base: str) -> Token:
    return ("at", unquote(resolved(base, address)))


def _address(row: Mapping[str, Any]) -> str | None:
    return next((row[key] for key in ADDRESS_KEYS if isinstance(row.get(key), str) and row[key]), None)


def _key_in(address: str) -> tuple[tuple[str, str], ...]:
    """Return the names and values of the key at the end of an address: `l(no='C1',line=1)`, `l('C1')`, `l/C1`, `C1`."""
    path = unquote(address.partition("?")[0])
    found = _PREDICATE.search(path)
    parts = _PART.findall(found[1]) if found else []
    return tuple((name, _unquoted(value)) for name, value in parts) or (("", path.rsplit("/", 1)[-1]),)


def _unquoted(literal: str) -> str:
    quoted = len(literal) > 1 and literal[0] == literal[-1] == "'"
    return literal[1:-1].replace("''", "'") if quoted else literal


def _key_fields(told: dict[str, Any]) -> dict[str, Any]:
    """Return those of the fields that are the key, as far as names tell: `id` alone, or all that may be a part."""
    alone = {name: value for name, value in told.items() if name.casefold() == "id"}
    return alone or {name: value for name, value in told.items() if _may_be_key(name, value)} or told


def _may_be_key(name: str, value: Any) -> bool:
    name = name.casefold()
    whole_number = isinstance(value, int) and not isinstance(value, bool)
    return name in KEY_NAMES | PART_NAMES or name.endswith(PART_ENDINGS) or whole_number


def _of_fields(fields: Mapping[str, Any]) -> Token:
    names = tuple(sorted(fields))
    return ("fields", names, tuple(_text(fields[name]) for name in names))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
