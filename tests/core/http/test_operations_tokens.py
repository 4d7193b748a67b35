"""Handing a long-running operation over: the token, who may read it, and going on with it."""

import json
from typing import Any

import pytest
import requests

from tests.support.operations import Run, resumed
from tests.support.scripted import API, Answer
from txo_core.exceptions import ApiError, ApiTimeoutError, ConfigurationError, ValidationError
from txo_core.http.operation_state import OperationState
from txo_core.http.policy import Options
from txo_core.redaction import register_secret

RESULT: Answer = (200, {}, {"rows": 3})
DONE: Answer = (200, {}, {"status": "Succeeded"})
BEGIN = Options(wait=False)


def token_of(receipt: Answer, **call: Any) -> str:
    token = Run(receipt, options=BEGIN, **call).state.token
    assert token is not None
    return token


def test_a_token_holds_addresses_and_nothing_of_the_callers_headers_or_data() -> None:
    headers = {"Authorization": "Bearer made-up-token", "X-Api-Key": "made-up-key", "X-Company": "c1"}
    receipt: Answer = (202, {"Location": "op/1", "Retry-After": "10", "Set-Cookie": "made-up-cookie=1"})

    token = token_of(receipt, headers=headers, path="/exports?customer=made-up", json={"x": "made-up-body"})

    assert json.loads(token) == {
        "txo-operation": 1,
        "method": "POST",
        "url": f"{API}/exports",
        "kind": "location",
        "status-url": f"{API}/op/1",
        "location": f"{API}/op/1",
        "not-before": "2026-11-22T12:00:10.000+00:00",
    }
    assert OperationState.of_token(token).token == token


def test_a_user_and_password_in_an_address_do_not_get_into_the_token() -> None:
    token = token_of((202, {"Operation-Location": "/v1/op"}), path="https://user:made-up-pass@api.example.com/v1/x")

    assert "made-up-pass" not in token


@pytest.mark.parametrize("query", ["token=made-up-operation", "id=made-up-registered-secret"])
def test_an_address_that_holds_a_credential_has_no_token(query: str) -> None:
    register_secret("made-up-registered-secret")
    run = Run((202, {"Location": f"/v1/op?{query}"}), options=BEGIN)

    assert run.state.token is None
    assert Run((202, {"Location": f"/v1/op?{query}"}), 404).failure.resume_token is None


MALFORMED = [
    "http://[broken",
    "https://api.example.com:port/op",
    "ftp://api.example.com/op",
    "https://*/op",
]


@pytest.mark.parametrize("url", [*MALFORMED, f"{API}/{'x' * 20000}"])
def test_an_address_at_which_nobody_can_go_on_has_no_token(url: str) -> None:
    assert Run((202, {"Location": url}), options=BEGIN).state.token is None


@pytest.mark.parametrize("name", ["Location", "Operation-Location"])
@pytest.mark.parametrize("url", MALFORMED)
def test_the_error_of_such_an_address_promises_nothing(name: str, url: str) -> None:
    error = Run((202, {name: url}), *[requests.exceptions.InvalidURL("malformed")] * 3).error

    assert error is not None
    assert getattr(error, "resume_token", None) is None
    assert "resume" not in str(error)


@pytest.mark.parametrize(
    ("method", "receipt", "answers", "calls"),
    [
        ("POST", (202, {"Location": "op"}), [(202, {}), RESULT], ["GET /op"] * 2),
        ("POST", (202, {"Operation-Location": "op", "Location": "/v1/r"}), [DONE, RESULT], ["GET /op", "GET /r"]),
        ("PUT", (202, {"Azure-AsyncOperation": "op"}), [DONE, RESULT], ["GET /op", "GET /exports?a=1"]),
        (
            "PUT",
            (201, {}, {"properties": {"provisioningState": "Creating"}}),
            [(200, {}, {"properties": {"provisioningState": "Busy"}}), RESULT],
            ["GET /exports?a=1"] * 2,
        ),
        ("PATCH", (200, {}, {"status": "Running"}), [RESULT], ["GET /exports?a=1"]),
        ("DELETE", (202, {"Location": "op"}), [404, 404], ["GET /op", "GET /exports?a=1"]),
    ],
)
def test_each_kind_of_operation_goes_on_elsewhere(
    method: str, receipt: Answer, answers: list[Answer], calls: list[str]
) -> None:
    token = token_of(receipt, method=method, path="/exports?a=1")

    run = resumed(token, *answers)

    assert run.network.calls == calls
    assert run.result == ({} if method == "DELETE" else {"rows": 3})


def test_the_error_of_a_long_wait_is_gone_on_from() -> None:
    gave_up = Run((202, {"Location": "op"}), *[(202, {})] * 12).failure

    run = resumed(gave_up.resume_token, (202, {}), RESULT)

    assert run.result == {"rows": 3}
    assert run.time.slept == [5.0]


def test_the_error_of_a_poll_that_failed_is_gone_on_from() -> None:
    lost = Run((202, {"Operation-Location": "op"}), DONE, *[500] * 3, method="PUT").failure

    assert resumed(lost.resume_token, DONE, RESULT).network.calls == ["GET /op", "GET /exports"]


def test_who_resumes_waits_as_long_as_the_server_had_asked() -> None:
    token = token_of((202, {"Location": "op", "Retry-After": "20"}))

    assert resumed(token, RESULT).time.slept == [20.0]


def test_who_resumes_far_too_early_is_told_so_without_a_poll() -> None:
    token = token_of((202, {"Location": "op", "Retry-After": "3600"}))

    run = resumed(token)

    assert isinstance(run.error, ApiTimeoutError)
    assert (run.error.retry_after, run.error.retryable, run.error.resume_token) == (3600.0, True, token)
    assert run.network.calls == []


def test_a_resumed_operation_that_fails_says_what_it_was() -> None:
    token = token_of((202, {"Location": "op"}))
    failed = resumed(token, (200, {}, {"status": "Failed", "error": {"code": "DiskFull", "message": "No space"}}))

    assert str(failed.error).startswith(f"POST {API}/exports was accepted, but then failed: DiskFull")
    assert isinstance(failed.error, ApiError)


def test_who_resumes_gives_headers_of_his_own() -> None:
    run = resumed(token_of((202, {"Location": "op"})), (202, {}), RESULT, headers={"X-Company": "c1"})

    assert [request.headers["X-Company"] for request in run.network.requests] == ["c1", "c1"]


def test_a_token_never_leads_from_https_to_http() -> None:
    token = token_of((202, {"Location": "op"})).replace('"status-url":"https:', '"status-url":"http:')

    assert isinstance(resumed(token, RESULT).error, ConfigurationError)


GOOD = {"txo-operation": 1, "method": "POST", "url": f"{API}/x", "kind": "location", "status-url": f"{API}/op"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "made-up",
        "null",
        "[]",
        "{}",
        "[" * 9000,
        None,
        7,
        b"{}",
        json.dumps(GOOD | {"txo-operation": 2}),
        json.dumps(GOOD | {"method": "TRACE"}),
        json.dumps(GOOD | {"kind": "magic"}),
        json.dumps(GOOD | {"status-url": "/relative"}),
        json.dumps(GOOD | {"status-url": "file:///etc/passwd"}),
        json.dumps(GOOD | {"status-url": f"{API}/[REDACTED]"}),
        json.dumps(GOOD | {"status-url": ["x"]}),
        json.dumps(GOOD | {"location": "javascript:1"}),
        json.dumps(GOOD | {"not-before": "soon"}),
        json.dumps(GOOD | {"headers": {"Authorization": "made-up"}}),
        json.dumps(GOOD | {"location": f"{API}/{'x' * 20000}"}),
        json.dumps({name: value for name, value in GOOD.items() if name != "status-url"}),
    ],
)
def test_what_is_no_token_is_refused_with_help_and_without_its_text(token: object) -> None:
    with pytest.raises(ValidationError) as refused:
        OperationState.of_token(token)

    assert "is not readable" in refused.value.what_went_wrong
    assert API not in str(refused.value)


def test_the_good_token_of_these_tests_is_good() -> None:
    assert OperationState.of_token(json.dumps(GOOD)).address == f"{API}/op"
