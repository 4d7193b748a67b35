"""A task run for each item: for hundreds of items, each of which a person may look for in the UI."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from prefect import Task, unmapped
from prefect.states import Completed

from txo_core.config import TxoConfig
from txo_core.fan_out.checks import check_task, is_dry, key_of, unique_keys
from txo_core.fan_out.selection import select
from txo_core.fan_out.work import Work, item_result
from txo_core.results import ProcessingResults
from txo_core.runs.states import task_guard, unguarded

Key = Callable[[Any], Any]


def run_each(
    task: Task[..., Any],
    config: TxoConfig,
    items: Iterable[Any],
    key: Key = str,
    *,
    only_failed_from: str | None = None,
    repeat_doubtful: bool = False,
) -> ProcessingResults:
    """Run `task(item, config)` once for each item, a task run each, and return what came of all of them.

    `key` gives an item's name in results, report and states, as text; names are unique. For hundreds of items.

    Run again as the same flow run, it repeats only what did not succeed. What may have taken effect without anybody
    knowing, since a POST without a key was under way, fails then, unless `repeat_doubtful` says that a repeat does no
    harm. `only_failed_from` names an earlier flow run by its id: just the items that failed in it are done.

    Raises ValidationError, before anything runs, where two items have one key, an item has none, or the task cannot
    be called with an item and the configuration.
    """
    check_task(task, config, "run_each")
    listed = list(items)
    todo, keys, journal = select(task.name, listed, unique_keys(listed, key), only_failed_from)
    try:
        futures = _noted(task, key, Work(journal, repeat_doubtful)).map(todo, unmapped(config))
        for future in futures:
            future.wait()
    finally:
        journal.close()
    records = (item_result(k, future.state) for k, future in zip(keys, futures, strict=True))
    return ProcessingResults.of(records, dry_run=is_dry(config))


def _noted(task: Task[..., Any], key: Key, work: Work) -> Task[..., Any]:
    """Return the task with a function that notes what comes of its item, and does nothing twice."""
    function = unguarded(task)

    @functools.wraps(function)
    def noted(item: Any, config: Any) -> Any:
        name = key_of(item, 0, key)
        earlier = work.earlier(name)
        if earlier is not None:
            return Completed(name="Cached", message=f"{earlier.outcome} in an earlier attempt", data=earlier)
        return work.do(name, functools.partial(function, item, config))

    copy = task.with_options()
    copy.fn = task_guard(noted)
    return copy
