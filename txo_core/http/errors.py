"""The final outcome of a call as one typed error: what was called, what came back, whether a repeat may help."""

from requests import PreparedRequest, Response

from txo_core.exceptions import (
    ApiAuthenticationError,
    ApiError,
    ApiOperationError,
    ApiRateLimitError,
    ApiTimeoutError,
    EntityNotFoundError,
)
from txo_core.http.error_body import clean, problem_of, told_by
from txo_core.http.failures import NETWORK_ERRORS, failure_of, holds_soap_fault, may_help, repeatable
from txo_core.http.json_body import NoJson
from txo_core.http.origins import address_of
from txo_core.http.policy import Call, Send, call_of
from txo_core.redaction import redact

ERRORS: dict[int, type[ApiError]] = {
    401: ApiAuthenticationError,
    403: ApiAuthenticationError,
    404: EntityNotFoundError,
    408: ApiTimeoutError,
    410: EntityNotFoundError,
    429: ApiRateLimitError,
    504: ApiTimeoutError,
}
HINTS = {
    401: "the credentials are not accepted; are those that are saved current, and is global.oauth-scope the API's?",
    403: "the credentials are accepted, but may not do this",
    412: "the entity has changed since it was read",
}


class ErrorMapping:
    """Raises an ApiError for an answer that is none of 2xx, 304 or a SOAP Fault, and for no answer at all."""

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Return an answer that is none of the errors."""
        try:
            response = send(request)
        except NoJson as caught:
            error: ApiError = error_of_no_json(caught.response, call_of(request))
        except NETWORK_ERRORS as caught:
            error = error_of_failure(caught, getattr(caught, "request", None) or request, call_of(request))
        else:
            if is_answer(response, request):
                return response
            error = error_of_response(response, call_of(request))
        # Raised out here: chained to it, the network's own exception would show the query and, to debuggers, the token.
        raise error


def is_answer(response: Response, request: PreparedRequest) -> bool:
    """Tell whether a caller gets the response rather than an error: 2xx, a 304 he has asked for, a SOAP Fault."""
    status = response.status_code
    if status == 304:
        return "If-None-Match" in request.headers or "If-Modified-Since" in request.headers
    return 200 <= status < 300 or holds_soap_fault(response)


def error_of_response(response: Response, call: Call) -> ApiError:
    """Return the error that an answer means."""
    status = response.status_code
    problem = problem_of(response)
    hint = HINTS.get(status, "")
    said = f"{problem}; {hint}" if status == 401 and str(problem) else str(problem) or hint
    return ERRORS.get(status, ApiOperationError)(
        f"{called(response.request)} answered {_status(response)}{': ' if said else ''}{said}{_tries(call)}",
        code=problem.code,
        retryable=may_help(response, response.request),
        **told_by(response),
        **call.facts,
    )


def error_of_failure(error: Exception, request: PreparedRequest, call: Call) -> ApiError:
    """Return the error that a missing answer means."""
    failure = failure_of(error, request.url)
    unsure = failure.sent and failure.transient and not repeatable(request)
    doubt = "; the server may have done it all the same, so it was not sent again" if unsure else ""
    kind = ApiTimeoutError if failure.timed_out else ApiOperationError
    return kind(
        f"{called(request)} failed: {failure.sentence}{doubt}{_tries(call)}",
        code=failure.code,
        retryable=failure.transient and not unsure,
        **call.facts,
    )


def error_of_no_json(response: Response, call: Call) -> ApiOperationError:
    """Return the error that an answer means whose body should be JSON and is something else."""
    kind = clean(response.headers.get("Content-Type", "a body of no type").partition(";")[0], 120)
    said = problem_of(response).message
    return ApiOperationError(
        f"{called(response.request)} answered {response.status_code} with {kind}"
        f" that is no JSON{': ' if said else ''}{said or ''}{_tries(call)}",
        code="no-json",
        retryable=repeatable(response.request),
        **told_by(response),
        **call.facts,
    )


def called(request: PreparedRequest) -> str:
    """Return method and address, without the query: who reads it need not see the data in it."""
    return redact(f"{request.method} {address_of(request.url)}")


def unsent(request: PreparedRequest) -> str:
    """Return that our own side keeps the request back; `was not sent again`, where an attempt has gone before."""
    return f"{called(request)} was not sent{' again' if call_of(request).attempts else ''}"


def _status(response: Response) -> str:
    return clean(f"{response.status_code} {response.reason or ''}", 120)


def _tries(call: Call) -> str:
    return f" ({call.attempts} attempts)" if call.attempts > 1 else ""
