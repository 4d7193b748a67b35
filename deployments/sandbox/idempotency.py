"""Idempotency keys: the same key and body get the stored answer, and the work is done once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .errors import ApiProblem
from .exchange import Answer, Exchange


@dataclass
class Entry:
    """One key: the body it came with, and its answer once there is one."""

    digest: str
    answer: Answer | None = None


class IdempotencyBook:
    """The keys seen so far, by method and path."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str, str], Entry] = {}

    async def once(self, exchange: Exchange, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the work, done at most once for a key. Raises ApiProblem 409 or 422 as the draft has it."""
        key = exchange.headers.get("idempotency-key")
        if exchange.method != "POST" or not key:
            return await work()
        name = (key, exchange.method, exchange.path)
        digest = hashlib.sha256(exchange.scope["query_string"] + b"\n" + exchange.body).hexdigest()
        known = self.entries.get(name)
        if known is not None:
            return _replay(known, digest)
        entry = self.entries[name] = Entry(digest)
        try:
            answer = await work()
        except BaseException:
            del self.entries[name]
            raise
        if answer.status >= 500:
            del self.entries[name]
        entry.answer = answer
        return answer


def _replay(entry: Entry, digest: str) -> Answer:
    if entry.digest != digest:
        message = "This idempotency key was used with another request body."
        raise ApiProblem(422, "IdempotencyKeyReused", message)
    if entry.answer is None:
        message = "The first request with this idempotency key is still being processed."
        raise ApiProblem(409, "IdempotencyKeyInProgress", message)
    return entry.answer.with_header("Idempotent-Replayed", "true")
