"""Long-running operations: what was only accepted is followed to its end, so that the caller gets the result."""

import logging

from requests import PreparedRequest, Response

from txo_core.exceptions import ApiError
from txo_core.http.operation_errors import no_address, not_before
from txo_core.http.operation_rules import begun
from txo_core.http.operation_state import OperationState
from txo_core.http.operation_waiting import Patience, Waiting
from txo_core.http.policy import Send, call_of
from txo_core.http.scopes import Submission, submission_of

logger = logging.getLogger("txo_core.http")

BEGINNINGS = (200, 201, 202)


class LongRunningOperation(Patience):
    """Polls after a receipt until the operation ends, and returns its result; each poll is sent like any other request.

    `operation_rules.begun` says what counts as a receipt, beside a 202. The request itself is never sent again,
    whatever becomes of the polls. Raises ApiOperationError with the operation's own code and message if it failed,
    ApiTimeoutError if it lasts too long, the error of a poll that failed for good; the `resume_token` of these two lets
    another call or another process go on waiting.
    """

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request once, and wait for what comes of it; or wait only, for an operation that is resumed."""
        options = call_of(request).options
        if options.resumes is not None:
            return self._wait_for(request, send, options.resumes)
        submission = submission_of(request.method or "", request.url or "", request.body) if options.wait else None
        if submission is not None and submission.token is not None:
            earlier = OperationState.of_token(submission.token)
            logger.info("%s was accepted in an earlier attempt, waiting for it to end", earlier.called)
            return self._watched(request, send, earlier, None, submission)
        response = send(request)
        if response.status_code not in BEGINNINGS or options.long_running is False:
            return response
        state = begun(request, response, bool(options.long_running))
        if state is None:
            if response.status_code == 202:
                raise no_address(request, response)
            return response
        state = state.asked_again_at(not_before(response, self.now()))
        if not options.wait:
            return belonging_to(state, response)
        logger.info("%s was accepted, waiting for it to end", state.called)
        return self._watched(request, send, state, response, submission)

    def _watched(
        self,
        request: PreparedRequest,
        send: Send,
        state: OperationState,
        response: Response | None,
        submission: Submission | None,
    ) -> Response:
        """Wait for the operation, which a run that dies meanwhile goes on with when it is run again."""
        if submission is not None and response is not None:
            submission.accepted(state.token)
        try:
            return self._wait_for(request, send, state, response)
        except ApiError as error:
            if submission is not None and error.resume_token is None:
                submission.failed()
            raise

    def _wait_for(
        self, request: PreparedRequest, send: Send, state: OperationState, response: Response | None = None
    ) -> Response:
        try:
            return Waiting(self, request, send, state, response).to_its_end()
        except KeyboardInterrupt:
            logger.warning("%s was accepted and goes on without us at %s", state.called, state.address)
            raise


def belonging_to(state: OperationState, response: Response) -> Response:
    """Let the operation travel with its receipt; returns the receipt."""
    vars(response)["txo_operation"] = state
    return response


def operation_of(response: Response) -> OperationState | None:
    """Return the operation that the answer is the receipt of; None if it is none."""
    state = vars(response).get("txo_operation")
    return state if isinstance(state, OperationState) else None
