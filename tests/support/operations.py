"""One long-running operation on a scripted network, from its submit to its end."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from requests import Response

from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared
from txo_core.exceptions import ApiError, HelpfulError
from txo_core.http.errors import ErrorMapping
from txo_core.http.json_body import JsonBody
from txo_core.http.operation_state import OperationState
from txo_core.http.operations import LongRunningOperation, operation_of
from txo_core.http.policy import Options, compose
from txo_core.http.retry import Retry

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Run:
    """What came of a call: `result`, or `error`; `network.calls` is what was sent, `time.slept` the waits."""

    def __init__(
        self,
        *script: Answer,
        method: str = "POST",
        path: str = "/exports",
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        options: Options | None = None,
        deadline: float = float("inf"),
        max_wait: float = 60.0,
    ) -> None:
        self.time = FakeTime()
        self.network = ScriptedTransport(*script)
        self.result: Any = None
        self.error: Exception | None = None
        self.response: Response | None = None
        operation = LongRunningOperation(max_wait, 5.0, sleep=self.time.sleep, clock=self.time.clock, now=self.now)
        retry = Retry(2, 1.0, jitter=(1, 1), sleep=self.time.sleep, clock=self.time.clock)
        request = prepared(method, path, json={} if json is None else json, headers=headers, options=options)
        send = compose([ErrorMapping(), operation, retry, JsonBody()], self.network)
        try:
            self.response = send(prepared_until(request, deadline))
            self.result = self.response.json() if self.response.content else {}
        except (ApiError, HelpfulError) as error:
            self.error = error

    def now(self) -> datetime:
        """Return the time of day, which goes with the clock."""
        return NOON + timedelta(seconds=self.time.now - 1000)

    @property
    def failure(self) -> ApiError:
        """The error that an API is to blame for."""
        assert isinstance(self.error, ApiError), self.error
        return self.error

    @property
    def state(self) -> OperationState:
        """The operation that was begun and not waited for."""
        state = operation_of(self.response) if self.response is not None else None
        assert state is not None
        return state


def prepared_until(request: Any, deadline: float) -> Any:
    """Return the request, whose call ends at the moment."""
    vars(request)["txo_call"].deadline = deadline
    return request


def resumed(token: object, *script: Answer, **options: Any) -> Run:
    """Go on waiting with the token, elsewhere."""
    state = OperationState.of_token(token)
    return Run(*script, method="GET", path=state.status_url, options=Options(resumes=state), **options)
