"""Sending again what may go well another time, and does no harm twice. The only retry there is."""

import logging
import random as _random
from collections.abc import Callable
from dataclasses import dataclass, field

from requests import PreparedRequest, Response
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.http.failures import NETWORK_ERRORS, failure_of, may_help, repeatable
from txo_core.http.policy import Send, call_of
from txo_core.http.retry_after import retry_after
from txo_core.http.retry_budget import RetryBudget
from txo_core.tally import note_repeat

logger = logging.getLogger("txo_core.http")

Uniform = Callable[[float, float], float]
LONGEST_BACKOFF = 60.0


@dataclass(frozen=True)
class Retry:
    """Repeats a request up to `max_retries` times, so that at most `max_retries + 1` are sent.

    Waits `backoff`, twice that, four times that... seconds (60 at most), times a random factor between the two of
    `jitter`. A Retry-After goes first: never earlier than told; where it exceeds `retry_after_cap` seconds, or the
    wait would end after the call's deadline, the last outcome is returned at once.

    A request that the server may have acted on is repeated only where `repeatable` says that this does no harm. Where
    the `budget` is used up, nothing is repeated; nor is a guess (`Options.guess`).
    """

    max_retries: int = 3
    backoff: float = 2.0
    jitter: tuple[float, float] = (0.5, 1.5)
    retry_after_cap: float = 120.0
    sleep: Sleep = sleep
    clock: Clock = monotonic
    random: Uniform = _random.uniform
    budget: RetryBudget = field(default_factory=RetryBudget)

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Return the first answer that a repeat would not better, or the last one."""
        if call_of(request).options.guess:
            return send(request)
        for done in range(self.max_retries):
            try:
                response = send(request)
            except NETWORK_ERRORS as error:
                if not self._worth_repeating(error, request) or not self.wait(done, None, request):
                    raise
            else:
                if response.status_code < 400:
                    self.budget.succeeded(after=done)
                    return response
                if not may_help(response, request) or not self.wait(done, retry_after(response), request):
                    return response
        response = send(request)
        if response.status_code < 400:
            self.budget.succeeded(after=self.max_retries)
        return response

    def _worth_repeating(self, error: Exception, request: PreparedRequest) -> bool:
        failure = failure_of(error, request.url)
        return failure.transient and (not failure.sent or repeatable(request))

    def wait(self, done: int, asked: float | None, request: PreparedRequest) -> bool:
        """Wait before the next attempt; False, without waiting, if there is to be none."""
        seconds = asked or self._backoff(done)
        call = call_of(request)
        if seconds > self.retry_after_cap or self.clock() + seconds >= call.deadline or not rewound(request):
            return False
        if not self.budget.take():
            return False
        if call.history:
            last = call.history[-1]
            again = (last.method, last.address, last.outcome, seconds, done + 1, self.max_retries)
            logger.info("%s %s: %s, trying again in %.1f s (%d of %d)", *again)
        self.sleep(seconds)
        call.waited += seconds
        note_repeat(throttled=asked or 0.0)
        return True

    def _backoff(self, done: int) -> float:
        return min(self.backoff * float(2**done), LONGEST_BACKOFF) * self.random(*self.jitter)


def rewound(request: PreparedRequest) -> bool:
    """Set the body back to its beginning; False if it can be read only once."""
    body = request.body
    if body is None or isinstance(body, bytes | str):
        return True
    try:
        rewind_body(request)
    except (UnrewindableBodyError, AttributeError, TypeError):
        return False
    return True
