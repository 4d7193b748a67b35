"""One task for many items, under a real server: every item gets its outcome, none stops the others."""

import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prefect import State
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.support.prefect_server import PrefectServer
from txo_core.config import TxoConfig
from txo_core.config_loader import load_config
from txo_core.exceptions import (
    ApiOperationError,
    CircuitOpenError,
    ConfigurationError,
    EntityNotFoundError,
    ValidationError,
)
from txo_core.fan_out import run_batches, run_each
from txo_core.orchestration import MAX_THREADS, flow, task
from txo_core.redaction import register_secret
from txo_core.results import ItemResult, ProcessingResults, created, skipped

pytestmark = pytest.mark.slow

SECRET = "sesame-opens-the-mountain"


@task(task_run_name="handle-{item}")
def handle(item: Any, config: TxoConfig) -> Any:
    """Do as the item says."""
    match item:
        case "gone":
            return skipped("it is gone")
        case "new":
            return created({"id": 1})
        case "refused":
            raise ApiOperationError(f"POST /x answered 400 to {SECRET}", status_code=400)
        case "bug":
            raise KeyError("missing")
        case "unprepared":
            raise ConfigurationError("The key is missing", "Add it", '{"key": 1}')
        case _:
            return {"item": item, "org": config.org_id}


@pytest.fixture(autouse=True)
def on_the_server(prefect_server: PrefectServer) -> Iterator[None]:
    """Run the flows of these tests on the session's server."""
    register_secret(SECRET)
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield


def run(items: Any, key: Any = str, with_task: Any = handle) -> State[Any]:
    """Run the items in a flow of their own and return its state."""

    @flow(name="fan-out")
    def fan_out(org_id: str, env_type: str) -> ProcessingResults:
        return run_each(with_task, load_config(org_id, env_type), items, key=key)

    state: State[Any] = fan_out("demo", "test", return_state=True)
    return state


def results(state: State[Any]) -> ProcessingResults:
    value = state.result(raise_on_failure=False)
    assert isinstance(value, ProcessingResults)
    return value


def test_each_item_has_its_outcome_and_reason_in_order(own_root: Path) -> None:
    state = run(["a", "gone", "new", "refused", "bug", "unprepared", "z"])

    assert results(state).records == [
        ItemResult("a", "ok", "", {"item": "a", "org": "demo"}),
        ItemResult("gone", "skipped", "it is gone"),
        ItemResult("new", "created", "", {"id": 1}),
        ItemResult("refused", "failed", "POST /x answered 400 to [REDACTED]"),
        ItemResult("bug", "failed", "KeyError: 'missing'"),
        ItemResult("unprepared", "failed", "The key is missing"),
        ItemResult("z", "ok", "", {"item": "z", "org": "demo"}),
    ]
    assert (state.type, state.message) == ("FAILED", "3 ok, 1 skipped, 3 failed")


def test_the_states_on_the_server_say_the_same(prefect_server: PrefectServer) -> None:
    state = run(["a", "gone", "refused"])

    flow_run = str(state.state_details.flow_run_id)
    states = prefect_server.settled_task_states(flow_run, 3)
    assert states == {"handle-a": "Completed", "handle-gone": "Skipped", "handle-refused": "Failed"}


def test_no_item_is_a_success() -> None:
    state = run([])

    assert (state.type, results(state).summary()) == ("COMPLETED", "0 ok")


def test_items_may_come_from_a_generator_and_be_of_any_kind() -> None:
    items: list[Any] = [{"no": 1}, [1, 2], ("a", "b"), "text", 4711, None]

    state = run((item for item in items), key=repr)

    assert [record.value["item"] for record in results(state).records] == items


def test_a_mapping_or_a_text_is_one_configuration_for_all_and_not_one_for_each() -> None:
    state = run(["a", "b"])

    assert {record.value["org"] for record in results(state).records} == {"demo"}


def test_two_items_of_one_key_are_refused_before_anything_runs(prefect_server: PrefectServer) -> None:
    state = run(["a", "b", "a"])

    error = state.result(raise_on_failure=False)
    assert isinstance(error, ValidationError)
    assert "'a'" in error.what_went_wrong
    assert prefect_server.settled_task_states(str(state.state_details.flow_run_id), 0) == {}


def test_keys_are_text_whatever_they_were() -> None:
    state = run([{"id": 4711}, {"id": 4712}], key=lambda item: item["id"])

    assert results(state).success == ["4711", "4712"]


@task
def lonely(item: Any) -> None:
    """Take no configuration."""


BAD_CALLS: list[tuple[str, Any, Any, str]] = [
    ("an item without a key", handle, lambda item: None, "Item 1 has no key"),
    ("a key function that fails", handle, lambda item: item["no"], "The key of item 1 cannot be told"),
    ("a plain function", print, str, "which is no task"),
    ("a task without configuration", lonely, str, "cannot be called with an item"),
]


@pytest.mark.parametrize(
    ("with_task", "key", "said"), [row[1:] for row in BAD_CALLS], ids=[row[0] for row in BAD_CALLS]
)
def test_a_wrong_call_is_explained_before_anything_runs(with_task: Any, key: Any, said: str) -> None:
    error = run(["a"], key=key, with_task=with_task).result(raise_on_failure=False)

    assert isinstance(error, ValidationError)
    assert said in error.what_went_wrong


def test_an_item_that_ends_the_program_is_one_failed_item() -> None:
    @task
    def leave(item: int, config: Any) -> int:
        return sys.exit(0) if item == 1 else item

    state = run(range(3), with_task=leave)

    assert results(state).summary() == "2 ok, 1 failed"


def test_no_more_threads_work_than_we_allow() -> None:
    together = Together()

    @task
    def count(item: int, config: Mapping[str, Any]) -> int:
        with together:
            return item

    state = run(range(60), with_task=count)

    assert results(state).success == [str(number) for number in range(60)]
    assert together.most <= MAX_THREADS


class Together:
    """Counts how many are inside at once, at most."""

    def __init__(self) -> None:
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.now -= 1


def test_an_error_of_the_whole_run_is_its_state_and_leaves_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    @flow(name="whole")
    def whole(org_id: str, env_type: str) -> ProcessingResults:
        raise EntityNotFoundError(f"GET /list answered 404 to {SECRET}", status_code=404)

    with caplog.at_level(logging.DEBUG):
        state: State[Any] = whole("demo", "test", return_state=True)

    assert (state.type, state.message) == ("FAILED", "GET /list answered 404 to [REDACTED]")
    assert SECRET not in caplog.text
    with pytest.raises(EntityNotFoundError):
        state.result()


# Batches


def run_in_batches(items: Any, with_task: Any = handle, **options: Any) -> State[Any]:
    @flow(name="in-batches")
    def in_batches(org_id: str, env_type: str) -> ProcessingResults:
        return run_batches(with_task, load_config(org_id, env_type), items, **options)

    state: State[Any] = in_batches("demo", "test", return_state=True)
    return state


def test_each_item_of_a_batch_has_its_outcome_and_reason_in_order() -> None:
    state = run_in_batches(["a", "gone", "new", "refused", "bug", "unprepared", "z"], batch_size=3)

    assert results(state).records == [
        ItemResult("a", "ok", "", {"item": "a", "org": "demo"}),
        ItemResult("gone", "skipped", "it is gone"),
        ItemResult("new", "created", "", {"id": 1}),
        ItemResult("refused", "failed", "POST /x answered 400 to [REDACTED]"),
        ItemResult("bug", "failed", "KeyError: 'missing'"),
        ItemResult("unprepared", "failed", "The key is missing"),
        ItemResult("z", "ok", "", {"item": "z", "org": "demo"}),
    ]
    assert (state.type, state.message) == ("FAILED", "3 ok, 1 skipped, 3 failed")


def test_a_batch_is_one_task_run_whose_state_says_what_came_of_it(prefect_server: PrefectServer) -> None:
    state = run_in_batches(["a", "b", "gone", "refused", "z"], batch_size=2)

    states = prefect_server.settled_task_states(str(state.state_details.flow_run_id), 3)
    assert states == {"handle 1-2 of 5": "Completed", "handle 3-4 of 5": "Failed", "handle 5-5 of 5": "Completed"}


def test_when_the_api_is_down_nothing_more_is_begun() -> None:
    asked: list[int] = []

    @task
    def call(item: int, config: TxoConfig) -> int:
        asked.append(item)
        if item >= 5:
            raise CircuitOpenError("The circuit is open", retry_after=60)
        return item

    state = run_in_batches(range(1000), with_task=call, batch_size=10, max_workers=1)

    found = results(state)
    assert (found.summary(), found.failed[0], len(found.records)) == ("5 ok, 995 failed", "5", 1000)
    assert {record.reason for record in found.remarks()} == {"not begun, since The circuit is open"}
    assert state.is_failed()
    assert len(asked) < 20


def test_a_generator_and_odd_items_are_taken_as_they_are() -> None:
    items: list[Any] = [{"no": 1}, [1, 2], ("a", "b"), "text", 4711, None]

    state = run_in_batches((item for item in items), key=repr, batch_size=4)

    assert [record.value["item"] for record in results(state).records] == items


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "many"])
def test_a_wrong_batch_size_is_explained_before_anything_runs(size: Any) -> None:
    error = run_in_batches(["a"], batch_size=size).result(raise_on_failure=False)

    assert isinstance(error, ValidationError)
    assert "batch_size" in error.what_went_wrong


@pytest.mark.parametrize("run_id", ["", "last", "../../etc", "0199c5d3-7a4e-7c52-9f5e-2f6f3a9d1c11", 7])
def test_a_run_that_has_left_no_journal_is_said_to_be_none(run_id: Any) -> None:
    error = run_in_batches(["a"], only_failed_from=run_id).result(raise_on_failure=False)

    assert isinstance(error, ValidationError)
    assert "run" in error.what_went_wrong
