"""One task for many items: every item gets an outcome, none stops the others, the order is kept."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from prefect import State, Task, unmapped

from txo_core.config import TxoConfig
from txo_core.exceptions import ValidationError
from txo_core.orchestration import first_line
from txo_core.redaction import redact
from txo_core.results import ItemResult, ProcessingResults


def run_each(
    task: Task[..., Any], config: TxoConfig, items: Iterable[Any], key: Callable[[Any], str] = str
) -> ProcessingResults:
    """Run `task(item, config)` once for each item, a task run each, and return what came of all of them.

    `key` gives an item's name in results, report and states; names are unique. For hundreds of items.
    Raises ValidationError, before anything runs, where two items have one key.
    """
    todo = list(items)
    keys = unique_keys(todo, key)
    futures = task.map(todo, unmapped(config))
    for future in futures:
        future.wait()
    return ProcessingResults.of(item_result(k, future.state) for k, future in zip(keys, futures, strict=True))


def unique_keys(items: Iterable[Any], key: Callable[[Any], str]) -> list[str]:
    """Return the key of each item, in order; a ValidationError names those that occur more than once."""
    keys = [key(item) for item in items]
    twice = [name for name, count in Counter(keys).items() if count > 1]
    if twice:
        raise ValidationError(
            f"{len(twice)} of the keys belong to more than one item, among them {', '.join(map(repr, twice[:3]))}",
            "Give a key that tells the items apart",
            'run_each(fetch_customer, config, customers, key=lambda customer: customer["no"])',
        )
    return keys


def item_result(key: str, state: State[Any]) -> ItemResult:
    """Return the record of one item from the state in which its task run ended."""
    value = state.result(raise_on_failure=False) if state.is_final() else None
    if isinstance(value, ItemResult):
        return replace(value, key=key, reason=redact(value.reason))
    if state.is_completed():
        return ItemResult(key, "ok", "", value)
    reason = first_line(value) if isinstance(value, BaseException) else redact(state.message or state.name or "")
    return ItemResult(key, "failed", reason)
