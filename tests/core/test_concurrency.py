import contextvars
import functools
import logging
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import REPOSITORY, run_program, wait_for_text
from tests.support.sandbox import API_KEY, Sandbox
from txo_core.clock import stopping
from txo_core.concurrency import ParallelResult, Unread, batch_process, parallel_map, rate_limited_parallel
from txo_core.exceptions import (
    ApiAuthenticationError,
    ApiOperationError,
    ApiTimeoutError,
    CircuitOpenError,
    ConfigurationError,
    ScriptError,
    TxoError,
    ValidationError,
)
from txo_core.http.breaker import CircuitBreaker
from txo_core.http.errors import ErrorMapping
from txo_core.http.retry import Retry
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter
from txo_core.rest import RestClient
from txo_core.results import ItemResult, skipped

anything: Any = parallel_map
"""For what no type checker would let pass."""


def double(number: int) -> int:
    return 2 * number


def refuse(*numbers: int) -> Callable[[int], int]:
    """Return a function that fails for these numbers."""

    def work(number: int) -> int:
        if number in numbers:
            raise ValueError(f"not {number}")
        return number

    return work


def numbers_of(result: ParallelResult[Any, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    return result.successful, [item for item, _ in result.failed], result.skipped


def failures_of(result: ParallelResult[Any, Any]) -> list[tuple[Any, Exception]]:
    return result.failed


def breaking_off(number: int) -> Iterator[int]:
    """Yield so many numbers, then fail."""
    yield from range(number)
    raise ApiOperationError("page 3 is not to be had", resume_token="made-up")


# ---- what comes back -------------------------------------------------------------------------------------------------


def test_values_come_in_the_order_of_the_input() -> None:
    """Although the last begun are the first to end."""
    turns = [threading.Event() for _ in range(5)]
    turns[4].set()

    def work(number: int) -> int:
        turns[number].wait(5)
        if number:
            turns[number - 1].set()
        return number * 10

    assert parallel_map(work, range(5), max_workers=5).successful == [0, 10, 20, 30, 40]


def test_an_error_belongs_to_its_item_and_stops_no_other() -> None:
    result = parallel_map(refuse(2, 5), range(8), max_workers=3)

    assert numbers_of(result) == ([0, 1, 3, 4, 6, 7], [2, 5], [])
    assert [str(error) for _, error in result.failed] == ["not 2", "not 5"]
    assert (result.success_rate, f"{result.success_rate:.1%}") == (0.75, "75.0%")
    assert (result.all_ok, result.summary(), result.stopped_by) == (False, "6 ok, 2 failed", None)


def test_of_nothing_everything_went_well() -> None:
    result: ParallelResult[int, int] = parallel_map(double, [])

    assert (result.successful, result.success_rate, result.all_ok, result.summary()) == ([], 1.0, True, "0 ok")


def test_items_need_no_hash_and_no_equality() -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise TypeError("not to be compared")

    items: list[Any] = [{"no": 1}, [2], {3}, Odd()]

    assert len(parallel_map(lambda item: item, items).successful) == 4


def test_an_item_that_ends_the_program_has_failed() -> None:
    def work(number: int) -> int:
        if number == 1:
            sys.exit("enough")
        return number

    result = parallel_map(work, range(3))

    assert numbers_of(result) == ([0, 2], [1], [])
    assert str(result.failed[0][1]) == "The function ended itself by SystemExit: enough"
    assert isinstance(result.failed[0][1], ScriptError)


def test_an_error_keeps_its_traceback_and_the_result_pickles() -> None:
    result = parallel_map(refuse(1), range(2))

    trace = result.failed[0][1].__traceback__
    copied = pickle.loads(pickle.dumps(result))

    assert trace is not None
    assert numbers_of(copied) == numbers_of(result)


def test_whoever_wants_it_gets_an_error() -> None:
    assert parallel_map(double, [1]).raise_if_failed().successful == [2]
    with pytest.raises(TxoError, match=r"^2 ok, 1 failed; the first: ValueError: not 1$") as raised:
        parallel_map(refuse(1), range(3)).raise_if_failed()
    assert isinstance(raised.value.__cause__, ValueError)


# ---- threads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "items"), [(1, 5), (4, 40), (50, 3)])
def test_there_are_as_many_threads_as_are_asked_for_and_needed(workers: int, items: int) -> None:
    together = threading.Barrier(min(workers, items), timeout=5)
    names = set[str]()

    def work(number: int) -> None:
        names.add(threading.current_thread().name)
        together.wait()

    assert parallel_map(work, range(items), max_workers=workers).all_ok
    assert len(names) == min(workers, items)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("txo-worker")]


def test_an_item_runs_in_the_context_of_the_caller_and_leaves_it_alone() -> None:
    """Such as the context of the log and of Prefect."""
    place = contextvars.ContextVar("place", default="nowhere")
    place.set("outside")

    def work(number: int) -> str:
        seen = place.get()
        place.set(f"item {number}")
        return seen

    assert parallel_map(work, range(20), max_workers=2).successful == ["outside"] * 20
    assert place.get() == "outside"


def test_one_map_may_run_inside_another() -> None:
    def outer(number: int) -> list[int]:
        return parallel_map(lambda inner: 10 * number + inner, range(3), max_workers=2).successful

    assert parallel_map(outer, range(4), max_workers=2).successful == [
        [0, 1, 2],
        [10, 11, 12],
        [20, 21, 22],
        [30, 31, 32],
    ]


# ---- generators ------------------------------------------------------------------------------------------------------


def test_a_generator_is_read_as_it_is_needed() -> None:
    """Of a million, while the first item runs, no more than the threads will soon ask for."""
    read, look = Counter[str](), threading.Event()

    def million() -> Iterator[int]:
        for number in range(1_000_000):
            read["items"] += 1
            yield number

    def work(number: int) -> int:
        if number < 4:
            look.wait(0.3)
        elif number == 4:
            raise CircuitOpenError("down")
        seen.append(read["items"])
        return number

    seen = list[int]()
    result = parallel_map(work, million(), max_workers=4)

    assert max(seen[:4]) <= 4 + 2 * 4
    assert read["items"] <= 10_020
    assert isinstance(result.skipped[-1], Unread)


def test_a_generator_runs_in_the_thread_of_the_caller() -> None:
    threads = list[threading.Thread]()

    def items() -> Iterator[int]:
        for number in range(30):
            threads.append(threading.current_thread())
            yield number

    assert parallel_map(double, items(), max_workers=3).successful == [2 * number for number in range(30)]
    assert set(threads) == {threading.current_thread()}


def test_items_that_are_done_are_not_kept() -> None:
    class Item:
        pass

    alive = list[int]()
    items = weakref.WeakSet[Item]()

    def many() -> Iterator[Item]:
        for _ in range(500):
            item = Item()
            items.add(item)
            alive.append(len(items))
            yield item

    parallel_map(lambda item: None, many(), max_workers=2)

    assert max(alive) <= 12


def test_an_input_that_breaks_off_is_a_failure_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    result = parallel_map(double, breaking_off(5), max_workers=2)

    assert result.successful == [0, 2, 4, 6, 8]
    [(item, error)] = failures_of(result)
    assert (item, str(item)) == (Unread(5), "the items after the first 5, which were not read")
    assert isinstance(error, ApiOperationError)
    assert (error.resume_token, result.all_ok) == ("made-up", False)
    assert caplog.messages == ["The input broke off (5 ok, 1 failed): page 3 is not to be had"]


@pytest.mark.parametrize("run", [parallel_map, functools.partial(batch_process, batch_size=2)])
def test_an_item_that_was_not_read_says_so_wherever_it_is_asked(run: Any) -> None:
    """Loops that log the failures by a field of their items, as in the guide, get to their end."""
    result = run(str, ({"no": number} for number in breaking_off(2)))

    shown = [f"{customer['no']}, {customer.get('no', 'x')}, {customer[0]}" for customer, _ in failures_of(result)]
    assert shown == [", ".join(["the items after the first 2, which were not read"] * 3)]
    unread = failures_of(result)[0][0]
    assert pickle.loads(pickle.dumps(unread)) == unread == Unread(2)
    for ask in (lambda: list(unread), lambda: "no" in unread):
        with pytest.raises(TypeError):
            ask()


def test_who_prints_a_result_sees_its_counts_and_no_secret() -> None:
    def work(text: str) -> str:
        raise ValueError("Authorization: Bearer made-up-token-0123456789")

    result = parallel_map(work, ["password=made-up-9"], max_workers=1)

    for text in (repr(result), str(result), f"{result}"):
        assert text.startswith("ParallelResult(0 ok, 1 failed; the first: ")
        assert "made-up" not in text
    assert repr(parallel_map(double, [1, 2])) == "ParallelResult(2 ok)"


# ---- items that do not apply -----------------------------------------------------------------------------------------


def odd_ones_do_not_apply(number: int) -> Any:
    return skipped(f"{number} is odd") if number % 2 else number


def test_an_item_that_does_not_apply_is_skipped_with_its_reason() -> None:
    """As in `run_each`."""
    result = parallel_map(odd_ones_do_not_apply, range(4), max_workers=2)

    assert numbers_of(result) == ([0, 2], [], [1, 3])
    assert result.reasons == [(1, "1 is odd"), (3, "3 is odd")]
    assert (result.summary(), result.success_rate) == ("2 ok, 2 skipped", 0.5)
    assert pickle.loads(pickle.dumps(result)).reasons == result.reasons


def test_what_does_not_apply_is_no_failure_and_what_was_not_begun_is() -> None:
    assert parallel_map(odd_ones_do_not_apply, range(4)).raise_if_failed().all_ok
    stopped: ParallelResult[int, int] = ParallelResult([], [], [1], stopped_by=CircuitOpenError("down"))
    assert not stopped.all_ok
    with pytest.raises(TxoError, match="0 ok, 1 skipped"):
        stopped.raise_if_failed()
    assert not ParallelResult([], [], [1, 2], reasons=[(2, "odd")]).all_ok


def test_other_records_stay_values() -> None:
    record = ItemResult("C1", "updated", value={"no": "C1"})

    assert parallel_map(lambda number: record, [1]).successful == [record]


def test_a_record_of_a_failure_is_a_failure() -> None:
    result = parallel_map(lambda number: ItemResult("C1", "failed", "no such customer"), [1, 2])

    assert numbers_of(result) == ([], [1, 2], [])
    assert {(type(error), str(error)) for _, error in result.failed} == {(ScriptError, "no such customer")}


@pytest.mark.parametrize("size", [1, 3, 10])
def test_items_of_a_batch_may_not_apply_either(size: int) -> None:
    def work(batch: list[int]) -> list[Any]:
        return [ValueError("three") if number == 3 else odd_ones_do_not_apply(number) for number in batch]

    result = batch_process(work, range(6), batch_size=size)

    assert numbers_of(result) == ([0, 2, 4], [3], [1, 5])
    assert (result.reasons, result.done) == ([(1, "1 is odd"), (5, "5 is odd")], 3)


def test_a_whole_batch_may_not_apply() -> None:
    result = batch_process(lambda batch: skipped("closed"), range(4), batch_size=2)

    assert numbers_of(result) == ([], [], [0, 1, 2, 3])
    assert result.reasons == [(number, "closed") for number in range(4)]


# ---- stopping early --------------------------------------------------------------------------------------------------


def test_an_open_circuit_stops_the_whole_and_the_rest_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    begun = list[int]()

    def work(number: int) -> int:
        begun.append(number)
        if number >= 3:
            raise CircuitOpenError("api.example.com is down, it is tried again in 60 s", retry_after=60)
        return number

    result = parallel_map(work, list(range(10_000)), max_workers=1)

    assert (result.successful, result.failed, result.skipped) == ([0, 1, 2], [], list(range(3, 10_000)))
    assert begun == [0, 1, 2, 3]
    assert isinstance(result.stopped_by, CircuitOpenError)
    assert result.stopped_by.retry_after == 60
    assert caplog.messages == [
        "Stopped, nothing more was begun (3 ok, 9997 skipped): api.example.com is down, it is tried again in 60 s"
    ]


def test_an_item_whose_call_was_sent_before_the_circuit_opened_has_failed() -> None:
    def work(number: int) -> int:
        raise CircuitOpenError("down", attempts=1)

    assert numbers_of(parallel_map(work, range(3), max_workers=1)) == ([], [0], [1, 2])


def test_what_runs_at_a_stop_goes_on_to_its_end() -> None:
    stopped = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            stopped.set()
            raise CircuitOpenError("down")
        stopped.wait(5)
        return number

    assert numbers_of(parallel_map(work, range(9), max_workers=2)) == ([0], [], [1, 2, 3, 4, 5, 6, 7, 8])


def test_a_wrong_password_is_not_tried_for_every_item() -> None:
    """It would lock the account."""
    tried = list[int]()

    def work(number: int) -> int:
        tried.append(number)
        raise ApiAuthenticationError("the credentials are not accepted", status_code=401)

    result = parallel_map(work, range(1000), max_workers=4)

    assert len(tried) <= 4
    assert ([item for item, _ in result.failed], len(result.skipped)) == (sorted(tried), 1000 - len(tried))


@pytest.mark.parametrize(
    "error", [ApiAuthenticationError("not yours", status_code=403), ConfigurationError("foreign link"), ValueError("x")]
)
def test_what_may_be_the_matter_of_one_item_stops_no_other(error: Exception) -> None:
    def work(number: int) -> int:
        if number == 0:
            raise error
        return number

    assert numbers_of(parallel_map(work, range(5), max_workers=1)) == ([1, 2, 3, 4], [0], [])


@pytest.mark.parametrize(
    ("stop_on", "expected"),
    [
        ((), ([2], [0, 1], [])),
        (ValueError, ([], [0], [1, 2])),
        ((KeyError, CircuitOpenError), ([], [0], [1, 2])),
        (lambda error: "1" in str(error), ([], [0, 1], [2])),
    ],
)
def test_a_script_says_itself_what_stops_the_whole(stop_on: Any, expected: Any) -> None:
    def work(number: int) -> int:
        if number == 0:
            raise ValueError("0") if stop_on != (KeyError, CircuitOpenError) else KeyError("0")
        if number == 1:
            raise CircuitOpenError("1", attempts=1)
        return number

    assert numbers_of(parallel_map(work, range(3), max_workers=1, stop_on=stop_on)) == expected


def test_after_a_stop_a_generator_is_read_on_for_a_moment_so_that_the_rest_has_a_name() -> None:
    def work(number: int) -> int:
        raise CircuitOpenError("down")

    assert parallel_map(work, (number for number in range(500)), max_workers=2).skipped == list(range(500))


def test_a_stop_condition_with_a_bug_ends_the_map_and_does_not_hang() -> None:
    with pytest.raises(ZeroDivisionError):
        parallel_map(refuse(1), range(10), stop_on=lambda error: bool(1 / 0))


# ---- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lazily", [False, True])
def test_when_the_time_is_over_what_was_finished_is_kept(lazily: bool, caplog: pytest.LogCaptureFixture) -> None:
    """What runs is not waited for."""
    release = threading.Event()

    def work(number: int) -> int:
        if number == 2:
            release.wait(20)
        return number

    items = (number for number in range(9)) if lazily else range(9)
    result = parallel_map(work, items, max_workers=1, timeout=0.5)
    release.set()

    assert numbers_of(result) == ([0, 1], [2], [3, 4, 5, 6, 7, 8])
    assert isinstance(result.failed[0][1], ApiTimeoutError)
    assert result.failed[0][1].retryable is False
    assert isinstance(result.stopped_by, ApiTimeoutError)
    assert caplog.messages == [
        "Stopped, nothing more was begun (2 ok, 6 skipped, 1 failed): The time for all items was over"
    ]


def test_what_ends_after_the_time_changes_nothing_any_more() -> None:
    release, ended = threading.Event(), threading.Event()

    def work(number: int) -> int:
        release.wait(20)
        ended.set()
        return number

    result = parallel_map(work, range(3), max_workers=1, timeout=0.1)
    release.set()
    ended.wait(5)

    assert numbers_of(result) == ([], [0], [1, 2])


def test_a_time_that_is_long_enough_is_not_noticed() -> None:
    result = parallel_map(double, range(5), timeout=60)

    assert (result.successful, result.stopped_by) == ([0, 2, 4, 6, 8], None)


@pytest.mark.slow
def test_an_item_that_hangs_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    code = (
        "import threading\nfrom txo_core.concurrency import parallel_map\n"
        "result = parallel_map(lambda n: threading.Event().wait(), range(3), max_workers=2, timeout=0.2)\n"
        "print(result.summary())\n"
    )

    ended = run_program("-c", code, seconds=30)

    assert (ended.code, ended.out) == (0, "0 ok, 1 skipped, 2 failed\n")


SLEEPERS = """
import os, sys, threading
from txo_core.clock import sleep
from txo_core.concurrency import parallel_map
def work(number):
    if number == 0:
        print("begun", flush=True)
    {wait}
parallel_map(work, range(100), max_workers=5)
"""


@pytest.mark.slow
@pytest.mark.parametrize("wait", ["sleep(60)", "threading.Event().wait()"])
def test_ctrl_c_ends_a_map_at_once(wait: str, tmp_path: Path) -> None:
    screen = tmp_path / "screen.txt"
    with screen.open("wb") as file:
        command = [sys.executable, "-c", SLEEPERS.format(wait=wait)]
        program = subprocess.Popen(command, cwd=REPOSITORY, stdout=file, stderr=file)
        wait_for_text(screen, "begun")
        program.send_signal(signal.SIGINT)

        assert program.wait(20) in (-signal.SIGINT, 130, 1)
    assert "KeyboardInterrupt" in screen.read_text()


def test_a_map_in_a_thread_ends_when_the_program_is_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches the main thread only; a task of Prefect runs in another."""
    event, begun, outcome = threading.Event(), threading.Event(), list[str]()
    monkeypatch.setattr("txo_core.concurrency.dispatcher.stopping", event)

    def work(number: int) -> None:
        begun.set()
        event.wait(20)

    def task() -> None:
        try:
            parallel_map(work, range(100), max_workers=2)
        except KeyboardInterrupt:
            outcome.append("interrupted")

    thread = threading.Thread(target=task)
    thread.start()
    begun.wait(5)
    event.set()
    thread.join(10)

    assert outcome == ["interrupted"]
    assert not stopping.is_set()


def test_a_sleeper_that_is_woken_by_ctrl_c_ends_the_map() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise KeyboardInterrupt
        return number

    with pytest.raises(KeyboardInterrupt):
        parallel_map(work, range(100), max_workers=2)


# ---- at a rate -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 10, 50])
def test_the_server_never_sees_more_than_the_rate(sandbox: Sandbox, workers: int) -> None:
    """Sixty items at ten a second; the server counts."""
    client = client_of(sandbox)
    numbers = (f"C{number:04}" for number in range(1, 61))

    result = rate_limited_parallel(lambda no: client.get(f"customers('{no}')"), numbers, 10, workers)

    arrivals = sandbox.arrivals()
    assert len(result.successful) + len(result.failed) == len(arrivals) == 60
    assert sandbox.stats()["max_per_second"] <= 10
    assert arrivals[-1] - arrivals[0] >= 5.8


def test_at_a_rate_the_rest_is_as_in_parallel_map() -> None:
    result = rate_limited_parallel(refuse(3), range(6), calls_per_second=1000, max_workers=3)

    assert numbers_of(result) == ([0, 1, 2, 4, 5], [3], [])


def test_who_waits_for_a_turn_is_not_begun_when_the_time_is_over() -> None:
    result = rate_limited_parallel(double, range(20), calls_per_second=0.1, max_workers=5, timeout=0.3)

    assert numbers_of(result) == ([0], [], list(range(1, 20)))


# ---- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_a_list_and_what_the_lists_give_is_one_list() -> None:
    sizes = list[int]()

    def work(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        return [2 * number for number in batch]

    result = batch_process(work, range(25), batch_size=10)

    assert (result.successful, sizes) == ([2 * number for number in range(25)], [10, 10, 5])
    assert (result.done, result.success_rate) == (25, 1.0)


def test_another_value_is_that_of_the_whole_batch() -> None:
    result = batch_process(sum, range(25), batch_size=10)

    assert (result.successful, result.done, result.summary()) == ([45, 145, 110], 25, "25 ok")


def test_a_batch_that_fails_names_its_items() -> None:
    def work(batch: list[int]) -> list[int]:
        return [refuse(7)(number) for number in batch]

    result = batch_process(work, range(20), batch_size=5)

    assert numbers_of(result) == ([*range(5), *range(10, 20)], [5, 6, 7, 8, 9], [])
    assert (result.success_rate, {str(error) for _, error in result.failed}) == (0.75, {"not 7"})


def test_a_batch_may_say_which_of_its_items_failed() -> None:
    def work(batch: list[int]) -> list[Any]:
        return [ValueError("odd") if number % 2 else number for number in batch]

    result = batch_process(work, range(6), batch_size=4)

    assert numbers_of(result) == ([0, 2, 4], [1, 3, 5], [])
    assert result.success_rate == 0.5


def test_errors_that_belong_to_nobody_fail_the_batch() -> None:
    result = batch_process(lambda batch: [ValueError("somewhere")], range(4), batch_size=4)

    assert numbers_of(result) == ([], [0, 1, 2, 3], [])
    assert isinstance(result.failed[0][1], ValidationError)


def test_one_batch_is_in_memory_at_a_time() -> None:
    read, seen = Counter[str](), list[int]()

    def million() -> Iterator[int]:
        for number in range(1_000_000):
            read["items"] += 1
            yield number

    def work(batch: list[int]) -> int:
        seen.append(read["items"])
        if len(seen) == 3:
            raise CircuitOpenError("down")
        return len(batch)

    batch_process(work, million(), batch_size=1000)

    assert [number <= (place + 3) * 1000 for place, number in enumerate(seen)] == [True] * 3


def test_what_was_read_before_the_input_breaks_off_is_still_processed() -> None:
    result = batch_process(sum, breaking_off(7), batch_size=3)

    assert (result.successful, result.done) == ([3, 12, 6], 7)
    assert [item for item, _ in failures_of(result)] == [Unread(7)]


def test_a_batch_that_meets_an_open_circuit_has_failed_and_the_rest_is_skipped() -> None:
    """Some of its items may have been sent before."""

    def work(batch: list[int]) -> list[int]:
        if 5 in batch:
            raise CircuitOpenError("down")
        return batch

    assert numbers_of(batch_process(work, range(12), batch_size=4)) == ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11])


def test_batches_of_several_threads_keep_their_order() -> None:
    result = batch_process(lambda batch: batch, range(100), batch_size=7, max_workers=5)

    assert result.successful == list(range(100))


# ---- bad input -------------------------------------------------------------------------------------------------------


async def coroutine(item: int) -> None:
    """Return nothing."""


def generator(item: int) -> Iterator[int]:
    yield item


class LazyObject:
    """Called, it gives a generator."""

    def __call__(self, item: int) -> Iterator[int]:
        yield item


class DataFrame:
    """Looks like one of pandas'."""

    def __iter__(self) -> Iterator[str]:
        return iter(["no", "name"])


@pytest.mark.parametrize(
    "use",
    [
        lambda: anything(None, [1]),
        lambda: anything(double(2), [1]),
        lambda: anything(coroutine, [1]),
        lambda: anything(generator, [1]),
        lambda: anything(functools.partial(generator), [1]),
        lambda: anything(LazyObject(), [1]),
        lambda: anything(double, None),
        lambda: anything(double, 5),
        lambda: anything(str, "C0001"),
        lambda: anything(double, DataFrame()),
        lambda: anything(double, [1], 0),
        lambda: anything(double, [1], -1),
        lambda: anything(double, [1], 2.5),
        lambda: anything(double, [1], True),
        lambda: anything(double, [1], None),
        lambda: anything(double, [1], timeout=0),
        lambda: anything(double, [1], timeout="5"),
        lambda: anything(double, [1], timeout=float("nan")),
        lambda: anything(double, [1], stop_on="all"),
        lambda: anything(double, [1], stop_on=(KeyboardInterrupt,)),
        lambda: anything(double, [1], threads=5),
        lambda: rate_limited_parallel(double, [1], calls_per_second=0),
        lambda: rate_limited_parallel(double, [1], calls_per_second=float("inf")),
        lambda: rate_limited_parallel(double, [1], calls_per_second=-1),
        lambda: batch_process(len, [1], batch_size=0),
        lambda: batch_process(len, "text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(use: Callable[[], Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        use()

    assert refused.value.how_to_fix
    assert refused.value.example


@pytest.mark.parametrize("function", [parallel_map, rate_limited_parallel, batch_process])
@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("workers", "max_workers"), ("time_out", "timeout"), ("stopon", "stop_on"), ("show_progres", "show_progress")],
)
def test_a_misspelt_option_is_told_with_the_nearest(function: Any, misspelt: str, meant: str) -> None:
    with pytest.raises(ValidationError, match=f"Did you mean {meant}") as refused:
        function(double, [1], **{misspelt: 1})

    assert f"{function.__name__}() takes no option '{misspelt}'" in str(refused.value)


# ---- with the client, on real sockets --------------------------------------------------------------------------------


def client_of(sandbox: Sandbox, *policies: Any) -> RestClient:
    adapter = PolicyAdapter([ErrorMapping(), *policies], timeout=5)
    return RestClient(Sessions(adapter, headers={"X-Api-Key": API_KEY}), sandbox.api_url)


def test_when_the_api_goes_down_the_rest_costs_no_request(sandbox: Sandbox) -> None:
    """Of two hundred customers, with repeats and a breaker, the server sees the threshold and what is on its way."""
    sandbox.faults([{"match": {"path": "customers"}, "fault": "status=503"}])
    client = client_of(sandbox, Retry(3, 0.001), CircuitBreaker(5))
    numbers = [f"C{number:04}" for number in range(1, 201)]

    result = parallel_map(lambda no: client.get(f"customers('{no}')"), numbers, max_workers=4)

    assert 5 <= sandbox.stats()["total"] <= 5 + 3
    assert result.successful == []
    assert len(result.failed) <= 8
    assert sorted([*(no for no, _ in result.failed), *result.skipped]) == numbers
    assert isinstance(result.stopped_by, CircuitOpenError)
    client.close()


def test_threads_share_connections_and_none_is_thrown_away(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    client = client_of(sandbox)
    sandbox.faults(["delay=0.01"])

    result = parallel_map(lambda no: client.get(f"customers('C{no:04}')"), range(1, 201), max_workers=20)

    opened = [line for line in caplog.messages if line.startswith("Starting new HTTP connection")]
    assert len(result.successful) + len(result.failed) == 200
    assert 1 <= len(opened) <= 20
    assert not [line for line in caplog.messages if "pool is full" in line]
    client.close()
