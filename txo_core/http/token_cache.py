"""One token for many threads: fetched once, renewed early, and its failure shared."""

import copy
import logging
import math
import os
import random as _random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import ApiError, TxoError
from txo_core.http.failures import DeadlinePassed
from txo_core.http.token import AccessToken
from txo_core.threads import start_alone

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
SHORT_WAIT = 1.0
"""Seconds that a call waits for a new token while the old one is good."""
LONGEST_FLIGHT = 180.0
"""Seconds after which a request for a token counts as lost, and another may be made."""

TOO_LATE = "the time for the whole call was over before there was a token"

_wanted_until: ContextVar[float] = ContextVar("txo_token_wanted_until", default=math.inf)


@contextmanager
def wanted_until(moment: float) -> Iterator[None]:
    """Let those who ask for a token inside wait no longer than to this moment of the monotonic clock.

    A context variable, since the token may come from an object of a script, whose `get_token` takes a scope alone.
    """
    before = _wanted_until.set(moment)
    try:
        yield
    finally:
        _wanted_until.reset(before)


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """A request for a token on its way: since when, in which process, and what comes of it."""

    since: float
    process: int = field(default_factory=os.getpid)
    landing: "Future[AccessToken]" = field(default_factory=Future)


class TokenCache:
    """Holds a token; those who need one while there is none wait for the one request that is under way.

    It is renewed before its end: a fifth of its lifetime or five minutes, whichever is shorter, somewhat varied so
    that not all processes do it in the same second. While that is under way, or if it fails, the old one serves on.

    The request has a thread of its own, so that each call waits as long as its own deadline lets it (`wanted_until`):
    one that gives up takes nothing from the others, and a source that hangs holds nobody.
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
        self._flight: Flight | None = None
        self._failure: TxoError | None = None
        self._failed_until = 0.0
        self._dropped = ""
        self._held = ("", 0.0)
        self._judged = ""
        self._useless = 0

    def get(self) -> AccessToken:
        """Return a token that can be sent now; raises what the request for it raised.

        Raises DeadlinePassed where the call's time is over before there is one.
        """
        token = self._token
        if token is not None and self._clock() < self._renew_at:
            return token
        begins = False
        with self._lock:
            ready = self._ready()
            if ready is not None:
                return ready
            if self._flight is None or self._is_lost(self._flight):
                self._flight, begins = Flight(self._clock()), True
            flight = self._flight
            old = self._token if self._clock() < self._usable_until else None
        if begins:
            self._take_off(flight)
        return self._landed(flight, old)

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

    def _is_lost(self, flight: Flight) -> bool:
        """Tell whether nothing will come of it: the source hangs, or its thread is in the process we forked from."""
        return flight.process != os.getpid() or self._clock() - flight.since > LONGEST_FLIGHT

    def _take_off(self, flight: Flight) -> None:
        """Begin the request, for all that wait for it."""
        context = copy_context()
        context.run(_wanted_until.set, math.inf)
        start_alone(lambda: context.run(self._fly, flight), "txo-token")

    def _fly(self, flight: Flight) -> None:
        try:
            token, lifetime = self._fetch()
        except BaseException as error:
            old = self._keep_failure(error, flight)
            if old is None:
                flight.landing.set_exception(error)
            else:
                flight.landing.set_result(old)
        else:
            self._keep(token, lifetime, flight)
            flight.landing.set_result(token)

    def _landed(self, flight: Flight, old: AccessToken | None) -> AccessToken:
        """Wait for the request; its failure is raised as an error of this thread's own."""
        until = _wanted_until.get()
        left = min(until - monotonic(), math.inf if old is None else SHORT_WAIT)
        try:
            error = flight.landing.exception(None if left == math.inf else max(0.0, left))
        except TimeoutError:
            if old is not None:
                return old
            raise DeadlinePassed(TOO_LATE) from None
        if error is None:
            return flight.landing.result()
        if monotonic() >= until:
            raise DeadlinePassed(TOO_LATE)
        raise copy.copy(error) if isinstance(error, TxoError) else error

    def _keep(self, token: AccessToken, lifetime: float, flight: Flight) -> None:
        """Take the token over; its time runs since it was asked for, not since the answer had its way back."""
        early = min(EARLY, lifetime / 5) * self._random(0.8, 1.0)
        with self._lock:
            if self._flight is not flight:
                return
            self._token, self._failure, self._flight = token, None, None
            self._renew_at = flight.since + lifetime - early
            self._usable_until = flight.since + lifetime - min(5.0, lifetime / 20)
            if token.token == self._dropped:
                # The provider keeps to the token that was rejected; to drop it again would ask in a circle.
                self._held = (token.token, self._clock() + PATIENCE)

    def _keep_failure(self, error: BaseException, flight: Flight) -> AccessToken | None:
        """Remember the failure for a moment; returns the old token if it is still good."""
        with self._lock:
            if self._flight is not flight:
                return None
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
