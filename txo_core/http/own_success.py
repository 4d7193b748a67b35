"""A repeat that meets what our own earlier attempt has done: that is a success, although it looks like a failure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from requests import PreparedRequest, Response

from txo_core.exceptions import ApiError
from txo_core.http.failures import NETWORK_ERRORS
from txo_core.http.policy import Attempt, Send, attach, call_of, derive

GONE = frozenset({404, 410})
OF_THE_WRITE = (
    "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "If-Match", "If-None-Match",
    "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Prefer", "Expect",
)  # fmt: skip


@dataclass(frozen=True)
class OwnSuccess:
    """Tells a failure from a success of an attempt whose answer was lost; stands around `Retry`.

    After a repeated DELETE, a 404 or 410 means that it is done, and becomes an empty 204. After a repeated PATCH or PUT
    with a precondition, a 412 makes us read what is there: where it holds all values that were sent, that answer is
    the success (RFC 9110, 13.1.1 lets servers do the same). Otherwise, and where nothing was sent before, the
    answer stays as it is.
    """

    idempotency_header: str = "Idempotency-Key"

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Return the answer, or the success that it hides."""
        history = call_of(request).history
        start = len(history)
        response = send(request)
        if response.status_code not in (404, 410, 412) or not any(
            attempt.in_doubt for attempt in self._earlier(request, start)
        ):
            return response
        if request.method == "DELETE":
            return self._deleted(response, request, send)
        if request.method in ("PATCH", "PUT") and response.status_code == 412:
            return self._written(response, request, send)
        return response

    def _earlier(self, request: PreparedRequest, start: int) -> list[Attempt]:
        """Return the attempts of this request before the last one."""
        return [attempt for attempt in call_of(request).history[start:-1] if attempt.method == request.method]

    def _deleted(self, response: Response, request: PreparedRequest, send: Send) -> Response:
        """Return an empty 204 if the entity is gone; an unmet precondition does not say that, so it is asked for."""
        if response.status_code == 412:
            read = self._read(response, request, send)
            if read is None or read.status_code not in GONE:
                return response
        return no_content(response)

    def _written(self, response: Response, request: PreparedRequest, send: Send) -> Response:
        sent = _object(request.body)
        read = self._read(response, request, send) if sent else None
        if read is None or read.status_code != 200 or not holds(_object(read.content), sent):
            return response
        return read

    def _read(self, response: Response, request: PreparedRequest, send: Send) -> Response | None:
        """Return what is now at the address that answered; None if that cannot be told."""
        reading = derive(request)
        reading.method, reading.url, reading.body = "GET", response.request.url, None
        for name in (*OF_THE_WRITE, self.idempotency_header):
            reading.headers.pop(name, None)
        call = call_of(request)
        try:
            return send(attach(reading, call.follow_up(call.deadline, expects_json=True)))
        except (*NETWORK_ERRORS, ApiError):
            return None


def holds(there: Any, sent: Any) -> bool:
    """Tell whether all values that were sent are there; in nested objects, too. What else is there does not matter."""
    try:
        return _holds(there, sent)
    except RecursionError:
        return False


def _holds(there: Any, sent: Any) -> bool:
    if isinstance(sent, Mapping):
        if not isinstance(there, Mapping):
            return False
        return all(_holds(there.get(name), value) for name, value in sent.items() if not name.startswith("@"))
    if isinstance(sent, list) and isinstance(there, list):
        return len(sent) == len(there) and all(map(_holds, there, sent))
    if isinstance(sent, bool) or isinstance(there, bool):
        return sent is there
    return bool(sent == there) or same_moment(sent, there)


def same_moment(one: Any, other: Any) -> bool:
    """Tell whether two texts are one point in time, such as `...T08:00:00Z` and `...T09:00:00.000+01:00`."""
    if not (isinstance(one, str) and isinstance(other, str) and one[10:11] == other[10:11] == "T"):
        return False
    try:
        moments = datetime.fromisoformat(one), datetime.fromisoformat(other)
    except ValueError:
        return False
    return all(moment.tzinfo for moment in moments) and moments[0] == moments[1]


def no_content(response: Response) -> Response:
    """Return an empty 204 in the place of an answer."""
    empty = Response()
    empty.status_code, empty.reason = 204, "No Content"
    empty.request, empty.url = response.request, response.url
    vars(empty).update(_content=b"", _content_consumed=True)
    return empty


def _object(body: Any) -> Mapping[str, Any]:
    """Return the JSON object of a body; an empty one for anything else."""
    try:
        value = json.loads(body) if isinstance(body, bytes | str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}
