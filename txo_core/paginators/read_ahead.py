"""Reading what will be asked for next in threads, so that the answers are there by then."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from contextvars import Context, copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from txo_core.exceptions import ApiError
from txo_core.threads import Threads

T = TypeVar("T")

LONGEST_GOODBYE = 2.0
BROKEN = "no-json"
"""What the threads do not see, since they do not parse."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading(Generic[T]):
    """A URL on its way, and the answer when it is there; a guess may fail without meaning anything."""

    url: str
    guess: bool
    context: Context
    answer: "Future[Callable[[], T]]"


class ReadAhead(Generic[T]):
    """Reads by URL, at most `workers` at a time; what was not announced is read when it is taken.

    The threads `begin(url, guess)`, which returns what gives the page: while whoever takes it parses it, the thread is
    at its next request. A guess that failed is read again, as a page that is wanted, when it is taken. The threads see
    the context variables of whoever announces, and do not keep the program from ending.
    """

    def __init__(self, read: Callable[[str], T], workers: int, begin: Callable[[str, bool], Callable[[], T]]) -> None:
        self.workers = workers
        self._read = read
        self.begin = begin
        self._todo: SimpleQueue[Reading[T] | None] = SimpleQueue()
        self._threads = Threads(self._serve, workers, "txo-read-ahead")
        self._under_way: dict[str, Reading[T]] = {}
        self._forgotten: list[Future[Callable[[], T]]] = []

    def announce(self, urls: Iterable[str], guesses: Iterable[str] = ()) -> None:
        """Begin to read these URLs, and forget all others that were announced before."""
        wanted = dict.fromkeys(urls, False)
        wanted |= dict.fromkeys((url for url in guesses if url not in wanted), True)
        for url in self._under_way.keys() - wanted.keys():
            self._forget(url)
        for url, guess in wanted.items():
            if url not in self._under_way:
                self._under_way[url] = self._begin(url, guess)

    def take(self, url: str) -> T:
        """Return what is at the URL; raises what reading it raised."""
        begun = self._under_way.pop(url, None)
        if begun is None:
            return self._read(url)
        try:
            return begun.answer.result()()
        except ApiError as error:
            if error.code != BROKEN and not (begun.guess and _may_pass(error)):
                raise
        return self._read(url)

    def close(self, patience: float = LONGEST_GOODBYE) -> None:
        """Stop: what has not begun is not read, and the threads end with what they are at.

        It waits for them, but not for long: a server that hangs would hold the caller up for its whole time-out.
        """
        for url in list(self._under_way):
            self._forget(url)
        for _ in range(len(self._threads)):
            self._todo.put(None)
        if self._forgotten and wait(self._forgotten, timeout=patience).not_done:
            return
        self._threads.join()

    def _forget(self, url: str) -> None:
        """Let a reading that has not begun fall; one that has is waited for in the end."""
        answer = self._under_way.pop(url).answer
        if not answer.cancel():
            self._forgotten = [other for other in [*self._forgotten, answer] if not other.done()]

    def _begin(self, url: str, guess: bool) -> Reading[T]:
        reading: Reading[T] = Reading(url, guess, copy_context(), Future())
        self._threads.grow(len(self._under_way) + 1)
        self._todo.put(reading)
        return reading

    def _serve(self) -> None:
        while (reading := self._todo.get()) is not None:
            if reading.answer.set_running_or_notify_cancel():
                reading.context.run(self._answer, reading)
            del reading

    def _answer(self, reading: Reading[T]) -> None:
        try:
            result = self.begin(reading.url, reading.guess)
        except BaseException as error:
            reading.answer.set_exception(error)
        else:
            reading.answer.set_result(result)


def _may_pass(error: ApiError) -> bool:
    """Tell whether a guess that failed may succeed as a call that is repeated."""
    return error.retryable or not 400 <= (error.status_code or 0) < 500
