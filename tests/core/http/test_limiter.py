import threading
import time

import pytest
from requests import PreparedRequest, Response

from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared, response_of
from txo_core.exceptions import ApiRateLimitError
from txo_core.http.limiter import RateLimiter
from txo_core.http.policy import compose


class Line:
    """A limiter before a network that notes when each request went."""

    def __init__(self, *script: Answer, rate: float = 10.0, burst: int = 1, pace: float = 1.0) -> None:
        self.time = FakeTime()
        self.limiter = RateLimiter(rate, burst, pace=pace, clock=self.time.clock, sleep=self.time.sleep)
        self.network = ScriptedTransport(*script)
        self.went: list[float] = []

    def call(self, path: str = "/customers", deadline: float = float("inf")) -> None:
        def noting(request: PreparedRequest) -> Response:
            self.went.append(round(self.time.now - 1000, 6))
            return self.network(request)

        compose([self.limiter], noting)(prepared(path=path, deadline=deadline))


def test_requests_go_evenly_from_the_second_on() -> None:
    line = Line(*[200] * 4)

    for _ in range(4):
        line.call()

    assert line.went == [0.0, 0.1, 0.2, 0.3]


def test_the_pace_stays_a_little_under_the_rate() -> None:
    line = Line(200, 200, rate=10.0, pace=0.97)

    line.call()
    line.call()

    assert line.went[1] == pytest.approx(1 / 9.7, abs=1e-5)


def test_a_pause_earns_no_more_than_the_burst() -> None:
    line = Line(*[200] * 6, burst=3)

    line.time.now += 100
    for _ in range(6):
        line.call()

    assert [round(moment - 100, 6) for moment in line.went] == [0.0, 0.0, 0.0, 0.1, 0.2, 0.3]


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_pauses_everybody(status: int) -> None:
    line = Line((status, {"Retry-After": "7"}), 200, 200)

    for _ in range(3):
        line.call()

    assert line.went == [0.0, 7.0, 7.1]


def test_a_503_without_retry_after_is_no_order_to_pause() -> None:
    line = Line(503, 200)

    line.call()
    line.call()

    assert line.went == [0.0, 0.1]


def test_a_slot_that_a_pause_comes_over_is_void() -> None:
    """A thread that sleeps towards its slot when another gets a 429 goes on waiting."""
    line = Line((429, {"Retry-After": "5"}), 200)
    line.call()
    sleep = line.time.sleep

    def sleep_while_another_is_told_to_wait(seconds: float) -> None:
        sleep(seconds)
        line.limiter._sleep = sleep
        line.limiter._pacers["https://api.example.com:443"].pause(2.0)

    line.limiter._sleep = sleep_while_another_is_told_to_wait
    line.call()

    assert line.went == [0.0, 7.0]


def test_origins_have_paces_of_their_own() -> None:
    line = Line(200, 200)

    line.call()
    line.call("https://other.example.com/x")

    assert line.went == [0.0, 0.0]


def test_who_would_come_too_late_is_told_at_once() -> None:
    line = Line((429, {"Retry-After": "30"}))
    line.call()

    with pytest.raises(ApiRateLimitError) as rejected:
        line.call(deadline=line.time.now + 20)

    assert (rejected.value.retry_after, rejected.value.retryable, line.time.slept) == (30.0, True, [])


def test_a_pause_over_the_cap_is_not_waited_for() -> None:
    line = Line((429, {"Retry-After": "3600"}))
    line.call()

    with pytest.raises(ApiRateLimitError, match="the next one in 3600 s"):
        line.call()


def test_threads_share_one_pace() -> None:
    """At the real clock: eight threads, fifty a second."""
    limiter, went, lock = RateLimiter(50.0), list[float](), threading.Lock()

    def noting(request: PreparedRequest) -> Response:
        with lock:
            went.append(time.monotonic())
        return response_of(request, 200)

    def work() -> None:
        for _ in range(6):
            compose([limiter], noting)(prepared())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    taken = max(went) - min(went)
    assert 47 / 50 / 0.97 - 0.01 <= taken <= 1.5
