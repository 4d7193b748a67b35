"""Repeating a function of one's own while what keeps it from succeeding can pass."""

import errno
import functools
import inspect
import logging
import math
import random as _random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, overload
from urllib.error import HTTPError

import requests
import urllib3

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.exceptions import ApiError, HelpfulError, TxoError, ValidationError
from txo_core.http.failures import TRANSIENT, failure_of
from txo_core.http.retry_after import retry_after
from txo_core.logs.scrubbing import sentence

logger = logging.getLogger("txo_core.http")

P = ParamSpec("P")
R = TypeVar("R")
Uniform = Callable[[float, float], float]
Kinds = type[Exception] | tuple[type[Exception], ...]

LONGEST_BACKOFF = 60.0
LASTING = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
LASTING_NUMBERS = frozenset({errno.ENOSPC, errno.EROFS, errno.EINVAL, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EBADF})
NO_FUNCTION = object()
EXAMPLE = "@manual_retry(max_retries=5, backoff=3.0)\ndef risky_operation(): ..."


@dataclass(frozen=True, slots=True)
class Plan:
    """How a function is repeated: how often, how long the waits are, for which errors, and how long in all."""

    max_retries: int = 3
    backoff: float = 2.0
    on: tuple[type[Exception], ...] = ()
    total_timeout: float = 300.0
    retry_after_cap: float = 120.0
    sleep: Sleep = sleep
    clock: Clock = monotonic
    random: Uniform = _random.uniform

    def run(self, name: str, function: Callable[[], R]) -> R:
        """Return what the function returns in the end; raises its last error, as it is."""
        deadline = self.clock() + self.total_timeout
        for done in range(self.max_retries):
            try:
                return function()
            except Exception as error:
                seconds = self._wait_after(error, done)
                if seconds is None or self.clock() + seconds >= deadline:
                    raise
                again = (name, sentence(error), seconds, done + 1, self.max_retries)
            logger.info("%s: %s, trying again in %.1f s (%d of %d)", *again)
            self.sleep(seconds)
        return function()

    def _wait_after(self, error: Exception, done: int) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is to be none."""
        if not (can_pass(error) or (isinstance(error, self.on) and not isinstance(error, HelpfulError))):
            return None
        asked = asked_wait(error)
        if asked is not None and asked > self.retry_after_cap:
            return None
        own = self.random(0.0, min(self.backoff * float(2 ** min(done, 30)), LONGEST_BACKOFF))
        return max(asked or 0.0, own)


def can_pass(error: Exception) -> bool:
    """Tell whether an error may be gone a moment later: troubles of the network, and API errors that say so."""
    if isinstance(error, ApiError):
        return error.retryable
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in TRANSIENT
    if isinstance(error, HTTPError):
        return error.code in TRANSIENT
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError):
        return failure_of(error, None).transient
    if isinstance(error, TxoError) or not isinstance(error, OSError):
        return False
    if isinstance(error, LASTING) or error.errno in LASTING_NUMBERS:
        return False
    return failure_of(error, None).code != "tls"


def asked_wait(error: Exception) -> float | None:
    """Return the seconds that the server asked for; None if it did not."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return retry_after(error.response)
    asked = getattr(error, "retry_after", None)
    return float(asked) if isinstance(asked, int | float) and asked >= 0 else None


@overload
def manual_retry(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def manual_retry(
    *,
    max_retries: int = ...,
    backoff: float = ...,
    on: Kinds = ...,
    total_timeout: float = ...,
    retry_after_cap: float = ...,
    sleep: Sleep = ...,
    clock: Clock = ...,
    random: Uniform = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


@overload
def manual_retry(function: Callable[..., R], /, *arguments: Any, **named: Any) -> R: ...


def manual_retry(function: Any = NO_FUNCTION, /, *arguments: Any, **named: Any) -> Any:
    """Return the function with repeats, as decorator, or what it returns in the end, as call.

        @manual_retry                                    @manual_retry(max_retries=5, backoff=3.0)
        rows = manual_retry(fetch, "C0001", max_retries=5)         rows = manual_retry(lambda: fetch())

    A named function alone is decorated; with arguments or options beside it, or as a lambda, it is called at once.

    `max_retries` (3) repeats, so that the function runs once more than that at most; each after a random wait of up to
    `backoff` (2) seconds, twice that, four times that (60 at most), never earlier than an error's `retry_after` says.
    Repeated are API errors that are `retryable`, and troubles of the network; with `on=(OwnError, ...)` those too, but
    never a HelpfulError, which a person has to put right. The last error is raised as it is: at the end, where the wait
    would pass `total_timeout` (300) seconds for all together, or where the server asks for more than `retry_after_cap`
    (120). Errors of its own: ValidationError for arguments that cannot be meant.

    The clients repeat by themselves: a `get` inside is tried (its retries + 1) x (these + 1) times. And all that the
    function did before it failed is done again, so it has to be such that this does no harm.
    """
    plan, rest = plan_of(named)
    if function is NO_FUNCTION:
        if rest:
            known = ", ".join(Plan.__dataclass_fields__)
            raise ValidationError(f"manual_retry has no option {', '.join(rest)}", f"It has: {known}", EXAMPLE)
        return lambda decorated: decorate(decorated, plan)
    check(function)
    alone = not arguments and not named and inspect.isfunction(function) and function.__name__ != "<lambda>"
    if alone:
        return decorate(function, plan)
    return plan.run(name_of(function), functools.partial(function, *arguments, **rest))


def decorate(function: Callable[P, R], plan: Plan) -> Callable[P, R]:
    """Return the function with repeats; name, signature and docstring stay."""
    check(function)

    @functools.wraps(function)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> R:
        return plan.run(name_of(function), lambda: function(*args, **kwargs))

    return repeated


def name_of(function: Any) -> str:
    """Return how a function is called in the log."""
    inner = function.func if isinstance(function, functools.partial) else function
    return str(getattr(inner, "__qualname__", type(inner).__name__)).rpartition("<locals>.")[2]


def check(function: Any) -> None:
    """Refuse what cannot be repeated by calling it again."""
    if isinstance(function, staticmethod | classmethod):
        problem = f"manual_retry stands above {type(function).__name__}"
        raise ValidationError(problem, "Put @manual_retry below it, next to the function", EXAMPLE)
    if not callable(function):
        problem = f"manual_retry was given {type(function).__name__} where a function belongs"
        raise ValidationError(problem, "Pass the function itself, and options by name", EXAMPLE)
    lazy = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(test(function) or test(getattr(function, "__call__", None)) for test in lazy):  # noqa: B004
        problem = f"{name_of(function)} is a coroutine or a generator: what it raises comes after it has returned"
        raise ValidationError(problem, "Write it with def and return", EXAMPLE)


def plan_of(named: dict[str, Any]) -> tuple[Plan, dict[str, Any]]:
    """Return the plan that the options ask for, and the arguments that are none of them."""
    options = {name: value for name, value in named.items() if name in Plan.__dataclass_fields__}
    for name in ("max_retries", "backoff", "total_timeout", "retry_after_cap"):
        check_number(name, options.get(name, 1), whole=name == "max_retries")
    on = options.pop("on", ())
    kinds = on if isinstance(on, tuple) else (on,)
    for kind in kinds:
        if not isinstance(kind, type) or not issubclass(kind, Exception) or issubclass(kind, HelpfulError):
            shown = getattr(kind, "__name__", repr(kind))
            problem = f"manual_retry cannot repeat on {shown}, which is no error that can pass by itself"
            raise ValidationError(problem, "Name types of errors that a repeat may help against", "on=(OwnError,)")
    return Plan(**options, on=kinds), {name: value for name, value in named.items() if name not in (*options, "on")}


def check_number(name: str, value: Any, whole: bool) -> None:
    """Refuse what is no number of 0 or more."""
    kind = int if whole else int | float
    if not isinstance(value, kind) or isinstance(value, bool) or not 0 <= value < math.inf:
        problem = f"{name} of manual_retry is {value!r}, and has to be a {'whole ' if whole else ''}number from 0 up"
        raise ValidationError(problem, "Give such a number", EXAMPLE)
