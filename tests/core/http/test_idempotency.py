"""Idempotency keys: sent where the server honours them, the same in every attempt, never the same for two writes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.support.clients import connected
from tests.support.prefect_server import PrefectServer
from tests.support.sandbox import Sandbox
from tests.support.scripted import FakeTime, ScriptedTransport, prepared
from txo_core.exceptions import ApiError, ApiOperationError, ValidationError
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.failures import NETWORK_ERRORS
from txo_core.http.idempotency import IdempotencyKeys, key_for
from txo_core.http.policy import Options, compose
from txo_core.http.retry import Retry
from txo_core.http.scopes import scope
from txo_core.rest import RestClient

ORDER = {"customerNo": "C0001", "externalId": "X-1"}
URL = "https://api.example.com/v1/orders"


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox, "Idempotency-Key") as client:
        yield client


def fault(sandbox: Sandbox, kind: str, times: int = 1, path: str = "/api/v1/orders$") -> None:
    sandbox.faults([{"match": {"path": path}, "fault": kind, "times": times}])


def posts(sandbox: Sandbox) -> int:
    return int(sandbox.stats()["requests"].get("POST /api/v1/orders", 0))


# At the server


@pytest.mark.parametrize("kind", ["reset-after", "status-after=500", "close-after", "truncate"])
def test_a_write_whose_answer_was_lost_is_repeated_and_done_once(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, kind)

    created = api.post("orders", ORDER)

    assert created["externalId"] == "X-1"
    assert posts(sandbox) == 2
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 1}


def test_without_a_key_a_write_whose_answer_was_lost_is_sent_once(sandbox: Sandbox) -> None:
    fault(sandbox, "reset-after")

    with connected(sandbox) as api, pytest.raises(ApiOperationError, match="may have done it"):
        api.post("orders", ORDER)

    assert posts(sandbox) == 1


@pytest.mark.parametrize("how", [{"idempotency_key": "X-1"}, {"headers": {"idempotency-key": "X-1"}}])
def test_a_key_of_the_script_works_without_configuration(sandbox: Sandbox, how: dict[str, Any]) -> None:
    fault(sandbox, "reset-after")

    with connected(sandbox) as api:
        assert api.post("orders", ORDER, **how)["externalId"] == "X-1"

    assert posts(sandbox) == 2


def test_the_word_of_the_script_goes_before_the_configuration(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "reset-after")

    with pytest.raises(ApiOperationError):
        api.post("orders", ORDER, idempotent=False)

    assert posts(sandbox) == 1


def test_two_writes_alike_are_two_writes(api: RestClient, sandbox: Sandbox) -> None:
    with scope("run", "item"):
        one, two = api.post("orders", ORDER), api.post("orders", ORDER)

    assert one["no"] != two["no"]


def test_a_run_that_is_repeated_does_nothing_twice(api: RestClient, sandbox: Sandbox) -> None:
    def run() -> list[str]:
        with scope("flow run 1", "make-order", {"no": 1}):
            return [api.post("orders", ORDER)["no"], api.post("orders", ORDER)["no"]]

    assert run() == run()
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 2}


def test_a_first_attempt_that_still_runs_is_waited_for(sandbox: Sandbox) -> None:
    """The first answer comes too late for the client; the server works on, and says so: 409."""
    with connected(sandbox, "Idempotency-Key", rest_timeout_seconds=0.3, backoff_factor=0.4) as api:
        fault(sandbox, "slow-work=0.9")
        created = api.post("orders", ORDER)

    assert created["externalId"] == "X-1"
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 1}
    assert sandbox.stats()["statuses"]["409"] >= 1


def test_a_key_with_another_body_is_never_repeated(api: RestClient, sandbox: Sandbox) -> None:
    api.post("orders", ORDER, idempotency_key="X-1")

    with pytest.raises(ApiError) as refused:
        api.post("orders", {**ORDER, "quantity": 2}, idempotency_key="X-1")

    assert (refused.value.status_code, refused.value.retryable, posts(sandbox)) == (422, False, 2)


def test_an_ordinary_conflict_is_not_repeated(api: RestClient, sandbox: Sandbox) -> None:
    with pytest.raises(ApiError) as refused:
        api.post("customers", {"no": "C0001"})

    assert (refused.value.status_code, refused.value.attempts, refused.value.retryable) == (409, 1, False)


@pytest.mark.parametrize(
    ("method", "arguments", "wanted"),
    [
        ("post", {}, True),
        ("patch", {}, True),
        ("patch", {"etag": 'W/"1"'}, False),
        ("patch", {"etag": "*"}, True),
        ("patch", {"headers": {"if-match": 'W/"1"'}}, False),
        ("put", {}, False),
        ("post", {"idempotent": True}, False),
        ("post", {"headers": {"If-None-Match": "*"}}, False),
    ],
)
def test_a_key_goes_where_a_repeat_would_do_harm(
    api: RestClient, sandbox: Sandbox, method: str, arguments: dict[str, Any], wanted: bool
) -> None:
    echo = getattr(api, method)(f"{sandbox.url}/echo", {"a": 1}, **arguments)

    assert ("idempotency-key" in echo["headers"]) is wanted


def test_a_read_has_no_key(api: RestClient, sandbox: Sandbox) -> None:
    assert "idempotency-key" not in api.get(f"{sandbox.url}/echo")["headers"]


def test_the_microsoft_form_says_when_it_was_first_sent(sandbox: Sandbox) -> None:
    with connected(sandbox, "Repeatability-Request-ID") as api:
        headers = api.post(f"{sandbox.url}/echo", {"a": 1})["headers"]

    assert UUID(headers["repeatability-request-id"]).version == 4
    assert headers["repeatability-first-sent"].endswith(" GMT")


@pytest.mark.parametrize("key", ["", "  ", "schlüssel", "a\nb", 7])
def test_a_key_that_is_none_is_refused_before_sending(api: RestClient, sandbox: Sandbox, key: Any) -> None:
    with pytest.raises(ValidationError, match="idempotency key"):
        api.post("orders", ORDER, idempotency_key=key)

    assert sandbox.stats()["total"] == 0


# What the key is made of


def test_a_key_is_told_again_from_where_the_call_stands() -> None:
    def keys(*names: object) -> list[str]:
        with scope(*names):
            return [key_for("POST", URL, b"{}"), key_for("POST", URL, b"{}"), key_for("POST", URL, b"[]")]

    assert keys("run 1", "task", {"no": 1, "b": 2}) == keys("run 1", "task", {"b": 2, "no": 1})
    assert len({*keys("run 1", "a"), *keys("run 1", "b"), *keys("run 1a"), *keys("run 2", "a")}) == 12


def test_method_address_and_body_tell_calls_apart() -> None:
    calls = [
        ("POST", URL, b"1"),
        ("PATCH", URL, b"1"),
        ("POST", f"{URL}2", b"1"),
        ("POST", URL, b"2"),
        ("POST", URL, None),
    ]

    def first(call: tuple[str, str, bytes | None]) -> str:
        with scope("run"):
            return key_for(*call)

    assert len({first(call) for call in calls}) == len(calls)


def test_without_a_scope_each_call_has_a_key_of_its_own() -> None:
    assert key_for("POST", URL, b"{}") != key_for("POST", URL, b"{}")


def test_a_body_that_is_read_once_has_a_key_of_its_own() -> None:
    with scope("run"):
        one = key_for("POST", URL, object())
    with scope("run"):
        assert key_for("POST", URL, object()) != one


def test_tasks_of_the_same_name_and_item_are_counted_in_their_run() -> None:
    """So that a task that is called twice on purpose writes twice, and a repeated run writes nothing anew."""

    def run() -> list[str]:
        keys = []
        with scope("run 1"):
            for item in (5, 5, 6):
                with scope("add-line", item):
                    keys.append(key_for("POST", URL, b"{}"))
        return keys

    assert run() == run()
    assert len(set(run())) == 3


def test_threads_of_a_run_never_share_a_key() -> None:
    gate = threading.Barrier(8)

    def one() -> list[str]:
        gate.wait()
        return [key_for("POST", URL, b"{}") for _ in range(50)]

    def run() -> set[str]:
        with scope("run"), ThreadPoolExecutor(8) as threads:
            futures = [threads.submit(copy_context().run, one) for _ in range(8)]
            return {key for future in futures for key in future.result()}

    assert len(run()) == 400
    assert run() == run()


def test_a_scope_of_what_has_no_plain_form_still_tells_calls_apart() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with scope("run", circle, {1: "a", "b": object()}):
        assert key_for("POST", URL, b"{}") != key_for("POST", URL, b"{}")


def test_the_moment_of_the_first_attempt_is_that_of_the_call() -> None:
    keys = IdempotencyKeys("repeatability-request-id", True, now=lambda: datetime(2026, 11, 22, 14, 30, tzinfo=UTC))
    headers: dict[str, str] = {}

    assert keys.add(headers, None, method="POST", url=URL, body=None, idempotent=None)
    assert headers["Repeatability-First-Sent"] == "Sun, 22 Nov 2026 14:30:00 GMT"


# 409


def sent(network: ScriptedTransport, keyed: bool) -> tuple[str, int]:
    time = FakeTime()
    retry = Retry(3, 1.0, jitter=(1, 1), sleep=time.sleep, clock=time.clock)
    request = prepared("POST", options=Options(idempotent=True, keyed=keyed))
    try:
        outcome = str(compose([retry, ExchangeLog()], network)(request).status_code)
    except NETWORK_ERRORS as error:
        outcome = type(error).__name__
    return outcome, len(network.requests)


def test_a_409_after_a_lost_answer_means_wait() -> None:
    assert sent(ScriptedTransport(ConnectionResetError(), 409, 409, 201), keyed=True) == ("201", 4)


def test_a_409_after_a_500_means_wait() -> None:
    assert sent(ScriptedTransport(500, 409, 201), keyed=True) == ("201", 3)


def test_a_409_after_a_refusal_is_a_conflict() -> None:
    """After a 429 nothing runs."""
    assert sent(ScriptedTransport(429, 409), keyed=True) == ("409", 2)


def test_a_409_without_a_key_is_a_conflict() -> None:
    assert sent(ScriptedTransport(ConnectionResetError(), 409), keyed=False) == ("409", 2)


def test_a_409_at_first_is_a_conflict() -> None:
    assert sent(ScriptedTransport(409), keyed=True) == ("409", 1)


# In a run of Prefect


@pytest.mark.slow
def test_a_flow_run_that_is_run_again_gives_its_writes_the_same_keys(prefect_server: PrefectServer) -> None:
    from prefect.client.orchestration import get_client
    from prefect.flow_engine import run_flow
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from txo_core.orchestration import flow, task

    keys: list[list[str]] = []

    @task
    def add_line(amount: int) -> str:
        return key_for("POST", URL, b"{}")

    @flow(name="lines")
    def lines(org_id: str, env_type: str) -> None:
        futures = add_line.map([1, 1, 2])
        keys.append([key_for("POST", URL, b"{}"), add_line(1), *sorted(future.result() for future in futures)])

    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}), get_client(sync_client=True) as client:
        run = client.create_flow_run(lines, parameters={"org_id": "txo", "env_type": "test"})
        other = client.create_flow_run(lines, parameters={"org_id": "txo", "env_type": "test"})
        for each in (run, run, other):
            run_flow(lines, flow_run=client.read_flow_run(each.id), parameters=each.parameters)

    assert len(set(keys[0])) == 5
    assert set(keys[0]) == set(keys[1])
    assert not set(keys[0]) & set(keys[2])
