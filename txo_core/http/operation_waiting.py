"""Waiting for a long-running operation: when to ask, whom, and what the answers lead to."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from requests import PreparedRequest, Response

from txo_core.clock import Clock, Sleep, monotonic, sleep, utc_now
from txo_core.exceptions import ApiError, HelpfulError
from txo_core.http.failures import NETWORK_ERRORS
from txo_core.http.operation_errors import error_of_poll, failed, no_status, not_before, poll_failed, refused, too_long
from txo_core.http.operation_poll import cookies_of, poll_of
from txo_core.http.operation_rules import FAILED, SUCCESS, moved, result_url, tells_nothing, word_of
from txo_core.http.operation_state import Kind, OperationState
from txo_core.http.origins import refuse_downgrade
from txo_core.http.policy import Send, call_of
from txo_core.http.retry_after import retry_after

SHORTEST_WAIT = 0.1
LAST_LOOK = 1.0
GONE = (404, 410)


@dataclass(frozen=True)
class Patience:
    """How often to ask, and for how long.

    Between two polls it waits as long as Retry-After says, else `poll_interval` seconds, and `max_wait` seconds in all,
    or as long as the caller gives the whole call. Where Retry-After leads beyond them it gives up at once: to ask
    earlier is forbidden, to ask later is too late. Else the last poll comes up to a second before the end, so that its
    answer is heard. `total_timeout` is in seconds for one poll and its repeats.
    """

    max_wait: float = 300.0
    poll_interval: float = 5.0
    idempotency_header: str = "Idempotency-Key"
    total_timeout: float = 300.0
    sleep: Sleep = sleep
    clock: Clock = monotonic
    now: Callable[[], datetime] = utc_now


class Waiting:
    """One operation while it is waited for: where it stands, the last answer, and when the patience ends."""

    def __init__(
        self,
        patience: Patience,
        request: PreparedRequest,
        send: Send,
        state: OperationState,
        response: Response | None = None,
    ) -> None:
        self.patience, self.request, self.send, self.state, self.response = patience, request, send, state, response
        self.poll = request
        self.cookies = cookies_of(request, response)
        self.options = call_of(request).options
        self.seconds = patience.max_wait
        if self.options.total_timeout:
            self.seconds = max(0.0, min(self.seconds, call_of(request).deadline - patience.clock()))
        self.until = patience.clock() + self.seconds

    def to_its_end(self) -> Response:
        """Return the answer that holds the result."""
        while True:
            self._wait()
            response = self._ask(self.state.status_url, self.until)
            if self._ended(response):
                return self._result(response)

    def _wait(self) -> None:
        asked, left = self._asked(), self.until - self.patience.clock()
        if asked:
            if asked >= left:
                self._give_up(asked)
            self.patience.sleep(max(asked, min(SHORTEST_WAIT, self.patience.poll_interval)))
        elif self.response is not None:
            spare = min(LAST_LOOK, self.seconds / 4)
            if left <= spare + 0.001:
                self._give_up()
            self.patience.sleep(min(self.patience.poll_interval, left - spare))

    def _asked(self) -> float | None:
        """Return for how long the server does not want to be asked, as it says or as the token of another process."""
        if self.response is not None:
            return retry_after(self.response)
        moment = self.state.not_before
        return max(0.0, (moment - self.patience.now()).total_seconds()) if moment else None

    def _ended(self, response: Response) -> bool:
        """Note how it stands; True if it has ended well. Raises its own error if it has failed, or nobody can tell."""
        state = moved(self.state, response)
        self.state = state.asked_again_at(not_before(response, self.patience.now()))
        self.response = response
        if tells_nothing(state, response):
            raise no_status(self.request, self.state, response)
        word = word_of(state, response)
        if word in FAILED:
            raise failed(self.request, state, response, word)
        return word == SUCCESS

    def _result(self, response: Response) -> Response:
        """Return the answer that holds the result: another one than the last, if that says so."""
        url = result_url(self.state, response)
        if url is not None:
            return self._ask(url, self.patience.clock() + self.patience.total_timeout, is_result=True)
        if self.options.sink is not None and response.status_code == 200:
            self.options.sink.begin()(response.content)
        return response

    def _ask(self, url: str, until: float, is_result: bool = False) -> Response:
        """Return what is at the URL; raises what its failure means for the operation."""
        answer = self._read(url, until, is_result)
        if not is_result and isinstance(answer, Response) and answer.status_code in GONE and self._is_deleted(url):
            answer.status_code = 204
            vars(answer).update(_content=b"")
            return answer
        if isinstance(answer, Response) and answer.status_code < 300:
            return answer
        if not isinstance(answer, Response) and self.patience.clock() >= self.until and not is_result:
            self._give_up()
        raise poll_failed(self.request, self.state, error_of_poll(answer, self.poll))

    def _is_deleted(self, url: str) -> bool:
        """Tell whether what was to be deleted is no longer there: its status page may have gone with it."""
        if self.state.method != "DELETE" or url == self.state.url:
            return self.state.method == "DELETE"
        answer = self._read(self.state.url, self.until)
        return isinstance(answer, Response) and answer.status_code in GONE

    def _read(self, url: str, until: float, is_result: bool = False) -> Response | Exception:
        """Return the answer to one poll, or what kept it from coming."""
        try:
            self.poll = self._poll(url, until, is_result)
            answer = self.send(self.poll)
        except HelpfulError as error:
            not_trusted = error
        except (*NETWORK_ERRORS, ApiError) as error:
            return error
        else:
            self.cookies.update(answer.cookies)
            return answer
        raise refused(self.state, not_trusted)

    def _poll(self, url: str, until: float, is_result: bool) -> PreparedRequest:
        refuse_downgrade(self.state.url, url)
        call, patience = call_of(self.request), self.patience
        expects_json = self.options.expects_json or (self.state.kind is Kind.STATUS_PAGE and not is_result)
        deadline = min(until, patience.clock() + patience.total_timeout)
        follow_up = call.follow_up(deadline, expects_json, self.options.sink if is_result else None)
        return poll_of(self.request, follow_up, url, self.cookies, patience.idempotency_header)

    def _give_up(self, asked_for: float | None = None) -> NoReturn:
        raise too_long(self.request, self.state, self.seconds, asked_for, self.response)
