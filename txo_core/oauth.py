"""The ways to prove who is calling: tokens of a provider or another source, a fixed token, an API key, basic."""

import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from requests import PreparedRequest

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.exceptions import ApiAuthenticationError, ConfigurationError
from txo_core.http.error_body import clean
from txo_core.http.sessions import Certificate
from txo_core.http.token import AccessToken, Secretive, header_safe, microsoft_code, text_of
from txo_core.http.token_cache import TokenCaches
from txo_core.http.token_endpoint import SECRET_REJECTED, Style, TokenEndpoint
from txo_core.http.token_source import SourceTokens
from txo_core.redaction import register_secret

__all__ = ["AccessToken", "ApiKey", "Basic", "ClientCredentials", "FixedToken", "MsalTokens", "SourceTokens"]

_BEARER = re.compile(r"\A\s*bearer(\s+|\Z)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ClientCredentials(Secretive):
    """Tokens from a token endpoint by the client credentials grant (RFC 6749, 4.4).

    Threads that need a token at the same time make one request, and share its failure as well. A token is replaced
    before it ends; while that is under way, or if it fails, the old one serves on. `style` is `post` where the client
    secret goes into the form, `basic` where it goes into the Authorization header; `parameters` are further fields of
    the form, such as `audience`. `verify` is the file of the certificate authorities to trust, True for the public
    ones; `certificate` the paths of our own and of its key. `timeout` is in seconds for one attempt, `total_timeout`
    for all of them, twice that if it is not said. Where the provider rejects the secret, `new_secret` is asked
    whether there is another one by now. Raises ApiAuthenticationError with the provider's error code,
    ConfigurationError for arguments that no token can be asked with.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str | None = None,
        *,
        style: Style = "post",
        parameters: Mapping[str, str] | None = None,
        new_secret: Callable[[], str | None] | None = None,
        proxy: str | None = None,
        verify: bool | str = True,
        certificate: Certificate | None = None,
        timeout: float = 30.0,
        total_timeout: float | None = None,
        max_retries: int = 2,
        clock: Clock = monotonic,
        sleep: Sleep = sleep,
    ) -> None:
        self.scope = None if scope is None else text_of(scope, "scope")
        self._new_secret = new_secret
        self._endpoint = TokenEndpoint(
            token_url,
            client_id,
            client_secret,
            style=style,
            parameters=parameters,
            proxy=proxy,
            verify=verify,
            certificate=certificate,
            timeout=timeout,
            total_timeout=total_timeout,
            max_retries=max_retries,
            sleep=sleep,
        )
        self._caches = TokenCaches(self._request, clock)

    def get_token(self, scope: str = "") -> AccessToken:
        """Return a token for the scope, or for the one given at the start; asks the provider only where needed."""
        return self._caches.get(scope or self.scope or "")

    def drop(self, token: str) -> None:
        """Forget a token that the API has rejected, unless another has already taken its place."""
        self._caches.drop(token)

    def judge(self, token: str, accepted: bool) -> None:
        """Hear how a token fared that took the place of a rejected one."""
        self._caches.judge(token, accepted)

    def _request(self, scope: str) -> tuple[AccessToken, float]:
        try:
            return self._endpoint.request(scope)
        except ApiAuthenticationError as error:
            if error.code not in SECRET_REJECTED or self._new_secret is None:
                raise
            secret = self._new_secret()
            if not secret or not self._endpoint.take(secret):
                raise
        return self._endpoint.request(scope)


@dataclass(frozen=True, repr=False)
class FixedToken(Secretive):
    """A token that somebody else renews; a 401 is final with it."""

    value: str

    def __post_init__(self) -> None:
        bare = _BEARER.sub("", text_of(self.value, "token"))
        object.__setattr__(self, "value", header_safe(bare, "token"))

    def get_token(self, scope: str = "") -> AccessToken:
        """Return the token, whatever the scope."""
        return AccessToken(self.value)


class MsalTokens(Secretive):
    """The tokens of an msal `ConfidentialClientApplication`, as a token source.

    `create_rest_api(config, tokens=MsalTokens(app))`; the scope is global.oauth-scope, such as
    `https://api.example.com/.default`.
    """

    def __init__(self, app: Any) -> None:
        if not callable(getattr(app, "acquire_token_for_client", None)):
            raise ConfigurationError(
                f"{type(app).__name__} is no ConfidentialClientApplication of msal",
                "Give the application object",
                "MsalTokens(msal.ConfidentialClientApplication(client_id, client_credential=secret, authority=url))",
            )
        self._app = app

    def get_token(self, scope: str = "") -> AccessToken:
        """Return a token for the scope; raises ApiAuthenticationError with the provider's code."""
        result = self._app.acquire_token_for_client(scopes=scope.split()) or {}
        token = result.get("access_token")
        if isinstance(token, str) and token:
            return AccessToken(token, time.time() + float(result.get("expires_in") or 60))
        code = clean(str(result.get("error") or "no-token"), 80)
        said = ", ".join(filter(None, (code, microsoft_code(result.get("error_description")))))
        raise ApiAuthenticationError(f"msal got no token ({said})", code=code)

    def drop(self, token: str) -> None:
        """Let msal forget its tokens too, after the API has rejected one (since msal 1.27)."""
        forget = getattr(self._app, "remove_tokens_for_client", None)
        if callable(forget):
            forget()


@dataclass(frozen=True, repr=False)
class ApiKey(Secretive):
    """A key in a header of its own, such as `X-API-Key`."""

    header: str
    value: str

    def __post_init__(self) -> None:
        if not _HEADER_NAME.fullmatch(text_of(self.header, "name of the API key's header")):
            raise ConfigurationError(
                f"{self.header!r} cannot be the name of a header",
                "Give the name that the API's documentation says",
                'ApiKey("X-API-Key", value)',
            )
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
        register_secret(text_of(self.password, "password"))
        if ":" in text_of(self.username, "user name") or not self.username:
            raise ConfigurationError(
                "The user name is empty or has a colon in it, which basic authentication cannot carry (RFC 7617, 2)",
                "Save the user name and the password again, each in its own place",
            )
        if _CONTROL.search(self.username + self.password):
            raise ConfigurationError(
                "The user name or the password holds a line break or another control character",
                "Save them again; often something was copied along with the value",
            )
        register_secret(self._pair())

    def _pair(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")

    def sign(self, request: PreparedRequest) -> None:
        """Set the Authorization header."""
        request.headers["Authorization"] = f"Basic {self._pair()}"

    def renew(self, rejected: PreparedRequest) -> bool:
        """Return False: there is only this password."""
        return False
