"""What a run asked of APIs: counted where it is sent, for each run apart, whatever the threads."""

import contextvars
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared
from txo_core.api_factory import create_rest_api
from txo_core.concurrency import parallel_map
from txo_core.config import TxoConfig
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.limiter import RateLimiter
from txo_core.http.policy import compose
from txo_core.http.retry import Retry
from txo_core.oauth import ClientCredentials
from txo_core.orchestration import flow
from txo_core.tally import Calls, calls_so_far, counting, note_sent


def counted(*script: Answer, calls: int = 1, rate: float | None = None) -> Calls:
    """Return what was counted of calls that got these answers."""
    time = FakeTime()
    retry = Retry(backoff=2.0, sleep=time.sleep, clock=time.clock, random=lambda low, high: 1.0)
    limiter = [RateLimiter(rate, pace=1.0, sleep=time.sleep, clock=time.clock)] if rate else []
    send = compose([retry, *limiter, ExchangeLog(time.clock)], ScriptedTransport(*script))
    with counting() as tally:
        for _ in range(calls):
            send(prepared())
        return tally.calls()


def test_a_call_that_went_well_is_one() -> None:
    assert counted(200) == Calls(sent=1, repeated=0, throttled=0.0)


def test_a_repeat_is_a_call_too_and_its_backoff_is_no_throttling() -> None:
    assert counted(503, 200) == Calls(sent=2, repeated=1, throttled=0.0)


def test_the_wait_that_a_server_asks_for_is_throttling() -> None:
    assert counted((429, {"Retry-After": "7"}), 503, 200) == Calls(sent=3, repeated=2, throttled=7.0)


def test_the_wait_for_a_slot_is_throttling() -> None:
    found = counted(200, 200, 200, calls=3, rate=10)

    assert (found.sent, found.repeated) == (3, 0)
    assert found.throttled == pytest.approx(0.2)


def test_a_connection_that_broke_counts_as_sent() -> None:
    assert counted(ConnectionResetError(), 200).sent == 2


def test_runs_side_by_side_count_their_own() -> None:
    """Two flow runs in one process, at the same time."""
    found: dict[int, Calls] = {}

    def run(number: int) -> None:
        with counting() as tally:
            for _ in range(number):
                note_sent()
            found[number] = tally.calls()

    threads = [Thread(target=run, args=(number,)) for number in (3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number: calls.sent for number, calls in found.items()} == {3: 3, 5: 5}
    assert calls_so_far() is None


def test_a_run_inside_of_another_counts_for_both() -> None:
    with counting() as outer:
        note_sent()
        with counting() as inner:
            note_sent()

    assert (outer.calls().sent, inner.calls().sent) == (2, 1)


def test_no_count_of_many_threads_is_lost() -> None:
    def work() -> None:
        for _ in range(2_000):
            note_sent()

    with counting() as tally, ThreadPoolExecutor(8) as pool:
        for context in [contextvars.copy_context() for _ in range(16)]:
            pool.submit(context.run, work)
    assert tally.calls().sent == 32_000


def test_items_side_by_side_count_for_the_run_that_they_belong_to() -> None:
    with counting() as tally:
        parallel_map(lambda _: note_sent(), range(50), max_workers=5)

    assert tally.calls().sent == 50


def test_the_function_of_a_flow_counts_for_itself() -> None:
    seen: list[Calls | None] = []

    @flow(name="counts")
    def counts(org_id: str, env_type: str) -> None:
        note_sent()
        seen.append(calls_so_far())

    counts.fn("txo", "prod")
    counts.fn("txo", "prod")

    assert seen == [Calls(sent=1), Calls(sent=1)]
    assert calls_so_far() is None


def test_what_is_counted_is_what_a_server_has_seen(sandbox: Sandbox) -> None:
    """Sign-in and repeats included."""
    config = TxoConfig("txo", "test", {"global": {"api-base-url": sandbox.api_url}, "script-behavior": {
        "api-timeouts": {"backoff-factor": 0.01}}})  # fmt: skip
    sandbox.faults([{"match": {"path": "/api/v1/customers/C0002"}, "fault": "status=503", "times": 2}])

    with counting() as tally:
        tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET)
        with create_rest_api(config, tokens=tokens) as api:
            for number in (1, 2, 3):
                api.get(f"customers/C000{number}")

    assert tally.calls().sent == sandbox.stats()["total"] == 6
    assert tally.calls().repeated == 2
