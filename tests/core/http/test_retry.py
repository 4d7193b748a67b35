import io
from contextlib import suppress
from typing import Any

import pytest
import requests
import urllib3
from requests import PreparedRequest
from requests import exceptions as network

from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared
from txo_core.http.policy import Options, compose
from txo_core.http.retry import Retry

POOL: Any = urllib3.HTTPConnectionPool("api.example.com")
REFUSED = network.ConnectionError(
    urllib3.exceptions.MaxRetryError(POOL, "/", urllib3.exceptions.NewConnectionError(POOL, "refused"))
)
RESET = network.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError()))
TRUNCATED = network.ChunkedEncodingError("short")
TOO_LATE = network.ReadTimeout("late")
UNTRUSTED = network.SSLError("certificate verify failed")
MALFORMED = network.InvalidURL("no host")


def sent(*script: Answer, request: PreparedRequest | None = None, **settings: Any) -> tuple[int, list[float]]:
    """Return how many requests were sent, and the waits between them."""
    time = FakeTime()
    transport = ScriptedTransport(*script)
    settings = {"random": lambda low, high: 1.0} | settings
    retry = Retry(sleep=time.sleep, clock=time.clock, **settings)
    with suppress(requests.RequestException):
        compose([retry], transport)(request or prepared())
    return len(transport.requests), time.slept


def test_a_permanent_failure_is_sent_max_retries_times_more() -> None:
    assert sent(503, 503, 503, 503) == (4, [2.0, 4.0, 8.0])


def test_no_retries_still_means_one_request() -> None:
    assert sent(503, max_retries=0) == (1, [])


def test_the_backoff_ends_at_a_minute() -> None:
    assert sent(*[503] * 8, max_retries=7)[1][-2:] == [60.0, 60.0]


def test_jitter_multiplies_our_own_waits() -> None:
    assert sent(503, 200, random=lambda low, high: high, jitter=(0.5, 1.5)) == (2, [3.0])


def test_the_server_decides_how_long_to_wait() -> None:
    """Retry-After comes before our own backoff, and no jitter makes it earlier."""
    assert sent((429, {"Retry-After": "7"}), 200, random=lambda low, high: low) == (2, [7.0])


def test_retry_after_zero_does_not_make_a_busy_loop() -> None:
    assert sent((503, {"Retry-After": "0"}), 200) == (2, [2.0])


def test_a_wait_over_the_cap_is_not_waited_for() -> None:
    assert sent((429, {"Retry-After": "3600"})) == (1, [])


def test_the_deadline_is_checked_before_sleeping() -> None:
    assert sent(503, 503, request=prepared(deadline=1005.0)) == (2, [2.0])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 522, 524, 529])
def test_statuses_that_pass_are_repeated_for_reads(status: int) -> None:
    assert sent(status, 200)[0] == 2


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 409, 412, 422, 501])
def test_other_statuses_are_answers(status: int) -> None:
    assert sent(status) == (1, [])


@pytest.mark.parametrize("outcome", [500, 502, 503, 504, 408, RESET, TRUNCATED, TOO_LATE])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_write_that_the_server_may_have_done_is_not_repeated(method: str, outcome: Answer) -> None:
    assert sent(outcome, request=prepared(method, json={})) == (1, [])


@pytest.mark.parametrize("outcome", [429, (503, {"Retry-After": "1"}), REFUSED, network.ConnectTimeout("late")])
def test_a_write_that_the_server_did_not_see_is_repeated(outcome: Answer) -> None:
    assert sent(outcome, 201, request=prepared("POST", json={}))[0] == 2


@pytest.mark.parametrize("outcome", [503, RESET, TRUNCATED, TOO_LATE, REFUSED])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_request_that_may_be_done_twice_is_repeated(method: str, outcome: Answer) -> None:
    assert sent(outcome, 200, request=prepared(method))[0] == 2


@pytest.mark.parametrize(
    ("headers", "requests_sent"),
    [({"If-Match": '"1"'}, 2), ({"If-Match": "*"}, 1), ({"If-None-Match": "*"}, 2), ({}, 1)],
)
def test_a_precondition_makes_a_write_repeatable(headers: dict[str, str], requests_sent: int) -> None:
    assert sent(503, 200, request=prepared("PATCH", json={}, headers=headers))[0] == requests_sent


def test_the_caller_has_the_last_word() -> None:
    assert sent(503, 200, request=prepared("POST", options=Options(idempotent=True)))[0] == 2
    assert sent(503, request=prepared("GET", options=Options(idempotent=False)))[0] == 1


@pytest.mark.parametrize("permanent", [UNTRUSTED, MALFORMED])
def test_what_stays_wrong_is_not_repeated(permanent: Exception) -> None:
    assert sent(permanent) == (1, [])


def test_a_soap_fault_is_an_answer() -> None:
    fault = (500, {"Content-Type": "text/xml"}, "<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>")

    assert sent(fault) == (1, [])


def test_a_body_is_sent_again_from_its_beginning() -> None:
    request = requests.Request("PUT", "https://api.example.com/v1/file", data=io.BytesIO(b"rows")).prepare()
    bodies: list[bytes] = []

    class Reading(ScriptedTransport):
        def __call__(self, request: PreparedRequest) -> requests.Response:
            bodies.append(request.body.read())  # type: ignore[union-attr]
            return super().__call__(request)

    compose([Retry(sleep=FakeTime().sleep)], Reading(503, 200))(request)

    assert bodies == [b"rows", b"rows"]


def test_a_body_that_can_be_read_only_once_is_not_repeated() -> None:
    request = requests.Request("PUT", "https://api.example.com/v1/file", data=iter([b"rows"])).prepare()

    assert sent(503, request=request) == (1, [])


def test_a_guess_is_sent_once() -> None:
    assert sent(503, request=prepared("GET", options=Options(guess=True)))[0] == 1
