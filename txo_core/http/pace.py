"""How fast a client may go: a rate, what it may send at once, and how lateness is made up."""

import math
from dataclasses import dataclass, field

from txo_core.exceptions import ConfigurationError

PACE = 0.97
"""The part of the rate that is used: requests that left evenly arrive a little less so."""
CATCH_UP = 1 / 6
"""The part of that reserve that lateness may use up: half a percent of 0.97. The rest is for the network."""
FAST, FAST_SLOP = 0.05, 0.005
"""Below 50 ms between two, threads wake too unevenly for each gap to count: there, 5 ms are no matter."""
UNPACED = 0.001


@dataclass(frozen=True, slots=True)
class Pace:
    """A rate in requests per second, and how many may go at once after a pause; no rate is no limit of our own.

    `interval` is the time between two slots. `gap` is what lies between departures on average where threads wake late:
    less than the interval, so that the delay is made up. A single one may be `slop` seconds less, but, up to twenty a
    second, not less than the rate says.
    """

    rate: float | None = None
    burst: int = 1
    share: float = PACE
    interval: float = field(init=False)
    gap: float = field(init=False)
    slop: float = field(init=False)
    tolerance: float = field(init=False)

    def __post_init__(self) -> None:
        if not (self.rate is None or 0 < self.rate < math.inf) or self.burst < 1:
            raise ConfigurationError(
                f"{self.rate} requests per second, {self.burst} at once, are no limit that can be kept",
                "Give a rate above 0, and a burst of 1 or more",
                "RateLimiter(10)",
            )
        interval = 1 / (self.rate * self.share) if self.rate else UNPACED
        gap = interval * (1 - (1 - self.share) * CATCH_UP)
        slop = gap - interval * self.share if interval >= FAST else FAST_SLOP
        values = {"interval": interval, "gap": gap, "slop": slop if self.share < 1 else 0.0}
        for name, value in (values | {"tolerance": (self.burst - 1) * interval}).items():
            object.__setattr__(self, name, value)

    def slower(self, other: "Pace") -> "Pace":
        """Return the slower of the two, with the smaller burst."""
        if self.rate is None or other.rate is None:
            return other if self.rate is None else self
        slow = max(self, other, key=lambda pace: pace.interval)
        burst = min(self.burst, other.burst)
        return slow if slow.burst == burst else Pace(slow.rate, burst, slow.share)
