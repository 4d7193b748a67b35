"""When the next request may go: slots handed out in order, and departures as they really were."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter

from txo_core.http.pace import Pace

MADE_UP = 0.25
"""Seconds of lateness that are made up at most; what a pause or a slow-down took is not."""
SLOW_DOWN = 0.7
DOUBLES_IN = 30.0
FORGOTTEN_AFTER = 300.0
SLOWEST = 0.2
UNKNOWN_RATE = 10.0
RECENT = 10.0
INSTANT = 1e-6


@dataclass(slots=True)
class Schedule:
    """The plan of one origin and credential: moments of the monotonic clock, plain numbers that can be shared.

    Slots are planned one `interval` apart (GCRA, ITU-T I.371). All planned moments are `lag` later in reality: a thread
    that wakes late, a pause or a slow-down moves everybody who waits, in order. `gate` sees the departures as they
    really were, so that a late one is never followed too soon by one in time.
    """

    due: float
    top: float
    gate: float
    lag: float = 0.0
    settled: float = 0.0
    paused_until: float = 0.0
    learned: float = 0.0
    slowed_at: float = 0.0
    stretch: float = 0.0
    stretched_until: float = 0.0
    emptied_until: float = 0.0
    counted: float = 0.0
    counted_from: float = 0.0
    measured: float = 0.0

    @classmethod
    def starting(cls, now: float) -> "Schedule":
        """Return a plan in which the next slot is at once."""
        return cls(due=now, top=now, gate=now, counted_from=now)

    def book(self, now: float, latest: float, patience: float, pace: Pace) -> float | None:
        """Take the next slot and return its planned moment; None, and nothing taken, if it would be after `latest`.

        None also where a pause goes on for more than `patience` seconds.
        """
        idle = self.due + self.lag <= now
        slot = now - self.lag if idle else self.due
        if self.expected(slot, now, pace) > latest or self.paused_until - now > patience:
            return None
        if idle:
            self.settled = self.lag
        self.due = slot + pace.interval
        return slot

    def depart(self, slot: float, now: float, pace: Pace) -> float:
        """Let the owner of the slot go and return 0, or return how many seconds there are left to wait."""
        left = self.moment(slot, pace) - now
        if left > INSTANT:
            return max(left, min(self.expected(slot, now, pace) - now, 1.0))
        self.top = max(self.top, slot)
        self.gate = max(self.gate, now) + self.interval(now, pace) * (pace.gap / pace.interval)
        self._follow(pace)
        self.count(now)
        return 0.0

    def moment(self, slot: float, pace: Pace) -> float:
        """Return the real moment of a slot, as far as it is known."""
        return max(slot + self.lag - pace.tolerance, self.opens(pace))

    def opens(self, pace: Pace) -> float:
        """Return the moment before which nobody may go."""
        return max(self.gate - pace.slop - pace.tolerance, self.paused_until)

    def expected(self, slot: float, now: float, pace: Pace) -> float:
        """Return when the owner of the slot will go if all before it do, at the rate of this moment."""
        slowness = self.interval(now, pace) / pace.interval
        if slowness <= 1:
            return self.moment(slot, pace)
        ahead = (slot - self.top) / pace.interval - 1
        return max(self.moment(slot, pace), max(now, self.opens(pace)) + ahead * pace.interval * slowness)

    def interval(self, now: float, pace: Pace) -> float:
        """Return the seconds between two departures: those of the pace, or more after the server has complained."""
        interval = pace.interval
        if self.learned:
            interval = self._learned_interval(now, interval)
        if self.stretch and now < self.stretched_until:
            interval = max(interval, self.stretch)
        return interval

    def unrestricted(self, now: float) -> bool:
        """Tell whether nothing is known that would hold a request back, beside the pace itself."""
        return not self.learned and now >= self.paused_until and now >= self.stretched_until

    def pause(self, until: float, pace: Pace) -> None:
        """Let nobody go before that moment; those who wait go on in their order after it, evenly."""
        if until > self.paused_until:
            self.paused_until = until
            self.gate = max(self.gate, until + pace.tolerance)
            self._follow(pace)

    def slow_down(self, now: float, departed: float, pace: Pace) -> bool:
        """Go on at 0.7 of the rate, which then doubles every 30 seconds until it is the old one; True if it is new.

        What had departed before the last slow-down is no reason for another one.
        """
        if departed <= self.slowed_at:
            return False
        before = self.interval(now, pace)
        rate = min(1 / before, max(self._measure(now), UNKNOWN_RATE))
        self.learned = max(min(SLOWEST, 1 / pace.interval), SLOW_DOWN * rate)
        self.slowed_at = now
        self._spread(before, now, pace)
        return True

    def throttled_again(self, departed: float) -> bool:
        """Tell whether what departed then, and was turned away, had left soon after a pause: the pace is too fast."""
        return 0 < self.paused_until <= departed < self.paused_until + RECENT

    def space_out(self, now: float, seconds: float, until: float, pace: Pace) -> None:
        """Let that many seconds lie between two departures until that moment, unless there are to be more anyway."""
        before = self.interval(now, pace)
        if now >= self.stretched_until or seconds >= self.stretch:
            self.stretch, self.stretched_until = seconds, until
            self._spread(before, now, pace)

    def plausible(self, now: float) -> bool:
        """Tell whether what has happened is past: else the machine was started anew, and its clock with it."""
        return all(map(math.isfinite, NUMBERS_OF(self))) and max(self.counted_from, self.slowed_at) <= now + 1.0

    def count(self, now: float) -> None:
        """Note a departure, so that it is known how fast we are when a server complains."""
        if now - self.counted_from >= 1.0:
            self.measured = self.counted / (now - self.counted_from)
            self.counted, self.counted_from = 0.0, now
        self.counted += 1.0

    def _spread(self, before: float, now: float, pace: Pace) -> None:
        """Let the new interval hold from the last departure on."""
        self.gate += max(0.0, self.interval(now, pace) - before) * (pace.gap / pace.interval)
        self._follow(pace)

    def _follow(self, pace: Pace) -> None:
        """Move those who wait to where the gate lets them through."""
        self.lag = max(self.settled, self.gate - pace.slop - self.top - pace.interval)
        self.settled = max(self.settled, self.lag - MADE_UP)

    def _learned_interval(self, now: float, usual: float) -> float:
        passed = max(0.0, now - max(self.slowed_at, self.paused_until))
        rate = self.learned * float(2.0 ** (passed / DOUBLES_IN))
        if passed > FORGOTTEN_AFTER or rate * usual >= 1:
            self.learned = 0.0
            return usual
        return 1 / rate

    def _measure(self, now: float) -> float:
        return max(self.measured, self.counted / max(1.0, now - self.counted_from))


NUMBERS = tuple(field.name for field in fields(Schedule))
NUMBERS_OF: Callable[[Schedule], tuple[float, ...]] = attrgetter(*NUMBERS)
