"""The ways to prove who is calling: tokens from a token endpoint, a fixed token, an API key, basic."""

import base64
from dataclasses import dataclass

from requests import PreparedRequest

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.http.token import AccessToken, Secretive, header_safe
from txo_core.http.token_cache import TokenCache
from txo_core.http.token_endpoint import TokenEndpoint
from txo_core.redaction import register_secret

__all__ = ["AccessToken", "ApiKey", "Basic", "ClientCredentials", "FixedToken"]


class ClientCredentials(Secretive):
    """Tokens from a token endpoint by the client credentials grant (RFC 6749, 4.4).

    Threads that need a token at the same time make one request, and share its failure as well. A token is replaced
    before it ends; while that is under way, or if it fails, the old one serves on. Raises ApiAuthenticationError with
    the provider's error code. `timeout` is in seconds for one attempt.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str | None = None,
        *,
        proxy: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        clock: Clock = monotonic,
        sleep: Sleep = sleep,
    ) -> None:
        register_secret(client_secret)
        self.scope = scope
        self._clock = clock
        self._caches: dict[str, TokenCache] = {}
        self._endpoint = TokenEndpoint(
            token_url, client_id, client_secret, proxy=proxy, timeout=timeout, max_retries=max_retries, sleep=sleep
        )

    def get_token(self, scope: str = "") -> AccessToken:
        """Return a token for the scope, or for the one given at the start; asks the provider only where needed."""
        scope = scope or self.scope or ""
        cache = self._caches.get(scope)
        if cache is None:
            # setdefault is atomic: of two threads that get here, both go on with the same cache.
            cache = self._caches.setdefault(scope, TokenCache(lambda: self._endpoint.request(scope), self._clock))
        return cache.get()

    def drop(self, token: str) -> None:
        """Forget a token that the API has rejected, unless another has already taken its place."""
        for cache in tuple(self._caches.values()):
            cache.drop(token)


@dataclass(frozen=True, repr=False)
class FixedToken(Secretive):
    """A token that somebody else renews; a 401 is final with it."""

    value: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", header_safe(self.value.strip().removeprefix("Bearer "), "token"))

    def get_token(self, scope: str = "") -> AccessToken:
        """Return the token, whatever the scope."""
        return AccessToken(self.value)


@dataclass(frozen=True, repr=False)
class ApiKey(Secretive):
    """A key in a header of its own, such as `X-API-Key`."""

    header: str
    value: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", header_safe(self.value, "API key"))

    def sign(self, request: PreparedRequest) -> None:
        """Set the header."""
        request.headers[self.header] = self.value

    def renew(self, rejected: PreparedRequest) -> bool:
        """Return False: there is only this key."""
        return False


@dataclass(frozen=True, repr=False)
class Basic(Secretive):
    """User name and password (RFC 7617, in UTF-8)."""

    username: str
    password: str

    def __post_init__(self) -> None:
        register_secret(self.password)
        register_secret(self._pair())

    def _pair(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")

    def sign(self, request: PreparedRequest) -> None:
        """Set the Authorization header."""
        request.headers["Authorization"] = f"Basic {self._pair()}"

    def renew(self, rejected: PreparedRequest) -> bool:
        """Return False: there is only this password."""
        return False
