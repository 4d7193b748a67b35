"""Tokens of somebody else's making: azure-identity, an adapter of msal, a vault; judged, cached and shared here."""

import inspect
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import ApiAuthenticationError, ConfigurationError, TxoError
from txo_core.http.failures import NETWORK_ERRORS
from txo_core.http.token import FAR_FUTURE, AccessToken, Secretive, can_be_sent, microsoft_code
from txo_core.http.token_cache import TokenCaches
from txo_core.redaction import register_secret

UNSAID_LIFETIME = 60.0
"""Seconds that a token is kept whose end the source does not tell; how long it is good for is the source's to know."""


class SourceTokens(Secretive):
    """The tokens of any object whose `get_token(scope)` returns `.token` and `.expires_on`.

    `expires_on` is in seconds since 1970; a text of them and a datetime are understood as well. Threads that need a
    token at the same time ask the source once. What the source raises becomes an ApiAuthenticationError that names
    the kind of the error, and nothing of its text. Raises ConfigurationError for an object that hands out no tokens.
    """

    def __init__(self, source: Any, clock: Clock = monotonic, now: Callable[[], float] = time.time) -> None:
        ask = getattr(source, "get_token", None) or getattr(source, "get_token_info", None)
        if not callable(ask) or isinstance(source, type):
            raise _no_source(source)
        self.source = source
        self._name = type(source).__name__
        self._ask = ask
        self._now = now
        self._caches = TokenCaches(self._fetch, clock)

    def get_token(self, scope: str = "") -> AccessToken:
        """Return a token for the scope that can be sent now."""
        return self._caches.get(scope)

    def drop(self, token: str) -> None:
        """Forget a token that the API has rejected; the source is told, if it wants to know."""
        told = getattr(self.source, "drop", None)
        if self._caches.drop(token) and callable(told):
            told(token)

    def judge(self, token: str, accepted: bool) -> None:
        """Hear how a token fared that took the place of a rejected one."""
        self._caches.judge(token, accepted)

    def _fetch(self, scope: str) -> tuple[AccessToken, float]:
        given = self._asked(scope)
        if inspect.iscoroutine(given):
            given.close()
            raise self._error("gave a coroutine; take its synchronous form", "async-source")
        text = getattr(given, "token", None)
        if not isinstance(text, str) or not can_be_sent(text.strip()):
            what = "nothing" if given is None or not text else "what no header can carry"
            raise self._error(f"gave {what} in place of a token", "no-token")
        register_secret(text.strip())
        ends = moment_of(getattr(given, "expires_on", None))
        if ends is None:
            return AccessToken(text.strip()), UNSAID_LIFETIME
        if ends <= self._now():
            raise self._error("gave a token that has ended; is the clock of this machine right?", "expired-token")
        return AccessToken(text.strip(), ends), ends - self._now()

    def _asked(self, scope: str) -> Any:
        try:
            return self._ask(scope)
        except TxoError:
            raise
        except Exception as error:
            code = microsoft_code(str(error))
            said = f"{type(error).__name__}{f', {code}' if code else ''}"
            passing = isinstance(error, NETWORK_ERRORS)
        # Out here: the foreign error, which may hold the secret, is not to be chained.
        hint = "" if scope else "; does it need a scope (global.oauth-scope)?"
        raise self._error(f"failed ({said}){hint}", "token-source", retryable=passing)

    def _error(self, problem: str, code: str, retryable: bool = False) -> ApiAuthenticationError:
        return ApiAuthenticationError(f"The token source {self._name} {problem}", code=code, retryable=retryable)


def moment_of(value: Any) -> float | None:
    """Return the moment in seconds since 1970; None if it is not said, or in no known form."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    try:
        moment = float(value)
    except (TypeError, ValueError):
        return None
    if isinstance(value, bool) or not math.isfinite(moment) or moment <= 0:
        return None
    return min(moment, float(FAR_FUTURE))


def _no_source(source: Any) -> ConfigurationError:
    kind = source.__name__ if isinstance(source, type) else type(source).__name__
    if isinstance(source, type):
        return ConfigurationError(f"tokens is the class {kind}, and has to be an object of it", "Call the class")
    return ConfigurationError(
        f"tokens is of the type {kind}, which has no get_token(scope)",
        "Give an object that hands out tokens; a token that is already there goes into FixedToken",
        "create_rest_api(config, tokens=FixedToken(value))",
    )
