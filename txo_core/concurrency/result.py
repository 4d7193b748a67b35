"""What came of many items that were worked through side by side."""

from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from txo_core.exceptions import ScriptError, TxoError
from txo_core.logs.scrubbing import sentence
from txo_core.results import ItemResult

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands in the results for the items that were never read: all that come after the first `after`.

    Whoever asks it for a field, as of any other item, gets the text that says so.
    """

    after: int
    __iter__ = None
    __contains__ = None

    def __str__(self) -> str:
        return f"the items after the first {self.after}, which were not read"

    def __getitem__(self, name: object) -> str:
        """Return the text, whatever the name."""
        return str(self)

    def get(self, name: object, default: object = None) -> str:
        """Return the text, whatever the name."""
        return str(self)


@dataclass(frozen=True, repr=False)
class ParallelResult(Generic[T, R]):
    """What came of all items: `successful` values, `failed` items with their errors, `skipped` items; in input order.

    Skipped are those that do not apply, by the word of the function (`skipped("...")`): `reasons` has them with what it
    said. And those that were not begun, since the time was over or an error said that no other would do better:
    `stopped_by` is that error. An input that breaks off, or is too long to be read on after a stop, has an `Unread` as
    its last failed or skipped entry. `done` counts the items that went well, `total_time` is in seconds.
    """

    successful: list[R]
    failed: list[tuple[T, Exception]]
    skipped: list[T]
    total_time: float = 0.0
    stopped_by: Exception | None = None
    done: int = 0
    reasons: list[tuple[T, str]] = field(default_factory=list)

    @property
    def success_rate(self) -> float:
        """The part of all items that went well, from 0 to 1; 1.0 if there were none. Shown by `{:.1%}`."""
        total = self.done + len(self.failed) + len(self.skipped)
        return self.done / total if total else 1.0

    @property
    def all_ok(self) -> bool:
        """Whether every item went well or does not apply."""
        return not self.failed and len(self.skipped) == len(self.reasons)

    def summary(self) -> str:
        """Return the result in one line: `39 ok, 1 skipped, 2 failed`."""
        counts = ((self.done, "ok"), (len(self.skipped), "skipped"), (len(self.failed), "failed"))
        return ", ".join(f"{number} {word}" for number, word in counts if number or word == "ok")

    def raise_if_failed(self) -> Self:
        """Return the result if every item went well; else raise an error with the counts, caused by the first one."""
        if self.all_ok:
            return self
        raise TxoError(self._told()) from self._first

    def __repr__(self) -> str:
        return f"ParallelResult({self._told()})"

    @property
    def _first(self) -> Exception | None:
        return self.failed[0][1] if self.failed else self.stopped_by

    def _told(self) -> str:
        return f"{self.summary()}{f'; the first: {sentence(self._first)}' if self._first else ''}"


def not_applicable(value: Any) -> bool:
    """Tell whether a function returned `skipped(...)`: its item does not apply."""
    return isinstance(value, ItemResult) and value.outcome == "skipped"


def failure_in(value: Any) -> Exception | None:
    """Return the error of an item whose function returned the record of a failure; None for any other value."""
    is_failure = isinstance(value, ItemResult) and value.outcome == "failed"
    return ScriptError(value.reason or "The function returned a failure without a reason") if is_failure else None
