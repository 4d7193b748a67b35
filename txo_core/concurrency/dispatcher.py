"""Handing items to threads, and keeping account of every one of them, however the whole ends."""

import queue
from collections.abc import Callable, Collection, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from txo_core.clock import Clock, monotonic, stopping
from txo_core.concurrency.progress import Progress
from txo_core.concurrency.result import ParallelResult, Unread, failure_in, not_applicable
from txo_core.concurrency.workers import Crew, Job
from txo_core.exceptions import ApiTimeoutError, CircuitOpenError

TICK = 0.2
"""Seconds after which a waiting dispatcher looks up: for Ctrl-C, its deadline and the progress line."""
LOOK_AHEAD = 2
"""Items that are taken from the input at a time, for each worker."""
READ_ON_ITEMS, READ_ON_SECONDS = 10_000, 1.0
"""How far an input without a known end is read on after a stop, so that what was not begun has a name."""


@dataclass(slots=True)
class Tally:
    """What came of the items, by their place in the input."""

    values: dict[int, Any] = field(default_factory=dict)
    failed: dict[int, tuple[Any, Exception]] = field(default_factory=dict)
    skipped: dict[int, Any] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    stopped_by: Exception | None = None
    seconds: float = 0.0


def result_of(tally: Tally) -> ParallelResult[Any, Any]:
    """Return the result that the tally holds, in the order of the input."""
    return ParallelResult(
        [tally.values[place] for place in sorted(tally.values)],
        [tally.failed[place] for place in sorted(tally.failed)],
        [tally.skipped[place] for place in sorted(tally.skipped)],
        tally.seconds,
        tally.stopped_by,
        len(tally.values),
        [(tally.skipped[place], tally.reasons[place]) for place in sorted(tally.reasons)],
    )


class Dispatcher:
    """Hands the items to a crew, a few ahead of their turn, and keeps account of what came of each.

    `weigh` says how many an item counts in the progress, `spared` which errors mean that nothing of it was begun;
    `until` is a moment of the clock.
    """

    def __init__(
        self,
        crew: Crew,
        items: Iterable[Any],
        progress: Progress,
        *,
        until: float,
        finite: bool | None = None,
        weigh: Callable[[Any], int] = lambda item: 1,
        spared: Callable[[Exception | None], bool] = lambda error: False,
        clock: Clock = monotonic,
    ) -> None:
        self._crew = crew
        self._items = items
        self._source: Iterator[Any] = iter(())
        self._finite = isinstance(items, Collection) if finite is None else finite
        self._progress = progress
        self._until = until
        self._weigh = weigh
        self._spared = spared
        self._clock = clock
        self._places = count()
        self._under_way: dict[Job, int] = {}
        self._exhausted = False
        self._weights = [0, 0]
        self.tally = Tally()

    def run(self) -> Tally:
        """Return what came of all items; raises what ends the program, such as KeyboardInterrupt, and only that."""
        began, whole = self._clock(), False
        try:
            self._source = iter(self._items)
            while not self._over() and (self._under_way or self._readable):
                reads = self._readable and len(self._under_way) < LOOK_AHEAD * self._crew.size
                if reads:
                    self._hand_out()
                self._collect(wait=not reads)
            whole = not self._under_way
            self._give_up()
            self._name_the_rest()
        finally:
            self._crew.dismiss(wait=whole)
        self.tally.stopped_by = self._crew.stopped_by or self.tally.stopped_by
        self.tally.seconds = self._clock() - began
        return self.tally

    @property
    def _readable(self) -> bool:
        return not self._exhausted and not self._crew.halted.is_set()

    def _over(self) -> bool:
        """Tell whether the time is up; raise what ends the whole, wherever it came up."""
        if self._crew.broken_by is not None:
            raise self._crew.broken_by
        if stopping.is_set():
            raise KeyboardInterrupt
        return self._clock() >= self._until

    def _hand_out(self) -> None:
        for item in self._taken():
            job = Job(item, copy_context())
            self._crew.give(job, len(self._under_way))
            self._under_way[job] = next(self._places)

    def _taken(self) -> list[Any]:
        """Return the next item alone; nothing at the end, or where the input breaks off, which is noted."""
        try:
            return [next(self._source)]
        except StopIteration:
            self._exhausted = True
        except Exception as error:
            self._broken(error)
        return []

    def _broken(self, error: Exception) -> None:
        """Account for an input that breaks off: all that would have come after it has failed."""
        self._exhausted = True
        place = next(self._places)
        self.tally.failed[place] = (Unread(place), error)
        self._weights[1] += 1

    def _collect(self, wait: bool) -> None:
        """Take in the jobs that have ended; `wait` a moment for the first, if any can come."""
        if wait:
            self._progress.show(*self._weights)
        left = min(TICK, max(0.0, self._until - self._clock())) if wait and self._under_way else 0.0
        try:
            job = self._crew.ended.get(timeout=left) if left else self._crew.ended.get_nowait()
            while True:
                self._take_in(job)
                job = self._crew.ended.get_nowait()
        except queue.Empty:
            pass

    def _take_in(self, job: Job) -> None:
        place = self._under_way.pop(job)
        error = (job.error or failure_in(job.value)) if job.ended else still_running()
        weight = self._weigh(job.item)
        if not job.begun or (self._crew.halted.is_set() and self._spared(error)):
            self.tally.skipped[place] = job.item
            return
        self._weights[0] += weight
        if error is None and not_applicable(job.value):
            self.tally.skipped[place], self.tally.reasons[place] = job.item, job.value.reason
        elif error is None:
            self.tally.values[place] = job.value
        else:
            self.tally.failed[place] = (job.item, error)
            self._weights[1] += weight

    def _give_up(self) -> None:
        """Let what still runs be: it has failed, as far as anybody knows."""
        if not self._under_way and not self._readable:
            return
        self._crew.halt()
        self.tally.stopped_by = time_over()
        for job in list(self._under_way):
            self._take_in(job)

    def _name_the_rest(self) -> None:
        """Take what was not handed out into the tally, as skipped: all of it, if that is known to end soon."""
        enough = self._clock() + READ_ON_SECONDS
        read = 0
        while not self._exhausted:
            if not self._finite and (read >= READ_ON_ITEMS or self._clock() >= enough):
                place = next(self._places)
                self.tally.skipped[place] = Unread(place)
                return
            for item in self._taken():
                self.tally.skipped[next(self._places)] = item
                read += self._weigh(item)


def never_sent(error: Exception | None) -> bool:
    """Tell whether the call of an item was turned away before anything of it was sent."""
    return isinstance(error, CircuitOpenError) and error.attempts == 0


def time_over() -> ApiTimeoutError:
    """Return the error that stops all when the time for all is over."""
    return ApiTimeoutError("The time for all items was over", code="time-over")


def still_running() -> ApiTimeoutError:
    """Return the error of an item that had not ended when the time for all was over."""
    return ApiTimeoutError(
        "It was still running when the time for all items was over; it may have taken effect all the same",
        code="still-running",
    )
