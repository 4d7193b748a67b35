"""What the answers of a long-running operation mean: whether one begins, goes on or has ended, where its result lies.

The rules are those of Azure's guidelines for long-running operations and of ARM's asynchronous operations, with
RFC 9110 (10.2.2, 15.3.3) where those are silent: addresses may be relative, and a receipt without one is an error.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from requests import PreparedRequest, Response

from txo_core.http.json_body import NoJson, value_of
from txo_core.http.operation_state import METHODS, Kind, OperationState, without_user
from txo_core.http.origins import address_of

STATUS_HEADERS = ("Operation-Location", "Azure-AsyncOperation")
RUNS, SUCCESS = "running", "succeeded"
SUCCEEDED = frozenset({"succeeded", "success", "completed", "complete", "done", "finished"})
FAILED = frozenset({"failed", "failure", "error", "canceled", "cancelled", "aborted"})
TRANSITIONAL = frozenset({"creating", "updating", "deleting", "provisioning"})
RUNNING = frozenset(
    {"running", "inprogress", "notstarted", "pending", "accepted", "queued", "processing", "started", "waiting"}
    | TRANSITIONAL
)
STATUS_NAMES = ("status", "state", "runtimeStatus")
STATUS_ONLY = frozenset({"id", "status", "message"})
OPERATION_ONLY = frozenset({"percentComplete", "percentageComplete", "resourceLocation", "operationId"})


def begun(request: PreparedRequest, response: Response, said: bool = False) -> OperationState | None:
    """Return the operation that the answer announces, None if it announces none; `said` is the caller's own word.

    - A 202: at Operation-Location or Azure-AsyncOperation, else at Location, else, for a GET, at the URL itself, else
      by the last two rules.
    - The 200 or 201 of a write with Operation-Location or Azure-AsyncOperation.
    - The 200 or 201 of a PUT or PATCH whose `properties.provisioningState` has not ended: at the URL itself. After the
      201 of a POST at its Location.
    - The 200 or 201 of a PUT or PATCH whose `status` is a word of a running operation, at the URL itself, but only with
      a sign that this is no business entity, such as an order that is pending: a Retry-After, fields that only
      operations have, a word that no entity keeps (creating, updating...), a body that holds hardly anything else; or
      the caller's word. A status that the caller himself has sent is no sign.
    """
    asked = response.request or request
    code = response.status_code
    if asked.method not in METHODS or (asked.method == "GET" and code != 202):
        return None
    page, location = link(response, *STATUS_HEADERS), link(response, "Location")
    if asked.method == "GET":
        # Who asks for the progress himself is answered 202 as long as there is none.
        location = location or asked.url
    kind: Kind | None = Kind.STATUS_PAGE if page else None
    if kind is None and code == 202 and location:
        kind = Kind.LOCATION
    place = page or location
    if kind is None and (kind := _kind_of_body(request, response, said)):
        place = location if request.method == "POST" else asked.url
    if kind is None or not place:
        return None
    return OperationState(
        request.method or "",
        address_of(request.url) if request.method == "POST" else without_user(request.url or ""),
        kind,
        without_user(place),
        location and without_user(location),
    )


def _kind_of_body(request: PreparedRequest, response: Response, said: bool) -> Kind | None:
    """Return how the thing in the body tells that it is not ready yet; None if it does not tell."""
    if request.method not in ("POST", "PUT", "PATCH"):
        return None
    if b'"provisioningState"' not in response.content and b'"status"' not in response.content:
        return None
    body = body_of(response)
    state = provisioning_state(body)
    if state is not None:
        return None if state in SUCCEEDED else Kind.PROVISIONING
    if request.method == "POST" or status_in(body) not in RUNNING:
        return None
    return Kind.RESOURCE if said or _is_no_entity(request, response, body) else None


def _is_no_entity(request: PreparedRequest, response: Response, body: Mapping[str, Any]) -> bool:
    if response.status_code == 202 or "Retry-After" in response.headers:
        return True
    names = {name for name in body if not name.startswith("@")}
    shown = names & OPERATION_ONLY or names <= STATUS_ONLY or status_in(body) in TRANSITIONAL
    return bool(shown) and b'"status"' not in _sent(request)


def _sent(request: PreparedRequest) -> bytes:
    body = request.body
    return body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""


def moved(state: OperationState, response: Response) -> OperationState:
    """Return the operation after a poll, which may have named other addresses."""
    page, location = link(response, *STATUS_HEADERS), link(response, "Location")
    if state.kind is Kind.STATUS_PAGE:
        return replace(
            state,
            status_url=without_user(page) if page else state.status_url,
            location=without_user(location) if location else state.location,
        )
    if state.kind is Kind.LOCATION and response.status_code == 202 and location:
        return replace(state, status_url=without_user(location))
    return state


def word_of(state: OperationState, response: Response) -> str:
    """Return how it stands: `running`, `succeeded`, or the word of a failure, in small letters without separators.

    A status page tells by its body, whatever the code; words that nobody knows mean that it goes on. So do those of
    provisioningState. Behind a Location, and in the `status` of a thing, they belong to the result.
    """
    body, pending = body_of(response), response.status_code == 202
    ready = provisioning_state(body)
    status = _page_status(body) if state.kind is Kind.STATUS_PAGE else ready
    if status is None and state.kind in (Kind.LOCATION, Kind.RESOURCE):
        status = status_in(body)
    if status in FAILED:
        return status
    if pending and (state.kind is not Kind.STATUS_PAGE or status is None):
        return RUNS
    if status is None or status in SUCCEEDED:
        return SUCCESS
    own = state.kind is Kind.LOCATION or (state.kind is Kind.RESOURCE and ready is None)
    return SUCCESS if own and status not in RUNNING else RUNS


def tells_nothing(state: OperationState, response: Response) -> bool:
    """Tell whether a status page holds neither a status nor anything that could be the result; a 204 is an end."""
    if state.kind is not Kind.STATUS_PAGE or response.status_code in (202, 204):
        return False
    try:
        value = value_of(response)
    except NoJson:
        return False
    if not isinstance(value, Mapping):
        return value is None or value in ("", [])
    if _page_status(value):
        return False
    blank = {name for name in STATUS_NAMES if name in value and value[name] in (None, "")}
    return "status" in blank or not value.keys() - blank


def result_url(state: OperationState, response: Response) -> str | None:
    """Return where the result of an operation that went well has to be read; None if the answer is the result."""
    body = body_of(response)
    if state.method == "DELETE" and state.kind is Kind.STATUS_PAGE:
        return None
    told = _page_status(body) in SUCCEEDED
    named = body.get("resourceLocation")
    if isinstance(named, str) and named and told:
        return joined(response, named)
    rewritten = state.method in ("PUT", "PATCH")
    if state.kind is Kind.STATUS_PAGE:
        if response.content and not told:
            return None
        return state.url if rewritten else state.location
    if response.status_code == 201 and (told or not response.content) and (created := link(response, "Location")):
        return created  # RFC 9110, 15.3.2
    return state.url if rewritten and not response.content else None


def link(response: Response, *names: str) -> str | None:
    """Return the absolute URL that the first of these headers gives; None if there is none."""
    return next((joined(response, response.headers[name]) for name in names if response.headers.get(name)), None)


def joined(response: Response, url: str) -> str:
    """Return the URL seen from the address that named it; one that is malformed as it is."""
    try:
        return urljoin(response.url or "", url)
    except ValueError:
        return url


def body_of(response: Response) -> Mapping[str, Any]:
    """Return the object in the body; empty if there is none."""
    try:
        value = value_of(response)
    except NoJson:
        return {}
    return value if isinstance(value, Mapping) else {}


def status_in(body: Mapping[str, Any]) -> str | None:
    """Return the `status` of an object in small letters and without separators; None if it has none."""
    return _letters(body.get("status"))


def provisioning_state(body: Mapping[str, Any]) -> str | None:
    """Return the `properties.provisioningState` of an object likewise."""
    properties = body.get("properties")
    return _letters(properties.get("provisioningState")) if isinstance(properties, Mapping) else None


def _page_status(body: Mapping[str, Any]) -> str | None:
    """Return what a status page says, under the names that are in use."""
    return next(filter(None, (_letters(body.get(name)) for name in STATUS_NAMES)), None) or provisioning_state(body)


def _letters(value: object) -> str | None:
    return "".join(filter(str.isalnum, value)).lower() or None if isinstance(value, str) else None
