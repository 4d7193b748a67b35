"""Staying under the rate that an API allows, evenly paced, whatever the number of threads."""

import threading

from requests import PreparedRequest, Response

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.exceptions import ApiRateLimitError
from txo_core.http.errors import called
from txo_core.http.failures import throttled
from txo_core.http.origins import origin_of, shown_origin
from txo_core.http.policy import Send, call_of
from txo_core.http.retry_after import retry_after

PACE = 0.97
"""The part of the rate that is used: requests that left evenly arrive a little less so."""


class Pacer:
    """Hands out moments to send at, `rate` per second, `burst` at once after a pause (GCRA, ITU-T I.371)."""

    def __init__(self, rate: float, burst: int = 1, clock: Clock = monotonic) -> None:
        self._interval = 1.0 / rate
        self._tolerance = (burst - 1) * self._interval
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock()
        self._paused_until = self._next

    def reserve(self, latest: float) -> float | None:
        """Return the moment of the next free slot and take it; None, and nothing taken, if it is after `latest`."""
        with self._lock:
            now = self._clock()
            moment = max(now, self._next - self._tolerance)
            if moment > latest:
                return None
            self._next = max(self._next, now) + self._interval
            return moment

    def pause(self, seconds: float) -> None:
        """Hand out no moment before that many seconds from now; slots already taken before then are void."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)
            self._next = max(self._next, self._paused_until + self._tolerance)

    def holds(self, moment: float) -> bool:
        """Tell whether the slot at that moment is still good, since no pause has come over it."""
        return moment >= self._paused_until

    @property
    def paused_for(self) -> float:
        """The seconds that the server's own pause still lasts."""
        return max(0.0, self._paused_until - self._clock())

    @property
    def wait(self) -> float:
        """The seconds until the next free slot."""
        return max(0.0, self._next - self._tolerance - self._clock())


class RateLimiter:
    """Lets each attempt wait for its slot: `rate` requests per second and origin, evenly spaced unless `burst` > 1.

    A 429, or a 503, with Retry-After pauses all who share the limiter. Who would have to wait beyond the deadline of
    the call, or longer than `longest_pause` seconds for such a pause, gets an ApiRateLimitError at once.
    """

    def __init__(
        self,
        rate: float,
        burst: int = 1,
        *,
        pace: float = PACE,
        longest_pause: float = 120.0,
        clock: Clock = monotonic,
        sleep: Sleep = sleep,
    ) -> None:
        self._settings = (rate * pace, burst, clock)
        self._longest_pause = longest_pause
        self._clock = clock
        self._sleep = sleep
        self._pacers: dict[str, Pacer] = {}
        self._lock = threading.Lock()

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request when its turn has come."""
        pacer = self._pacer(origin_of(request.url or ""))
        self._wait(pacer, request)
        response = send(request)
        if throttled(response):
            pacer.pause(retry_after(response) or 0.0)
        return response

    def _pacer(self, origin: str) -> Pacer:
        with self._lock:
            if origin not in self._pacers:
                self._pacers[origin] = Pacer(*self._settings)
            return self._pacers[origin]

    def _wait(self, pacer: Pacer, request: PreparedRequest) -> None:
        latest = call_of(request).deadline
        while True:
            moment = None if pacer.paused_for > self._longest_pause else pacer.reserve(latest)
            if moment is None:
                raise self._rejection(pacer, request)
            seconds = moment - self._clock()
            if seconds > 0:
                self._sleep(seconds)
            if pacer.holds(moment):
                return

    def _rejection(self, pacer: Pacer, request: PreparedRequest) -> ApiRateLimitError:
        call = call_of(request)
        return ApiRateLimitError(
            f"{called(request)} was not sent: {shown_origin(request.url or '')} allows no more calls for now,"
            f" the next one in {pacer.wait:.0f} s",
            code="rate-limit",
            attempts=call.attempts,
            retry_after=pacer.wait,
            retryable=True,
            details=call.details,
        )
