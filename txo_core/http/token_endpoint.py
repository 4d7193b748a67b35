"""Asking a token endpoint for a token (RFC 6749, 2.3.1, 4.4 and 5)."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode

from requests import PreparedRequest, Response

from txo_core.clock import Sleep, sleep
from txo_core.exceptions import ApiAuthenticationError, ConfigurationError
from txo_core.http.error_body import clean, told_by
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.failures import NETWORK_ERRORS, TRANSIENT, failure_of
from txo_core.http.origins import address_of, origin_of
from txo_core.http.policy import Facts, Options, Policy, call_of
from txo_core.http.retry import Retry
from txo_core.http.sessions import Certificate, Sessions
from txo_core.http.token import AccessToken, Secretive, can_be_sent, microsoft_code, text_of
from txo_core.http.transport import MEBIBYTE, PolicyAdapter
from txo_core.redaction import register_secret

Style = Literal["post", "basic"]

USUAL_LIFETIME = 3600.0
TEN_YEARS = 10 * 365 * 86400
OWN_PARAMETERS = frozenset({"grant_type", "client_id", "client_secret", "scope"})
SECRET_REJECTED = frozenset({"invalid_client", "unauthorized_client"})
HINTS = {
    "invalid_client": "is the client secret right, and not past its end? Some providers want it in the Authorization"
    " header: global.oauth-client-auth",
    "invalid_scope": "is global.oauth-scope what the API's documentation asks for?",
    "unauthorized_client": "is the client allowed to ask for tokens of its own (client credentials)?",
}


class TokenEndpoint(Secretive):
    """Where a client gets its tokens; goes through a small pipeline of its own, since a repeat does no harm here.

    `style` is how the client proves who it is: `post` in the form, `basic` in the Authorization header. It is never
    tried out: a wrong try counts at the provider, and some lock the client after a few. A redirect is not followed.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        style: Style = "post",
        parameters: Mapping[str, str] | None = None,
        proxy: str | None = None,
        verify: bool | str = True,
        certificate: Certificate | None = None,
        timeout: float = 30.0,
        total_timeout: float | None = None,
        max_retries: int = 2,
        sleep: Sleep = sleep,
    ) -> None:
        _check(url, client_id, client_secret, style, parameters or {})
        register_secret(client_secret)
        self.url = url
        self.client_id = client_id
        self._client_secret = client_secret
        self._style = style
        self._parameters = dict(parameters or {})
        policies: list[Policy] = [Retry(max_retries, backoff=1.0, sleep=sleep), ExchangeLog()]
        adapter = PolicyAdapter(
            policies, timeout=timeout, total_timeout=total_timeout or 2 * timeout, max_body=MEBIBYTE
        )
        headers = {"Accept": "application/json", "User-Agent": "txo"}
        self._sessions = Sessions(adapter, proxy, headers, verify, certificate)

    def request(self, scope: str) -> tuple[AccessToken, float]:
        """Return a new token and its lifetime in seconds; raises ApiAuthenticationError."""
        response = self._post(scope)
        body = _object(response)
        token = body.get("access_token")
        if response.status_code != 200 or not isinstance(token, str) or not can_be_sent(token.strip()):
            raise self._refusal(response, body)
        lifetime = _lifetime(body.get("expires_in"))
        register_secret(token.strip())
        return AccessToken(token.strip(), int(time.time() + lifetime)), lifetime

    def take(self, client_secret: str) -> bool:
        """Go on with this secret; False if it is the one that is there."""
        if client_secret == self._client_secret:
            return False
        register_secret(client_secret)
        self._client_secret = client_secret
        return True

    def _post(self, scope: str) -> Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form = {"grant_type": "client_credentials", **self._parameters}
        if scope:
            form["scope"] = scope
        if self._style == "basic":
            headers["Authorization"] = self._basic()
        else:
            form |= {"client_id": self.client_id, "client_secret": self._client_secret}
        request = None
        try:
            request = self._sessions.prepare("POST", self.url, headers, urlencode(form).encode())
            return self._sessions.send(request, options=Options(idempotent=True))
        except NETWORK_ERRORS as caught:
            failure = failure_of(caught, self.url)
        # Out here, since the network's own exception holds the request, and that the client secret.
        raise ApiAuthenticationError(
            f"No token could be had from {address_of(self.url)}: {failure.sentence}",
            code=failure.code,
            retryable=failure.transient,
            **_not_in_doubt(request),
        )

    def _basic(self) -> str:
        """Return the header; RFC 6749 has both parts encoded like form fields first, so that a colon divides them."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self._client_secret)}"
        encoded = base64.b64encode(pair.encode()).decode("ascii")
        register_secret(encoded)
        return f"Basic {encoded}"

    def _refusal(self, response: Response, body: Mapping[str, Any]) -> ApiAuthenticationError:
        """Return the error with the provider's code; its description may repeat what we sent, and stays out."""
        status = response.status_code
        code = clean(str(body.get("error") or ""), 80) or None
        said = ", ".join(filter(None, (code, microsoft_code(body.get("error_description"))))) or (
            "no token in the answer" if status == 200 else "no reason given"
        )
        hint = HINTS.get(code or "", "")
        return ApiAuthenticationError(
            f"No token for client {self.client_id} from {address_of(self.url)}: it answered {status} ({said})"
            f"{'; ' if hint else ''}{hint}",
            code=code or ("no-token" if status == 200 else None),
            retryable=status in TRANSIENT,
            **told_by(response),
            **_not_in_doubt(response.request),
        )


def _not_in_doubt(request: PreparedRequest | None) -> Facts:
    """Return the facts of the token request; nothing of what the caller of the API wants was sent."""
    return call_of(request).facts | {"in_doubt": False}


def _check(url: Any, client_id: Any, client_secret: Any, style: Any, parameters: Mapping[str, Any]) -> None:
    """Raise a ConfigurationError for what no token can be asked with; no secret is shown."""
    if not origin_of(text_of(url, "token URL")):
        raise ConfigurationError(
            f"The token URL {address_of(url)!r} is not an address that can be called",
            "Set endpoints.auth to the whole address of the token endpoint",
            '{"endpoints": {"auth": "https://login.example.com/oauth2/token"}}',
        )
    for value, what in ((client_id, "client id"), (client_secret, "client secret")):
        if not text_of(value, what).strip():
            raise ConfigurationError(f"The {what} is empty", "Save the credentials again")
    if style not in ("post", "basic"):
        raise ConfigurationError(f"There is no client authentication {style!r}", "Choose post or basic")
    own = sorted(OWN_PARAMETERS & set(parameters))
    if own or not all(isinstance(value, str) for value in parameters.values()):
        raise ConfigurationError(
            f"The parameters of the token request hold {', '.join(own) or 'a value that is no text'}",
            "Leave grant_type, client_id, client_secret and scope out, they have their own places; give texts",
            'parameters={"audience": "https://api.example.com"}',
        )


def _object(response: Response) -> Mapping[str, Any]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, Mapping) else {}


def _lifetime(value: Any) -> float:
    """Return the seconds that `expires_in` gives, as a number or, against the RFC, as a text; else an hour."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return USUAL_LIFETIME
    return max(1.0, seconds) if seconds < TEN_YEARS else USUAL_LIFETIME
