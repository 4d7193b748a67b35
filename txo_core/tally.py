"""What a run asked of APIs: requests, repeats, and the seconds for which limits held it back; each run for itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import get_ident


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests that went to the network, sign-in included; how many of them were repeats of one that had failed; and
    the seconds that they waited for a rate limit, ours or the server's, summed over calls that may wait side by side.
    """

    sent: int = 0
    repeated: int = 0
    throttled: float = 0.0


class Tally:
    """Counts calls, also for the tally around it. Each thread adds to numbers of its own, so that none waits."""

    def __init__(self, around: "Tally | None" = None) -> None:
        self._around = around
        self._numbers: dict[int, list[float]] = {}

    def add(self, sent: int = 0, repeated: int = 0, throttled: float = 0.0) -> None:
        """Add to the counts."""
        thread = get_ident()
        numbers = self._numbers.get(thread)
        if numbers is None:
            numbers = self._numbers[thread] = [0, 0, 0.0]
        numbers[0] += sent
        numbers[1] += repeated
        numbers[2] += throttled
        if self._around is not None:
            self._around.add(sent, repeated, throttled)

    def calls(self) -> Calls:
        """Return the counts of all threads so far."""
        numbers = list(self._numbers.copy().values())
        sent, repeated, throttled = (sum(each[place] for each in numbers) for place in range(3))
        return Calls(int(sent), int(repeated), float(throttled))


_tally: ContextVar[Tally | None] = ContextVar("txo_tally", default=None)


@contextmanager
def counting() -> Iterator[Tally]:
    """Count the calls inside, and in threads that get a copy of the context, apart from those of others."""
    tally = Tally(_tally.get())
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)


def note_sent() -> None:
    """Count a request that went to the network."""
    tally = _tally.get()
    if tally is not None:
        tally.add(sent=1)


def note_repeat(throttled: float = 0.0) -> None:
    """Count a repeat, and the seconds that the server asked to wait before it."""
    tally = _tally.get()
    if tally is not None:
        tally.add(repeated=1, throttled=throttled)


def note_throttled(seconds: float) -> None:
    """Count seconds for which a limit held a call back."""
    tally = _tally.get()
    if tally is not None:
        tally.add(throttled=seconds)


def calls_so_far() -> Calls | None:
    """Return what the present run has asked so far; None where nobody counts."""
    tally = _tally.get()
    return None if tally is None else tally.calls()
