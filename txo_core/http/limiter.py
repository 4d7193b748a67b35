"""Staying under the rate that an API allows, evenly paced, whatever the number of threads."""

from requests import PreparedRequest, Response

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.exceptions import ApiRateLimitError
from txo_core.http.errors import unsent
from txo_core.http.origins import shown_origin
from txo_core.http.pace import PACE, Pace
from txo_core.http.pacer import Pacer, Pacers
from txo_core.http.policy import Send, call_of
from txo_core.tally import note_throttled

__all__ = ["PACE", "Pacer", "RateLimiter", "Throttle"]


class Throttle:
    """Lets each attempt go at once, until the server says that it is too much: then all wait who share the pacers.

    A 429, or a 503, with Retry-After pauses everybody; a 429 without one slows everybody down for a while, as headers
    do that tell of a quota used up. Who would have to wait beyond the deadline of the call, or longer than
    `longest_pause` seconds for such a pause, gets an ApiRateLimitError at once.
    """

    def __init__(
        self,
        pacers: Pacers | None = None,
        *,
        longest_pause: float = 120.0,
        clock: Clock = monotonic,
        sleep: Sleep = sleep,
    ) -> None:
        self._pacers = pacers or Pacers(clock=clock)
        self._longest_pause = longest_pause
        self._clock = clock
        self._sleep = sleep

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request when its turn has come."""
        pacer = self._pacers.at(request.url or "")
        self._wait(pacer, request)
        departed = self._clock()
        response = send(request)
        pacer.learn(response, departed, self._longest_pause)
        return response

    def _wait(self, pacer: Pacer, request: PreparedRequest) -> None:
        latest = call_of(request).deadline
        booked = pacer.book(latest, self._longest_pause)
        if booked is None:
            raise _rejection(request, pacer.wait())
        slot, left = booked
        while left > 0:
            until = self._clock() + left
            self._sleep(left)
            note_throttled(left)
            after = pacer.depart(slot, latest, self._longest_pause, until)
            if after is None:
                raise _rejection(request, pacer.wait(slot))
            left = after


class RateLimiter(Throttle):
    """Lets each attempt wait for its slot: `rate` requests per second and origin, evenly spaced unless `burst` > 1.

    It uses `pace` of the rate, and heeds the server as a Throttle does.
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
        pacers: Pacers | None = None,
    ) -> None:
        pacers = pacers or Pacers(clock=clock)
        pacers.hold_to(Pace(rate, burst, pace))
        super().__init__(pacers, longest_pause=longest_pause, clock=clock, sleep=sleep)


def _rejection(request: PreparedRequest, wait: float) -> ApiRateLimitError:
    return ApiRateLimitError(
        f"{unsent(request)}: {shown_origin(request.url or '')} allows no more calls for now,"
        f" the next one in {wait:.0f} s",
        code="rate-limit",
        retry_after=wait,
        retryable=True,
        **call_of(request).facts,
    )
