"""What is told of a long-running operation that does not come to its end: what was accepted, and where it goes on."""

from datetime import datetime, timedelta

from requests import PreparedRequest, Response

from txo_core.exceptions import ApiError, ApiOperationError, ApiTimeoutError, EntityNotFoundError, HelpfulError
from txo_core.http.error_body import problem_in, request_id_of, told_by
from txo_core.http.errors import called, error_of_failure, error_of_no_json, error_of_response
from txo_core.http.failures import repeatable
from txo_core.http.json_body import NoJson
from txo_core.http.operation_rules import body_of
from txo_core.http.operation_state import OperationState
from txo_core.http.policy import call_of
from txo_core.http.retry_after import retry_after


def no_address(request: PreparedRequest, response: Response) -> ApiOperationError:
    """Return the error that a receipt without an address means."""
    return ApiOperationError(
        f"{called(request)} answered 202 (accepted), but not where to ask for the result: none of the headers"
        " Location, Operation-Location and Azure-AsyncOperation is there; see in the API's documentation how"
        " the end of this operation is found out. If the receipt is all there is, call it with long_running=False",
        code="no-status-url",
        **told_by(response),
        **call_of(request).facts,
    )


def failed(request: PreparedRequest, state: OperationState, response: Response, word: str) -> ApiOperationError:
    """Return the error of an operation that ended badly, with its own code and message."""
    body = body_of(response)
    properties = body.get("properties")
    problem = problem_in(properties if "error" not in body and isinstance(properties, dict) else body)
    said = f": {problem}" if str(problem) else ""
    return ApiOperationError(
        f"{state.called} was accepted, but then {word}{said}",
        code=problem.code or word,
        **told_by(response),
        **call_of(request).facts,
    )


def no_status(request: PreparedRequest, state: OperationState, response: Response) -> ApiOperationError:
    """Return the error of a status page that does not say how it stands: that is neither success nor failure."""
    call = call_of(request)
    return ApiOperationError(
        f"{state.called} was accepted, but its status page answered {response.status_code} without a status, so it is"
        f" not known whether it has ended; it goes on at {state.address}{_hint(state)}",
        code="no-status",
        retryable=call.options.resumes is not None,
        resume_token=state.token,
        **told_by(response),
        **call.facts,
    )


def too_long(
    request: PreparedRequest, state: OperationState, seconds: float, asked_for: float | None, response: Response | None
) -> ApiTimeoutError:
    """Return the error of an operation that has not ended within so many seconds, or is not to be asked before."""
    call = call_of(request)
    wish = f", and is not to be asked for another {asked_for:.0f} s" if asked_for else ""
    return ApiTimeoutError(
        f"{state.called} was accepted, but has not ended within {seconds:.0f} s{wish}; it goes on at {state.address}"
        f"{_hint(state)}",
        status_code=None if response is None else response.status_code,
        code="operation-timeout",
        retry_after=asked_for,
        retryable=call.options.resumes is not None,
        request_id=None if response is None else request_id_of(response),
        resume_token=state.token,
        **call.facts,
    )


def poll_failed(request: PreparedRequest, state: OperationState, error: ApiError) -> ApiError:
    """Return the error of a poll as that of the operation: it was accepted, and can be asked for again.

    A status page that is not there says nothing of the entity that the caller means, so it is no EntityNotFoundError.
    `retryable` speaks of the call, which must not be repeated because a poll was in vain.
    """
    kind = type(error)
    if kind is EntityNotFoundError and state.status_url != state.url:
        kind = ApiOperationError
    call = call_of(request)
    safe = call.options.resumes is not None or repeatable(request)
    return kind(
        f"{error.message}; {state.called} had been accepted, it goes on at {state.address}{_hint(state)}",
        status_code=error.status_code,
        code=error.code,
        retry_after=error.retry_after,
        retryable=error.retryable and safe,
        request_id=error.request_id,
        resume_token=state.token,
        **call.facts,
    )


def refused(state: OperationState, error: HelpfulError) -> HelpfulError:
    """Return the error of an address that is not to be trusted, which also says that the operation was accepted."""
    sentence = f"{error.what_went_wrong}. {state.called} was accepted before, and goes on there"
    return type(error)(sentence, error.how_to_fix, error.example)


def error_of_poll(answer: Response | Exception, poll: PreparedRequest) -> ApiError:
    """Return the error that the answer of a poll means, or its absence."""
    call = call_of(poll)
    if isinstance(answer, Response):
        return error_of_response(answer, call)
    if isinstance(answer, ApiError):
        return answer
    if isinstance(answer, NoJson):
        return error_of_no_json(answer.response, call)
    return error_of_failure(answer, getattr(answer, "request", None) or poll, call)


def not_before(response: Response, now: datetime) -> datetime | None:
    """Return the moment before which the server does not want to be asked again; None if it did not say."""
    seconds = retry_after(response)
    return now + timedelta(seconds=min(seconds, 366 * 86400.0)) if seconds else None


def _hint(state: OperationState) -> str:
    return "; api.resume(error.resume_token) goes on waiting" if state.token else ""
