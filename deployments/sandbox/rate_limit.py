"""The rate limit of the API: exact, evenly paced (GCRA), one for each credential."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass, and what to tell the caller; `wait` is in seconds."""

    allowed: bool
    wait: float
    headers: dict[str, str]


@dataclass
class RateLimiter:
    """At most `per_second` requests, `burst` of them at once; None lets everything pass."""

    per_second: float | None
    burst: int = 1
    clock: Callable[[], float] = time.monotonic
    due: dict[str, float] = field(default_factory=dict)

    def ask(self, caller: str) -> Verdict:
        """The verdict on one request; a refused one takes no slot."""
        if self.per_second is None:
            return Verdict(True, 0.0, {})
        interval, now = 1.0 / self.per_second, self.clock()
        due = max(self.due.get(caller, now), now)
        wait = due - now - (self.burst - 1) * interval
        if wait > 1e-9:
            return Verdict(False, wait, self._headers(0, wait) | {"Retry-After": str(math.ceil(wait))})
        self.due[caller] = due + interval
        remaining = max(0, int((self.burst * interval - (due + interval - now)) / interval + 1e-9))
        return Verdict(True, 0.0, self._headers(remaining, due + interval - now))

    def _headers(self, remaining: int, reset: float) -> dict[str, str]:
        quota = max(1, int(self.per_second or 1))
        seconds = math.ceil(reset)
        return {
            "RateLimit-Limit": str(quota),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(seconds),
            "RateLimit-Policy": f'"default";q={quota};w=1',
            "RateLimit": f'"default";r={remaining};t={seconds}',
        }
