"""Waiting for long-running operations: when is asked, with what, and what is told of one that does not end."""

import pickle

import pytest
import requests
from requests import ConnectTimeout

from tests.support.operations import Run
from tests.support.scripted import API, Answer, ScriptedTransport, prepared
from txo_core.exceptions import (
    ApiAuthenticationError,
    ApiError,
    ApiOperationError,
    ApiRateLimitError,
    ApiTimeoutError,
    CircuitOpenError,
    ConfigurationError,
)
from txo_core.http.operations import LongRunningOperation
from txo_core.http.policy import Options, compose

STARTED: Answer = (202, {"Location": "/v1/operations/1"})
MONITORED: Answer = (202, {"Operation-Location": "/v1/operations/1"})
RESULT: Answer = (200, {}, {"rows": 3})
DONE: Answer = (200, {}, {"status": "Succeeded"})


def test_the_result_comes_where_a_receipt_was_handed_out() -> None:
    run = Run(STARTED, (202, {}), RESULT)

    assert run.result == {"rows": 3}
    assert run.network.calls == ["POST /exports", "GET /operations/1", "GET /operations/1"]
    assert run.time.slept == [5.0, 5.0]


@pytest.mark.parametrize("name", ["Location", "Operation-Location", "Azure-AsyncOperation", "LOCATION"])
@pytest.mark.parametrize("url", ["/v1/operations/1", f"{API}/operations/1", "operations/1", "../v1/operations/1"])
def test_each_header_and_form_of_address_is_followed(name: str, url: str) -> None:
    assert Run((202, {name: url}), RESULT).network.calls == ["POST /exports", "GET /operations/1"]


def test_the_server_says_when_to_ask_again() -> None:
    run = Run(
        (202, {"Location": "x", "Retry-After": "1.5"}),
        (202, {"Retry-After": "0"}),
        (202, {"Retry-After": "soon"}),
        (202, {"Retry-After": "-5"}),
        (202, {"Retry-After": "Sun, 22 Nov 2026 12:00:00 GMT", "Date": "Sun, 22 Nov 2026 11:59:50 GMT"}),
        (202, {"Retry-After": "Sun, 22 Nov 2026 12:00:00 GMT", "Date": "Sun, 22 Nov 2026 12:00:50 GMT"}),
        (202, {"retry-after-ms": "1"}),
        RESULT,
    )

    assert run.time.slept == [1.5, 5.0, 5.0, 5.0, 10.0, 5.0, 0.1]


@pytest.mark.parametrize("header", ["Location", "Operation-Location"])
def test_an_address_may_change_on_the_way_and_is_then_seen_from_the_page_that_named_it(header: str) -> None:
    run = Run((202, {header: "/v1/operations/1"}), (202, {header: "2?x=1"}), RESULT)

    assert run.network.calls[1:] == ["GET /operations/1", "GET /operations/2?x=1"]


def test_the_callers_headers_go_with_each_poll_without_those_of_the_first_request_alone() -> None:
    once = {
        "If-Match": '"1"',
        "Idempotency-Key": "k",
        "Prefer": "respond-async",
        "X-HTTP-Method-Override": "MERGE",
        "Repeatability-Request-ID": "r",
        "Content-MD5": "m",
    }
    run = Run(MONITORED, (200, {}, {"status": "Running"}), DONE, headers={"X-Company": "c1", **once})

    assert [dict(request.headers) for request in run.network.requests[1:]] == [{"X-Company": "c1"}] * 2
    assert [request.body for request in run.network.requests[1:]] == [None, None]


def test_a_key_of_the_caller_stays_with_the_origin_that_he_called() -> None:
    run = Run(
        (202, {"Location": "https://jobs.example.com/1"}), DONE, headers={"X-Company": "c1", "X-Api-Key": "made-up"}
    )

    assert dict(run.network.requests[1].headers) == {"X-Company": "c1"}


def test_an_idempotency_header_of_another_name_is_not_sent_with_a_poll() -> None:
    network = ScriptedTransport(STARTED, RESULT)
    operation = LongRunningOperation(idempotency_header="X-Once", sleep=lambda seconds: None)

    compose([operation], network)(prepared("POST", headers={"x-once": "k", "X-Company": "c1"}))

    assert dict(network.requests[1].headers) == {"X-Company": "c1"}


def test_a_cookie_of_the_callers_own_stays_with_its_server() -> None:
    run = Run(
        (202, {"Location": "https://other.example.com/op"}), (202, {"Location": f"{API}/op"}), RESULT,
        headers={"Cookie": "made-up=1"},
    )  # fmt: skip

    assert [request.headers.get("Cookie") for request in run.network.requests] == ["made-up=1", None, "made-up=1"]


def test_a_retry_after_beyond_the_longest_wait_ends_it_at_once_and_says_how_to_go_on() -> None:
    run = Run((202, {"Location": "op", "Retry-After": "3600"}))

    assert isinstance(run.error, ApiTimeoutError)
    assert (run.error.code, run.error.retry_after, run.error.retryable) == ("operation-timeout", 3600.0, False)
    assert "it goes on at https://api.example.com/v1/op" in str(run.error)
    assert run.error.resume_token
    assert (run.time.slept, run.network.calls) == ([], ["POST /exports"])


def test_an_operation_that_never_ends_is_given_up_after_a_last_look() -> None:
    run = Run(STARTED, *[(202, {})] * 12)

    assert isinstance(run.error, ApiTimeoutError)
    assert run.time.slept == [5.0] * 11 + [4.0]
    assert "has not ended within 60 s" in str(run.error)


@pytest.mark.parametrize(("max_wait", "slept"), [(3.0, [2.25]), (0.4, [0.3]), (5.0, [4.0])])
def test_a_short_wait_is_asked_about_at_least_once(max_wait: float, slept: list[float]) -> None:
    run = Run(STARTED, (202, {}), max_wait=max_wait)

    assert isinstance(run.error, ApiTimeoutError)
    assert run.time.slept == slept


def test_a_time_for_the_whole_call_ends_the_waiting_as_well() -> None:
    run = Run(STARTED, *[(202, {})] * 3, options=Options(total_timeout=12.0), deadline=1012.0)

    assert isinstance(run.error, ApiTimeoutError)
    assert sum(run.time.slept) == 11.0
    assert "within 12 s" in str(run.error)


def test_a_poll_that_the_end_of_the_time_cuts_off_is_told_as_an_operation_that_lasts_too_long() -> None:
    network = ScriptedTransport(STARTED, requests.ReadTimeout("read timed out"))
    moments = iter([0.0, 0.0, 0.0])
    operation = LongRunningOperation(60, 5, sleep=lambda seconds: None, clock=lambda: next(moments, 60.0))

    with pytest.raises(ApiTimeoutError) as gave_up:
        compose([operation], network)(prepared("POST"))

    assert gave_up.value.code == "operation-timeout"


def test_a_receipt_without_an_address_is_an_error_that_helps() -> None:
    error = Run(202).failure

    assert isinstance(error, ApiOperationError)
    assert (error.status_code, error.code, error.resume_token) == (202, "no-status-url", None)
    assert "none of the headers Location, Operation-Location and Azure-AsyncOperation is there" in str(error)
    assert "long_running=False" in str(error)


def test_a_receipt_can_be_all_that_is_wanted() -> None:
    run = Run((202, {}, {"ticket": 7}), options=Options(long_running=False))

    assert (run.result, run.network.calls) == ({"ticket": 7}, ["POST /exports"])


def test_a_poll_that_stumbles_is_repeated_and_the_submit_never_is() -> None:
    run = Run(STARTED, 503, ConnectTimeout("slow"), RESULT)

    assert run.network.calls == ["POST /exports"] + ["GET /operations/1"] * 3
    assert run.result == {"rows": 3}


@pytest.mark.parametrize(
    ("answers", "kind", "code"),
    [
        ([404], ApiOperationError, None),
        ([401], ApiAuthenticationError, None),
        ([503] * 3, ApiOperationError, None),
        ([(429, {"Retry-After": "900"})], ApiRateLimitError, None),
        ([requests.ReadTimeout("read timed out")] * 3, ApiTimeoutError, "read-timeout"),
        ([CircuitOpenError("Nothing was sent", retry_after=30.0)], CircuitOpenError, None),
        ([(200, {"Content-Type": "text/html"}, "<h1>Maintenance</h1>")] * 3, ApiOperationError, "no-json"),
    ],
)
def test_a_poll_that_fails_for_good_tells_where_the_operation_goes_on(
    answers: list[Answer], kind: type[ApiError], code: str | None
) -> None:
    run = Run(MONITORED, *answers)

    assert type(run.error) is kind
    assert (run.failure.code, run.failure.retryable) == (code, False)
    assert "POST https://api.example.com/v1/exports had been accepted, it goes on at" in str(run.error)
    assert "may have done it" not in str(run.error)
    assert "https://api.example.com/v1/operations/1" in str(run.error)
    assert run.failure.resume_token
    assert run.network.calls[0] == "POST /exports"
    assert set(run.network.calls[1:]) == {"GET /operations/1"}


def test_the_error_of_a_poll_pickles_with_its_token_and_shows_no_query() -> None:
    error = Run((202, {"Operation-Location": f"{API}/op?api-version=1&sig=made-up-signature"}), 404).failure

    copied = pickle.loads(pickle.dumps(error))

    assert copied.resume_token == error.resume_token
    assert "made-up-signature" in str(error.resume_token)
    assert "made-up-signature" not in f"{error} {error!r} {error.details}"


def test_a_repeatable_call_stays_repeatable_after_a_poll_that_failed() -> None:
    assert Run(MONITORED, *[503] * 3, method="PUT").failure.retryable
    assert not Run(MONITORED, *[503] * 3, method="PATCH").failure.retryable


def test_a_result_that_cannot_be_read_is_told_as_well() -> None:
    run = Run(MONITORED, DONE, 500, 500, 500, method="PUT")

    assert "GET https://api.example.com/v1/exports answered 500" in str(run.error)
    assert run.failure.resume_token
    assert run.network.calls == ["PUT /exports", "GET /operations/1"] + ["GET /exports"] * 3


def test_the_answers_of_an_operation_that_is_no_json_may_be_its_result() -> None:
    network = ScriptedTransport(STARTED, (200, {"Content-Type": "text/csv"}, "a;b"))
    operation = LongRunningOperation(sleep=lambda seconds: None)

    assert compose([operation], network)(prepared("POST")).text == "a;b"


def test_ctrl_c_passes_and_tells_that_the_operation_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    network = ScriptedTransport((202, {"Location": "/v1/op?sig=made-up"}), KeyboardInterrupt())
    operation = LongRunningOperation(sleep=lambda seconds: None)

    with pytest.raises(KeyboardInterrupt):
        compose([operation], network)(prepared("POST"))

    assert "goes on without us at https://api.example.com/v1/op" in caplog.text
    assert "made-up" not in caplog.text


def test_a_step_down_to_http_is_refused_and_says_what_was_accepted() -> None:
    run = Run((202, {"Location": "http://api.example.com/op"}))

    assert isinstance(run.error, ConfigurationError)
    assert "not encrypted" in run.error.what_went_wrong
    assert "POST https://api.example.com/v1/exports was accepted before" in run.error.what_went_wrong
    assert run.network.calls == ["POST /exports"]


@pytest.mark.parametrize("url", ["http://[broken", "https://api.example.com:port/op"])
def test_a_malformed_address_is_an_error_of_ours(url: str) -> None:
    run = Run((202, {"Location": url}))

    assert isinstance(run.error, ApiError | ConfigurationError)
    assert run.network.calls[1:] in ([], [f"GET {url}"])
