"""The state of one server as its callers see it: closed, open for a while, or half-open with one probe on its way."""

import threading
from dataclasses import dataclass, field
from itertools import count

RING = 400


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What opens a circuit: `threshold` outages in a row, or half of its recent calls; and for how many seconds.

    Recent are the last 20 calls (or four times the threshold, if that is more) within `window_seconds`; at least half
    that number must have been made, and `threshold` of them have failed, so that a few calls of a script prove nothing.
    The open time doubles with each probe that fails, up to `longest_open`.
    """

    threshold: int = 5
    open_seconds: float = 60.0
    window_seconds: float = 60.0
    failure_rate: float = 0.5
    longest_open: float = 600.0

    @property
    def window_calls(self) -> int:
        """How many calls are looked at."""
        return min(RING, max(20, 4 * self.threshold))

    def open_for(self, failed_probes: int) -> float:
        """Return the seconds that the circuit stays open after so many failed probes in a row."""
        longest = max(self.longest_open, self.open_seconds)
        return float(min(longest, self.open_seconds * 2 ** min(failed_probes, 30)))


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """The leave to make a call; it counts as long as the circuit has not changed since it was given."""

    probe: bool = False


@dataclass(slots=True, eq=False)
class Circuit:
    """What is known of one origin. Calls that succeed while it is closed change it without a lock.

    `valid` is the ticket of the present state: all callers share one while it is closed, none is valid while it is
    open, and half-open it is that of the probe. So an answer to a call that began before an opening changes nothing.
    """

    in_a_row: int = 0
    failed_probes: int = 0
    valid: Ticket | None = field(default_factory=Ticket)
    until: float = 0.0
    reason: str = ""
    recent: list[tuple[int, float, bool] | None] = field(default_factory=lambda: [None] * RING)
    turns: "count[int]" = field(default_factory=count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def probe(self, now: float, patience: float) -> Ticket | None:
        """Return a ticket for the call that tries the server again; None if it is too early, or one is on its way.

        A probe of which nothing is heard for `patience` seconds is lost, and the next call takes its place.
        """
        with self.lock:
            if self.valid is not None and not self.valid.probe:
                return self.valid
            if now < self.until:
                return None
            self.valid, self.until = Ticket(probe=True), now + patience
            return self.valid

    def succeeded(self, ticket: Ticket, now: float) -> bool:
        """Take in a call that went well; True if this closes the circuit."""
        if ticket is not self.valid:
            return False
        if not ticket.probe:
            self._note(now, down=False)
            self.in_a_row = 0
            return False
        with self.lock:
            if ticket is not self.valid:
                return False
            self.in_a_row = self.failed_probes = 0
            self.recent = [None] * RING
            self.valid = Ticket()
            return True

    def failed(self, ticket: Ticket, now: float, tolerance: Tolerance) -> float | None:
        """Take in an outage; return the seconds for which this opens the circuit, None if it does not."""
        with self.lock:
            if ticket is not self.valid:
                return None
            self._note(now, down=True)
            self.in_a_row += 1
            if ticket.probe:
                self.failed_probes += 1
                self.reason = "is still down"
            elif not self._too_many(now, tolerance):
                return None
            seconds = tolerance.open_for(self.failed_probes)
            self.valid, self.until = None, now + seconds
            return seconds

    def gave_up(self, ticket: Ticket, now: float) -> None:
        """Take in a call that says nothing about the server; if it was the probe, the next call takes its place."""
        if ticket.probe:
            with self.lock:
                if ticket is self.valid:
                    self.valid, self.until = None, now

    def _note(self, now: float, down: bool) -> None:
        turn = next(self.turns)
        self.recent[turn % RING] = (turn, now, down)

    def _too_many(self, now: float, tolerance: Tolerance) -> bool:
        if self.in_a_row >= tolerance.threshold:
            self.reason = f"has failed {self.in_a_row} times in a row"
            return True
        calls = sorted(filter(None, self.recent[:]))[-tolerance.window_calls :]
        outcomes = [down for _, moment, down in calls if now - moment <= tolerance.window_seconds]
        failures = sum(outcomes)
        self.reason = f"has failed {failures} of its last {len(outcomes)} calls"
        enough = 2 * len(outcomes) >= tolerance.window_calls and failures >= tolerance.threshold
        return enough and failures >= tolerance.failure_rate * len(outcomes)
