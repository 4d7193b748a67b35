"""The one place where all who call an origin with the same credentials wait for their turn."""

import logging
import math
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from requests import Response

from txo_core.clock import Clock, monotonic
from txo_core.http.failures import throttled
from txo_core.http.origins import origin_of, shown_origin
from txo_core.http.pace import Pace
from txo_core.http.quota import Quota, quotas_of
from txo_core.http.retry_after import retry_after
from txo_core.http.schedule import Schedule

logger = logging.getLogger("txo_core.http")


class Store(Protocol):
    """Where a plan is kept: `with store as schedule` has it alone, and keeps what was changed."""

    def __enter__(self) -> Schedule: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Memory:
    """The plan of one process, shared by its threads."""

    def __init__(self, clock: Clock = monotonic) -> None:
        self.schedule = Schedule.starting(clock())
        self._lock = threading.Lock()

    def __enter__(self) -> Schedule:
        self._lock.acquire()
        return self.schedule

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()


class Pacer:
    """Hands out moments to send at, `rate` per second, `burst` at once after a pause; without a rate, all at once.

    What the server says about its limit only ever slows this down, and for all who share it. Waits of more than
    `patience` seconds that the server asks for are refused, as are those beyond the moment `latest`.
    """

    def __init__(
        self,
        rate: float | None = None,
        burst: int = 1,
        clock: Clock = monotonic,
        *,
        share: float = 1.0,
        store: Store | None = None,
        name: str = "The API",
    ) -> None:
        self.pace = Pace(rate, burst, share)
        self._clock = clock
        self._store = store or Memory(clock)
        self._name = name
        # Where there is no rate, and no other process to ask, a call costs no lock until somebody was slowed down.
        self._free = self._store.schedule if isinstance(self._store, Memory) else None

    def book(self, latest: float = math.inf, patience: float = math.inf) -> tuple[float, float] | None:
        """Take the next slot: return it, and the seconds to wait; None, and nothing taken, if that is too long.

        With 0 seconds the request counts as sent. Otherwise ask `depart` when they are over.
        """
        if self._is_free():
            return 0.0, 0.0
        with self._store as schedule:
            now = self._clock()
            slot = schedule.book(now, latest, patience, self.pace)
            return None if slot is None else (slot, schedule.depart(slot, now, self.pace))

    def depart(
        self, slot: float, latest: float = math.inf, patience: float = math.inf, woken: float = -math.inf
    ) -> float | None:
        """Return 0 if the owner of the slot goes now, else the seconds that are left; None if that is too long.

        `woken` is the moment until which the owner has slept: it is past, even if the clock is a little behind.
        """
        with self._store as schedule:
            now = max(self._clock(), woken)
            left = schedule.depart(slot, now, self.pace)
            too_long = schedule.moment(slot, self.pace) > latest or schedule.paused_until - now > patience
            return None if left and too_long else left

    def pause(self, seconds: float) -> None:
        """Let nobody go before that many seconds from now; who already waits goes on after that, in order."""
        with self._store as schedule:
            now = self._clock()
            schedule.pause(now, now + seconds, self.pace)

    def wait(self, slot: float | None = None) -> float:
        """Return the seconds until that slot, or until the next free one."""
        with self._store as schedule:
            now = self._clock()
            slot = max(schedule.due, now - schedule.lag) if slot is None else slot
            return max(0.0, schedule.expected(slot, now, self.pace) - now)

    def learn(self, response: Response, departed: float, patience: float = math.inf) -> None:
        """Heed what the server says about its limit in the answer to a request that left at that moment.

        A header alone is believed for `patience` seconds at most: the next request will show whether it is true.
        """
        if throttled(response):
            self._throttled(retry_after(response) or 0.0, departed)
        for quota in quotas_of(response):
            if quota.matters:
                self._heed(quota, departed, patience)

    def _throttled(self, seconds: float, departed: float) -> None:
        """Pause for a Retry-After; slow down where there is none, or where pauses alone do not help."""
        with self._store as schedule:
            now = self._clock()
            slower = schedule.refused(now, departed, seconds > 0, self.pace)
            rate = 1 / schedule.interval(now, self.pace)
            schedule.pause(now, now + seconds, self.pace)
        if slower:
            logger.info("%s turns requests away, going on at %.1f per second", self._name, rate)

    def _heed(self, quota: Quota, departed: float, patience: float) -> None:
        """Wait, or go slower, until the quota begins anew; a header is never a reason to go faster."""
        with self._store as schedule:
            now = self._clock()
            if quota.reset is None:
                schedule.slow_down(now, departed, self.pace)
            elif quota.remaining:
                schedule.space_out(now, min(quota.reset / quota.remaining, patience), now + quota.reset, self.pace)
            else:
                self._wait_for_more(schedule, quota, departed, now, min(quota.reset, patience))

    def _wait_for_more(self, schedule: Schedule, quota: Quota, departed: float, now: float, seconds: float) -> None:
        """Pause until the reset, unless that second is only the rounded wait for the next slot of an even limit.

        Servers tell whole seconds. One that lets a request pass each 0.1 s says `r=0;t=1` every time; to believe it
        would mean one request a second. So where the quota is one of a second, or is used up again by the first
        request after a pause, its own interval is kept instead.
        """
        even = quota.window is not None and quota.window <= 1
        alone = 0 < schedule.emptied_until <= departed
        if seconds <= 1 and (even or alone):
            schedule.space_out(now, min(quota.interval, seconds), now + 10 * seconds, self.pace)
        else:
            schedule.emptied_until = now + seconds
            schedule.pause(now, schedule.emptied_until, self.pace)

    def _is_free(self) -> bool:
        free = self._free
        if free is None or self.pace.rate is not None:
            return False
        now = self._clock()
        if not free.unrestricted(now):
            return False
        free.count(now)
        return True


class Pacers:
    """The pacers of one credential, one an origin; clients that share it keep to the slowest of their rates."""

    def __init__(self, *, clock: Clock = monotonic, store: Callable[[str], Store] | None = None) -> None:
        self._pace = Pace()
        self._clock = clock
        self._store = store
        self._pacers: dict[str, Pacer] = {}
        self._lock = threading.Lock()

    def at(self, url: str) -> Pacer:
        """Return the pacer of the URL's origin."""
        origin = origin_of(url)
        return self._pacers.get(origin) or self._create(origin, shown_origin(url))

    def hold_to(self, pace: Pace) -> None:
        """Go no faster than that either."""
        with self._lock:
            self._pace = self._pace.slower(pace)
            for pacer in self._pacers.values():
                pacer.pace = self._pace

    def _create(self, origin: str, name: str) -> Pacer:
        with self._lock:
            if origin not in self._pacers:
                store = self._store(origin) if self._store else None
                pacer = Pacer(clock=self._clock, store=store, name=name)
                pacer.pace = self._pace
                self._pacers[origin] = pacer
            return self._pacers[origin]
