"""What came back for the parts of a batch, each judged by the rules of a single call."""

import json
from collections.abc import Callable, Mapping, Sequence
from http.client import responses
from typing import Any

from requests import Response
from requests.structures import CaseInsensitiveDict

from txo_core.exceptions import ApiError, ApiOperationError, TxoError
from txo_core.http.error_body import told_by
from txo_core.http.errors import called, error_of_response
from txo_core.http.failures import READS, in_doubt, may_help, repeatable, throttled
from txo_core.http.origins import address_of
from txo_core.http.own_success import GONE, holds
from txo_core.http.policy import Attempt, call_of
from txo_core.http.retry_after import retry_after
from txo_core.rest.batch_parts import BatchAnswer, Part, Unit
from txo_core.rest.caller import Headers

FAILED_DEPENDENCY = 424
_DOUBT = "; the server may have done it all the same"

Entries = Mapping[str, Sequence[Mapping[str, Any]]]
"""The answers of a batch by the id of their part."""


def entries_of(value: Any, response: Response) -> Entries:
    """Return the answers by id; ApiOperationError if the body is not that of a batch."""
    listed = value.get("responses") if isinstance(value, Mapping) else None
    if not isinstance(listed, list):
        raise ApiOperationError(
            f"{called(response.request)} answered {response.status_code} without a list of responses;"
            " is this the address of a batch?",
            code="no-batch",
            **told_by(response),
            **call_of(response.request).facts | {"in_doubt": True},
        )
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for entry in listed:
        if isinstance(entry, Mapping):
            entries.setdefault(str(entry.get("id")), []).append(entry)
    return entries


def settle(unit: Unit, entries: Entries, seconds: float) -> None:
    """Give each part of the unit its answer."""
    for part in unit:
        _settle_part(part, entries.get(part.wire["id"], ()), seconds)
    failed = [part for part in unit if part.answer.error]
    if len(unit) > 1 and failed:
        _settle_change_set(unit, failed)


def _settle_part(part: Part, entries: Sequence[Mapping[str, Any]], seconds: float) -> None:
    status = _status(entries[0]) if len(entries) == 1 else None
    if status is None:
        note(part, "no-part-answer", seconds, doubt=True)
        part.answer, part.again, part.asked = _unanswered(part, len(entries)), repeatable(part.prepared), None
        return
    headers, body = _headers(entries[0]), entries[0].get("body")
    note(part, str(status), seconds, in_doubt(status, throttled(_response(part, status, headers, body))))
    if status in GONE and part.prepared.method == "DELETE" and _may_be_done(part):
        status, body = 204, None
    part.again, part.asked, error = False, None, None
    if status >= 300 and status != 304:
        response = _response(part, status, headers, body)
        error = error_of_response(response, call_of(part.prepared))
        part.again, part.asked = may_help(response, part.prepared), retry_after(response)
    part.answer = BatchAnswer(part.request, status, headers, {} if body is None else body, error)


def _may_be_done(part: Part) -> bool:
    """Tell whether the server may have done the part in an earlier attempt."""
    return any(attempt.in_doubt for attempt in call_of(part.prepared).history[:-1])


def recognise(part: Part, read: Callable[[str], Any]) -> None:
    """Make a success of a 412 that only says that our own earlier attempt has changed the entity; see `own_success`."""
    if part.answer.status != 412 or part.prepared.method not in ("PATCH", "PUT") or not _may_be_done(part):
        return
    try:
        there = read(part.prepared.url or "")
    except TxoError:
        return
    if isinstance(part.request.json, Mapping) and holds(there, part.request.json):
        part.answer = BatchAnswer(part.request, 200, {}, there)


def _status(entry: Mapping[str, Any]) -> int | None:
    """Return the status of an answer, which some servers write as text; None if it is none."""
    text = str(entry.get("status"))
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else None


def _headers(entry: Mapping[str, Any]) -> Headers:
    headers = entry.get("headers")
    texts = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}
    return CaseInsensitiveDict(texts)


def _response(part: Part, status: int, headers: Headers, body: Any) -> Response:
    """Return the answer of a part as if it had come alone."""
    response = Response()
    response.status_code, response.url, response.request = status, part.prepared.url or "", part.prepared
    response.reason = responses.get(status, "")
    response.headers = CaseInsensitiveDict(headers)
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    vars(response).update(_content=text.encode("utf-8", "replace"), _content_consumed=True)
    return response


def _unanswered(part: Part, count: int) -> BatchAnswer:
    said = "was answered twice or without a status in the batch" if count else "was left out in the answer to the batch"
    return BatchAnswer(part.request, error=_error(part, ApiOperationError(said, code="no-part-answer"), unsure=True))


def _settle_change_set(unit: Unit, failed: Sequence[Part]) -> None:
    """Say of each part of a failed change set what that means for it; it is repeated whole or not at all."""
    refused = [part for part in failed if part.answer.status is not None]
    culprit = next((part for part in refused if part.answer.status != FAILED_DEPENDENCY), (refused or failed)[0])
    harmless = all(repeatable(part.prepared) for part in unit)
    contradicted = [part for part in unit if part.answer.error is None]
    again = culprit.again and (harmless or (_throttled(culprit) and not contradicted))
    for part in unit:
        if part is not culprit and refused and part.answer.status in (None, FAILED_DEPENDENCY):
            part.answer = _undone(part, culprit, "was not done or undone")
        elif part in contradicted and refused:
            part.answer = _undone(part, culprit, f"was answered {part.answer.status}, but should have been undone")
        part.again = again


def _throttled(part: Part) -> bool:
    response = Response()
    response.status_code = part.answer.status or 0
    response.headers = CaseInsensitiveDict(part.answer.headers)
    return throttled(response)


def _undone(part: Part, culprit: Part, what: str) -> BatchAnswer:
    error = culprit.answer.error
    because = ApiOperationError(
        f"{what}, since another part of its change set failed: {error}",
        status_code=FAILED_DEPENDENCY,
        code="failed-dependency",
        retryable=isinstance(error, ApiError) and error.retryable and part.answer.error is not None,
    )
    return BatchAnswer(part.request, FAILED_DEPENDENCY, error=_error(part, because))


def fail(unit: Unit, error: ApiError, seconds: float) -> None:
    """Give each part the error of its batch, with what that means for it."""
    doubtful = error.in_doubt
    harmless = all(repeatable(part.prepared) for part in unit)
    for part in unit:
        note(part, str(error.status_code or error.code), seconds, doubtful)
        told = copied(
            error,
            f"failed with its batch: {str(error).partition(_DOUBT)[0]}",
            retryable=error.retryable or (doubtful and harmless),
        )
        part.answer = BatchAnswer(part.request, error=_error(part, told, unsure=doubtful))
        part.again, part.asked = doubtful and harmless, error.retry_after


def skip(unit: Unit, error: ApiError) -> None:
    """Give each part an error that says that it was not sent, because of what happened to those before."""
    later = error.retryable or error.in_doubt
    for part in unit:
        told = copied(error, f"was not sent, since the batch before it failed: {error}", retryable=later)
        part.answer = BatchAnswer(part.request, error=_error(part, told))


def note(part: Part, outcome: str, seconds: float, doubt: bool) -> None:
    """Keep what became of an attempt, for the errors that may follow."""
    request = part.prepared
    doubt = doubt and request.method not in READS
    attempt = Attempt(request.method or "", address_of(request.url), outcome, seconds, in_doubt=doubt)
    call_of(request).history.append(attempt)


def copied(error: ApiError, message: str, retryable: bool) -> ApiError:
    """Return an error of the same kind and facts, with another sentence."""
    return type(error)(
        message,
        status_code=error.status_code,
        code=error.code,
        retry_after=error.retry_after,
        retryable=retryable,
        request_id=error.request_id,
    )


def _error(part: Part, error: ApiError, unsure: bool = False) -> ApiError:
    """Return the error as one of this part: named, with its attempts, and with the doubt where there is one."""
    harmless = repeatable(part.prepared)
    doubt = f"{_DOUBT}, so it was not sent again" if unsure and not harmless else ""
    made = copied(error, f"{called(part.prepared)} {error}{doubt}", error.retryable or (unsure and harmless))
    vars(made).update(call_of(part.prepared).facts)
    return made
