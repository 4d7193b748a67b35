"""The REST client: JSON in, JSON out; all that can go wrong in between is the pipeline's business."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, Unpack

from requests import Response

from txo_core.caller import IDEMPOTENCY_HEADER, Caller, CallOptions, Headers, Params, encoded, parsed
from txo_core.http.sessions import Sessions
from txo_core.paginators import rows_of_pages
from txo_core.urls import join_url, with_query

__all__ = [
    "DEFAULT_HEADERS",
    "IDEMPOTENCY_HEADER",
    "CallOptions",
    "Headers",
    "Params",
    "RestClient",
    "encoded",
    "parsed",
]

DEFAULT_HEADERS = {"Accept": "application/json", "User-Agent": "txo"}


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
        self._caller = Caller(sessions, base_url, idempotency_header)
        self._send = self._caller.send
        self._on_close = on_close or sessions.close

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
        if not self._caller.closed:
            self._caller.closed = True
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"
