"""Idempotency keys: one for each write, the same in all its attempts, and again in a run that repeats it."""

import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Protocol

from requests import Response

from txo_core.clock import utc_now
from txo_core.exceptions import ApiError, ValidationError

DEFAULT_HEADER = "Idempotency-Key"
REPEATABILITY_ID, REPEATABILITY_FIRST = "Repeatability-Request-ID", "Repeatability-First-Sent"
KEYED_METHODS = frozenset({"POST", "PATCH"})
KEY_EXAMPLE = 'api.post("orders", order, idempotency_key=order["externalId"])'


class Watcher(Protocol):
    """Whoever wants to know of the writes in a scope that go without a key and may not be sent twice."""

    def begun(self) -> None:
        """Such a write is about to be sent."""

    def refused(self) -> None:
        """The write has failed, and surely not taken effect."""


class Scope:
    """What a piece of work is, so that its keys can be told again when it is repeated: the path of names to it.

    A name may come several times in its parent, and a call several times in a scope: they are counted, so that each
    has a key of its own. The path is worked out when the first key is asked for.
    """

    def __init__(
        self, names: tuple[object, ...], parent: "Scope | None" = None, watcher: Watcher | None = None
    ) -> None:
        self._names = names
        self._parent = parent
        self._counts: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        self._path: tuple[bytes, bytes] | None = None
        self.run: str = str(names[0]) if parent is None and names else parent.run if parent else ""
        self.watcher: Watcher | None = watcher or (parent.watcher if parent else None)

    def next(self, name: bytes) -> tuple[bytes, bytes]:
        """Return two digests of the name in this scope, others each time; the second leaves the outermost scope out."""
        path = self._place()
        with self._lock:
            number = self._counts[name]
            self._counts[name] += 1
        return _digest(path[0].hex(), name.hex(), number), _digest(path[1].hex(), name.hex(), number)

    def _place(self) -> tuple[bytes, bytes]:
        """Return the digest of all names that lead here, and that of all but the outermost scope's."""
        with self._lock:
            if self._path is None:
                own = _digest(*self._names)
                self._path = (own, b"") if self._parent is None else self._parent.next(own)
            return self._path


_scope: ContextVar[Scope | None] = ContextVar("txo_idempotency_scope", default=None)
_looks: ContextVar[bool] = ContextVar("txo_writes_are_looked_for", default=False)


@contextmanager
def scope(*names: object, watcher: Watcher | None = None, under: Scope | None = None) -> Iterator[None]:
    """Give the calls inside keys that are derived from these names, below those of the scopes around.

    Names are texts or plain data, such as a flow run's id, a task's name and its item. Without a scope,
    keys are random. The `watcher` is told of each write that goes without a key and may not be sent twice. `under` is
    a scope that was taken from `here()` before, in the place of the one around.
    """
    token = _scope.set(Scope(names, under or _scope.get(), watcher))
    try:
        yield
    finally:
        _scope.reset(token)


def here() -> Scope | None:
    """Return the present scope."""
    return _scope.get()


def in_scope() -> bool:
    """Tell whether keys are derived from names here."""
    return _scope.get() is not None


def run_here() -> str | None:
    """Return what the outermost scope is named after, which is the flow run's id in a run; None without a scope."""
    current = _scope.get()
    return current.run if current is not None else None


def work_here(name: str) -> str:
    """Return the name of a piece of work in the present run: the same in its next attempt, and in other runs."""
    current = _scope.get()
    digest = _digest(name) if current is None else current.next(_digest(name))[1]
    return digest.hex()[:12]


@contextmanager
def looked_for() -> Iterator[None]:
    """Say of the writes inside that their sender looks first whether they have been done: a repeat does no harm."""
    token = _looks.set(True)
    try:
        yield
    finally:
        _looks.reset(token)


def watched(
    send: Callable[[], Response], method: str, headers: MutableMapping[str, str], idempotent: bool | None
) -> Response:
    """Send a call that goes without a key; whoever watches the scope is told, if it is a write that needs one."""
    current = _scope.get()
    watcher = current.watcher if current is not None and not _looks.get() else None
    if watcher is None or not _wants_key(method, headers, idempotent):
        return send()
    watcher.begun()
    try:
        return send()
    except ApiError as error:
        if not error.in_doubt:
            watcher.refused()
        raise


def key_for(method: str, url: str, body: object) -> str:
    """Return the key of a call, in the form of a random UUID; a body that can be read only once gets a random one."""
    current = _scope.get()
    if current is None or not isinstance(body, bytes | None):
        return str(uuid.uuid4())
    call = _digest(method, url, hashlib.sha256(body or b"").hexdigest())
    return str(uuid.UUID(bytes=current.next(call)[0][:16], version=4))


@dataclass(frozen=True)
class IdempotencyKeys:
    """How a client sends keys: in which header, and whether the server honours one in every write.

    With `Repeatability-Request-ID` as the header goes `Repeatability-First-Sent` (OASIS Repeatable Requests 1.0).
    """

    header: str = DEFAULT_HEADER
    honoured: bool = False
    now: Callable[[], datetime] = utc_now

    def add(
        self,
        headers: MutableMapping[str, str],
        key: str | None,
        *,
        method: str,
        url: str,
        body: object,
        idempotent: bool | None,
    ) -> bool:
        """Add the key to the headers of a call, one of our own if it needs one; tell whether it now goes with a key."""
        given = next((name for name in headers if str(name).lower() == self.header.lower()), None)
        if key is None and given is not None:
            key = headers.pop(given)
        if key is None and self.honoured and _wants_key(method, headers, idempotent):
            key = key_for(method, url, body)
        if key is None:
            return False
        headers[self.header] = _checked(key)
        if self.header.lower() == REPEATABILITY_ID.lower():
            headers.setdefault(REPEATABILITY_FIRST, format_datetime(self.now(), usegmt=True))
        return True


def _wants_key(method: str, headers: MutableMapping[str, str], idempotent: bool | None) -> bool:
    """Tell whether a repeat of the call would do harm without a key."""
    if method not in KEYED_METHODS or idempotent is not None:
        return False
    sent = {str(name).lower(): value for name, value in headers.items()}
    return sent.get("if-match", "*") == "*" and "if-none-match" not in sent


def _checked(key: object) -> str:
    if isinstance(key, str) and key.strip() and key.isascii() and key.isprintable():
        return key
    raise ValidationError(
        "The idempotency key is empty or no plain text",
        "Give a text of printable ASCII characters that names this one write",
        KEY_EXAMPLE,
    )


def _digest(*names: object) -> bytes:
    """Return a digest of names, which tells ("a", "b") from ("ab",)."""
    try:
        text = json.dumps(names, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        text = str(names)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
