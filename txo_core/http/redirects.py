"""Redirects: at most five, to trusted origins only, and a write never turns into a read."""

from contextlib import suppress
from dataclasses import dataclass

from requests import PreparedRequest, Response
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar

from txo_core.exceptions import ApiOperationError, HelpfulError
from txo_core.http.error_body import told_by
from txo_core.http.errors import called, error_of_failure, error_of_response, is_answer
from txo_core.http.failures import ELSEWHERE, NETWORK_ERRORS, READS
from txo_core.http.origins import TrustedOrigins, address_of, credential_headers, origin_of, resolved
from txo_core.http.policy import Send, call_of, derive
from txo_core.http.retry import rewound

REDIRECTS = frozenset({301, 302, 303, 307, 308})
BODY_HEADERS = ("Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding")


@dataclass(frozen=True)
class Redirects:
    """Follows the Location of a redirect; each hop is sent like any other request.

    303 leads to a GET (RFC 9110, 15.4.4). 307 and 308 repeat the request as it is. 301 and 302 do that for reads;
    for a write they leave open whether it was done, so that is an ApiOperationError. To another origin, if it is
    trusted, the caller's own headers go along, but not those that prove who he is, and no cookies.

    Stands around Retry: each hop is repeated by its own rules, and a write that was done is not.
    """

    trusted: TrustedOrigins
    limit: int = 5

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request, and follow where its answer leads."""
        response, done = send(request), None
        for _ in range(self.limit):
            if not redirects(response):
                return response
            if response.status_code == 303 and request.method not in READS:
                done = request
            request = self._next(request, response)
            response = send(request) if done is None else _result_of(done, request, send)
        if redirects(response):
            raise _error(request, response, f"more than {self.limit} redirects in a row; the last one leads to")
        return response

    def _next(self, request: PreparedRequest, response: Response) -> PreparedRequest:
        target = _target(request, response)
        self._require_trust(target, request, response)
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

    def _require_trust(self, target: str, request: PreparedRequest, response: Response) -> None:
        try:
            self.trusted.require(target, source=request.url)
            return
        except HelpfulError as error:
            if response.status_code not in ELSEWHERE or request.method in READS:
                raise
            sure = "was done" if response.status_code == 303 else "may have been done"
            said = f"{called(request)} {sure}, but not followed: {error.what_went_wrong}"
            told = type(error)(said, error.how_to_fix, error.example)
        raise told


def _result_of(done: PreparedRequest, hop: PreparedRequest, send: Send) -> Response:
    """Return what a write that was done has made; a failure to read it is not one of the write."""
    try:
        response = send(hop)
        if redirects(response) or is_answer(response, hop):
            return response
        error = error_of_response(response, call_of(hop))
    except NETWORK_ERRORS as caught:
        error = error_of_failure(caught, hop, call_of(hop))
    raise ApiOperationError(
        f"{called(done)} was done, but its result cannot be read: {error.message}",
        status_code=error.status_code,
        code=error.code,
        retry_after=error.retry_after,
        request_id=error.request_id,
        **call_of(hop).facts | {"in_doubt": True},
    )


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
    return ApiOperationError(
        f"{called(request)} answered {response.status_code}: {reason} {address_of(_target(request, response))}",
        code="redirect",
        **told_by(response),
        **call_of(request).facts,
    )
