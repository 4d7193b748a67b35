"""One function for many items, several at a time: every item accounted for, the order of the input kept.

result = parallel_map(fetch_customer, customers, max_workers=10)
logger.info(f"Success rate: {result.success_rate:.1%}")
for customer, error in result.failed: ...
"""

import inspect
import logging
import math
import threading
from collections.abc import Callable, Collection, Iterable, Sized
from typing import Any, TypeVar

from txo_core.clock import Clock, monotonic
from txo_core.concurrency.batching import BatchOutcome, batches, result_of_batches, taken_apart
from txo_core.concurrency.dispatcher import Dispatcher, Tally, never_sent, result_of
from txo_core.concurrency.progress import Progress
from txo_core.concurrency.result import ParallelResult, Unread
from txo_core.concurrency.workers import Crew, Pace
from txo_core.exceptions import ApiAuthenticationError, CircuitOpenError, ValidationError
from txo_core.http.limiter import PACE, Pacer
from txo_core.logs.scrubbing import sentence

logger = logging.getLogger("txo_core.concurrency")

T = TypeVar("T")
R = TypeVar("R")
StopOn = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
EXAMPLE = "result = parallel_map(fetch_customer, customers, max_workers=10)"


def same_for_all(error: Exception) -> bool:
    """Tell whether the other items would meet the same error: the API is down, or does not know who we are.

    A wrong password that is tried for each of 10,000 items locks the account. A 403 may be one item's own. Where each
    item has an API or credentials of its own, such as an organization, `stop_on=()` is the right one.
    """
    if isinstance(error, ApiAuthenticationError):
        return error.status_code != 403
    return isinstance(error, CircuitOpenError)


def parallel_map(
    func: Callable[[T], R],
    items: Iterable[T],
    max_workers: int = 10,
    timeout: float | None = None,
    *,
    stop_on: StopOn = same_for_all,
    show_progress: bool = True,
    clock: Clock = monotonic,
) -> ParallelResult[T, R]:
    """Return what came of `func(item)` for each item, done by up to `max_workers` threads.

    A function that returns `skipped(...)` says that its item does not apply.

    A generator is read as it is needed, in the calling thread. An error belongs to its item and stops no other, but for
    those that `stop_on` names (types, or a function of the error; `()` for none): then nothing more is begun, what runs
    is waited for, and the rest is skipped. The same after `timeout` seconds for all together; what still runs then is
    not waited for, and failed with an ApiTimeoutError. Raises ValidationError for arguments that cannot be meant, and
    nothing that an item raises.
    """
    check_function(func, "parallel_map")
    crew = Crew(func, whole(max_workers, "max_workers"), stopper(stop_on))
    return told(result_of(work_through(crew, items, timeout, show_progress, clock)))


def rate_limited_parallel(
    func: Callable[[T], R],
    items: Iterable[T],
    calls_per_second: float = 5,
    max_workers: int = 10,
    timeout: float | None = None,
    *,
    stop_on: StopOn = same_for_all,
    show_progress: bool = True,
    clock: Clock = monotonic,
) -> ParallelResult[T, R]:
    """Return the same as `parallel_map`, beginning at most `calls_per_second` items in any second, evenly spaced.

    It paces the beginnings, whatever an item does; for API calls the rate limit of the configuration is the better
    place, since it counts repeats too and is shared by all that call.
    """
    check_function(func, "rate_limited_parallel")
    pacer = Pacer(positive(calls_per_second, "calls_per_second"), clock=clock, share=PACE)
    crew = Crew(func, whole(max_workers, "max_workers"), stopper(stop_on), pace_of(pacer))
    return told(result_of(work_through(crew, items, timeout, show_progress, clock)))


def batch_process(
    process_batch: Callable[[list[T]], Any],
    items: Iterable[T],
    batch_size: int = 1000,
    max_workers: int = 1,
    timeout: float | None = None,
    *,
    stop_on: StopOn = same_for_all,
    show_progress: bool = True,
    clock: Clock = monotonic,
) -> ParallelResult[T, Any]:
    """Return what came of `process_batch(batch)` for lists of `batch_size` items; failures and counts are the items'.

    `successful` holds what the batches returned, one after the other: the entries of a list, else the value itself.
    An error that is raised is that of each item of its batch. A batch that knows better returns a list with one entry
    for each item, and puts an exception in the place of those that failed, `skipped(...)` in that of those that do not
    apply. A generator is read batch by batch; one
    batch at a time unless `max_workers` says otherwise. The rest is as in `parallel_map`.
    """
    check_function(process_batch, "batch_process")
    size = whole(batch_size, "batch_size")

    def work(batch: list[T]) -> BatchOutcome:
        return taken_apart(batch, process_batch(batch))

    crew = Crew(work, whole(max_workers, "max_workers"), stopper(stop_on))
    return told(result_of_batches(work_through(crew, items, timeout, show_progress, clock, size)))


def work_through(
    crew: Crew, items: Iterable[Any], timeout: float | None, show_progress: bool, clock: Clock, batch_size: int = 0
) -> Tally:
    """Return what came of the items, or of their batches."""
    check_items(items)
    until = clock() + (math.inf if timeout is None else positive(timeout, "timeout"))
    finite = isinstance(items, Collection)
    feed = batches(items, batch_size) if batch_size else items
    # Of a batch, some items may have been sent before the call that was turned away.
    weigh, spared = (len, never) if batch_size else (one, never_sent)
    with Progress(len(items) if isinstance(items, Sized) else None, show_progress, clock) as progress:
        dispatcher = Dispatcher(
            crew, feed, progress, until=until, finite=finite, weigh=weigh, spared=spared, clock=clock
        )
        return dispatcher.run()


def told(result: ParallelResult[T, R]) -> ParallelResult[T, R]:
    """Return the result; the log says why it is not whole."""
    if result.failed and isinstance(result.failed[-1][0], Unread):
        logger.warning("The input broke off (%s): %s", result.summary(), sentence(result.failed[-1][1]))
    if result.stopped_by is not None:
        logger.warning("Stopped, nothing more was begun (%s): %s", result.summary(), sentence(result.stopped_by))
    return result


def one(item: Any) -> int:
    """Return how many items an item is."""
    return 1


def never(error: Exception | None) -> bool:
    """Return False."""
    return False


def pace_of(pacer: Pacer) -> Pace:
    """Return what waits for the pacer's next slot."""

    def wait(halted: threading.Event) -> None:
        booked = pacer.book()
        slot, left = booked if booked is not None else (0.0, 0.0)
        while left and not halted.wait(left):
            left = pacer.depart(slot) or 0.0

    return wait


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
