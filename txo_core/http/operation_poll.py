"""The request that asks how a long-running operation stands, made of the one that began it."""

from requests import PreparedRequest, Response
from requests.cookies import RequestsCookieJar, get_cookie_header

from txo_core.http.origins import credential_headers, origin_of
from txo_core.http.policy import Call, attach, derive

ONCE_ONLY_HEADERS = frozenset(
    {"transfer-encoding", "expect", "prefer", "idempotency-key", "digest", "range", "if-range", "if-match"}
    | {"if-none-match", "if-modified-since", "if-unmodified-since"}
    | {"repeatability-request-id", "repeatability-first-sent"}
    | {"x-http-method", "x-http-method-override", "x-method-override"}
)
"""What says how the first request is to be done, and would be wrong in a poll; so would all that begins content-."""


def poll_of(
    request: PreparedRequest, call: Call, url: str, cookies: RequestsCookieJar, idempotency_header: str
) -> PreparedRequest:
    """Return the request that reads the URL with the caller's own headers, and the cookies of that server."""
    poll = derive(request)
    poll.method, poll.body = "GET", None
    poll.prepare_url(url, None)
    for name in list(poll.headers):
        if is_once_only(name) or name.lower() == idempotency_header.lower():
            del poll.headers[name]
    moved = origin_of(poll.url or "") != origin_of(request.url or "")
    for name in credential_headers(list(poll.headers)) if moved else ():
        del poll.headers[name]
    _set_cookies(poll, cookies, moved)
    return attach(poll, call)


def is_once_only(name: str) -> bool:
    """Tell whether a header belongs to the first request alone."""
    return name.lower() in ONCE_ONLY_HEADERS or name.lower().startswith("content-")


def _set_cookies(poll: PreparedRequest, cookies: RequestsCookieJar, moved: bool) -> None:
    known = get_cookie_header(cookies, poll)  # type: ignore[no-untyped-call]
    if known or moved:
        poll.headers.pop("Cookie", None)
    if known:
        poll.headers["Cookie"] = known


def cookies_of(request: PreparedRequest, response: Response | None) -> RequestsCookieJar:
    """Return the cookies that the request could send, and those that came with the answer."""
    jar = RequestsCookieJar()
    jar.update(vars(request).get("_cookies") or {})
    if response is not None:
        jar.update(response.cookies)
    return jar
