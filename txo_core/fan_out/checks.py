"""What a fan-out is given: a task of an item, and items that can be told apart."""

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prefect import Task

from txo_core.exceptions import ValidationError
from txo_core.logs.scrubbing import sentence
from txo_core.redaction import redact

EXAMPLE = 'run_each(fetch_customer, config, customers, key=lambda customer: customer["no"])'


def check_task(task: Any, config: Any, door: str) -> None:
    """Refuse what is no task of an item and the configuration, with how to write one."""
    fix = "Write a task whose first two parameters are the item and the configuration, and pass it first"
    example = f"@task\ndef fetch_customer(item, config): ...\n\n{door}(fetch_customer, config, customers)"
    if not isinstance(task, Task):
        raise ValidationError(f"{door} was given {type(task).__name__}, which is no task", fix, example)
    if not isinstance(config, Mapping):
        raise ValidationError(f"{door} was given {type(config).__name__} for the configuration", fix, example)
    try:
        inspect.signature(task.fn).bind(object(), config)
    except TypeError as error:
        raise ValidationError(f"The task {task.name} cannot be called with an item: {error}", fix, example) from None


def is_dry(config: Any) -> bool:
    """Tell whether the configuration is that of a dry run, in which nothing is written."""
    return bool(getattr(config, "dry_run", False))


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
