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
from txo_core.exceptions import ApiOperationError, ConfigurationError, EntityNotFoundError, ValidationError
from txo_core.fan_out import run_each
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
