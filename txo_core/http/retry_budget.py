"""How many retries a client may spend: where nearly every call fails, more calls make it worse."""

import logging
import threading

from txo_core.clock import Clock, monotonic

logger = logging.getLogger("txo_core.http")


class RetryBudget:
    """Holds `size` retries for all threads of a client: those that are under way, and those that were in vain.

    A call that succeeds gives back what it took, and a tenth more; each second gives back `per_second`. Failures that
    pass never meet the end of it. In an outage it is soon used up, and each call is sent once, so that a thousand calls
    do not become four thousand.
    """

    def __init__(self, size: float = 100.0, per_second: float = 0.5, clock: Clock = monotonic) -> None:
        self.size = size
        self.per_second = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._spent = 0.0
        self._since = clock()
        self._told = False

    def take(self) -> bool:
        """Take one retry; False if there is none left."""
        with self._lock:
            now = self._clock()
            self._spent = max(0.0, self._spent - (now - self._since) * self.per_second)
            self._since = now
            if self._spent + 1 <= self.size:
                self._spent += 1
                return True
            told, self._told = self._told, True
        if not told:
            logger.warning("%.0f repeats were in vain: from now on most calls are sent only once", self.size)
        return False

    def succeeded(self, after: int = 0) -> None:
        """Note a call that went well after so many retries."""
        if self._spent:
            with self._lock:
                self._spent = max(0.0, self._spent - after - 0.1)
