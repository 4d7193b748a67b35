"""One call of a client: what a script says becomes a request, and the answer comes back as JSON."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

from requests import PreparedRequest, RequestException, Response

from txo_core.exceptions import ApiError, ConfigurationError
from txo_core.http.errors import error_of_failure, error_of_no_json
from txo_core.http.headers import Headers as HeaderDict
from txo_core.http.idempotency import DEFAULT_HEADER, IdempotencyKeys
from txo_core.http.json_body import NoJson, value_of
from txo_core.http.operation_state import OperationState
from txo_core.http.policy import Options, Sink, Timeout, call_of
from txo_core.http.retry import Retry
from txo_core.http.scopes import watched
from txo_core.http.sessions import Body, Sessions
from txo_core.rest.arguments import (
    checked_headers,
    checked_idempotent,
    checked_timeout,
    checked_total,
    checked_url,
    encoded,
)
from txo_core.urls import join_url, with_query

Params = Mapping[str, Any] | Sequence[tuple[str, Any]] | str
Headers = Mapping[str, str]

IDEMPOTENCY_HEADER = DEFAULT_HEADER


class CallOptions(TypedDict, total=False):
    """What every method of a client takes beside its own arguments."""

    headers: Headers | None
    timeout: Timeout | None
    idempotent: bool | None
    idempotency_key: str | None
    long_running: bool | None


class Caller:
    """Makes requests of calls and sends them through the pipeline of a client."""

    def __init__(self, sessions: Sessions, base_url: str | None, idempotency_header: str | None) -> None:
        self.base_url = base_url
        self.closed = False
        self._sessions = sessions
        self.keys = IdempotencyKeys(idempotency_header or IDEMPOTENCY_HEADER, honoured=idempotency_header is not None)

    @property
    def retry(self) -> Retry:
        """The rules of this client's repeats, with their budget; none where it has no policy for them."""
        policies = self._sessions.adapter.policies
        return next((policy for policy in policies if isinstance(policy, Retry)), Retry(max_retries=0))

    @property
    def total_timeout(self) -> float:
        """Seconds that a call may take, its repeats and waits included."""
        return self._sessions.adapter.total_timeout

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Params | None = None,
        json: Any = None,
        body: Body | None = None,
        etag: str | None = None,
        headers: Headers | None = None,
        timeout: Timeout | None = None,
        total_timeout: float | None = None,
        idempotent: bool | None = None,
        idempotency_key: str | None = None,
        sink: Sink | None = None,
        long_running: bool | None = None,
        wait: bool = True,
        resumes: OperationState | None = None,
        guess: bool = False,
        parses_later: bool = False,
    ) -> Response:
        """Return the final answer; raises the children of ApiError, and HelpfulError for a call that makes no sense."""
        sent_headers = checked_headers(headers, etag)
        if json is not None:
            body = encoded(json)
            sent_headers.setdefault("Content-Type", "application/json")
        url = with_query(join_url(self.base_url, checked_url(url)), params)
        said = checked_idempotent(idempotent)
        keyed = self.keys.add(sent_headers, idempotency_key, method=method, url=url, body=body, idempotent=said)
        request = self._prepared(method, url, sent_headers, body)
        options = Options(
            True if keyed and said is None else said,
            checked_total(total_timeout),
            sink is None,
            sink,
            keyed=keyed,
            long_running=long_running,
            wait=wait,
            resumes=resumes,
            guess=guess,
            parses_later=parses_later,
        )
        send = partial(self._sessions.send, request, timeout=checked_timeout(timeout), options=options)
        return send() if keyed else watched(send, method, sent_headers, said)

    def _require_open(self, method: str) -> None:
        if self.closed:
            raise ConfigurationError(
                f"The client is closed, so {method} cannot be sent",
                "Call it inside the with block, or create a new one",
                "with create_rest_api(config) as api:",
            )

    def _prepared(self, method: str, url: str, headers: HeaderDict, body: Body | None) -> PreparedRequest:
        """Return the request ready to go, with the session's headers and cookies."""
        self._require_open(method)
        error: ApiError
        try:
            return self._sessions.prepare(method, url, headers, body)
        except RequestException as caught:
            error = error_of_failure(caught, _nameless(method, url), call_of(None))
        raise error


def _nameless(method: str, url: str) -> PreparedRequest:
    """Return a request that cannot be sent, for the error that says so."""
    request = PreparedRequest()
    request.prepare_method(method)
    request.url = url
    request.prepare_headers({})
    return request


def parsed(response: Response) -> Any:
    """Return the body as JSON, `{}` if it is empty; ApiOperationError if it is neither."""
    try:
        return value_of(response)
    except NoJson:
        pass
    raise error_of_no_json(response, call_of(response.request))
