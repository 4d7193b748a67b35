"""Threads that do what they are given, one job after the other, and that nobody has to wait for."""

import queue
import threading
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from txo_core.exceptions import ScriptError
from txo_core.logs.scrubbing import sentence
from txo_core.threads import Threads

Pace = Callable[[threading.Event], None]
"""Waits for the next moment to begin something, or until the event is set."""


@dataclass(slots=True, eq=False)
class Job:
    """One item on its way, and what came of it once it has `ended`."""

    item: Any
    context: Context
    begun: bool = False
    ended: bool = False
    value: Any = None
    error: Exception | None = None


class Crew:
    """Up to `size` threads that run `work(item)`; they start when there is something to do.

    The threads do not keep the program from ending, and one that hangs is left alone. An error of which `stops` says
    so lets no other item begin. What else comes up, such as KeyboardInterrupt in a sleeper that was woken, ends the
    whole: it is kept in `broken_by`. Each item runs in the context (log, Prefect) of the thread that gave it.
    """

    def __init__(
        self, work: Callable[[Any], Any], size: int, stops: Callable[[Exception], bool], pace: Pace | None = None
    ) -> None:
        self.size = size
        self.halted = threading.Event()
        self.stopped_by: Exception | None = None
        self.broken_by: BaseException | None = None
        self.ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._work = work
        self._stops = stops
        self._pace = pace
        self._lock = threading.Lock()
        self._todo: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = Threads(self._serve, size, "txo-worker")

    def give(self, job: Job, under_way: int) -> None:
        """Let a thread do the job as soon as one is free; `under_way` other jobs have been given and not ended."""
        self._threads.grow(under_way + 1)
        self._todo.put(job)

    def halt(self) -> None:
        """Let nothing begin that has not begun; what runs goes on."""
        with self._lock:
            self.halted.set()

    def dismiss(self, wait: bool) -> None:
        """Let the threads end, those at work after their present job; `wait` until they have."""
        self.halt()
        for _ in range(len(self._threads)):
            self._todo.put(None)
        if wait:
            self._threads.join()

    def _serve(self) -> None:
        try:
            while (job := self._todo.get()) is not None:
                if self._pace is not None and not self.halted.is_set():
                    self._pace(self.halted)
                if self._begin(job):
                    job.context.run(self._do, job)
                self.ended.put(job)
                del job
        except BaseException as error:
            self.broken_by = error
            self.halt()

    def _begin(self, job: Job) -> bool:
        with self._lock:
            job.begun = not self.halted.is_set()
        return job.begun

    def _do(self, job: Job) -> None:
        try:
            job.value = self._work(job.item)
        except Exception as error:
            job.error = error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            ended = ScriptError(f"The function ended itself by {sentence(error)}")
            job.error = ended.with_traceback(error.__traceback__)
        if job.error is not None and self._stops(job.error):
            self.stopped_by = self.stopped_by or job.error
            self.halt()
        job.ended = True
