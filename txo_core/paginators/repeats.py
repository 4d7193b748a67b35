"""What tells one page from another, and rows that come twice because the list moves while it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

STRONG_KEYS = ("@odata.id", "odata.id", "id", "_id", "uuid", "guid", "systemid")
WEAK_KEYS = ("no", "number")
KEY_NAMES = frozenset({"@odata.id", "@odata.etag", "key", "no", "number", "uuid", "guid", "code", "id"})
KEY_ENDINGS = ("Id", "ID", "_id", "-id", ".id")
SAMPLES = 8
EVIDENT = 5
SAME_PAGES = 10
EMPTY_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Marks:
    """What is kept of a page when its rows are given away: 16 bytes that tell it from others, and its rows' keys.

    `keys` is None where the rows have none. `strong`: by its name, two rows with this key are one row. `last` tells the
    last row from others.
    """

    page: bytes
    keys: list[Any] | None = None
    strong: bool = False
    last: bytes = b""


def marks_of(rows: list[Any]) -> Marks:
    """Return the marks of a page, which are those of its keys, if its rows have some.

    So a field that changes with each answer, or another order, makes no other page of it.
    """
    name, keys = keys_of(rows)
    if keys is None:
        return Marks(fingerprint(rows))
    strong, enough = name.casefold() in STRONG_KEYS, len(keys) >= EVIDENT
    # In their order and not in that of the page: the same rows are the same page.
    mark = _digest([name, *_sample(_sorted(keys))]) if strong or enough else fingerprint(rows)
    return Marks(mark, keys, strong, fingerprint(rows[-1:]))


def keys_of(rows: list[Any]) -> tuple[str, list[Any] | None]:
    """Return the name of the key and its values, all of them different; None where there is no such key."""
    first = rows[0] if rows else None
    if not isinstance(first, Mapping):
        return "", None
    names = {name.casefold(): name for name in first if isinstance(name, str)}
    name = next((names[key] for key in STRONG_KEYS + WEAK_KEYS if key in names), "")
    if not name:
        return "", None
    try:
        keys = [row[name] for row in rows]
        return name, keys if len(set(keys)) == len(keys) else None
    except (KeyError, TypeError):
        return name, None


def identities(rows: list[Any]) -> frozenset[Any]:
    """Return what each row of a page is known by: its key, or all of it."""
    _, keys = keys_of(rows)
    return frozenset(keys if keys is not None else map(repr, rows))


def overlap(before: Marks, now: Marks, rows: list[Any]) -> tuple[int, int]:
    """Return how many rows at the beginning were the end of the page before, and how many came before otherwise.

    The former are the same rows for sure: their keys in the same order, and the last row the same in all fields. Keys
    that are none by their name, such as `no`, count where the list is in their order.
    """
    if before.keys is None or now.keys is None:
        return 0, 0
    again = len(set(before.keys).intersection(now.keys))
    if not again or not (
        now.strong or (len(before.keys) >= EVIDENT and _in_order(before.keys) and _in_order(now.keys))
    ):
        return 0, 0
    shifted = before.keys[-again:] == now.keys[:again] and fingerprint(rows[again - 1 : again]) == before.last
    return (again, 0) if shifted else (0, again)


def fingerprint(rows: list[Any]) -> bytes:
    """Return 16 bytes that tell the page from others: of its length and of some rows, evenly spread.

    A sample, since all rows would cost as much as reading them from JSON did.
    """
    return _digest(_sample(rows))


def repeats_allowed(rows: list[Any]) -> int:
    """Return how often a page with just these rows may come again before that is a loop and not a coincidence.

    Never, if all its rows differ and carry a key, or are five and more. Rows that are alike, as `$select=city` gives
    them, may fill ten further pages; empty pages with a way on are usual with some servers.
    """
    if not rows:
        return EMPTY_PAGES
    if len({repr(row) for row in rows}) < len(rows):
        return SAME_PAGES
    return 0 if len(rows) >= EVIDENT or any(map(has_key, rows)) else SAME_PAGES


def has_key(row: Any) -> bool:
    """Tell whether the row has a field that is a key by its name."""
    names = row if isinstance(row, Mapping) else ()
    return any(str(name).casefold() in KEY_NAMES or str(name).endswith(KEY_ENDINGS) for name in names)


def _sample(items: list[Any]) -> list[Any]:
    return [len(items), *items[:: max(1, len(items) // SAMPLES)], *items[-1:]]


def _in_order(keys: list[Any]) -> bool:
    try:
        rising = all(one < other for one, other in pairwise(keys))
        return rising or all(one > other for one, other in pairwise(keys))
    except TypeError:
        return False


def _sorted(keys: list[Any]) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=repr)


def _digest(value: Any) -> bytes:
    return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=16).digest()
