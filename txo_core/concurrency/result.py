"""What came of many items that were worked through side by side."""

from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from txo_core.exceptions import TxoError
from txo_core.scrubbing import sentence

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands in the results for the items that were never read: all that come after the first `after`."""

    after: int

    def __str__(self) -> str:
        return f"the items after the first {self.after}, which were not read"


@dataclass(frozen=True)
class ParallelResult(Generic[T, R]):
    """What came of all items: `successful` values, `failed` items with their errors, `skipped` items; in input order.

    Skipped are those that were not begun, since the time was over or an error said that no other would do better:
    `stopped_by` is that error. An input that breaks off, or is too long to be read on after a stop, has an `Unread` as
    its last failed or skipped entry. `done` counts the items that went well, `total_time` is in seconds.
    """

    successful: list[R]
    failed: list[tuple[T, Exception]]
    skipped: list[T]
    total_time: float = 0.0
    stopped_by: Exception | None = None
    done: int = 0

    @property
    def success_rate(self) -> float:
        """The part of all items that went well, from 0 to 1; 1.0 if there were none. Shown by `{:.1%}`."""
        total = self.done + len(self.failed) + len(self.skipped)
        return self.done / total if total else 1.0

    @property
    def all_ok(self) -> bool:
        """Whether every item went well."""
        return not self.failed and not self.skipped

    def summary(self) -> str:
        """Return the result in one line: `39 ok, 1 skipped, 2 failed`."""
        counts = ((self.done, "ok"), (len(self.skipped), "skipped"), (len(self.failed), "failed"))
        return ", ".join(f"{number} {word}" for number, word in counts if number or word == "ok")

    def raise_if_failed(self) -> Self:
        """Return the result if every item went well; else raise an error with the counts, caused by the first one."""
        if self.all_ok:
            return self
        first = self.failed[0][1] if self.failed else self.stopped_by
        raise TxoError(f"{self.summary()}{f'; the first: {sentence(first)}' if first else ''}") from first
