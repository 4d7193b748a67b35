import threading
import time
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from requests import PreparedRequest, Response

from deployments.sandbox.rate_limit import RateLimiter as SandboxLimit
from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared, response_of
from txo_core.clock import stopping
from txo_core.exceptions import ApiRateLimitError, ConfigurationError
from txo_core.http.limiter import RateLimiter, Throttle
from txo_core.http.policy import compose


class Line:
    """A limiter before a network that notes when each request went; without a rate, a throttle."""

    def __init__(self, *script: Answer, rate: float | None = 10.0, burst: int = 1, pace: float = 1.0) -> None:
        self.time = FakeTime()
        times: dict[str, Any] = {"clock": self.time.clock, "sleep": self.nap}
        self.limiter = RateLimiter(rate, burst, pace=pace, **times) if rate else Throttle(**times)
        self.network = ScriptedTransport(*script)
        self.went: list[float] = []
        self.meanwhile: Callable[[], None] | None = None

    def nap(self, seconds: float) -> None:
        self.time.sleep(seconds)
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()

    def call(self, path: str = "/customers", deadline: float = float("inf")) -> None:
        def noting(request: PreparedRequest) -> Response:
            self.went.append(round(self.time.now - 1000, 6))
            return self.network(request)

        compose([self.limiter], noting)(prepared(path=path, deadline=deadline))

    def calls(self, number: int) -> list[float]:
        """Call so many times; returns the seconds between them."""
        for _ in range(number):
            self.call()
        return [round(after - before, 3) for before, after in pairwise(self.went)]

    def hear(self, *answers: Answer, departed: float | None = None) -> None:
        """Let other threads get these answers now, to requests that went at that moment."""
        request = prepared()
        network = ScriptedTransport(*answers)
        for _ in answers:
            moment = self.time.now if departed is None else departed
            self.limiter._pacers.at(request.url or "").learn(network(request), moment, 120.0)


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


def test_who_already_waits_for_a_slot_waits_longer_when_another_is_told_to() -> None:
    line = Line(200, 200, rate=0.2)
    line.call()
    line.meanwhile = lambda: line.hear((429, {"Retry-After": "2"}))

    line.call()

    assert line.went == [0.0, 7.0]


def test_who_waits_is_told_at_once_when_a_pause_outlasts_its_deadline() -> None:
    line = Line(200, rate=0.2)
    line.call()
    line.meanwhile = lambda: line.hear((429, {"Retry-After": "60"}))

    with pytest.raises(ApiRateLimitError) as rejected:
        line.call(deadline=line.time.now + 20)

    assert (rejected.value.retry_after, line.time.slept) == (60.0, [5.0])


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


def test_a_429_without_retry_after_slows_all_down_and_the_old_rate_comes_back() -> None:
    line = Line(200, 200, 429, *[200] * 400)

    gaps = line.calls(400)

    assert gaps[:2] == [0.1, 0.1]
    assert gaps[2] == pytest.approx(0.1 / 0.7, abs=3e-3)
    assert gaps[2:] == sorted(gaps[2:], reverse=True)
    assert gaps[-1] == 0.1
    assert 8 < sum(gap > 0.1 for gap in gaps) / 8.8 < 12


def test_the_answers_to_one_swarm_of_requests_slow_down_once() -> None:
    line = Line(*[200] * 3)
    line.call()

    line.hear(*[429] * 10, departed=line.time.now)
    line.time.now += 0.01
    line.hear(*[429] * 10, departed=line.time.now - 0.01)

    assert line.calls(2)[-1] == pytest.approx(0.1 / 0.7, abs=3e-3)


def test_a_server_that_goes_on_refusing_is_asked_once_in_five_seconds_at_last() -> None:
    line = Line(*[429] * 40)

    gaps = line.calls(40)

    assert max(gaps) == pytest.approx(5.0, abs=0.5)


def test_pauses_that_do_not_help_slow_down_too() -> None:
    """The server names a second each time, and is asked too fast again after it."""
    line = Line(*[(429, {"Retry-After": "1"})] * 3, 200, 200)

    gaps = line.calls(5)

    assert gaps == [1.0, 1.0, 1.0, pytest.approx(0.1 / 0.7, abs=3e-3)]


def asked_each(seconds: float, line: Line, *answers: Answer) -> float:
    """Call once for each answer, none of which takes that long; returns the calls a second, pauses included."""
    began = line.time.now
    for answer in answers:
        line.network.script.append(answer)
        line.call()
        line.time.now += seconds
    return len(answers) / (line.time.now - began)


BRIEF: Answer = (503, {"Retry-After": "0.01"})
SECOND: Answer = (429, {"Retry-After": "1"})


@pytest.mark.parametrize("rate", [None, 1000.0])
def test_a_retry_after_that_is_heeded_is_a_pause_and_nothing_more(rate: float | None) -> None:
    """Also in the first second, while hardly anything is known of the pace."""
    line = Line(rate=rate)

    asked_each(0.002, line, *[200] * 100, BRIEF)

    assert asked_each(0.002, line, *[200] * 100) > 450


@pytest.mark.parametrize("rate", [None, 1000.0])
def test_a_twentieth_that_is_turned_away_for_a_moment_costs_these_moments_only(rate: float | None) -> None:
    chance, line = Random(7), Line(rate=rate)

    answers: list[Answer] = [BRIEF if chance.random() < 0.05 else 200 for _ in range(5_000)]

    assert asked_each(0.002, line, *answers) > 0.9 / (0.002 + 0.05 * 0.01)


@pytest.mark.parametrize(("answer", "share"), [(BRIEF, 0.2), (BRIEF, 0.3)])
def test_it_goes_hardly_slower_than_the_server_lets_pass_however_many_it_turns_away(
    answer: Answer, share: float
) -> None:
    """They are turned away whatever the rate: to slow down does not help, and must not go on for ever."""
    chance, line = Random(7), Line(rate=None)

    asked_each(0.01, line, *[answer if chance.random() < share else 200 for _ in range(3_000)])

    assert asked_each(0.01, line, *[answer if chance.random() < share else 200 for _ in range(500)]) > 10


@pytest.mark.parametrize("rate", [None, 100.0])
def test_who_comes_after_a_quiet_time_is_sent_at_once_although_the_pace_is_slow(rate: float | None) -> None:
    """The slots that nobody has taken meanwhile are no queue."""
    line = Line(*[429] * 8, *[200] * 3, rate=rate)
    line.calls(8)
    line.time.now += 10
    quiet = line.time.now

    line.call(deadline=quiet + 0.001)
    line.call(deadline=quiet + 5.0)
    line.call(deadline=quiet + 10.0)

    assert line.went[-3] == round(quiet - 1000, 6)


def test_after_some_time_without_refusals_there_is_no_limit_where_none_is_configured() -> None:
    line = Line(*[SECOND] * 8, rate=None)
    line.calls(8)
    assert line.limiter._pacers.at("https://api.example.com").wait() > 0.05

    for _ in range(80):
        line.network.script.append(200)
        line.call()
        line.time.now += 1.0

    assert line.limiter._pacers.at("https://api.example.com").wait() == 0.0
    line.network.script += [200] * 3
    assert line.calls(3)[-2:] == [0.0, 0.0]


def test_the_limit_of_a_server_is_found_and_used_without_a_configured_one() -> None:
    """It lets pass one each 50 ms, and counts in whole seconds; none of our threads is quite in time."""
    chance, line = Random(7), Line(rate=None)
    server = SandboxLimit(20.0, clock=line.time.clock)
    statuses: list[int] = []

    while line.time.now < 1060:
        line.network.script.append((200, {}))

        def answer(request: PreparedRequest) -> Response:
            line.time.now += 0.002 + chance.random() / 500
            verdict = server.ask("us")
            statuses.append(200 if verdict.allowed else 429)
            return response_of(request, statuses[-1], {} if verdict.allowed else {"Retry-After": "1"})

        compose([line.limiter], answer)(prepared())

    assert statuses.count(429) < 0.03 * len(statuses)
    assert statuses.count(200) / 60 > 14


def test_without_a_rate_nobody_waits() -> None:
    line = Line(*[200] * 100, rate=None)

    line.calls(100)

    assert (line.time.slept, set(line.went)) == ([], {0.0})


def test_without_a_rate_a_429_slows_all_down_all_the_same() -> None:
    """To 0.7 of two in the shortest time that is looked at, 50 ms."""
    gaps = Line(200, 429, *[200] * 3, rate=None).calls(5)

    assert gaps == [0.0, *[pytest.approx(1 / 28, abs=8e-3)] * 3]


def test_without_a_rate_it_is_forgotten_after_a_while() -> None:
    line = Line(429, *[200] * 3, rate=None)
    line.call()

    line.time.now += 600

    assert line.calls(3)[1:] == [0.0, 0.0]


def test_the_rate_at_which_a_server_complained_is_the_measure_where_none_is_set() -> None:
    line = Line(*[200] * 200, rate=None)
    for _ in range(100):
        line.call()
        line.time.now += 0.01

    line.hear(429)

    assert line.calls(3)[-1] == pytest.approx(1 / 70, abs=2e-3)


EMPTY = {"RateLimit": '"default";r=0;t=30', "RateLimit-Policy": '"default";q=100;w=60'}
EACH_SECOND = {"RateLimit": '"default";r=0;t=1', "RateLimit-Policy": '"default";q=10;w=1'}


def test_a_quota_used_up_pauses_until_its_reset() -> None:
    assert Line((200, EMPTY), 200, 200).calls(3) == [30.0, 0.1]


def test_the_rest_of_a_quota_is_made_to_last() -> None:
    headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "20"}

    assert Line((200, headers), *[200] * 8).calls(9) == [4.0] * 5 + [0.1] * 3


def test_headers_never_make_it_faster() -> None:
    plenty = {"RateLimit": '"default";r=100000;t=1', "RateLimit-Policy": '"default";q=100000;w=1'}

    assert Line(*[(200, plenty)] * 4).calls(4) == [0.1, 0.1, 0.1]


def test_an_even_limit_that_says_nothing_is_left_after_each_request_costs_no_rate() -> None:
    """It means the next tenth of a second, and says one second, since it counts in whole ones."""
    assert Line(*[(200, EACH_SECOND)] * 20, rate=9.0).calls(20) == [0.111] * 19


def test_such_a_limit_that_tells_no_policy_costs_one_second_once() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}

    assert Line(*[(200, headers)] * 20).calls(20) == [1.0] + [0.1] * 18


def test_such_a_limit_below_our_own_rate_is_kept() -> None:
    assert Line(*[(200, EACH_SECOND)] * 20, rate=50.0).calls(20) == [0.1] * 19


def test_a_quota_that_was_used_up_by_others_in_the_meantime_pauses_again() -> None:
    assert Line((200, EMPTY), (200, EMPTY), 200).calls(3) == [30.0, 30.0]


def test_headers_alone_refuse_no_call() -> None:
    """They may be wrong: after the longest pause that we would wait for, the server is asked."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3600"}

    assert Line((200, headers), 200, 200).calls(3) == [120.0, 0.1]


def test_a_quota_used_up_of_which_nobody_says_when_it_ends_slows_down() -> None:
    headers = {"x-ms-ratelimit-remaining-subscription-reads": "0"}

    assert Line((200, headers), 200, 200).calls(3)[-1] == pytest.approx(0.1 / 0.7, abs=3e-3)


@pytest.mark.parametrize("value", ["", "soon", "-1", "1e9", "NaN", '"', '"a";r=;t=', ";;;,,,", "r=0", "9" * 400])
def test_headers_that_nobody_understands_do_nothing(value: str) -> None:
    names = ("RateLimit", "RateLimit-Policy", "RateLimit-Remaining", "X-RateLimit-Remaining", "X-RateLimit-Reset")

    assert Line((200, dict.fromkeys(names, value)), 200, 200).calls(3) == [0.1, 0.1]


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (float("inf"), 1), (10, 0)])
def test_what_is_no_limit_is_an_error(rate: float, burst: int) -> None:
    with pytest.raises(ConfigurationError, match="no limit that can be kept"):
        RateLimiter(rate, burst)


def test_who_has_slept_long_enough_goes_even_if_the_clock_is_behind() -> None:
    slept: list[float] = []
    limiter = RateLimiter(10.0, pace=1.0, clock=lambda: 50.0, sleep=slept.append)

    for _ in range(3):
        compose([limiter], ScriptedTransport(200))(prepared())

    assert slept == pytest.approx([0.1, 0.2])


def test_the_clock_on_the_wall_may_be_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = RateLimiter(200.0)
    request = prepared()
    for moment in (2_000_000_000.0, 1_000_000_000.0, 0.0):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        assert compose([limiter], ScriptedTransport(200))(request).status_code == 200


def test_ctrl_c_wakes_who_waits_for_a_slot() -> None:
    limiter, ended = RateLimiter(0.001), list[type[BaseException]]()

    def work() -> None:
        try:
            compose([limiter], ScriptedTransport(200))(prepared())
        except KeyboardInterrupt:
            ended.append(KeyboardInterrupt)

    work()
    thread = threading.Thread(target=work)
    thread.start()
    stopping.set()
    thread.join()
    stopping.clear()

    assert ended == [KeyboardInterrupt]


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
