"""A task run for each batch: for tens of thousands of items, every one of which is still accounted for."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from prefect import State, Task
from prefect.states import Completed, Failed
from prefect.utilities.annotations import quote

from txo_core.concurrency.arguments import StopOn, same_for_all, whole
from txo_core.concurrency.maps import parallel_map
from txo_core.concurrency.progress import Progress
from txo_core.config import TxoConfig
from txo_core.fan_out.checks import check_task, is_dry, unique_keys
from txo_core.fan_out.selection import select
from txo_core.fan_out.work import Work, record_of
from txo_core.logs.scrubbing import sentence
from txo_core.orchestration import task as our_task
from txo_core.results import ItemResult, ProcessingResults

logger = logging.getLogger("txo_core.fan_out")

MOST_TOLD = 20
"""Failed items of a batch that the screen shows one by one."""


def run_batches(
    task: Task[..., Any],
    config: TxoConfig,
    items: Iterable[Any],
    batch_size: int = 500,
    key: Callable[[Any], Any] = str,
    *,
    max_workers: int = 10,
    stop_on: StopOn = same_for_all,
    only_failed_from: str | None = None,
    repeat_doubtful: bool = False,
) -> ProcessingResults:
    """Call the function of `task(item, config)` for each item, `batch_size` in a task run, `max_workers` at a time.

    Every item has its own outcome, reason and key in the results, as in `run_each`; for tens of thousands of items,
    since a task run costs the server thirty milliseconds. An error that `stop_on` names (the API is down, or does not
    know us) stops the whole: what was not begun has failed, with that reason. The rest is as in `run_each`.
    """
    check_task(task, config, "run_batches")
    size, workers = whole(batch_size, "batch_size"), whole(max_workers, "max_workers")
    listed = list(items)
    todo, keys, journal = select(task.name, listed, unique_keys(listed, key), only_failed_from)
    plan = Plan(task, config, Work(journal, repeat_doubtful), workers, stop_on)
    results = ProcessingResults(dry_run=is_dry(config))
    try:
        with Progress(len(todo)) as progress:
            for start in range(0, len(todo), size):
                batch = Batch(plan, todo[start : start + size], keys[start : start + size])
                for record in batch.run(f"{task.name} {start + 1}-{start + len(batch.items)} of {len(todo)}"):
                    results.add(record)
                progress.show(len(results.records), len(results.failed))
    finally:
        journal.close()
    return results


@dataclass(slots=True)
class Plan:
    """What all batches have in common, and the error that stops them all."""

    task: Task[..., Any]
    config: TxoConfig
    work: Work
    max_workers: int
    stop_on: StopOn
    stopped_by: Exception | None = None


@dataclass(slots=True)
class Batch:
    """Some items with their keys, and what came of each that was begun."""

    plan: Plan
    items: list[Any]
    keys: list[str]
    records: dict[int, ItemResult] = field(default_factory=dict)
    cached: set[int] = field(default_factory=set)

    def run(self, name: str) -> list[ItemResult]:
        """Do the items in a task run of this name and return a record of each, in order."""
        why = "not begun"
        if self.plan.stopped_by is None:
            run = do_batch.with_options()
            run.name = self.plan.task.name
            # Prefect would look for futures in every item; quoted, it takes them as they are.
            state: State[Any] = run(name, cast(Batch, quote(self)), return_state=True)
            why = state.message or state.name or why
        if self.plan.stopped_by is not None:
            why = f"not begun, since {sentence(self.plan.stopped_by)}"
        return [self.records.get(place) or self._missing(place, why) for place in range(len(self.keys))]

    def work_through(self) -> State[Any]:
        """Do the items side by side, and return the state that the task run ends in."""
        result = parallel_map(
            self._do, range(len(self.items)), self.plan.max_workers, stop_on=self.plan.stop_on, show_progress=False
        )
        for number, (place, error) in enumerate(result.failed):
            self.records[place] = ItemResult(self.keys[place], "failed", sentence(error))
            level = logging.WARNING if number < MOST_TOLD else logging.DEBUG
            logger.log(level, "%s failed: %s", self.keys[place], sentence(error), exc_info=error)
        if len(result.failed) > MOST_TOLD:
            logger.warning("%d more have failed; the results have them all", len(result.failed) - MOST_TOLD)
        self.plan.stopped_by = result.stopped_by
        done = ProcessingResults.of(self.records[place] for place in sorted(self.records))
        left = len(self.keys) - len(done.records)
        if len(self.cached) == len(self.keys):
            return Completed(name="Cached", message=done.summary())
        if left:
            return Failed(message=f"{done.summary()}, {left} not begun")
        return (Completed if done.is_success() else Failed)(message=done.summary())

    def _do(self, place: int) -> None:
        key = self.keys[place]
        record = self.plan.work.earlier(key)
        if record is None:
            act = partial(self.plan.task.fn, self.items[place], self.plan.config)
            record = record_of(key, self.plan.work.do(key, act))
        else:
            self.cached.add(place)
        self.records[place] = record

    def _missing(self, place: int, why: str) -> ItemResult:
        """Return the record of an item that was not begun: a run that leaves it out is not whole."""
        record = ItemResult(self.keys[place], "failed", why)
        self.plan.work.journal.note(record)
        return record


@our_task(task_run_name="{name}")
def do_batch(name: str, batch: Batch) -> State[Any]:
    """Do the items of a batch."""
    return batch.work_through()
