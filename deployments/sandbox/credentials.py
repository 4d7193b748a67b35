"""Who is calling: bearer tokens, API key and basic authentication, and the tokens that are valid now."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from . import constants
from .errors import ApiProblem

ExpiresIn = Literal["integer", "string", "missing"]
CHALLENGE = 'Bearer realm="sandbox", error="invalid_token", Basic realm="sandbox"'


@dataclass
class TokenStore:
    """The access tokens that were issued and not yet revoked; `lifetime` is in seconds."""

    lifetime: float
    expires_in: ExpiresIn = "integer"
    valid_until: dict[str, float] = field(default_factory=dict)

    def issue(self) -> str:
        """A new random token."""
        token = secrets.token_urlsafe(32)
        self.valid_until[token] = time.monotonic() + self.lifetime
        return token

    def is_valid(self, token: str) -> bool:
        """Whether the token was issued here, is not expired and not revoked."""
        return time.monotonic() < self.valid_until.get(token, 0.0)

    def revoke(self, token: str) -> None:
        """Makes this token invalid."""
        self.valid_until.pop(token, None)

    def revoke_all(self) -> int:
        """Makes all tokens invalid; returns how many there were."""
        count = len(self.valid_until)
        self.valid_until.clear()
        return count


def presented(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each credential in the headers as (kind, secret); kinds: bearer, basic, authorization, api-key, cookie."""
    found = []
    authorization = headers.get("authorization", "")
    if authorization:
        scheme, _, value = authorization.partition(" ")
        kind = scheme.lower() if scheme.lower() in ("bearer", "basic") else "authorization"
        found.append((kind, value.strip()))
    if "x-api-key" in headers:
        found.append(("api-key", headers["x-api-key"]))
    if "cookie" in headers:
        found.append(("cookie", headers["cookie"]))
    return found


def is_authenticated(headers: Mapping[str, str], tokens: TokenStore) -> bool:
    """Whether one of the presented credentials is good for the API."""
    for kind, value in presented(headers):
        if kind == "bearer" and tokens.is_valid(value):
            return True
        if kind == "api-key" and same(value, constants.API_KEY):
            return True
        if kind == "basic" and is_user(*decode_basic(value)):
            return True
    return False


def is_user(username: str, password: str) -> bool:
    """Whether these are the demo user's name and password."""
    return same(username, constants.USERNAME) and same(password, constants.PASSWORD)


def same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def decode_basic(value: str) -> tuple[str, str]:
    """User name and password of a Basic credential; two empty strings if it is malformed."""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password


def unauthorized() -> ApiProblem:
    """The 401 that the API answers, with its challenge."""
    message = "The credentials provided are invalid, expired or missing."
    return ApiProblem(401, "Authentication_InvalidCredentials", message, headers={"WWW-Authenticate": CHALLENGE})
