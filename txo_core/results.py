"""What came of each item of a run: one record an item, and the three lists that a script reads."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["created", "updated", "unchanged", "ok", "skipped", "failed", "would be created", "would be updated"]
"""The last two come of dry runs, in which nothing is written."""

ORDER: tuple[Outcome, ...] = ("ok", "created", "updated", "would be created", "would be updated", "unchanged")
SUCCESSES: frozenset[Outcome] = frozenset(ORDER)
NEW: frozenset[Outcome] = frozenset({"created", "would be created"})
PLANNED: frozenset[Outcome] = frozenset({"would be created", "would be updated"})


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What came of one item: its key, the outcome, the reason where there is one, and what the task returned.

    `changes` are the fields that were written, or would be, each with its value before and after.
    """

    key: str
    outcome: Outcome
    reason: str = ""
    value: Any = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, compare=False, hash=False, repr=False)


def skipped(reason: str) -> ItemResult:
    """Return from a task: this item does not apply, and why. It is neither a success nor a failure.

    `run_each` takes it into the results. A task that a flow calls directly hands back Prefect's state instead.
    """
    return ItemResult("", "skipped", str(reason or ""))


def created(value: Any = None) -> ItemResult:
    """Return from a task: the item was new and now exists."""
    return ItemResult("", "created", value=value)


def updated(value: Any = None) -> ItemResult:
    """Return from a task: the item existed and was changed."""
    return ItemResult("", "updated", value=value)


def unchanged(value: Any = None) -> ItemResult:
    """Return from a task: the item existed and was already right."""
    return ItemResult("", "unchanged", value=value)


def would_be_created(value: Any = None) -> ItemResult:
    """Return from a task in a dry run: the item is new, and nothing was sent."""
    return ItemResult("", "would be created", value=value)


def would_be_updated(value: Any = None) -> ItemResult:
    """Return from a task in a dry run: the item exists and differs, and nothing was sent."""
    return ItemResult("", "would be updated", value=value)


@dataclass
class ProcessingResults:
    """The outcome of a run: keys by outcome, in input order, and a record of every item.

    `success`, `skipped` and `failed` are lists of keys; `records` holds an `ItemResult` for each item that was `add`ed.
    """

    success: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    records: list[ItemResult] = field(default_factory=list)
    dry_run: bool = False

    @classmethod
    def of(cls, records: Iterable[ItemResult], dry_run: bool = False) -> "ProcessingResults":
        """Return the results of these records; those of a dry run say so."""
        results = cls(dry_run=dry_run)
        for record in records:
            results.add(record)
        return results

    def __add__(self, other: "ProcessingResults") -> "ProcessingResults":
        """Return the results of both, these first."""
        return ProcessingResults.of([*self.complete(), *other.complete()], self.dry_run or other.dry_run)

    def add(self, record: ItemResult) -> None:
        """Take one item's record into the lists."""
        self.records.append(record)
        keys = {"skipped": self.skipped, "failed": self.failed}.get(record.outcome, self.success)
        keys.append(record.key)

    def is_success(self) -> bool:
        """Tell whether no item failed."""
        return not self.failed

    def complete(self) -> list[ItemResult]:
        """Return a record of every item, also of the keys that a script put into the lists by hand."""
        known = {record.key for record in self.records}
        lists: tuple[tuple[Outcome, list[str]], ...] = (
            ("ok", self.success),
            ("skipped", self.skipped),
            ("failed", self.failed),
        )
        return self.records + [ItemResult(key, name) for name, keys in lists for key in keys if key not in known]

    def values(self) -> list[Any]:
        """Return what the tasks returned for the items that succeeded, in input order: the rows of a report."""
        return [record.value for record in self.records if record.outcome in SUCCESSES]

    def remarks(self) -> list[ItemResult]:
        """Return the records of the items that were skipped or failed, in input order."""
        return [record for record in self.complete() if record.outcome not in SUCCESSES]

    def summary(self) -> str:
        """Return the run in one line: `4 created, 5 unchanged, 2 failed`.

        Where some items were just ok, all that succeeded are counted as that: `39 ok, 1 skipped, 2 failed`.
        """
        counts = Counter(record.outcome for record in self.complete())
        if counts["ok"] or not self.success:
            named = [f"{len(self.success)} ok"]
        else:
            named = [f"{counts[name]} {name}" for name in ORDER if counts[name]]
        named += [f"{counts[name]} {name}" for name in ("skipped", "failed") if counts[name]]
        line = ", ".join(named)
        return f"dry run, nothing was written: {line}" if self.dry_run else line
