"""Asking a token endpoint for a token (RFC 6749, 4.4 and 5)."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from requests import Request, Response

from txo_core.clock import Sleep, sleep
from txo_core.exceptions import ApiAuthenticationError
from txo_core.http.error_body import clean, request_id_of
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.failures import NETWORK_ERRORS, TRANSIENT, failure_of
from txo_core.http.origins import address_of
from txo_core.http.policy import Options, Policy
from txo_core.http.retry import Retry
from txo_core.http.retry_after import retry_after
from txo_core.http.sessions import Sessions
from txo_core.http.token import AccessToken, Secretive, header_safe
from txo_core.http.transport import PolicyAdapter

USUAL_LIFETIME = 3600.0
_MICROSOFT_CODE = re.compile(r"\bAADSTS\d+")


class TokenEndpoint(Secretive):
    """Where a client gets its tokens; goes through a small pipeline of its own, since a repeat does no harm here."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        proxy: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        sleep: Sleep = sleep,
    ) -> None:
        self.url = url
        self.client_id = client_id
        self._client_secret = client_secret
        policies: list[Policy] = [Retry(max_retries, backoff=1.0, sleep=sleep), ExchangeLog()]
        adapter = PolicyAdapter(policies, timeout=timeout, total_timeout=2 * timeout)
        self._sessions = Sessions(adapter, proxy, {"Accept": "application/json"})

    def request(self, scope: str) -> tuple[AccessToken, float]:
        """Return a new token and its lifetime in seconds; raises ApiAuthenticationError."""
        response = self._post(scope)
        body = _object(response)
        token = body.get("access_token")
        if response.status_code != 200 or not isinstance(token, str) or not token:
            raise self._refusal(response, body)
        lifetime = _lifetime(body.get("expires_in"))
        return AccessToken(header_safe(token, "token"), int(time.time() + lifetime)), lifetime

    def _post(self, scope: str) -> Response:
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self._client_secret}
        if scope:
            form["scope"] = scope
        session = self._sessions.current()
        try:
            request = session.prepare_request(Request("POST", self.url, data=form))
            return session.send(request, allow_redirects=False, options=Options(idempotent=True))
        except NETWORK_ERRORS as caught:
            failure = failure_of(caught, self.url)
        # Out here, since the network's own exception holds the request, and that the client secret.
        raise ApiAuthenticationError(
            f"No token could be had from {address_of(self.url)}: {failure.sentence}",
            code=failure.code,
            retryable=failure.transient,
        )

    def _refusal(self, response: Response, body: Mapping[str, Any]) -> ApiAuthenticationError:
        """Return the error with the provider's code; its description may repeat what we sent, and stays out."""
        status = response.status_code
        code = clean(str(body.get("error") or ""), 80) or None
        microsoft = _MICROSOFT_CODE.search(str(body.get("error_description", "")))
        said = ", ".join(filter(None, (code, microsoft and microsoft[0]))) or (
            "no token in the answer" if status == 200 else "no reason given"
        )
        return ApiAuthenticationError(
            f"No token for client {self.client_id} from {address_of(self.url)}: it answered {status} ({said})",
            status_code=status,
            code=code or ("no-token" if status == 200 else None),
            retry_after=retry_after(response),
            retryable=status in TRANSIENT,
            request_id=request_id_of(response),
        )


def _object(response: Response) -> Mapping[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _lifetime(value: Any) -> float:
    """Return the seconds that `expires_in` gives, as a number or, against the RFC, as a text; else an hour."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return USUAL_LIFETIME
    return max(1.0, seconds) if seconds < 10 * 365 * 86400 else USUAL_LIFETIME
