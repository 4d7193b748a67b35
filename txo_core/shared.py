"""What the clients of a process share: limiter, breaker, token provider, and connections that are counted."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Closable(Protocol):
    """Whatever is closed in the end."""

    def close(self) -> None:
        """Let go of what is held."""


C = TypeVar("C", bound=Closable)


class Registry(Generic[T]):
    """One object a key, made once, however many threads ask for it at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the object of the key; the first to ask makes it."""
        with self._lock:
            if key not in self._items:
                self._items[key] = make()
            return self._items[key]

    def clear(self) -> None:
        """Forget all; who holds one keeps it."""
        with self._lock:
            self._items.clear()


@dataclass(slots=True, eq=False)
class Entry(Generic[C]):
    """A shared object, the lock that lets one thread make it, and the number of its users."""

    lock: threading.Lock
    item: C | None = None
    users: int = 0


class CountedCache(Generic[C]):
    """Shared objects that know their users: one that nobody uses is kept for the next, up to `size` in all.

    The one that was unused for longest goes first, and is closed; one in use is never closed.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, Entry[C]] = OrderedDict()

    def acquire(self, key: Hashable, make: Callable[[], C]) -> tuple[C, Callable[[], None]]:
        """Return the object of the key, made if need be, and what gives it back."""
        with self._lock:
            entry = self._entries.setdefault(key, Entry(threading.Lock()))
            entry.users += 1
            self._entries.move_to_end(key)
            unused = self._overflow()
        for item in unused:
            item.close()
        return self._item(entry, make), lambda: self._release(entry)

    def clear(self) -> None:
        """Forget all; those that nobody uses are closed."""
        with self._lock:
            entries = list(self._entries.values())
            self._entries.clear()
        for entry in entries:
            if entry.users == 0 and entry.item is not None:
                entry.item.close()

    def _item(self, entry: Entry[C], make: Callable[[], C]) -> C:
        with entry.lock:
            if entry.item is None:
                try:
                    entry.item = make()
                except BaseException:
                    self._release(entry)
                    raise
            return entry.item

    def _release(self, entry: Entry[Any]) -> None:
        with self._lock:
            entry.users -= 1
            forgotten = entry.users == 0 and entry not in self._entries.values()
        if forgotten and entry.item is not None:
            entry.item.close()

    def _overflow(self) -> list[C]:
        """Take out what is too much, the longest unused first."""
        unused = [key for key, entry in self._entries.items() if entry.users == 0]
        surplus = max(0, len(self._entries) - self._size)
        taken = [self._entries.pop(key).item for key in unused[:surplus]]
        return [item for item in taken if item is not None]
