import pickle
import time
from typing import Any

import pytest
from requests import exceptions as network

from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared
from txo_core.exceptions import (
    ApiAuthenticationError,
    ApiError,
    ApiOperationError,
    ApiRateLimitError,
    ApiTimeoutError,
    EntityNotFoundError,
)
from txo_core.http.errors import ErrorMapping
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.policy import Policy, compose
from txo_core.http.retry import Retry
from txo_core.redaction import register_secret


def error_after(*script: Answer, method: str = "GET", path: str = "/customers?key=hidden") -> ApiError:
    policies: list[Policy] = [ErrorMapping(), Retry(3, sleep=FakeTime().sleep), ExchangeLog(lambda: 0.0)]
    with pytest.raises(ApiError) as caught:
        compose(policies, ScriptedTransport(*script))(prepared(method, path))
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ApiOperationError),
        (401, ApiAuthenticationError),
        (403, ApiAuthenticationError),
        (404, EntityNotFoundError),
        (409, ApiOperationError),
        (410, EntityNotFoundError),
        (412, ApiOperationError),
        (422, ApiOperationError),
        (501, ApiOperationError),
        (300, ApiOperationError),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = error_after(status)

    assert type(error) is kind
    assert (error.status_code, error.attempts, error.retryable) == (status, 1, False)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(408, ApiTimeoutError), (429, ApiRateLimitError), (503, ApiOperationError), (504, ApiTimeoutError)],
)
def test_what_passes_by_itself_is_retryable(status: int, kind: type[ApiError]) -> None:
    error = error_after(*[status] * 4)

    assert type(error) is kind
    assert (error.attempts, error.retryable) == (4, True)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "NotFound", "message": "No such row"}}, "NotFound", "No such row"),
        ({"error": {"code": "X", "message": {"lang": "en", "value": "Old style"}}}, "X", "Old style"),
        ({"odata.error": {"code": "Y", "message": {"value": "Older"}}}, "Y", "Older"),
        (
            {"type": "https://e.com/stock", "title": "Out of stock", "detail": "3 left"},
            "https://e.com/stock",
            "Out of stock: 3 left",
        ),
        ({"type": "about:blank", "title": "Bad"}, None, "Bad"),
        ({"error": "invalid_request", "error_description": "No scope"}, "invalid_request", "No scope"),
        ({"message": "Nope"}, None, "Nope"),
        ({"errors": ["a", "b"]}, None, '["a", "b"]'),
        ([{"errorCode": "Z", "message": "First"}], "Z", "First"),
        (
            "<html><head><title>502 Bad Gateway</title></head><body><h1>Oops</h1></body></html>",
            None,
            "502 Bad Gateway: Oops",
        ),
        ("plain words", None, "plain words"),
        ([], None, None),
    ],
)
def test_the_server_says_what_is_wrong(body: Any, code: str | None, message: str | None) -> None:
    error = error_after((400, {"x-ms-request-id": "r-1"}, body))

    assert error.code == code
    assert error.request_id == "r-1"
    assert (message or "answered 400") in error.message


def test_a_message_names_what_was_called_and_what_came_back() -> None:
    error = error_after((404, {}, {"error": {"code": "NotFound", "message": "No customer C0001"}}))

    assert error.message == ("GET https://api.example.com/v1/customers answered 404: NotFound: No customer C0001")


def test_no_secret_and_no_query_reaches_a_message() -> None:
    register_secret("made-up-token-123")
    error = error_after(
        (400, {}, {"message": "see https://api.example.com/v1/x?sig=hidden, you sent made-up-token-123"})
    )

    assert "hidden" not in str(error)
    assert "made-up-token-123" not in str(error)
    assert "https://api.example.com/v1/x" in str(error)


def test_a_network_error_leaves_no_trace_that_holds_the_request() -> None:
    error = error_after(*[network.ReadTimeout("url?key=hidden")] * 4)

    assert (error.__cause__, error.__context__) == (None, None)
    assert error.message == (
        "GET https://api.example.com/v1/customers failed: https://api.example.com did not answer in time (4 attempts)"
    )
    assert isinstance(error, ApiTimeoutError)


def test_a_write_without_an_answer_says_that_it_may_have_been_done() -> None:
    error = error_after(network.ReadTimeout("late"), method="POST")

    assert "the server may have done it all the same, so it was not sent again" in error.message
    assert not error.retryable


def test_retry_after_over_the_cap_is_carried_by_the_error() -> None:
    error = error_after((429, {"Retry-After": "3600"}))

    assert (error.retry_after, error.retryable, error.attempts) == (3600.0, True, 1)


def test_the_attempts_are_told_with_their_waits() -> None:
    error = error_after((429, {"Retry-After": "7"}), 400)

    assert error.details == (
        "GET https://api.example.com/v1/customers: 429 in 0.00 s",
        "after a wait of 7.0 s: GET https://api.example.com/v1/customers: 400 in 0.00 s",
    )


def test_an_error_pickles() -> None:
    error = error_after((429, {"Retry-After": "3600", "request-id": "r-2"}))

    copied = pickle.loads(pickle.dumps(error))

    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))


def test_a_soap_fault_passes() -> None:
    fault = (500, {"Content-Type": "application/soap+xml"}, "<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>")

    assert compose([ErrorMapping()], ScriptedTransport(fault))(prepared("POST")).status_code == 500


def test_not_modified_is_an_answer() -> None:
    asked = prepared(headers={"If-None-Match": '"1"'})

    assert compose([ErrorMapping()], ScriptedTransport(304))(asked).status_code == 304


def test_not_modified_is_an_error_for_who_has_not_asked() -> None:
    assert error_after(304).status_code == 304


@pytest.mark.parametrize("text", ["<" * 65536, "<title>" * 9000, "<h1" * 20000, "<title>a</h1>" * 5000])
def test_a_page_of_any_kind_is_read_in_no_time(text: str) -> None:
    """Bounded patterns: a server's error page does not hold all threads."""
    start = time.process_time()
    error_after((400, {"Content-Type": "text/html"}, text))

    assert time.process_time() - start < 2


def test_what_a_server_echoes_is_masked_wherever_it_stands() -> None:
    register_secret("made-up-token-456")
    headers = {"x-request-id": "made-up-token-456", "Content-Type": "text/made-up-token-456"}
    error = error_after((400, headers, {"message": "made-up-\x01token-456"}), path="/a/made-up-token-456")

    assert "token-456" not in str(error) + str(vars(error))
