"""The log and the memory of what went over the wire: one line an attempt, nothing secret in it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from requests import PreparedRequest, Response

from txo_core.clock import Clock, monotonic
from txo_core.http import urllib3_log
from txo_core.http.failures import NETWORK_ERRORS, READS, failure_of, in_doubt, throttled
from txo_core.http.origins import address_of
from txo_core.http.policy import Attempt, Send, call_of
from txo_core.logs import records
from txo_core.tally import note_sent

logger = logging.getLogger("txo_core.http")
# A client may be used without our set-up of logging, and urllib3 logs every path and query.
records.install()
urllib3_log.install()

LONGEST_NAME = 20
SHOWN_PARAMETERS = frozenset(
    {"$top", "$skip", "$select", "$expand", "$orderby", "$count", "api-version", "page", "per_page", "limit", "offset"}
)
SHOWN_HEADERS = frozenset(
    {
        "accept",
        "content-type",
        "content-length",
        "if-match",
        "prefer",
        "retry-after",
        "request-id",
        "x-request-id",
        "x-ms-request-id",
        "x-ms-correlation-request-id",
    }
)


@dataclass(frozen=True)
class ExchangeLog:
    """Writes one DEBUG line an attempt, and keeps the attempt for the errors that may follow.

    Of headers and query parameters only those on the two lists are shown; the names of the other parameters, too.
    """

    clock: Clock = monotonic

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request, and note how that went."""
        start = self.clock()
        try:
            response = send(request)
        except NETWORK_ERRORS as error:
            failure = failure_of(error, request.url)
            self._note(request, failure.code, start, {}, failure.sent)
            raise
        status = response.status_code
        self._note(request, str(status), start, response.headers, in_doubt(status, throttled(response)))
        return response

    def _note(
        self, request: PreparedRequest, outcome: str, start: float, headers: Mapping[str, str], doubt: bool
    ) -> None:
        call = call_of(request)
        doubt = doubt and request.method not in READS
        seconds = self.clock() - start
        call.history.append(
            Attempt(request.method or "", address_of(request.url), outcome, seconds, call.waited, doubt)
        )
        call.waited = 0.0
        note_sent()
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s%s %s -> %s in %.3f s %s",
                request.method,
                address_of(request.url),
                shown_query(request.url),
                shown_headers(request.headers),
                outcome,
                seconds,
                shown_headers(headers),
            )


def shown_query(url: str | None) -> str:
    """Return the query of the URL, with the values of the listed parameters only; empty if there is none."""
    pairs = parse_qsl(urlsplit(url or "").query, keep_blank_values=True)
    shown = (f"{shown_name(name)}={value if name.lower() in SHOWN_PARAMETERS else '***'}" for name, value in pairs)
    return "?" + "&".join(shown) if pairs else ""


def shown_name(name: str) -> str:
    """Return the name of a parameter; a word too long for one, with digits in it, may be a key without a name."""
    return name if len(name) <= LONGEST_NAME or not any(map(str.isdigit, name)) else "***"


def shown_headers(headers: Mapping[str, str]) -> str:
    """Return the headers that are on the list, as `{name: value, ...}`."""
    return "{" + ", ".join(f"{name}: {value}" for name, value in headers.items() if name.lower() in SHOWN_HEADERS) + "}"
