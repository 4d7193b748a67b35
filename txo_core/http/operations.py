"""Long-running operations: a 202 is followed to its end, so that the caller gets the result and not a receipt."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from requests import PreparedRequest, Response

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.exceptions import ApiOperationError, ApiTimeoutError
from txo_core.http.error_body import problem_in, request_id_of
from txo_core.http.errors import called
from txo_core.http.failures import NETWORK_ERRORS
from txo_core.http.origins import address_of, refuse_downgrade
from txo_core.http.policy import Send, attach, call_of, derive
from txo_core.http.redirects import BODY_HEADERS
from txo_core.http.retry_after import retry_after

logger = logging.getLogger("txo_core.http")

STATUS_HEADERS = ("Operation-Location", "Azure-AsyncOperation")
ONCE_ONLY_HEADERS = (*BODY_HEADERS, "If-Match", "If-None-Match", "Expect", "Idempotency-Key", "Prefer")
SUCCEEDED = frozenset({"succeeded", "success", "completed", "complete", "done", "finished"})
FAILED = frozenset({"failed", "failure", "error", "canceled", "cancelled", "aborted"})
RUNNING = frozenset(
    {"running", "inprogress", "notstarted", "pending", "accepted", "queued", "processing", "started", "waiting"}
)


@dataclass(frozen=True)
class Operation:
    """Where an operation stands. `monitored`: its address shows its status, and the result is found elsewhere."""

    status_url: str
    monitored: bool
    location: str | None
    response: Response


@dataclass(frozen=True)
class LongRunningOperation:
    """Polls after a 202 until the operation ends, and returns its result; each poll is sent like any other request.

    Follows Operation-Location, Azure-AsyncOperation or Location, absolute or relative (Azure's guidelines for
    long-running operations; RFC 9110, 15.3.3). Between two polls it waits as long as Retry-After says, else
    `poll_interval` seconds, and `max_wait` seconds in all. The request itself is never sent again.

    Raises ApiOperationError with the operation's own code and message if it failed, ApiTimeoutError if it lasts too
    long.
    """

    max_wait: float = 300.0
    poll_interval: float = 5.0
    idempotency_header: str = "Idempotency-Key"
    total_timeout: float = 300.0
    sleep: Sleep = sleep
    clock: Clock = monotonic

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request once, and wait for what comes of it."""
        response = send(request)
        if response.status_code != 202:
            return response
        until = self.clock() + self.max_wait
        operation = _started(request, response)
        logger.info("%s was accepted, waiting for it to end", called(request))
        while True:
            self._wait(request, operation, until)
            operation = _progressed(operation, self._poll(request, operation, until, send))
            if _ended(request, operation):
                return self._result(request, operation, until, send)

    def _wait(self, request: PreparedRequest, operation: Operation, until: float) -> None:
        seconds = retry_after(operation.response) or self.poll_interval
        if self.clock() + seconds > until:
            raise self._too_long(request, operation)
        self.sleep(seconds)

    def _poll(self, request: PreparedRequest, operation: Operation, until: float, send: Send) -> Response:
        """Return the status; a poll that the end of the time cuts off says that the operation lasts too long."""
        try:
            return send(self._get(request, operation.status_url, until))
        except NETWORK_ERRORS:
            if self.clock() < until:
                raise
        raise self._too_long(request, operation)

    def _too_long(self, request: PreparedRequest, operation: Operation) -> ApiTimeoutError:
        return ApiTimeoutError(
            f"{called(request)} was accepted, but has not ended within {self.max_wait:.0f} s; it goes on at"
            f" {address_of(operation.status_url)}",
            **_facts(request, operation.response, code="operation-timeout"),
        )

    def _get(self, request: PreparedRequest, url: str, until: float) -> PreparedRequest:
        """Return the request that reads the URL on behalf of the first one, with the caller's own headers."""
        refuse_downgrade(request.url, url)
        poll = derive(request)
        poll.prepare_method("GET")
        poll.prepare_url(url, None)
        poll.body = None
        for name in (*ONCE_ONLY_HEADERS, self.idempotency_header):
            poll.headers.pop(name, None)
        return attach(poll, call_of(request).follow_up(min(until, self.clock() + self.total_timeout)))

    def _result(self, request: PreparedRequest, operation: Operation, until: float, send: Send) -> Response:
        """Return the answer that holds the result: another one than that of the status page, if that says so."""
        if operation.response.status_code >= 300 or _status(operation.response) not in SUCCEEDED:
            return operation.response
        named = _body(operation.response).get("resourceLocation")
        if isinstance(named, str) and named:
            url = urljoin(operation.status_url, named)
        elif not operation.monitored:
            return operation.response
        elif request.method in ("PUT", "PATCH"):
            url = request.url or ""
        elif operation.location:
            url = operation.location
        else:
            return operation.response
        return send(self._get(request, url, until))


def _started(request: PreparedRequest, response: Response) -> Operation:
    location = _link(request.url, response, "Location")
    monitor = _link(request.url, response, *STATUS_HEADERS)
    if request.method == "GET":
        # Who asks for the progress himself is answered 202 as long as there is none.
        location = location or request.url
    if not (monitor or location):
        raise ApiOperationError(
            f"{called(request)} answered 202 (accepted), but not where to ask for the result: none of the headers"
            " Location, Operation-Location and Azure-AsyncOperation is there; see in the API's documentation how"
            " the end of this operation is found out",
            **_facts(request, response, code="no-status-url"),
        )
    return Operation(monitor or location or "", bool(monitor), location, response)


def _progressed(operation: Operation, response: Response) -> Operation:
    """Return the operation after a poll, which may have named another address to ask at."""
    moved = None
    if operation.monitored and response.status_code < 300:
        moved = _link(operation.status_url, response, *STATUS_HEADERS)
    elif response.status_code == 202:
        moved = _link(operation.status_url, response, "Location")
    return replace(operation, status_url=moved or operation.status_url, response=response)


def _ended(request: PreparedRequest, operation: Operation) -> bool:
    """Tell whether it is over; raises the operation's own error if it failed.

    The body of a status page always tells. Behind a Location the result itself may lie, with a status that means
    something else: there only the words of a running or failed operation count.
    """
    response = operation.response
    if response.status_code == 202:
        return False
    status = _status(response) if response.status_code < 300 else None
    if status is None:
        return True
    if status in FAILED:
        raise _failed(request, operation, status)
    return status in SUCCEEDED or (not operation.monitored and status not in RUNNING)


def _failed(request: PreparedRequest, operation: Operation, status: str) -> ApiOperationError:
    body = _body(operation.response)
    properties = body.get("properties")
    problem = problem_in(body if "error" in body or not isinstance(properties, Mapping) else properties)
    said = f": {problem}" if str(problem) else ""
    code = problem.code or status
    return ApiOperationError(
        f"{called(request)} was accepted, but then {status}{said}", **_facts(request, operation.response, code=code)
    )


def _facts(request: PreparedRequest, response: Response, code: str) -> dict[str, Any]:
    call = call_of(request)
    return {
        "status_code": response.status_code,
        "code": code,
        "attempts": call.attempts,
        "request_id": request_id_of(response),
        "retry_after": retry_after(response),
        "details": call.details,
    }


def _link(base: str | None, response: Response, *names: str) -> str | None:
    value = next((response.headers[name] for name in names if response.headers.get(name)), None)
    return urljoin(base or "", value) if value else None


def _body(response: Response) -> Mapping[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _status(response: Response) -> str | None:
    """Return the status that the body gives, in small letters and without separators; None if it gives none."""
    body = _body(response)
    properties = body.get("properties")
    status = body.get("status")
    if status is None and isinstance(properties, Mapping):
        status = properties.get("provisioningState")
    return "".join(filter(str.isalnum, status)).lower() if isinstance(status, str) and status else None
