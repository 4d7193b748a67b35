"""What the functions for many items take: each argument as it is, or a ValidationError that says what it should be."""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypedDict

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import ApiAuthenticationError, CircuitOpenError, ValidationError

StopOn = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
EXAMPLE = "result = parallel_map(fetch_customer, customers, max_workers=10)"


class MapOptions(TypedDict, total=False):
    """What all of them take beside their own arguments, and each means the same; see `parallel_map`."""

    stop_on: StopOn
    show_progress: bool
    clock: Clock


def same_for_all(error: Exception) -> bool:
    """Tell whether the other items would meet the same error: the API is down, or does not know who we are.

    A wrong password that is tried for each of 10,000 items locks the account. A 403 may be one item's own. Where each
    item has an API or credentials of its own, such as an organization, `stop_on=()` is the right one.
    """
    if isinstance(error, ApiAuthenticationError):
        return error.status_code != 403
    return isinstance(error, CircuitOpenError)


@dataclass(frozen=True, slots=True)
class Plan:
    """How items are worked through: by how many threads, until which moment of the clock, stopped by which errors."""

    max_workers: int
    until: float
    stops: Callable[[Exception], bool]
    show_progress: bool = True
    clock: Clock = monotonic


def plan_of(func: Any, max_workers: Any, timeout: Any, options: MapOptions, caller: str) -> Plan:
    """Return what the arguments of the caller mean."""
    check_function(func, caller)
    for name in options:
        if name not in MapOptions.__annotations__:
            names = ["max_workers", "timeout", *MapOptions.__annotations__]
            near = get_close_matches(name, [*names, "workers"], 1)
            meant = "max_workers" if near == ["workers"] else "".join(near)
            fix = f"Did you mean {meant}? " if meant else ""
            raise ValidationError(f"{caller}() takes no option {name!r}", f"{fix}It takes {', '.join(names)}", EXAMPLE)
    clock = options.get("clock", monotonic)
    seconds = math.inf if timeout is None else positive(timeout, "timeout")
    stops = stopper(options.get("stop_on", same_for_all))
    return Plan(whole(max_workers, "max_workers"), clock() + seconds, stops, options.get("show_progress", True), clock)


def stopper(stop_on: StopOn) -> Callable[[Exception], bool]:
    """Return the function that says of an error whether it stops the whole."""
    kinds = (stop_on,) if isinstance(stop_on, type) else stop_on
    if isinstance(kinds, tuple) and all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds):
        return lambda error: isinstance(error, kinds)
    if callable(kinds):
        return kinds
    problem = f"stop_on is {stop_on!r}, and it has to name types of errors, or to be a function of an error"
    raise ValidationError(problem, "Name them in a tuple; () stops for none", "stop_on=(CircuitOpenError,)")


def check_function(func: Any, caller: str) -> None:
    """Refuse what cannot be called with an item, or would return before it has done anything."""
    target = func if inspect.isroutine(func) or not callable(func) else getattr(func, "__call__", func)  # noqa: B004
    lazy = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if not callable(func):
        problem = f"{caller} was given {type(func).__name__} where a function belongs"
        raise ValidationError(problem, "Pass the function itself, without calling it", EXAMPLE)
    if any(test(func) or test(target) for test in lazy):
        problem = f"{caller} was given a coroutine or a generator, which would not run at all"
        raise ValidationError(problem, "Write the function with def and return", EXAMPLE)


def check_items(items: Any) -> None:
    """Refuse what is no collection of items, or surely not the one that is meant."""
    if type(items).__name__ == "DataFrame":
        problem, fix = "The items are a DataFrame, which would give its columns", 'Pass its rows: df.to_dict("records")'
        raise ValidationError(problem, fix, EXAMPLE)
    if isinstance(items, str | bytes) or not (isinstance(items, Iterable) or hasattr(items, "__getitem__")):
        problem = f"The items are {'nothing' if items is None else f'a single {type(items).__name__}'}"
        raise ValidationError(problem, "Pass a list of items, or a generator", EXAMPLE)


def whole(number: Any, name: str) -> int:
    """Return a number that has to be a whole one of at least 1."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValidationError(
            f"{name} is {number!r}, and has to be a whole number from 1 up", "Give such a number", f"{name}=10"
        )
    return number


def positive(number: Any, name: str) -> float:
    """Return a number that has to be above 0."""
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if not is_number or not 0 < number < math.inf:
        raise ValidationError(
            f"{name} is {number!r}, and has to be a number above 0", "Give such a number", f"{name}=5"
        )
    return float(number)
