"""One function for many items, several at a time: every item accounted for, the order of the input kept.

result = parallel_map(fetch_customer, customers, max_workers=10)
logger.info(f"Success rate: {result.success_rate:.1%}")
for customer, error in result.failed: ...
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sized
from typing import Any, TypeVar, Unpack

from txo_core.concurrency.arguments import MapOptions, Plan, check_items, plan_of, positive, whole
from txo_core.concurrency.batching import BatchOutcome, batches, result_of_batches, taken_apart
from txo_core.concurrency.dispatcher import Dispatcher, Tally, never_sent, result_of
from txo_core.concurrency.progress import Progress
from txo_core.concurrency.result import ParallelResult, Unread
from txo_core.concurrency.workers import Crew, Pace
from txo_core.http.limiter import PACE, Pacer
from txo_core.logs.scrubbing import sentence

logger = logging.getLogger("txo_core.concurrency")

T = TypeVar("T")
R = TypeVar("R")


def parallel_map(
    func: Callable[[T], R],
    items: Iterable[T],
    max_workers: int = 10,
    timeout: float | None = None,
    **options: Unpack[MapOptions],
) -> ParallelResult[T, R]:
    """Return what came of `func(item)` for each item, done by up to `max_workers` threads.

    A function that returns `skipped(...)` says that its item does not apply.

    A generator is read as it is needed, in the calling thread. An error belongs to its item and stops no other, but for
    those that `stop_on` names (types, or a function of the error; `()` for none): then nothing more is begun, what runs
    is waited for, and the rest is skipped. The same after `timeout` seconds for all together; what still runs then is
    not waited for, and failed with an ApiTimeoutError. `show_progress=False` shows none. Raises ValidationError for
    arguments that cannot be meant, and nothing that an item raises.
    """
    plan = plan_of(func, max_workers, timeout, options, "parallel_map")
    return told(result_of(work_through(plan, func, items)))


def rate_limited_parallel(
    func: Callable[[T], R],
    items: Iterable[T],
    calls_per_second: float = 5,
    max_workers: int = 10,
    timeout: float | None = None,
    **options: Unpack[MapOptions],
) -> ParallelResult[T, R]:
    """Return the same as `parallel_map`, beginning at most `calls_per_second` items in any second, evenly spaced.

    It paces the beginnings, whatever an item does; for API calls the rate limit of the configuration is the better
    place, since it counts repeats too and is shared by all that call.
    """
    plan = plan_of(func, max_workers, timeout, options, "rate_limited_parallel")
    pacer = Pacer(positive(calls_per_second, "calls_per_second"), clock=plan.clock, share=PACE)
    return told(result_of(work_through(plan, func, items, pace_of(pacer))))


def batch_process(
    process_batch: Callable[[list[T]], Any],
    items: Iterable[T],
    batch_size: int = 1000,
    max_workers: int = 1,
    timeout: float | None = None,
    **options: Unpack[MapOptions],
) -> ParallelResult[T, Any]:
    """Return what came of `process_batch(batch)` for lists of `batch_size` items; failures and counts are the items'.

    `successful` holds what the batches returned, one after the other: the entries of a list, else the value itself.
    An error that is raised is that of each item of its batch. A batch that knows better returns a list with one entry
    for each item, and puts an exception in the place of those that failed, `skipped(...)` in that of those that do not
    apply. A generator is read batch by batch; one batch at a time unless `max_workers` says otherwise. The rest is as
    in `parallel_map`.
    """
    plan = plan_of(process_batch, max_workers, timeout, options, "batch_process")
    size = whole(batch_size, "batch_size")

    def work(batch: list[T]) -> BatchOutcome:
        return taken_apart(batch, process_batch(batch))

    return told(result_of_batches(work_through(plan, work, items, batch_size=size)))


def work_through(
    plan: Plan, work: Callable[[Any], Any], items: Iterable[Any], pace: Pace | None = None, batch_size: int = 0
) -> Tally:
    """Return what came of the items, or of their batches."""
    check_items(items)
    crew = Crew(work, plan.max_workers, plan.stops, pace)
    finite = isinstance(items, Collection)
    feed = batches(items, batch_size) if batch_size else items
    # Of a batch, some items may have been sent before the call that was turned away.
    weigh, spared = (len, never) if batch_size else (one, never_sent)
    total, clock = len(items) if isinstance(items, Sized) else None, plan.clock
    with Progress(total, plan.show_progress, clock) as progress:
        dispatcher = Dispatcher(
            crew, feed, progress, until=plan.until, finite=finite, weigh=weigh, spared=spared, clock=clock
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
