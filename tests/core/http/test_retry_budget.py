"""Retries are a budget of the whole client."""

import logging

import pytest

from tests.support.scripted import FakeTime, ScriptedTransport, prepared
from txo_core.http.policy import compose
from txo_core.http.retry import Retry
from txo_core.http.retry_budget import RetryBudget


def test_retries_in_vain_use_it_up() -> None:
    budget = RetryBudget(size=3, clock=FakeTime().clock)

    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]


def test_what_succeeds_in_the_end_gives_its_retries_back() -> None:
    budget = RetryBudget(size=3, clock=FakeTime().clock)
    for _ in range(50):
        assert budget.take()
        assert budget.take()
        budget.succeeded(after=2)

    assert [budget.take() for _ in range(4)] == [True, True, True, False]


def test_about_ten_successes_and_some_seconds_each_give_one_back() -> None:
    time = FakeTime()
    budget = RetryBudget(size=1, per_second=0.5, clock=time.clock)
    assert budget.take()
    for _ in range(11):
        budget.succeeded()
    assert budget.take()
    assert not budget.take()

    time.sleep(2.0)

    assert budget.take()


def test_without_a_budget_a_call_is_sent_once_and_ends_as_it_is() -> None:
    time = FakeTime()
    budget = RetryBudget(size=4, clock=time.clock)
    retry = Retry(max_retries=3, backoff=0.001, sleep=time.sleep, clock=time.clock, budget=budget)
    network = ScriptedTransport(*[503] * 9)
    send = compose([retry], network)

    assert [send(prepared()).status_code for _ in range(3)] == [503, 503, 503]
    assert len(network.requests) == 4 + 2 + 1


def test_its_end_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    budget = RetryBudget(size=1, clock=FakeTime().clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            budget.take()

    assert [record.levelname for record in caplog.records] == ["WARNING"]
