import threading
from collections import Counter
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests import exceptions as network

from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared, response_of
from txo_core.exceptions import ApiAuthenticationError, CircuitOpenError
from txo_core.http.breaker import CircuitBreaker
from txo_core.http.failures import DeadlinePassed
from txo_core.http.policy import Send, compose

FAULT: Answer = (500, {"Content-Type": "text/xml"}, "<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>")


class Line:
    """A breaker before a scripted network."""

    def __init__(self, *script: Answer, threshold: int = 3) -> None:
        self.time = FakeTime()
        self.network = ScriptedTransport(*script)
        self.breaker = CircuitBreaker(threshold, 60.0, clock=self.time.clock)
        self.send: Send = compose([self.breaker], self.network)

    def call(self, path: str = "/customers") -> Any:
        """Return the status, the error's name, or `open`."""
        try:
            return self.send(prepared(path=path)).status_code
        except CircuitOpenError:
            return "open"
        except (network.RequestException, ApiAuthenticationError) as error:
            return type(error).__name__


@pytest.mark.parametrize(
    "outage",
    [500, 502, 503, 504, network.ReadTimeout("x"), network.ConnectionError("x"), network.ChunkedEncodingError("x")],
)
def test_outages_in_a_row_open_the_circuit(outage: Answer) -> None:
    line = Line(*[outage] * 3)

    for _ in range(3):
        line.call()

    assert line.call() == "open"
    assert len(line.network.requests) == 3


@pytest.mark.parametrize("answer", [400, 401, 403, 404, 409, 412, 422, 429, 501, FAULT])
def test_a_mistake_of_ours_is_no_outage(answer: Answer) -> None:
    line = Line(*[answer] * 10)

    assert "open" not in [line.call() for _ in range(10)]


def test_a_success_in_between_starts_the_count_again() -> None:
    line = Line(503, 503, 200, 503, 503, 200)

    assert [line.call() for _ in range(6)] == [503, 503, 200, 503, 503, 200]


def test_what_did_not_leave_the_machine_says_nothing_about_the_server() -> None:
    line = Line(*[ApiAuthenticationError("no token"), network.SSLError("untrusted"), DeadlinePassed("over")] * 4)

    assert "open" not in [line.call() for _ in range(10)]


def test_the_rejection_says_when_to_come_back() -> None:
    line = Line(503, threshold=1)
    line.call()
    line.time.now += 20

    with pytest.raises(CircuitOpenError) as rejected:
        line.send(prepared(path="/customers?key=hidden"))

    assert (rejected.value.retry_after, rejected.value.retryable) == (40.0, True)
    assert str(rejected.value) == (
        "GET https://api.example.com/v1/customers was not sent: https://api.example.com has failed 1 times in a row,"
        " it is tried again in 40 s"
    )


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    line = Line(503, 200, 200, threshold=1)

    assert [line.call(), line.call()] == [503, "open"]
    line.time.now += 60
    assert [line.call(), line.call()] == [200, 200]


def test_a_probe_that_fails_opens_it_again() -> None:
    line = Line(503, 503, threshold=1)

    line.call()
    line.time.now += 60
    assert [line.call(), line.call()] == [503, "open"]


def test_a_probe_that_says_nothing_makes_room_for_the_next() -> None:
    line = Line(503, ApiAuthenticationError("no token"), 200, threshold=1)

    line.call()
    line.time.now += 60
    assert [line.call(), line.call()] == ["ApiAuthenticationError", 200]


def test_origins_do_not_share_a_circuit() -> None:
    line = Line(503, 200, threshold=1)

    assert [line.call(), line.call("https://other.example.com/x"), line.call()] == [503, 200, "open"]


def test_half_open_admits_one_of_fifty_threads() -> None:
    time, sent, release = FakeTime(), Counter[str](), threading.Event()
    breaker = CircuitBreaker(1, 60.0, clock=time.clock)
    compose([breaker], ScriptedTransport(503))(prepared())
    time.now += 60
    arrived = threading.Barrier(50)

    def slow(request: PreparedRequest) -> Response:
        sent["probe"] += 1
        release.wait(5)
        return response_of(request, 200)

    def call() -> None:
        arrived.wait()
        try:
            compose([breaker], slow)(prepared())
        except CircuitOpenError:
            sent["rejected"] += 1
            if sent["rejected"] == 49:
                release.set()

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sent == {"probe": 1, "rejected": 49}


def test_a_probe_that_never_comes_back_does_not_stick_the_circuit() -> None:
    line = Line(503, 200, threshold=1)
    line.call()
    line.time.now += 60

    def lost(request: PreparedRequest) -> Response:
        line.time.now += 60
        assert line.call() == 200
        return response_of(request, 200)

    assert compose([line.breaker], lost)(prepared()).status_code == 200
