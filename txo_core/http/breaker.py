"""Stopping early when an API is down, so that it can recover and we do not wait in vain."""

import logging

from requests import PreparedRequest, Response

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import CircuitOpenError
from txo_core.http.circuit import Circuit, Ticket, Tolerance
from txo_core.http.errors import unsent
from txo_core.http.failures import NETWORK_ERRORS, DeadlinePassed, failure_of, is_outage
from txo_core.http.origins import origin_of, shown_origin
from txo_core.http.policy import Send, call_of

logger = logging.getLogger("txo_core.http")

LONGEST_PROBE = 60.0
"""Seconds after which a probe without an outcome counts as lost, unless the open time is longer."""


class Circuits:
    """The circuits of a process, one an origin, for all breakers that share them."""

    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}

    def of(self, origin: str) -> Circuit:
        """Return the circuit of the origin, always the same one."""
        return self._circuits.get(origin) or self._circuits.setdefault(origin, Circuit())

    def clear(self) -> None:
        """Begin anew, all closed."""
        self._circuits.clear()


class CircuitBreaker:
    """Opens for an origin after `threshold` outages in a row, or when half of its recent calls were outages.

    Then calls raise CircuitOpenError for `open_seconds`. After that a single call goes through as a probe (half-open):
    if it succeeds the circuit closes, else it opens again for twice as long, up to ten minutes. 5xx, time-outs, resets
    and refused connections count as outages, answers to a caller's mistake (4xx) as success, our own refusals not at
    all, nor do guesses (`Options.guess`) and late answers to calls from before the opening. Breakers of different
    settings that share their `circuits` see the same state. Calls never wait for each other.
    """

    def __init__(
        self,
        threshold: int = 5,
        open_seconds: float = 60.0,
        clock: Clock = monotonic,
        circuits: Circuits | None = None,
    ) -> None:
        self.tolerance = Tolerance(threshold, open_seconds)
        self._clock = clock
        self._circuits = Circuits() if circuits is None else circuits

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request, unless the circuit of its origin is open."""
        circuit = self._circuits.of(origin_of(request.url or ""))
        ticket = circuit.valid
        if call_of(request).options.guess:
            return self._send_guess(circuit, request, send)
        if ticket is None or ticket.probe:
            ticket = self._probe(circuit, request)
        down: bool | None = None
        try:
            response = send(request)
            down = is_outage(response)
            return response
        except NETWORK_ERRORS as error:
            down = None if isinstance(error, DeadlinePassed) else failure_of(error, request.url).transient or None
            raise
        finally:
            self._record(circuit, ticket, down, request)

    def _send_guess(self, circuit: Circuit, request: PreparedRequest, send: Send) -> Response:
        """Send what may not be there while the circuit is closed; its outcome says nothing about the server."""
        if circuit.valid is None or circuit.valid.probe:
            raise self._rejection(circuit, request)
        return send(request)

    def _probe(self, circuit: Circuit, request: PreparedRequest) -> Ticket:
        """Return the ticket of the call that tries the server again, or raise CircuitOpenError."""
        ticket = circuit.probe(self._clock(), max(LONGEST_PROBE, self.tolerance.open_seconds))
        if ticket is None:
            raise self._rejection(circuit, request)
        if ticket.probe:
            logger.info("One call tries %s again, others are held back until it has ended", _server(request))
        return ticket

    def _record(self, circuit: Circuit, ticket: Ticket, down: bool | None, request: PreparedRequest) -> None:
        """Take in the outcome; None says nothing about the server."""
        if down is None:
            circuit.gave_up(ticket, self._clock())
        elif not down:
            if circuit.succeeded(ticket, self._clock()):
                logger.info("%s answers again, calls go on", _server(request))
        else:
            seconds = circuit.failed(ticket, self._clock(), self.tolerance)
            if seconds is not None:
                logger.warning("%s %s: nothing is sent there for %.0f s", _server(request), circuit.reason, seconds)

    def _rejection(self, circuit: Circuit, request: PreparedRequest) -> CircuitOpenError:
        left = max(0.0, circuit.until - self._clock())
        return CircuitOpenError(
            f"{unsent(request)}: {_server(request)} {circuit.reason}, it is tried again in {left:.0f} s",
            code="circuit-open",
            retry_after=left,
            retryable=True,
            **call_of(request).facts,
        )


def _server(request: PreparedRequest) -> str:
    return shown_origin(request.url or "")
