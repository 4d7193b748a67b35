"""What a failure means: whether the server got the request, and whether a repeat may help or do harm.

The one place that knows the exceptions of requests and urllib3, and the statuses that pass by themselves.
"""

import http.client
import re
import ssl
from dataclasses import dataclass

import requests
import urllib3
from requests import PreparedRequest, Response, exceptions
from urllib3 import exceptions as urllib3_exceptions

from txo_core.http.connecting import BrokenHandshake
from txo_core.http.json_body import NoJson
from txo_core.http.origins import shown_origin
from txo_core.http.policy import call_of
from txo_core.http.retry_after import retry_after

READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
ELSEWHERE = frozenset({301, 302, 303})
"""Redirects after which a write may have been done: 303 says so, the other two leave it open."""
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
"""Those from 520 on are of Cloudflare, which cannot reach the server behind it, and of overloaded services."""
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be repeated: RFC 9110, 9.2.2."""

TRUST = "; where it is signed by an authority of the company's own, name its file in global.ca-bundle"
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class DeadlinePassed(exceptions.ConnectTimeout):
    """The time for the whole call was over before the request could be sent."""


class BodyTooLarge(exceptions.RequestException):
    """The answer is longer than the client is willing to read."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known about a request without an answer.

    `sent`: the server may have got it. `transient`: it may go well another time. `sentence` is for a person.
    """

    code: str
    sentence: str
    sent: bool = True
    transient: bool = True
    timed_out: bool = False


def failure_of(error: BaseException, url: str | None) -> Failure:
    """Say what the network's error means."""
    origin = shown_origin(url or "")
    chain = _chain(error)
    for test in (_our_side, _encryption, _proxy, _no_connection, _no_answer):
        failure = test(chain, origin)
        if failure is not None:
            return failure
    known = isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError)
    if not known:
        return Failure("local", f"this machine could not send it ({error})", sent=False, transient=False)
    return Failure("connection", f"the connection to {origin} failed ({type(error).__name__})")


def _chain(error: BaseException) -> list[BaseException]:
    """Return the error and all that it was made of: requests and urllib3 keep them in arguments and reasons."""
    chain: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        item = queue.pop(0)
        if isinstance(item, BaseException) and item not in chain:
            chain.append(item)
            queue += [*item.args, getattr(item, "reason", None)]
    return chain


def _has(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(error, kinds) for error in chain)


def _our_side(chain: list[BaseException], origin: str) -> Failure | None:
    late = next((error for error in chain if isinstance(error, DeadlinePassed)), None)
    if late is not None:
        return Failure("total-timeout", str(late), sent=False, timed_out=True)
    if _has(chain, BodyTooLarge):
        return Failure("body-too-large", str(chain[0]), transient=False)
    if _has(chain, NoJson):
        return Failure("no-json", f"{origin} answered with a body that is no JSON")
    if _has(chain, exceptions.InvalidURL, exceptions.MissingSchema, exceptions.InvalidSchema):
        return Failure("malformed-url", "the URL is malformed", sent=False, transient=False)
    if _has(chain, urllib3_exceptions.LocationValueError, exceptions.InvalidProxyURL):
        return Failure("malformed-url", "the URL, or that of the proxy, is malformed", sent=False, transient=False)
    if _has(chain, urllib3_exceptions.InvalidHeader):
        return Failure("malformed-answer", f"the headers of the answer of {origin} contradict each other")
    if _has(chain, exceptions.InvalidHeader):
        return Failure("malformed-header", "a header holds characters that HTTP forbids", sent=False, transient=False)
    return None


def _encryption(chain: list[BaseException], origin: str) -> Failure | None:
    if _has(chain, ssl.SSLCertVerificationError):
        return Failure("tls", f"the certificate of {origin} is not to be trusted{TRUST}", sent=False, transient=False)
    if _has(chain, BrokenHandshake):
        return Failure("connection-lost", f"{origin} broke off the connection before it was ready", sent=False)
    if _has(chain, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return Failure("connection-lost", f"{origin} broke the encrypted connection")
    if _has(chain, exceptions.SSLError, urllib3_exceptions.SSLError, ssl.SSLError):
        return Failure("tls", f"no encrypted connection to {origin} could be made", sent=False, transient=False)
    return None


def _proxy(chain: list[BaseException], origin: str) -> Failure | None:
    """Say what the proxy of global.proxy did, as long as that is sure: later a request may have gone through it."""
    if not _has(chain, exceptions.ProxyError, urllib3_exceptions.ProxyError):
        return None
    status = next((found[1] for error in chain if (found := _TUNNEL.search(str(error)))), None)
    if status == "407":
        return Failure("proxy", "the proxy asks for a user name and a password", sent=False, transient=False)
    if status:
        sentence = f"the proxy does not let us through to {origin}, it answered {status}"
        return Failure("proxy", sentence, sent=False, transient=status >= "500")
    if _has(chain, urllib3_exceptions.NewConnectionError, urllib3_exceptions.ConnectTimeoutError):
        return Failure("proxy", "the proxy does not answer; is global.proxy right?", sent=False)
    return None


def _no_connection(chain: list[BaseException], origin: str) -> Failure | None:
    if _has(chain, urllib3_exceptions.NameResolutionError):
        sentence = f"the host of {origin} is not known; is the address right, and the network (or VPN) up?"
        return Failure("unknown-host", sentence, sent=False)
    refused = _has(chain, urllib3_exceptions.NewConnectionError, ConnectionRefusedError)
    if not refused and _has(chain, exceptions.ConnectTimeout, urllib3_exceptions.ConnectTimeoutError):
        return Failure("connect-timeout", f"{origin} could not be reached in time", sent=False, timed_out=True)
    if refused:
        return Failure("refused", f"nothing answers at {origin}; is the server running?", sent=False)
    return None


def _no_answer(chain: list[BaseException], origin: str) -> Failure | None:
    if _has(chain, exceptions.ReadTimeout, urllib3_exceptions.ReadTimeoutError, TimeoutError):
        return Failure("read-timeout", f"{origin} did not answer in time", timed_out=True)
    if _has(chain, exceptions.ChunkedEncodingError, http.client.IncompleteRead):
        return Failure("truncated", f"the answer of {origin} broke off")
    if _has(chain, http.client.HTTPException) and not _has(chain, ConnectionError):
        return Failure("malformed-answer", f"the answer of {origin} is no HTTP that can be read")
    if _has(chain, exceptions.ContentDecodingError, urllib3_exceptions.DecodeError):
        return Failure("undecodable", f"the answer of {origin} could not be unpacked")
    if _has(chain, urllib3_exceptions.ProtocolError, ConnectionError):
        return Failure("connection-lost", f"{origin} closed the connection without an answer")
    return None


def repeatable(request: PreparedRequest) -> bool:
    """Tell whether a repeat does no harm, even if the server has already acted on the request.

    The caller's word counts first, then the method, then a precondition that a second try would no longer meet.
    """
    said = call_of(request).options.idempotent
    if said is not None:
        return said
    if (request.method or "") in IDEMPOTENT:
        return True
    if request.headers.get("If-Match", "").strip() not in ("", "*"):
        return True
    return request.method == "PATCH" and request.headers.get("If-None-Match", "").strip() == "*"


def throttled(response: Response) -> bool:
    """Tell whether the server turned the request away unread: 429, or 503 with a time to come back."""
    return response.status_code == 429 or (response.status_code == 503 and retry_after(response) is not None)


def holds_soap_fault(response: Response) -> bool:
    """Tell whether the body is a SOAP Fault: an answer of the application, although its status is an error."""
    if response.status_code < 400 or "xml" not in response.headers.get("Content-Type", ""):
        return False
    body = response.content
    return b"Envelope" in body and b"Fault" in body


def may_help(response: Response, request: PreparedRequest) -> bool:
    """Tell whether sending the request again may help, and does no harm, after this answer."""
    if response.status_code == 409:
        return still_running(request)
    if response.status_code not in TRANSIENT or holds_soap_fault(response):
        return False
    return throttled(response) or repeatable(request)


def in_doubt(status: int, turned_away: bool = False) -> bool:
    """Tell whether a server that answers so may have acted all the same; `turned_away`: it has not even begun."""
    return not turned_away and (status >= 500 or status == 408 or status < 300 or status in ELSEWHERE)


def still_running(request: PreparedRequest) -> bool:
    """Tell whether a 409 to the request may mean that the first attempt with its idempotency key is not done yet.

    So draft-ietf-httpapi-idempotency-key-header, 2.6; only where an earlier attempt was left without an answer.
    """
    call = call_of(request)
    return call.options.keyed and any(attempt.in_doubt for attempt in call.history[:-1])


def is_outage(response: Response) -> bool:
    """Tell whether the answer says that the server is down; a mistake of the caller does not."""
    return response.status_code >= 500 and response.status_code != 501 and not holds_soap_fault(response)
