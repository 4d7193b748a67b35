"""Reading what will be asked for next in threads, so that the answers are there by then."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST_GOODBYE = 2.0


class ReadAhead(Generic[T]):
    """Reads by URL, at most `workers` at a time; what was not announced is read when it is taken.

    The threads see the context variables of whoever announces.
    """

    def __init__(self, read: Callable[[str], T], workers: int = 1) -> None:
        self.workers = workers
        self._read = read
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[str, Future[T]] = {}
        self._forgotten: list[Future[T]] = []

    def announce(self, urls: Iterable[str]) -> None:
        """Begin to read these URLs, and forget all others that were announced before."""
        wanted = list(urls)
        for url in self._under_way.keys() - set(wanted):
            self._forget(url)
        for url in wanted:
            if url not in self._under_way:
                self._under_way[url] = self._submit(url)

    def take(self, url: str) -> T:
        """Return what is at the URL; raises what reading it raised."""
        future = self._under_way.pop(url, None)
        return self._read(url) if future is None else future.result()

    def close(self) -> None:
        """Stop: what has not begun is not read, and the threads end with what they are at.

        It waits for them, but not for long: a server that hangs would hold the caller up for its whole time-out.
        """
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        for url in list(self._under_way):
            self._forget(url)
        pool.shutdown(wait=False)
        _, late = wait(self._forgotten, timeout=LONGEST_GOODBYE)
        if not late:
            pool.shutdown(wait=True)

    def _forget(self, url: str) -> None:
        """Let a reading that has not begun fall; one that has is waited for in the end."""
        future = self._under_way.pop(url)
        if not future.cancel():
            self._forgotten = [other for other in [*self._forgotten, future] if not other.done()]

    def _submit(self, url: str) -> Future[T]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="txo-read-ahead")
        return self._pool.submit(copy_context().run, self._read, url)
