import errno
import inspect
import io
import logging
import pickle
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
import requests

from tests.support.sandbox import API_KEY, Sandbox
from tests.support.scripted import FakeTime, prepared, response_of
from txo_core.exceptions import (
    ApiOperationError,
    ApiRateLimitError,
    CircuitOpenError,
    ConfigurationError,
    EntityNotFoundError,
    HelpfulError,
    ScriptError,
    ValidationError,
)
from txo_core.http.manual_retry import manual_retry

anything: Any = manual_retry
"""For what no type checker would let pass."""


class OwnError(Exception):
    """An error of a script."""


class Script:
    """A function that meets these troubles, one a call, and then succeeds; its time passes only when told."""

    def __init__(self, *troubles: BaseException) -> None:
        self.troubles = list(troubles)
        self.calls = 0
        self.time = FakeTime()

    def __call__(self) -> str:
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return "done"

    def run(self, **options: Any) -> Any:
        """Return what comes of it in the end."""
        named = {"sleep": self.time.sleep, "clock": self.time.clock, "random": lambda low, high: high, **options}
        return manual_retry(self, **named)


def http_error(status: int, headers: dict[str, str] | None = None) -> requests.HTTPError:
    return requests.HTTPError("refused", response=response_of(prepared(), status, headers))


def plain_http_error(status: int) -> HTTPError:
    return HTTPError("https://api.example.com", status, "refused", Message(), io.BytesIO())


PASSING = [
    ConnectionResetError("reset"),
    TimeoutError("late"),
    OSError(errno.ENETUNREACH, "network is unreachable"),
    URLError(ConnectionRefusedError("refused")),
    requests.ConnectionError("lost"),
    requests.ReadTimeout("late"),
    http_error(503),
    plain_http_error(502),
    ApiOperationError("down", retryable=True),
    CircuitOpenError("open", retryable=True),
]
LASTING = [
    ValidationError("wrong"),
    HelpfulError("wrong"),
    ConfigurationError("wrong"),
    ScriptError("wrong"),
    EntityNotFoundError("gone", status_code=404),
    ApiOperationError("sent", retryable=False),
    FileNotFoundError("none"),
    PermissionError("not yours"),
    OSError(errno.ENOSPC, "disk full"),
    requests.exceptions.InvalidURL("htps"),
    requests.exceptions.SSLError("untrusted"),
    http_error(404),
    plain_http_error(404),
    ValueError("a bug"),
    KeyError("a bug"),
]


@pytest.mark.parametrize("trouble", PASSING, ids=repr)
def test_what_can_pass_is_tried_again(trouble: Exception) -> None:
    script = Script(trouble)

    assert (script.run(), script.calls) == ("done", 2)


@pytest.mark.parametrize("trouble", LASTING, ids=lambda error: f"{type(error).__name__}: {error.args[:1]}")
def test_what_lasts_is_raised_at_once(trouble: Exception) -> None:
    script = Script(trouble)

    with pytest.raises(type(trouble)) as raised:
        script.run()

    assert (raised.value is trouble, script.calls, script.time.slept) == (True, 1, [])


@pytest.mark.parametrize(("retries", "calls"), [(0, 1), (1, 2), (5, 6)])
def test_the_last_error_is_raised_as_it_is(retries: int, calls: int) -> None:
    """`max_retries` counts the repeats, as in the configuration; none is a number like any other."""
    script = Script(*[ConnectionError(str(number)) for number in range(10)])

    with pytest.raises(ConnectionError, match=f"^{calls - 1}$"):
        script.run(max_retries=retries)

    assert script.calls == calls


def test_the_waits_grow_to_a_minute() -> None:
    script = Script(*[TimeoutError()] * 8)

    script.run(max_retries=8, backoff=3, total_timeout=1000)

    assert script.time.slept == [3, 6, 12, 24, 48, 60, 60, 60]


def test_the_waits_are_random_from_zero_up() -> None:
    """So that those who failed together do not come back together."""
    script, asked = Script(*[TimeoutError()] * 2), list[tuple[float, float]]()

    def random(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.5

    script.run(random=random)

    assert (asked, script.time.slept) == ([(0.0, 2.0), (0.0, 4.0)], [0.5, 0.5])


@pytest.mark.parametrize(
    "trouble", [ApiRateLimitError("full", retry_after=7, retryable=True), http_error(429, {"Retry-After": "7"})]
)
def test_nobody_comes_earlier_than_the_server_says(trouble: Exception) -> None:
    script = Script(trouble)

    script.run(random=lambda low, high: low)

    assert script.time.slept == [7]


def test_a_server_that_asks_for_too_much_is_not_waited_for() -> None:
    script = Script(ApiRateLimitError("full", retry_after=121, retryable=True))

    with pytest.raises(ApiRateLimitError) as raised:
        script.run()

    assert (raised.value.retry_after, script.time.slept) == (121, [])


def test_no_wait_goes_beyond_the_time_for_all() -> None:
    script = Script(*[TimeoutError()] * 9)

    with pytest.raises(TimeoutError):
        script.run(max_retries=9, backoff=4, total_timeout=30)

    assert script.time.slept == [4, 8, 16]


def test_an_error_of_ones_own_is_repeated_where_it_is_named() -> None:
    assert Script(OwnError()).run(on=OwnError) == "done"
    assert Script(OwnError(), KeyError("x")).run(on=(OwnError, KeyError)) == "done"
    with pytest.raises(OwnError):
        Script(OwnError()).run()


def test_what_a_person_has_to_put_right_is_never_repeated() -> None:
    """Even if all errors are named."""
    script = Script(ValidationError("wrong"))

    with pytest.raises(ValidationError):
        script.run(on=Exception)

    assert script.calls == 1


def test_ctrl_c_is_no_error_to_repeat() -> None:
    script = Script(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        script.run(on=Exception)

    assert script.calls == 1


def test_each_repeat_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "txo_core.http")

    @manual_retry(max_retries=2, sleep=lambda seconds: None, random=lambda low, high: high)
    def risky_operation() -> None:
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError):
        risky_operation()

    assert caplog.messages == [
        "risky_operation: ConnectionError: lost, trying again in 2.0 s (1 of 2)",
        "risky_operation: ConnectionError: lost, trying again in 4.0 s (2 of 2)",
    ]


def test_a_decorated_function_keeps_its_name_its_signature_and_its_docstring() -> None:
    @manual_retry
    def fetch(number: str, *, deep: bool = False) -> str:
        """Return it."""
        return f"{number} {deep}"

    assert (fetch.__name__, fetch.__doc__, str(inspect.signature(fetch))) == (
        "fetch",
        "Return it.",
        "(number: str, *, deep: bool = False) -> str",
    )
    assert fetch("C0001", deep=True) == "C0001 True"


def test_methods_are_decorated_like_functions() -> None:
    class Store:
        tried = 0

        @manual_retry(max_retries=1, sleep=lambda seconds: None)
        def read(self, key: str) -> str:
            self.tried += 1
            if self.tried == 1:
                raise TimeoutError
            return f"{key} after {self.tried}"

        @staticmethod
        @manual_retry
        def double(number: int) -> int:
            return 2 * number

        @classmethod
        @manual_retry
        def name(cls) -> str:
            return cls.__name__

    assert (Store().read("a"), Store.double(4), Store.name()) == ("a after 2", 8, "Store")


def test_as_a_call_it_gives_the_result() -> None:
    def add(one: int, two: int = 0) -> int:
        return one + two

    assert manual_retry(add, 1, two=2) == 3
    assert manual_retry(add, 1, max_retries=2, two=5) == 6
    assert anything(lambda: 7) == 7
    assert manual_retry(Script().run, max_retries=0) == "done"


def test_the_decorator_can_be_used_by_many_calls() -> None:
    """Each call has its own count and its own time."""
    script = Script(TimeoutError(), TimeoutError())

    @manual_retry(max_retries=1, sleep=lambda seconds: None)
    def call() -> str:
        return script()

    with pytest.raises(TimeoutError):
        call()
    assert call() == "done"


async def coroutine() -> None:
    """Return nothing."""


def generator() -> Iterator[int]:
    yield 1


class LazyObject:
    """Called, it gives a generator."""

    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    "use",
    [
        lambda: anything(max_retries=-1),
        lambda: anything(max_retries=1.5),
        lambda: anything(max_retries=True),
        lambda: anything(backoff="3"),
        lambda: anything(backoff=float("nan")),
        lambda: anything(total_timeout=float("inf")),
        lambda: anything(on=KeyboardInterrupt),
        lambda: anything(on=ValidationError),
        lambda: anything(on=("OwnError",)),
        lambda: anything(retries=3),
        lambda: anything(5),
        lambda: anything(None),
        lambda: anything(coroutine),
        lambda: anything(generator),
        lambda: anything(LazyObject()),
        lambda: anything(max_retries=2)(generator),
        lambda: anything(staticmethod(len)),
        lambda: anything(classmethod(anything)),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(use: Callable[[], Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        use()

    assert refused.value.how_to_fix
    assert refused.value.example
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_on_a_real_server_it_repeats_what_passes_and_no_more(sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"path": "customers"}, "fault": "status=503;retry-after=0", "times": 2}])
    slept = list[float]()

    @manual_retry(max_retries=5, backoff=3.0, sleep=slept.append)
    def fetch(number: str) -> Any:
        url = f"{sandbox.api_url}/customers('{number}')"
        response = requests.get(url, headers={"X-Api-Key": API_KEY}, timeout=5)
        response.raise_for_status()
        return response.json()

    assert fetch("C0001")["no"] == "C0001"
    assert (sandbox.stats()["total"], len(slept)) == (3, 2)
    sandbox.clear_stats()
    with pytest.raises(requests.HTTPError):
        fetch("gone")
    assert sandbox.stats()["total"] == 1
