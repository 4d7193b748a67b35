"""Signing each attempt afresh, on the last line before the wire, and for trusted origins only."""

from dataclasses import dataclass
from typing import Protocol

from requests import PreparedRequest, Response

from txo_core.http.origins import TrustedOrigins
from txo_core.http.policy import Send, call_of, derive
from txo_core.http.token_cache import wanted_until


class Token(Protocol):
    """A token and the moment it ends, in seconds since 1970."""

    @property
    def token(self) -> str:
        """The token itself."""

    @property
    def expires_on(self) -> float:
        """The moment."""


class TokenProvider(Protocol):
    """Whatever hands out tokens: `oauth.ClientCredentials`, `oauth.FixedToken`, the credentials of azure-identity."""

    def get_token(self, scope: str, /) -> Token:
        """Return a token that can be sent now."""


class Signer(Protocol):
    """One way to prove who is calling."""

    def sign(self, request: PreparedRequest) -> None:
        """Add what the server wants to see to the request's headers."""

    def renew(self, rejected: PreparedRequest) -> bool:
        """Drop what the server rejected; True if the next signature will be another one."""


@dataclass(frozen=True)
class Sign:
    """Signs a copy of the request, so that no credentials remain in the one that others hold.

    Raises ConfigurationError for an address outside the trusted origins: nothing is sent there, signed or not.
    """

    signer: Signer
    trusted: TrustedOrigins

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request signed."""
        self.trusted.require(request.url or "")
        signed = derive(request)
        self.signer.sign(signed)
        return send(signed)


class Unsigned:
    """For an API that asks nobody who they are."""

    def sign(self, request: PreparedRequest) -> None:
        """Leave the request as it is."""

    def renew(self, rejected: PreparedRequest) -> bool:
        """There is nothing to renew."""
        return False


@dataclass(frozen=True, repr=False)
class Bearer:
    """A token in the Authorization header (RFC 6750)."""

    tokens: TokenProvider
    scope: str = ""

    def sign(self, request: PreparedRequest) -> None:
        """Set the header; raises what the provider raises if no token can be had."""
        request.headers["Authorization"] = f"Bearer {self._token_for(request)}"

    def renew(self, rejected: PreparedRequest) -> bool:
        """Drop the rejected token, unless another thread has already replaced it; True if there is a new one."""
        used = _bearer_of(rejected)
        drop = getattr(self.tokens, "drop", None)
        if callable(drop):
            drop(used)
        return self._token_for(rejected) != used

    def _token_for(self, request: PreparedRequest) -> str:
        """Return a token in the time that the request's call has left."""
        with wanted_until(call_of(request).deadline):
            return self.tokens.get_token(self.scope).token

    def judge(self, request: PreparedRequest, accepted: bool) -> None:
        """Tell the provider how its new token fared: if that was rejected too, the token is not the reason."""
        judge = getattr(self.tokens, "judge", None)
        if callable(judge):
            judge(_bearer_of(request), accepted)


def _bearer_of(request: PreparedRequest) -> str:
    return str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
