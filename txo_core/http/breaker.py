"""Stopping early when an API is down, so that it can recover and we do not wait in vain."""

import threading
from dataclasses import dataclass, field

from requests import PreparedRequest, Response

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import CircuitOpenError
from txo_core.http.errors import called
from txo_core.http.failures import NETWORK_ERRORS, DeadlinePassed, failure_of, is_outage
from txo_core.http.origins import origin_of, shown_origin
from txo_core.http.policy import Send, call_of


@dataclass(slots=True)
class Circuit:
    """The state of one origin: closed, open since a moment, or half-open with one probe on its way."""

    failures: int = 0
    opened_at: float | None = None
    probe_since: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class CircuitBreaker:
    """Opens for an origin after `threshold` outages in a row: for `open_seconds`, calls raise CircuitOpenError.

    Then a single call goes through as a probe (half-open): if it succeeds the circuit closes, else it opens again.
    5xx, time-outs, resets and refused connections count; answers to a caller's mistake (4xx) count as success, and
    our own refusals not at all. One breaker serves all clients and threads; calls never wait for each other.
    """

    def __init__(self, threshold: int = 5, open_seconds: float = 60.0, clock: Clock = monotonic) -> None:
        self.threshold = threshold
        self.open_seconds = open_seconds
        self._clock = clock
        self._circuits: dict[str, Circuit] = {}

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request, unless the circuit of its origin is open."""
        origin = origin_of(request.url or "")
        circuit = self._circuits.get(origin) or self._circuits.setdefault(origin, Circuit())
        probing = self._admit(circuit, request)
        down: bool | None = None
        try:
            response = send(request)
            down = is_outage(response)
            return response
        except NETWORK_ERRORS as error:
            down = None if isinstance(error, DeadlinePassed) else failure_of(error, request.url).transient or None
            raise
        finally:
            self._record(circuit, down, probing)

    def _admit(self, circuit: Circuit, request: PreparedRequest) -> bool:
        """Let the request pass, or raise CircuitOpenError; True if it is the probe of a half-open circuit."""
        if circuit.opened_at is None:
            return False
        with circuit.lock:
            if circuit.opened_at is None:
                return False
            now = self._clock()
            # A probe that never came back counts as lost after the open time.
            waiting_for = circuit.opened_at if circuit.probe_since is None else circuit.probe_since
            left = waiting_for + self.open_seconds - now
            if left > 0:
                raise self._rejection(request, left)
            circuit.probe_since = now
            return True

    def _record(self, circuit: Circuit, down: bool | None, probing: bool) -> None:
        """Count the outcome; None says nothing about the server, and only gives the probe back."""
        if down is False and not probing and circuit.failures == 0:
            return
        with circuit.lock:
            if probing:
                circuit.probe_since = None
            if down:
                circuit.failures += 1
                if probing or (circuit.failures >= self.threshold and circuit.opened_at is None):
                    circuit.opened_at = self._clock()
            elif down is False and (probing or circuit.opened_at is None):
                circuit.failures, circuit.opened_at = 0, None

    def _rejection(self, request: PreparedRequest, left: float) -> CircuitOpenError:
        call = call_of(request)
        return CircuitOpenError(
            f"{called(request)} was not sent: {shown_origin(request.url or '')} has failed {self.threshold} times"
            f" in a row, it is tried again in {left:.0f} s",
            code="circuit-open",
            attempts=call.attempts,
            retry_after=left,
            retryable=True,
            details=call.details,
        )
