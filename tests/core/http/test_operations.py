from typing import Any

import pytest
from requests import ReadTimeout

from tests.support.scripted import API, Answer, FakeTime, ScriptedTransport, prepared
from txo_core.exceptions import ApiError, ApiOperationError, ApiTimeoutError, ConfigurationError, EntityNotFoundError
from txo_core.http.errors import ErrorMapping
from txo_core.http.operations import LongRunningOperation
from txo_core.http.policy import compose
from txo_core.http.retry import Retry

STARTED: Answer = (202, {"Location": "/v1/operations/1"})
RESULT: Answer = (200, {}, {"rows": 3})


class Run:
    """One operation from its submit on."""

    def __init__(self, *script: Answer, method: str = "POST", headers: dict[str, str] | None = None) -> None:
        self.time = FakeTime()
        self.network = ScriptedTransport(*script)
        operation = LongRunningOperation(60.0, 5.0, sleep=self.time.sleep, clock=self.time.clock)
        retry = Retry(2, 1.0, jitter=(1, 1), sleep=self.time.sleep, clock=self.time.clock)
        self.result: Any = None
        self.error: Exception | None = None
        try:
            send = compose([ErrorMapping(), operation, retry], self.network)
            self.result = send(prepared(method, "/exports", json={}, headers=headers)).json()
        except (ApiError, ConfigurationError) as error:
            self.error = error


def test_the_result_comes_where_a_receipt_was_handed_out() -> None:
    run = Run(STARTED, (202, {}), RESULT)

    assert run.result == {"rows": 3}
    assert run.network.calls == ["POST /exports", "GET /operations/1", "GET /operations/1"]
    assert run.time.slept == [5.0, 5.0]


@pytest.mark.parametrize("name", ["Location", "Operation-Location", "Azure-AsyncOperation"])
@pytest.mark.parametrize("url", ["/v1/operations/1", f"{API}/operations/1", "operations/1"])
def test_each_header_and_form_of_address_is_followed(name: str, url: str) -> None:
    assert Run((202, {name: url}), RESULT).network.calls == ["POST /exports", "GET /operations/1"]


def test_the_server_says_when_to_ask_again() -> None:
    run = Run(
        (202, {"Location": "x", "Retry-After": "1.5"}),
        (202, {"Retry-After": "0"}),
        (202, {"Retry-After": "soon"}),
        RESULT,
    )

    assert run.time.slept == [1.5, 5.0, 5.0]


def test_an_address_may_change_on_the_way() -> None:
    assert Run(STARTED, (202, {"Location": "/v1/operations/2"}), RESULT).network.calls[-1] == "GET /operations/2"


def test_the_callers_headers_go_with_each_poll_without_those_of_the_body() -> None:
    run = Run(STARTED, RESULT, headers={"X-Company": "c1", "If-Match": '"1"', "Idempotency-Key": "k"})

    assert dict(run.network.requests[1].headers) == {"X-Company": "c1"}
    assert run.network.requests[1].body is None


@pytest.mark.parametrize("word", ["Running", "inProgress", "NOTSTARTED", "in_progress"])
def test_a_status_in_the_body_says_that_it_goes_on(word: str) -> None:
    run = Run(STARTED, (200, {}, {"status": word}), RESULT)

    assert run.result == {"rows": 3}


def test_a_status_page_counts_unknown_words_as_going_on() -> None:
    run = Run(
        (202, {"Operation-Location": "op"}), (200, {}, {"status": "Reticulating"}), (200, {}, {"status": "Succeeded"})
    )

    assert run.result == {"status": "Succeeded"}


def test_a_result_may_have_a_status_of_its_own() -> None:
    assert Run(STARTED, (200, {}, {"no": "O1", "status": "Released"})).result == {"no": "O1", "status": "Released"}


@pytest.mark.parametrize("word", ["Failed", "canceled", "CANCELLED"])
def test_a_failed_operation_raises_its_own_code_and_message(word: str) -> None:
    body = {"status": word, "error": {"code": "DiskFull", "message": "No space"}}
    run = Run(STARTED, (200, {"x-ms-request-id": "r-1"}, body))

    assert isinstance(run.error, ApiOperationError)
    assert (run.error.code, run.error.request_id) == ("DiskFull", "r-1")
    assert str(run.error).endswith(f"was accepted, but then {word.lower()}: DiskFull: No space")


def test_a_failed_operation_without_a_reason_is_an_error_as_well() -> None:
    error = Run(STARTED, (200, {}, {"properties": {"provisioningState": "Failed"}})).error

    assert isinstance(error, ApiOperationError)
    assert error.code == "failed"


@pytest.mark.parametrize(
    ("method", "first", "status", "read"),
    [
        ("POST", {"Operation-Location": "op"}, {"resourceLocation": "/v1/things/1"}, "GET /things/1"),
        ("POST", {"Operation-Location": "op", "Location": "/v1/things/2"}, {}, "GET /things/2"),
        ("PUT", {"Azure-AsyncOperation": "op", "Location": "/v1/things/3"}, {}, "GET /exports"),
        ("PATCH", {"Azure-AsyncOperation": "op"}, {}, "GET /exports"),
    ],
)
def test_the_result_of_a_status_page_is_read_where_it_lies(
    method: str, first: dict[str, str], status: dict[str, str], read: str
) -> None:
    run = Run((202, first), (200, {}, {"status": "Succeeded", **status}), RESULT, method=method)

    assert run.result == {"rows": 3}
    assert run.network.calls == [f"{method} /exports", "GET /op", read]


def test_the_longest_wait_holds_against_the_server() -> None:
    run = Run((202, {"Location": "op", "Retry-After": "3600"}))

    assert isinstance(run.error, ApiTimeoutError)
    assert run.error.code == "operation-timeout"
    assert "it goes on at https://api.example.com/v1/op" in str(run.error)
    assert run.time.slept == []


def test_an_operation_that_never_ends_is_given_up() -> None:
    run = Run(STARTED, *[(202, {})] * 12)

    assert isinstance(run.error, ApiTimeoutError)
    assert sum(run.time.slept) == 60.0


def test_a_poll_that_the_end_of_the_time_cuts_off_is_told_as_an_operation_that_lasts_too_long() -> None:
    run = Run(STARTED, *[(202, {})] * 11, ReadTimeout("read timed out"))

    assert isinstance(run.error, ApiTimeoutError)
    assert run.error.code == "operation-timeout"
    assert "goes on at" in str(run.error)


def test_a_receipt_without_an_address_is_an_error_that_helps() -> None:
    error = Run(202).error

    assert isinstance(error, ApiOperationError)
    assert "none of the headers Location, Operation-Location and Azure-AsyncOperation is there" in str(error)


def test_a_failed_poll_is_repeated_and_the_submit_never_is() -> None:
    assert Run(STARTED, 503, RESULT).network.calls == ["POST /exports", "GET /operations/1", "GET /operations/1"]

    gone = Run(STARTED, 404)
    assert isinstance(gone.error, EntityNotFoundError)
    assert "GET https://api.example.com/v1/operations/1 answered 404" in str(gone.error)
    assert gone.network.calls == ["POST /exports", "GET /operations/1"]


def test_a_poll_that_is_no_json_is_the_result() -> None:
    network = ScriptedTransport(STARTED, (200, {"Content-Type": "text/csv"}, "a;b"))
    operation = LongRunningOperation(sleep=FakeTime().sleep)

    assert compose([operation], network)(prepared("POST")).text == "a;b"


def test_who_polls_himself_is_answered_with_the_end() -> None:
    assert Run((202, {}), RESULT, method="GET").network.calls == ["GET /exports", "GET /exports"]


def test_a_step_down_to_http_is_refused() -> None:
    assert isinstance(Run((202, {"Location": "http://api.example.com/op"})).error, ConfigurationError)
