"""When the next request may go: slots handed out in order, and departures as they really were."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter

from txo_core.http.pace import Pace

MADE_UP = 0.25
"""Seconds of lateness that are made up at most; what a pause or a slow-down took is not."""
SLOW_DOWN = 0.7
DOUBLES_IN = 6.0
GROWS_FOR = 300.0
SLOWEST = 0.2
SHORTEST_LOOK = 0.05
"""Seconds over which a rate is measured at least."""
RECENT = 5.0
"""Seconds after which what was sent counts for e times less."""
KEPT = 0.995
"""What each departure leaves of the refusals before it: the last two hundred count."""
FEW, TENTH = 2.0, 0.1
"""Refusals that are no sign of too high a pace: these, and this part of all that was sent."""
MOST, PROVES = 0.4, 5.0
"""Up to that share of refusals, a slow-down has so many seconds to prove that it helps."""
BELOW, SAME, WAITS = 0.9, 0.85, 8.0
"""Where a refusal was, the rate stays so much below for some seconds; one under SAME of it has other reasons."""
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
    ceiling: float = 0.0
    slowed_at: float = 0.0
    grows_from: float = 0.0
    stretch: float = 0.0
    stretched_until: float = 0.0
    emptied_until: float = 0.0
    counted: float = 0.0
    counted_from: float = 0.0
    measured: float = 0.0
    accepted: float = 0.0
    refusals: float = 0.0
    tallied: float = 0.0

    @classmethod
    def starting(cls, now: float) -> "Schedule":
        """Return a plan in which the next slot is at once."""
        return cls(due=now, top=now, gate=now, counted_from=now, tallied=now)

    def book(self, now: float, latest: float, patience: float, pace: Pace) -> float | None:
        """Take the next slot and return its planned moment; None, and nothing taken, if it would be after `latest`.

        None also where a pause goes on for more than `patience` seconds.
        """
        idle = self.due + self.lag <= now
        slot = now - self.lag if idle else self.due
        if self.expected(slot, now, pace) > latest or self.paused_until - now > patience:
            return None
        if idle:
            self.settled, self.top = self.lag, max(self.top, slot - pace.interval)
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
        ahead = (min(slot, self.due) - self.top) / pace.interval - 1
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

    def pause(self, now: float, until: float, pace: Pace) -> None:
        """Let nobody go before that moment; those who wait go on in their order after it, evenly.

        It counts neither as time in which we were slow nor as time in which all went well.
        """
        if until > self.paused_until:
            more = max(0.0, until - max(now, self.paused_until))
            self.counted_from += more
            self.grows_from += more
            self.paused_until = until
            self.gate = max(self.gate, until + pace.tolerance)
            self._follow(pace)

    def refused(self, now: float, departed: float, told: bool, pace: Pace) -> bool:
        """Note that what departed then was turned away; True if we go on slower from now on.

        Who is `told` when to come back need not go slower as well, unless more than a tenth of what was sent lately has
        been turned away, or this one at about the rate of the last time.
        """
        self._tally(now)
        self.accepted = max(0.0, self.accepted - 1.0)
        self.refusals += 1.0
        if not told:
            return self.slow_down(now, departed, pace)
        share = self.refusals / (self.refusals + max(0.0, min(self.accepted, 1 / (1 - KEPT) - self.refusals)))
        too_many = self.refusals > FEW + TENTH * self.refusals / share
        slower = too_many and self._give_way(now, departed, share, pace)
        if not slower and self.learned and departed > self.slowed_at:
            self._touch_ceiling(now, pace)
        return slower

    def slow_down(self, now: float, departed: float, pace: Pace, part: float = SLOW_DOWN) -> bool:
        """Go on at that part of the rate, which then doubles every 6 seconds up to the old one; True if it is new.

        What had departed before the last slow-down is no reason for another one. What the server has accepted lately is
        not too much for it.
        """
        if departed <= self.slowed_at:
            return False
        before = self.interval(now, pace)
        self.ceiling = min(1 / (before if self.learned else pace.interval), self._measure(now))
        self._learn(part * self.ceiling, now, pace)
        self.slowed_at, self.refusals = now, min(self.refusals, FEW)
        self.counted, self.counted_from, self.measured = 0.0, max(now, self.paused_until), 0.0
        self._spread(before, now, pace)
        return True

    def space_out(self, now: float, seconds: float, until: float, pace: Pace) -> None:
        """Let that many seconds lie between two departures until that moment, unless there are to be more anyway."""
        before = self.interval(now, pace)
        if now >= self.stretched_until or seconds >= self.stretch:
            self.stretch, self.stretched_until = seconds, until
            self._spread(before, now, pace)

    def plausible(self, now: float) -> bool:
        """Tell whether what has happened is past: else the machine was started anew, and its clock with it."""
        return all(map(math.isfinite, NUMBERS_OF(self))) and max(self.tallied, self.slowed_at) <= now + 1.0

    def count(self, now: float) -> None:
        """Note a departure, so that it is known how fast we are when a server complains."""
        if now - self.counted_from >= 1.0:
            self.measured = self.counted / (now - self.counted_from)
            self.counted, self.counted_from = 0.0, now
        self._tally(now)
        self.counted += 1.0
        self.accepted += 1.0
        self.refusals *= KEPT

    def _spread(self, before: float, now: float, pace: Pace) -> None:
        """Let the new interval hold from the last departure on."""
        self.gate += max(0.0, self.interval(now, pace) - before) * (pace.gap / pace.interval)
        self._follow(pace)

    def _follow(self, pace: Pace) -> None:
        """Move those who wait to where the gate lets them through."""
        self.lag = max(self.settled, self.gate - pace.slop - self.top - pace.interval)
        self.settled = max(self.settled, self.lag - MADE_UP)

    def _give_way(self, now: float, departed: float, share: float, pace: Pace) -> bool:
        """Slow down since so many are refused that pauses alone do not help.

        Where all went at once, what was accepted of them is the better measure, also while answers to them come in. As
        long as the server accepts most, time is given to see whether the last slow-down has helped.
        """
        part = SLOW_DOWN if self.learned or pace.rate is not None else max(TENTH, min(BELOW, 1 - share))
        if departed > self.slowed_at and (share > MOST or now > self.slowed_at + PROVES):
            return self.slow_down(now, departed, pace, part)
        if departed <= self.slowed_at and self.learned and self.ceiling and pace.rate is None:
            before = self.interval(now, pace)
            self._learn(min(self.learned, max(TENTH, 1 - share) * self.ceiling), now, pace)
            self._spread(before, now, pace)
        return False

    def _touch_ceiling(self, now: float, pace: Pace) -> None:
        """Stay a little below the rate at which the server complained before, if it does so again only there."""
        before = self.interval(now, pace)
        if self.refusals > FEW or 1 / before < SAME * self.ceiling:
            self.ceiling = 0.0
        elif self.ceiling:
            self.ceiling = min(self.ceiling, 1 / before)
            self._learn(BELOW * self.ceiling, now, pace)
            self._spread(before, now, pace)

    def _learn(self, rate: float, now: float, pace: Pace) -> None:
        """Go on at the rate, but no slower than the server has let pass lately."""
        self.learned = max(rate, self.accepted / RECENT, min(SLOWEST, 1 / pace.interval))
        self.grows_from = max(now, self.paused_until)

    def _learned_interval(self, now: float, usual: float) -> float:
        passed = min(max(0.0, now - self.grows_from), GROWS_FOR)
        rate = self.learned * float(2.0 ** (passed / DOUBLES_IN))
        if self.ceiling:
            stays = max(self.learned, BELOW * self.ceiling)
            rate = max(min(rate, stays), rate * float(2.0 ** (-WAITS / DOUBLES_IN)))
        if rate * usual >= 1:
            self.learned = self.ceiling = 0.0
            return usual
        return 1 / rate

    def _measure(self, now: float) -> float:
        return max(self.measured, self.counted / max(SHORTEST_LOOK, now - self.counted_from))

    def _tally(self, now: float) -> None:
        """Let what was counted fade."""
        fades = math.exp((self.tallied - now) / RECENT)
        self.accepted, self.refusals, self.tallied = self.accepted * fades, self.refusals * fades, now


NUMBERS = tuple(field.name for field in fields(Schedule))
NUMBERS_OF: Callable[[Schedule], tuple[float, ...]] = attrgetter(*NUMBERS)
