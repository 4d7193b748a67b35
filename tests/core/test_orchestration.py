"""Our thin flow and task, without a server: what their functions give, and what they refuse."""

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from txo_core.exceptions import ApiOperationError, ConfigurationError
from txo_core.orchestration import first_line, flow, item_state, results_state, scrub, task
from txo_core.redaction import register_secret
from txo_core.results import ItemResult, ProcessingResults, skipped

SECRET = "sesame-opens-the-mountain"


def test_the_function_of_a_task_gives_plain_data() -> None:
    @task
    def fetch(item: str, config: Any) -> ItemResult:
        return skipped("gone")

    assert fetch.fn("a", None) == ItemResult("", "skipped", "gone")


def test_the_function_of_a_flow_gives_its_results() -> None:
    @flow(name="plain")
    def plain(org_id: str, env_type: str) -> ProcessingResults:
        return ProcessingResults.of([ItemResult("a", "failed", "400")])

    assert plain.fn("txo", "prod").failed == ["a"]


def test_our_defaults_leave_retries_caches_and_stored_results_off() -> None:
    @task
    def nothing() -> None: ...

    @flow(name="nothing")
    def nothing_flow(org_id: str, env_type: str) -> None: ...

    assert (nothing.retries, nothing.persist_result, nothing_flow.retries) == (0, False, 0)
    assert nothing.cache_policy.compute_key(None, {}, {}) is None  # type: ignore[arg-type]


def test_results_make_the_state_that_they_say() -> None:
    good = results_state(ProcessingResults.of([ItemResult("a", "ok")]))
    bad = results_state(ProcessingResults.of([ItemResult("a", "ok"), ItemResult("b", "failed", "400")]))

    assert (good.type, good.message) == ("COMPLETED", "1 ok")
    assert (bad.type, bad.message) == ("FAILED", "1 ok, 1 failed")


def test_a_skipped_item_is_completed_under_its_own_name() -> None:
    state = item_state(skipped("gone"))

    assert (state.type, state.name, state.message) == ("COMPLETED", "Skipped", "gone")


def test_an_error_leaves_without_secrets_and_so_do_those_it_came_from() -> None:
    register_secret(SECRET)

    @task
    def leak() -> None:
        try:
            raise ValueError(f"first {SECRET}")
        except ValueError as error:
            error.add_note(f"note {SECRET}")
            raise ApiOperationError(f"second {SECRET}") from error

    with pytest.raises(ApiOperationError) as caught:
        leak.fn()

    told = "".join(traceback.format_exception(caught.value))
    assert [line for line in told.splitlines() if SECRET in line] == []
    assert "note [REDACTED]" in told


def test_a_circle_of_errors_is_scrubbed_once() -> None:
    one, two = ValueError("a"), ValueError("b")
    one.__context__, two.__context__ = two, one

    scrub(one)


def test_a_coroutine_or_a_generator_is_refused() -> None:
    async def coroutine() -> None: ...

    def generator() -> Iterator[int]:
        yield 1

    for function in (coroutine, generator):
        with pytest.raises(ConfigurationError, match="plain functions"):
            task(function)
        with pytest.raises(ConfigurationError, match="plain functions"):
            flow(name="x")(function)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigurationError("No block", "Save it", "provision"), "No block"),
        (ApiOperationError("GET /x answered 400"), "GET /x answered 400"),
        (ValueError("two\nlines"), "ValueError: two"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_in_one_sentence(error: Exception, said: str) -> None:
    assert first_line(error) == said
