"""The token endpoint: OAuth 2.0 client credentials, errors as RFC 6749 section 5.2 has them."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_plus

from . import constants
from .credentials import decode_basic, same
from .exchange import Answer, Exchange, json_answer
from .state import SandboxState

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
SCOPES = frozenset({"api", "api/.default", ".default", "read", "write"})


class TokenEndpoint:
    """`POST /oauth/token`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def __call__(self, exchange: Exchange) -> Answer:
        """A token, or an RFC 6749 error."""
        if not exchange.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _error(400, "invalid_request", "Send the parameters as application/x-www-form-urlencoded.")
        pairs = parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)
        form = dict(pairs)
        if len(form) != len(pairs):
            return _error(400, "invalid_request", "A parameter is included more than once.")
        if not form.get("grant_type"):
            return _error(400, "invalid_request", "The parameter grant_type is missing.")
        if not _is_client(exchange, form):
            return _error(401, "invalid_client", "Client authentication failed: unknown client or wrong secret.")
        if form["grant_type"] != "client_credentials":
            return _error(400, "unsupported_grant_type", "The only grant type here is client_credentials.")
        unknown = [scope for scope in form.get("scope", "").split() if not _is_scope(scope)]
        if unknown:
            return _error(400, "invalid_scope", f"The scope {unknown[0]} is unknown.")
        return self._grant(form.get("scope") or "api", as_string="expires-in-string" in exchange.notes)

    def _grant(self, scope: str, as_string: bool) -> Answer:
        tokens = self.state.tokens
        answer: dict[str, object] = {"access_token": tokens.issue(), "token_type": "Bearer", "scope": scope}
        if tokens.expires_in != "missing":
            seconds = int(tokens.lifetime)
            answer["expires_in"] = str(seconds) if as_string or tokens.expires_in == "string" else seconds
        self.state.stats.tokens_issued += 1
        return json_answer(200, answer, NO_STORE)


def _is_client(exchange: Exchange, form: dict[str, str]) -> bool:
    scheme, _, value = exchange.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client_id, client_secret = (unquote_plus(part) for part in decode_basic(value.strip()))
    else:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
    return same(client_id, constants.CLIENT_ID) and same(client_secret, constants.CLIENT_SECRET)


def _is_scope(scope: str) -> bool:
    return scope in SCOPES or scope.endswith("/.default")


def _error(status: int, code: str, description: str) -> Answer:
    headers = {**NO_STORE, "WWW-Authenticate": 'Basic realm="sandbox"'} if status == 401 else NO_STORE
    return json_answer(status, {"error": code, "error_description": description}, headers)
