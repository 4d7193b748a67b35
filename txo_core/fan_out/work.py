"""Doing one item: what an earlier attempt has done is not done again, and what came of it is noted at once."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import State

from txo_core.exceptions import ApiOperationError
from txo_core.fan_out.journal import Entry, Journal
from txo_core.http.scopes import Scope, here, scope
from txo_core.logs.scrubbing import sentence
from txo_core.redaction import redact
from txo_core.results import ItemResult

IN_DOUBT = "in-doubt"


@dataclass(slots=True)
class Writes:
    """Keeps account of the writes of an item; `open` are those that may have taken effect and may not be sent again."""

    journal: Journal
    key: str
    open: set[object] = field(default_factory=set)

    def begun(self, call: object) -> None:
        """Note it before the write is sent: a kill may come in between."""
        self.open.add(call)
        self.journal.writing(self.key)

    def refused(self, call: object) -> None:
        """Take it back: the write has surely not taken effect."""
        self.open.discard(call)

    def accepted(self, operation: str, token: str | None, call: object) -> None:
        """Note where the operation goes on; from now on it can be waited for, and is no longer in doubt."""
        if token is not None:
            self.open.discard(call)
            self.journal.operation(self.key, operation, token, doubt=bool(self.open))

    def failed(self, operation: str) -> None:
        """Note that there is nothing to wait for any more."""
        self.journal.operation(self.key, operation, None, doubt=bool(self.open))

    def token_of(self, operation: str) -> str | None:
        """Return the token of an operation that an earlier attempt has begun."""
        return self.journal.operations.get((self.key, operation))


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work in a run: its journal, and whether to repeat what may have been done already.

    The keys of an item's writes hang on the run, the work and the item, and not on the batch that it happens to be in.
    """

    journal: Journal
    repeat_doubtful: bool = False
    around: Scope | None = field(default_factory=here)

    def earlier(self, key: str) -> ItemResult | None:
        """Return what came of the item in an earlier attempt; raises ApiOperationError where nobody knows."""
        record = self.journal.earlier(key)
        if record is None and not self.repeat_doubtful and self.journal.in_doubt(key):
            raise _doubtful(self.journal.before[key])
        return record

    def do(self, key: str, act: Callable[[], Any]) -> Any:
        """Return what the item's task returns, and note what that means; raises what it raises."""
        writes = Writes(self.journal, key)
        try:
            with scope(self.journal.work, key, watcher=writes, under=self.around):
                value = act()
        except Exception as error:
            self.journal.note(ItemResult(key, "failed", sentence(error)), doubt=bool(writes.open))
            raise
        record = record_of(key, value)
        self.journal.note(record, doubt=record.outcome == "failed" and bool(writes.open))
        return value


def record_of(key: str, value: Any) -> ItemResult:
    """Return the record of an item whose task returned the value."""
    if isinstance(value, State):
        return item_result(key, value)
    if isinstance(value, ItemResult):
        return replace(value, key=key, reason=redact(value.reason))
    return ItemResult(key, "ok", "", value)


def item_result(key: str, state: State[Any]) -> ItemResult:
    """Return the record of one item from the state in which its task run ended."""
    value = state.result(raise_on_failure=False) if state.is_final() else None
    if isinstance(value, ItemResult):
        return record_of(key, value)
    if state.is_completed():
        return ItemResult(key, "ok", "", value)
    reason = sentence(value) if isinstance(value, BaseException) else redact(state.message or state.name or "")
    return ItemResult(key, "failed", reason)


def _doubtful(entry: Entry) -> ApiOperationError:
    why = entry.reason or "the run died while a write was under way"
    return ApiOperationError(
        f"It may have been done already ({why}), so it is not done again blindly. Look whether it is there;"
        " if it is not, or if a repeat does no harm, run it with repeat_doubtful=True",
        code=IN_DOUBT,
        in_doubt=True,
    )
