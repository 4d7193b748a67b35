"""One task for many items: every item gets an outcome, none stops the others, the order is kept."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefect import State, Task, unmapped

from txo_core.config import TxoConfig
from txo_core.exceptions import ValidationError
from txo_core.logs.scrubbing import sentence
from txo_core.redaction import redact
from txo_core.results import ItemResult, ProcessingResults

EXAMPLE = 'run_each(fetch_customer, config, customers, key=lambda customer: customer["no"])'


def run_each(
    task: Task[..., Any], config: TxoConfig, items: Iterable[Any], key: Callable[[Any], Any] = str
) -> ProcessingResults:
    """Run `task(item, config)` once for each item, a task run each, and return what came of all of them.

    `key` gives an item's name in results, report and states, as text; names are unique. For hundreds of items.
    Raises ValidationError, before anything runs, where two items have one key, an item has none, or the task cannot
    be called with an item and the configuration.
    """
    check_task(task, config)
    todo = list(items)
    keys = unique_keys(todo, key)
    futures = task.map(todo, unmapped(config))
    for future in futures:
        future.wait()
    return ProcessingResults.of(item_result(k, future.state) for k, future in zip(keys, futures, strict=True))


def check_task(task: Any, config: Any) -> None:
    """Refuse what is no task of an item and the configuration, with how to write one."""
    fix = "Write a task whose first two parameters are the item and the configuration, and pass it first"
    example = "@task\ndef fetch_customer(item, config): ...\n\nrun_each(fetch_customer, config, customers)"
    if not isinstance(task, Task):
        raise ValidationError(f"run_each was given {type(task).__name__}, which is no task", fix, example)
    if not isinstance(config, Mapping):
        raise ValidationError(f"run_each was given {type(config).__name__} for the configuration", fix, example)
    try:
        inspect.signature(task.fn).bind(object(), config)
    except TypeError as error:
        raise ValidationError(f"The task {task.name} cannot be called with an item: {error}", fix, example) from None


def unique_keys(items: Sequence[Any], key: Callable[[Any], Any]) -> list[str]:
    """Return the key of each item, in order; a ValidationError names those that occur more than once."""
    keys = [key_of(item, number, key) for number, item in enumerate(items, start=1)]
    twice = [name for name, count in Counter(keys).items() if count > 1]
    if twice:
        shown = ", ".join(repr(redact(name)) for name in twice[:3])
        raise ValidationError(
            f"{len(twice)} of the keys belong to more than one item, among them {shown}",
            "Give a key that tells the items apart",
            EXAMPLE,
        )
    return keys


def key_of(item: Any, number: int, key: Callable[[Any], Any]) -> str:
    """Return the key of an item as text; a ValidationError says which item has none."""
    try:
        name = key(item)
    except Exception as error:
        problem = f"The key of item {number} cannot be told: {sentence(error)}"
        raise ValidationError(problem, "Give a key that every item has", EXAMPLE) from None
    if name is None and item is not None:
        raise ValidationError(f"Item {number} has no key", "Give a key that every item has", EXAMPLE)
    return str(name)


def item_result(key: str, state: State[Any]) -> ItemResult:
    """Return the record of one item from the state in which its task run ended."""
    value = state.result(raise_on_failure=False) if state.is_final() else None
    if isinstance(value, ItemResult):
        return replace(value, key=key, reason=redact(value.reason))
    if state.is_completed():
        return ItemResult(key, "ok", "", value)
    reason = sentence(value) if isinstance(value, BaseException) else redact(state.message or state.name or "")
    return ItemResult(key, "failed", reason)
