"""One token for many threads: fetched once, renewed early, and its failure shared."""

import copy
import logging
import random as _random
import threading
from collections.abc import Callable
from concurrent.futures import Future

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import ApiError
from txo_core.http.token import AccessToken

logger = logging.getLogger("txo_core.oauth")

Fetch = Callable[[], tuple[AccessToken, float]]
"""Asks for a token; returns it and its lifetime in seconds. Raises ApiError."""

EARLY = 300.0
REMEMBER_FAILURE = 2.0


class TokenCache:
    """Holds a token; those who need one while there is none wait for the one request that is under way.

    It is renewed before its end: a fifth of its lifetime or five minutes, whichever is shorter, somewhat varied so
    that not all processes do it in the same second. While that is under way, or if it fails, the old one serves on.
    """

    def __init__(
        self, fetch: Fetch, clock: Clock = monotonic, random: Callable[[float, float], float] = _random.uniform
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._renew_at = 0.0
        self._usable_until = 0.0
        self._flight: Future[AccessToken] | None = None
        self._failure: ApiError | None = None
        self._failed_until = 0.0

    def get(self) -> AccessToken:
        """Return a token that can be sent now; raises what the request for it raised."""
        token = self._token
        if token is not None and self._clock() < self._renew_at:
            return token
        with self._lock:
            ready = self._ready()
            if ready is not None:
                return ready
            flight = self._flight
            if flight is None:
                started = self._flight = Future()
        return self._fly(started) if flight is None else _landed(flight)

    def drop(self, token: str) -> None:
        """Forget a token that was rejected, unless another has already taken its place."""
        with self._lock:
            if self._token is not None and self._token.token == token:
                self._token = None

    def _ready(self) -> AccessToken | None:
        """Return a token that needs no request, or raise a failure that is still fresh; None: a request is needed."""
        now = self._clock()
        failure = self._failure if now < self._failed_until else None
        good_until = self._usable_until if self._flight or failure else self._renew_at
        if self._token is not None and now < good_until:
            return self._token
        if failure is not None:
            raise copy.copy(failure)
        return None

    def _fly(self, flight: Future[AccessToken]) -> AccessToken:
        """Make the request, for this thread and for all that wait for the flight."""
        try:
            token, lifetime = self._fetch()
        except BaseException as error:
            old = self._keep_failure(error)
            if old is not None:
                flight.set_result(old)
                return old
            flight.set_exception(error)
            raise
        self._keep(token, lifetime)
        flight.set_result(token)
        return token

    def _keep(self, token: AccessToken, lifetime: float) -> None:
        early = min(EARLY, lifetime / 5) * self._random(0.8, 1.0)
        with self._lock:
            now = self._clock()
            self._token, self._failure, self._flight = token, None, None
            self._renew_at = now + lifetime - early
            self._usable_until = now + lifetime - min(5.0, lifetime / 20)

    def _keep_failure(self, error: BaseException) -> AccessToken | None:
        """Remember the failure for a moment; returns the old token if it is still good."""
        with self._lock:
            now = self._clock()
            self._flight = None
            if not isinstance(error, ApiError):
                return None
            self._failure, self._failed_until = error, now + REMEMBER_FAILURE
            if self._token is None or now >= self._usable_until:
                return None
            logger.warning("The token could not be renewed yet, the old one serves on: %s", error)
            return self._token


def _landed(flight: Future[AccessToken]) -> AccessToken:
    """Wait for the request of another thread; its failure is raised as an error of this thread's own."""
    error = flight.exception()
    if isinstance(error, ApiError):
        raise copy.copy(error)
    return flight.result()
