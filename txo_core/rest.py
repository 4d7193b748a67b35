"""The REST client: JSON in, JSON out; all that can go wrong in between is the pipeline's business."""

import json as _json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from requests import PreparedRequest, Request, RequestException, Response, Session

from txo_core.exceptions import ApiError, ApiOperationError, ConfigurationError, ValidationError
from txo_core.http.error_body import problem_of, request_id_of
from txo_core.http.errors import called, error_of_failure
from txo_core.http.failures import repeatable
from txo_core.http.policy import Options, Timeout, call_of
from txo_core.http.transport import Sessions
from txo_core.paginators import rows_of_pages
from txo_core.urls import join_url, with_query

Params = Mapping[str, Any] | Sequence[tuple[str, Any]] | str
Headers = Mapping[str, str]

DEFAULT_HEADERS = {"Accept": "application/json", "User-Agent": "txo"}
IDEMPOTENCY_HEADER = "Idempotency-Key"


class CallOptions(TypedDict, total=False):
    """What every method of a client takes beside its own arguments."""

    headers: Headers | None
    timeout: Timeout | None
    idempotent: bool | None
    idempotency_key: str | None


class RestClient:
    """Calls an API and returns its parsed JSON; `{}` for an empty body. Threads may share it.

    A URL is absolute, or relative to the base URL. All methods take `headers`, also sent with the polls of a long
    operation; `timeout` in seconds for one attempt; `idempotent`, whether a repeat does no harm; `idempotency_key`,
    which makes a write repeatable where the server honours it. All raise the children of ApiError, and HelpfulError
    for what only a person can put right.
    """

    def __init__(
        self,
        sessions: Sessions,
        base_url: str | None = None,
        *,
        idempotency_header: str | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.base_url = base_url
        self._sessions = sessions
        self._idempotency_header = idempotency_header or IDEMPOTENCY_HEADER
        self._on_close = on_close or sessions.close
        self._closed = False

    def get(self, url: str, params: Params | None = None, **options: Unpack[CallOptions]) -> Any:
        """Return what is at the URL."""
        return parsed(self._send("GET", url, params=params, **options))

    def post(self, url: str, json: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Send something new; it is sent once only, unless the server cannot have acted on it."""
        return parsed(self._send("POST", url, json=json, **options))

    def put(self, url: str, json: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Put something in the place of what is at the URL."""
        return parsed(self._send("PUT", url, json=json, **options))

    def patch(self, url: str, json: Any = None, etag: str | None = None, **options: Unpack[CallOptions]) -> Any:
        """Change what is at the URL; with the etag of a read only if nobody has changed it since (RFC 9110, 13.1.1)."""
        return parsed(self._send("PATCH", url, json=json, etag=etag, **options))

    def delete(self, url: str, etag: str | None = None, **options: Unpack[CallOptions]) -> Any:
        """Delete what is at the URL; with the etag of a read only if nobody has changed it since."""
        return parsed(self._send("DELETE", url, etag=etag, **options))

    def paginate(self, url: str, params: Params | None = None, **options: Unpack[CallOptions]) -> Iterator[Any]:
        """Yield the rows of a list, page by page as they are asked for; an incomplete list is an error."""

        def fetch(page_url: str) -> tuple[Any, Response]:
            response = self._send("GET", page_url, **options)
            return parsed(response), response

        return rows_of_pages(fetch, with_query(join_url(self.base_url, url), params))

    def close(self) -> None:
        """Give the connections back; a client that shares them closes them with its last user."""
        if not self._closed:
            self._closed = True
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Params | None = None,
        json: Any = None,
        etag: str | None = None,
        headers: Headers | None = None,
        timeout: Timeout | None = None,
        idempotent: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Response:
        if self._closed:
            raise ConfigurationError(
                f"The client is closed, so {method} cannot be sent",
                "Call it inside the with block, or create a new one",
                "with create_rest_api(config) as api:",
            )
        sent_headers = dict(headers or {})
        if etag is not None:
            sent_headers["If-Match"] = etag
        if idempotency_key is not None:
            sent_headers[self._idempotency_header] = idempotency_key
            idempotent = True if idempotent is None else idempotent
        session = self._sessions.current()
        request = _prepared(session, method, with_query(join_url(self.base_url, url), params), sent_headers, json)
        return session.send(request, timeout=timeout, allow_redirects=False, options=Options(idempotent))


def _prepared(session: Session, method: str, url: str, headers: dict[str, str], json: Any) -> PreparedRequest:
    """Return the request ready to go, with the session's headers and cookies."""
    body = None
    if json is not None:
        body = encoded(json)
        headers.setdefault("Content-Type", "application/json")
    if not all(isinstance(value, str) and value.isascii() for value in headers.values()):
        raise ValidationError(
            "A header of the call is not plain text", "Give texts of ASCII characters", 'headers={"Prefer": "x"}'
        )
    error: ApiError
    try:
        return session.prepare_request(Request(method, url, headers=headers, data=body))
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


def encoded(value: Any) -> bytes:
    """Return the value as JSON; a ValidationError says which type has no JSON form."""
    try:
        return _json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise ValidationError(
        f"The data cannot be sent as JSON: {reason}",
        "Send texts, numbers, true, false, lists and dictionaries; give dates as text",
        'api.post("customers", {"since": date.isoformat()})',
    )


def parsed(response: Response) -> Any:
    """Return the body as JSON, `{}` if it is empty; ApiOperationError if it is neither."""
    content = response.content
    if not content or content.isspace():
        return {}
    try:
        return _json.loads(content)
    except (ValueError, RecursionError):
        pass
    kind = response.headers.get("Content-Type", "a body of no type").partition(";")[0]
    call = call_of(response.request)
    said = problem_of(response).message
    raise ApiOperationError(
        f"{called(response.request)} answered {response.status_code} with {kind}"
        f" that is no JSON{': ' if said else ''}{said or ''}",
        status_code=response.status_code,
        code="no-json",
        attempts=call.attempts,
        retryable=repeatable(response.request),
        request_id=request_id_of(response),
        details=call.details,
    )
