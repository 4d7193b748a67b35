"""One token for many threads: fetched once, renewed early, and its failure shared."""

import copy
import logging
import random as _random
import threading
from collections.abc import Callable
from concurrent.futures import Future

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import ApiError, TxoError
from txo_core.http.token import AccessToken

logger = logging.getLogger("txo_core.oauth")

Fetch = Callable[[], tuple[AccessToken, float]]
"""Asks for a token; returns it and its lifetime in seconds. Raises ApiError or HelpfulError."""

EARLY = 300.0
REMEMBER_FAILURE = 2.0
REMEMBER_LONGEST = 300.0
PATIENCE = 30.0
"""Seconds without another request, where a renewal failed while the old token is good, or brought the same token."""
LONGEST_PATIENCE = 60.0
"""Seconds without another request, where the API rejects every new token; they double up to here."""


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
        self._failure: TxoError | None = None
        self._failed_until = 0.0
        self._dropped = ""
        self._held = ("", 0.0)
        self._judged = ""
        self._useless = 0

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

    def drop(self, token: str) -> bool:
        """Forget a token that was rejected, unless another has already taken its place, or it is held."""
        with self._lock:
            held, until = self._held
            if self._token is None or self._token.token != token or (token == held and self._clock() < until):
                return False
            self._token, self._dropped = None, token
            return True

    def judge(self, token: str, accepted: bool) -> None:
        """Hear how the successor of a rejected token fared; where all are rejected, the next comes ever later."""
        with self._lock:
            if accepted:
                self._useless = 0
            elif token != self._judged:
                self._useless += 1
                self._held = (token, self._clock() + min(float(2**self._useless - 2), LONGEST_PATIENCE))
            self._judged = token

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
        asked = self._clock()
        try:
            token, lifetime = self._fetch()
        except BaseException as error:
            old = self._keep_failure(error)
            if old is not None:
                flight.set_result(old)
                return old
            flight.set_exception(error)
            raise
        self._keep(token, lifetime, asked)
        flight.set_result(token)
        return token

    def _keep(self, token: AccessToken, lifetime: float, asked: float) -> None:
        """Take the token over; its time runs since it was asked for, not since the answer had its way back."""
        early = min(EARLY, lifetime / 5) * self._random(0.8, 1.0)
        with self._lock:
            self._token, self._failure, self._flight = token, None, None
            self._renew_at = asked + lifetime - early
            self._usable_until = asked + lifetime - min(5.0, lifetime / 20)
            if token.token == self._dropped:
                # The provider keeps to the token that was rejected; to drop it again would ask in a circle.
                self._held = (token.token, self._clock() + PATIENCE)

    def _keep_failure(self, error: BaseException) -> AccessToken | None:
        """Remember the failure for a moment; returns the old token if it is still good."""
        with self._lock:
            now = self._clock()
            self._flight = None
            if not isinstance(error, TxoError):
                return None
            old = self._token if now < self._usable_until else None
            self._failure, self._failed_until = error, now + _memory(error, PATIENCE if old else REMEMBER_FAILURE)
            if old is not None:
                logger.warning("The token could not be renewed yet, the old one serves on: %s", error)
            return old


class TokenCaches:
    """One cache a scope, each made by the first who asks for it."""

    def __init__(self, fetch: Callable[[str], tuple[AccessToken, float]], clock: Clock = monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._caches: dict[str, TokenCache] = {}

    def get(self, scope: str) -> AccessToken:
        """Return a token for the scope that can be sent now."""
        cache = self._caches.get(scope)
        if cache is None:
            # setdefault is atomic: of two threads that get here, both go on with the same cache.
            cache = self._caches.setdefault(scope, TokenCache(lambda: self._fetch(scope), self._clock))
        return cache.get()

    def drop(self, token: str) -> bool:
        """Forget a token that was rejected, whatever its scope; True if it was there."""
        dropped = [cache.drop(token) for cache in tuple(self._caches.values())]
        return True in dropped

    def judge(self, token: str, accepted: bool) -> None:
        """Hear how a token fared that took the place of a rejected one."""
        for cache in tuple(self._caches.values()):
            cache.judge(token, accepted)


def _memory(error: TxoError, usual: float) -> float:
    """Return for how long a failure is remembered: as the provider says, within reason."""
    asked = error.retry_after if isinstance(error, ApiError) else None
    return max(usual, min(asked or 0.0, REMEMBER_LONGEST))


def _landed(flight: Future[AccessToken]) -> AccessToken:
    """Wait for the request of another thread; its failure is raised as an error of this thread's own."""
    error = flight.exception()
    if isinstance(error, TxoError):
        raise copy.copy(error)
    return flight.result()
