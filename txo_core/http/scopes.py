"""Which piece of work a call belongs to: keys that its next attempt gives again, and an account of its writes."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from requests import Response

from txo_core.exceptions import ApiError

KEYED_METHODS = frozenset({"POST", "PATCH"})


class Watcher(Protocol):
    """Whoever keeps account of the writes in a scope, so that the next attempt repeats none of them blindly.

    `call` names a write without a key that may not be sent twice, `operation` a call that may have been accepted only.
    """

    def begun(self, call: object) -> None:
        """Such a write is about to be sent."""

    def refused(self, call: object) -> None:
        """The write has failed, and surely not taken effect."""

    def accepted(self, operation: str, token: str | None, call: object) -> None:
        """The call has begun a long-running operation, which can be waited for by its token."""

    def failed(self, operation: str) -> None:
        """The operation has failed: it is nothing to wait for any more."""

    def token_of(self, operation: str) -> str | None:
        """Return the token of an operation that an earlier attempt has begun, and not seen fail."""


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
        return digest_of(path[0].hex(), name.hex(), number), digest_of(path[1].hex(), name.hex(), number)

    def _place(self) -> tuple[bytes, bytes]:
        """Return the digest of all names that lead here, and that of all but the outermost scope's."""
        with self._lock:
            if self._path is None:
                own = digest_of(*self._names)
                self._path = (own, b"") if self._parent is None else self._parent.next(own)
            return self._path


_scope: ContextVar[Scope | None] = ContextVar("txo_idempotency_scope", default=None)
_call: ContextVar[object] = ContextVar("txo_write_that_is_watched", default=None)
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
    digest = digest_of(name) if current is None else current.next(digest_of(name))[1]
    return digest.hex()[:12]


@contextmanager
def looked_for() -> Iterator[None]:
    """Say of the writes inside that their sender looks first whether they have been done: a repeat does no harm."""
    token = _looks.set(True)
    try:
        yield
    finally:
        _looks.reset(token)


def watched(send: Callable[[], Response], method: str, headers: Mapping[str, str], idempotent: bool | None) -> Response:
    """Send a call that goes without a key; whoever watches the scope is told, if it is a write that needs one."""
    watcher = _watcher()
    if watcher is None or _looks.get() or not wants_key(method, headers, idempotent):
        return send()
    call = object()
    watcher.begun(call)
    token = _call.set(call)
    try:
        return send()
    except ApiError as error:
        if not error.in_doubt:
            watcher.refused(call)
        raise
    finally:
        _call.reset(token)


@dataclass(frozen=True, slots=True)
class Submission:
    """A call that may begin a long-running operation, as whoever watches the scope knows it."""

    watcher: Watcher
    name: str

    @property
    def token(self) -> str | None:
        """The token of the operation, if an earlier attempt has begun it and not seen it fail."""
        return self.watcher.token_of(self.name)

    def accepted(self, token: str | None) -> None:
        """Say that the operation has begun."""
        self.watcher.accepted(self.name, token, _call.get())

    def failed(self) -> None:
        """Say that the operation has failed."""
        self.watcher.failed(self.name)


def submission_of(method: str, url: str, body: object) -> Submission | None:
    """Return what is remembered of the call in the present scope; None where nobody watches, or for a read."""
    current, watcher = _scope.get(), _watcher()
    if current is None or watcher is None or method in ("GET", "HEAD") or not isinstance(body, bytes | None):
        return None
    call = digest_of("operation", method, url, hashlib.sha256(body or b"").hexdigest())
    return Submission(watcher, current.next(call)[1].hex()[:16])


def _watcher() -> Watcher | None:
    current = _scope.get()
    return current.watcher if current is not None else None


def wants_key(method: str, headers: Mapping[str, str], idempotent: bool | None) -> bool:
    """Tell whether a repeat of the call would do harm without a key."""
    if method not in KEYED_METHODS or idempotent is not None:
        return False
    sent = {str(name).lower(): value for name, value in headers.items()}
    return sent.get("if-match", "*") == "*" and "if-none-match" not in sent


def digest_of(*names: object) -> bytes:
    """Return a digest of names, which tells ("a", "b") from ("ab",)."""
    try:
        text = json.dumps(names, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        text = str(names)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
