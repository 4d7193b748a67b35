"""Redirects: at most five, to trusted origins only, and a write never turns into a read."""

from contextlib import suppress
from dataclasses import dataclass

from requests import PreparedRequest, Response
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar

from txo_core.exceptions import ApiOperationError
from txo_core.http.errors import called
from txo_core.http.origins import TrustedOrigins, address_of, credential_headers, origin_of, resolved
from txo_core.http.policy import Send, call_of, derive
from txo_core.http.retry import rewound

REDIRECTS = frozenset({301, 302, 303, 307, 308})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_HEADERS = ("Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding")


@dataclass(frozen=True)
class Redirects:
    """Follows the Location of a redirect; each hop is sent like any other request.

    303 leads to a GET (RFC 9110, 15.4.4). 307 and 308 repeat the request as it is. 301 and 302 do that for reads;
    for a write they leave open whether it was done, so that is an ApiOperationError. To another origin, if it is
    trusted, the caller's own headers go along, but not those that prove who he is, and no cookies.
    """

    trusted: TrustedOrigins
    limit: int = 5

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request, and follow where its answer leads."""
        response = send(request)
        for _ in range(self.limit):
            if not redirects(response):
                return response
            request = self._next(request, response)
            response = send(request)
        if redirects(response):
            raise _error(request, response, f"more than {self.limit} redirects in a row; the last one leads to")
        return response

    def _next(self, request: PreparedRequest, response: Response) -> PreparedRequest:
        target = _target(request, response)
        self.trusted.require(target, source=request.url)
        if response.status_code in (301, 302) and request.method not in READS:
            raise _error(request, response, "a write is not sent to another place by itself; that place is")
        if not rewound(request):
            raise _error(request, response, "the body can be sent only once, so we cannot follow to")
        hop = derive(request)
        hop.prepare_url(target, None)
        if response.status_code == 303 and request.method not in READS:
            _without_body(hop)
        if origin_of(hop.url or "") == origin_of(request.url or ""):
            _keep_cookies(hop, request, response)
        else:
            _leave_behind(hop)
        return hop


def redirects(response: Response) -> bool:
    """Tell whether the answer sends us elsewhere."""
    return response.status_code in REDIRECTS and bool(response.headers.get("Location"))


def _target(request: PreparedRequest, response: Response) -> str:
    """Return where the Location leads; headers arrive as Latin-1, and what servers write there today is UTF-8."""
    location = response.headers["Location"]
    with suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    return resolved(request.url, location)


def _without_body(request: PreparedRequest) -> None:
    request.method, request.body = "GET", None
    for name in (*BODY_HEADERS, "If-Match", "If-None-Match"):
        request.headers.pop(name, None)


def _leave_behind(hop: PreparedRequest) -> None:
    """Take out what was meant for the origin that the caller called; our own credentials come with the signature."""
    vars(hop)["_cookies"] = RequestsCookieJar()
    for name in credential_headers(list(hop.headers)):
        del hop.headers[name]


def _keep_cookies(hop: PreparedRequest, request: PreparedRequest, response: Response) -> None:
    """Take the cookies of the redirect along, and keep them for later calls: so does requests in its own place."""
    jar = request._cookies  # type: ignore[attr-defined]
    if jar is None or response.raw is None or _callers_cookies(request, jar):
        return
    extract_cookies_to_jar(jar, request, response.raw)  # type: ignore[no-untyped-call]
    hop.headers.pop("Cookie", None)
    hop.prepare_cookies(jar)


def _callers_cookies(request: PreparedRequest, jar: RequestsCookieJar) -> bool:
    """Tell whether the Cookie header is one that the caller set; it stays then."""
    bare = derive(request)
    bare.headers.pop("Cookie", None)
    bare.prepare_cookies(jar)
    return request.headers.get("Cookie") != bare.headers.get("Cookie")


def _error(request: PreparedRequest, response: Response, reason: str) -> ApiOperationError:
    call = call_of(request)
    return ApiOperationError(
        f"{called(request)} answered {response.status_code}: {reason} {address_of(_target(request, response))}",
        status_code=response.status_code,
        code="redirect",
        attempts=call.attempts,
        details=call.details,
    )
