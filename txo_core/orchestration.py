"""Prefect with our defaults: `flow` and `task`, through which nothing leaves a run with a secret in it.

Both build Prefect's own object and wrap its function afterwards, so that entrypoints, `.map`, `.submit` and
`with_options` work as Prefect documents them. Defaults: no retries (the HTTP client has the only ones), no cache,
no stored results, ten threads.
"""

import functools
import inspect
import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast, overload

from txo_core.interrupts import at_once, calm

os.environ.setdefault("DO_NOT_TRACK", "1")
calm()

with at_once():
    from prefect import Flow, State, Task
    from prefect.cache_policies import NO_CACHE
    from prefect.context import FlowRunContext, TaskRunContext
    from prefect.logging.handlers import APILogHandler
    from prefect.states import Completed, Failed
    from prefect.task_runners import ThreadPoolTaskRunner

from txo_core.exceptions import ConfigurationError, TxoError
from txo_core.logger import ROOMS, configure, one_sentence
from txo_core.redaction import redact
from txo_core.results import ItemResult, ProcessingResults

P = ParamSpec("P")
R = TypeVar("R")

MAX_THREADS = 10
logger = logging.getLogger("txo_core.orchestration")


class TaskRunLedger:
    """Remembers which task runs this process began, so that a temporary server can be held until it knows them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, str] = {}

    def note(self, context: TaskRunContext) -> None:
        """Take down a task run and the flow run that it belongs to."""
        with self._lock:
            self._begun[str(context.task_run.id)] = str(context.task_run.flow_run_id)

    def task_runs(self) -> int:
        """Return how many task runs have begun."""
        return len(self._begun)

    def flow_runs(self) -> list[str]:
        """Return the ids of the flow runs that they belong to."""
        return sorted(set(self._begun.values()))


ledger = TaskRunLedger()


def flow(*, name: str, flow_run_name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Return a decorator that makes a function a Prefect flow whose returned `ProcessingResults` become its state.

    A flow ends Completed or Failed as its results say; an error of ours becomes a Failed state with its text.
    """
    defaults: dict[str, Any] = {
        "retries": 0,
        "persist_result": False,
        "task_runner": ThreadPoolTaskRunner(max_workers=MAX_THREADS),
    }

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        check_plain(function)
        made = Flow(function, name=name, flow_run_name=flow_run_name, **(defaults | options))
        made.fn = cast(Callable[P, R], flow_guard(function))
        return made

    return decorate


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(*, task_run_name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(
    function: Callable[P, R] | None = None, /, *, task_run_name: str | None = None, **options: Any
) -> Task[P, R] | Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a Prefect task. It may return a value, or `skipped("why")`, which becomes the state Skipped."""
    defaults: dict[str, Any] = {"retries": 0, "persist_result": False, "cache_policy": NO_CACHE}

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        check_plain(function)
        made = Task(function, task_run_name=task_run_name, **(defaults | options))
        made.fn = cast(Callable[P, R], task_guard(function))
        return made

    return decorate(function) if function is not None else decorate


def check_plain(function: Callable[..., Any]) -> None:
    """Refuse coroutines and generators: what they raise later would leave the run as it is, secrets included."""
    special = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(test(function) for test in special):
        raise ConfigurationError(
            f"{function.__name__} is a coroutine or a generator, and flows and tasks here are plain functions",
            "Write it with def and return; for many calls at once there is run_each",
            "@task\ndef fetch_customer(item, config): ...",
        )


def flow_guard(function: Callable[P, R]) -> Callable[P, Any]:
    """Return the flow's function: its results become a state, its errors leave without secrets."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        context = FlowRunContext.get()
        in_own_run = context is not None and context.flow is not None and context.flow.fn is guarded
        try:
            result = function(*args, **kwargs)
        except TxoError as error:
            if not in_own_run:
                raise
            scrub(error)
            logger.error("%s", first_line(error), exc_info=error)
            return Failed(message=state_message(error), data=error)
        except Exception as error:
            scrub(error)
            raise
        return results_state(result) if in_own_run and isinstance(result, ProcessingResults) else result

    return guarded


def task_guard(function: Callable[P, R]) -> Callable[P, Any]:
    """Return the task's function: what is skipped becomes a state of that name, its errors leave without secrets."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        context = TaskRunContext.get()
        in_own_run = context is not None and context.task.fn is guarded
        if context is not None and in_own_run:
            ledger.note(context)
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            scrub(error)
            raise
        if context is None or not in_own_run or not isinstance(result, ItemResult):
            return result
        if result.reason:
            logger.info("%s: %s, %s", context.task_run.name, result.outcome, result.reason)
        return item_state(result)

    return guarded


def results_state(results: ProcessingResults) -> State[Any]:
    """Return the state in which a flow with these results ends; the results travel as its data."""
    make = Completed if results.is_success() else Failed
    return make(message=results.summary(), data=results)


def item_state(item: ItemResult) -> Any:
    """Return the state of one item: Skipped, Failed, or the record itself where the item succeeded."""
    if item.outcome == "skipped":
        return Completed(name="Skipped", message=redact(item.reason), data=item)
    if item.outcome == "failed":
        return Failed(message=redact(item.reason), data=item)
    return item


def scrub(error: BaseException) -> None:
    """Take the secrets out of an error's arguments and notes, and out of the errors that it came from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        current.args = tuple(redact(part) if isinstance(part, str) else part for part in current.args)
        if getattr(current, "__notes__", None):
            current.__notes__ = [redact(note) for note in current.__notes__]
        current = current.__cause__ or current.__context__


def first_line(error: BaseException) -> str:
    """Return an error in one sentence without secrets."""
    return redact(one_sentence(error))


def state_message(error: TxoError) -> str:
    """Return an error as a state tells it: problem and solution in one line."""
    solution = getattr(error, "how_to_fix", "")
    return redact(f"{one_sentence(error)}. Solution: {solution}" if solution else one_sentence(error))


def run_started() -> datetime | None:
    """Return when the present flow run began, in UTC; None outside of one."""
    context = FlowRunContext.get()
    return context.start_time if context is not None else None


def use_this_repository() -> dict[str, str]:
    """Return the folder of the code that is installed here: the pull step of every deployment, on every worker."""
    return {"directory": str(Path(__file__).resolve().parent.parent)}


def in_a_run(record: logging.LogRecord) -> bool:
    """Tell whether the present thread works on a flow or task run, to which the server can attach a log line."""
    return FlowRunContext.get() is not None or TaskRunContext.get() is not None


def log_to_server() -> None:
    """Let the lines of our loggers appear at the run in Prefect's UI."""
    configure()
    for room in ROOMS:
        target = logging.getLogger(room)
        if not any(isinstance(handler, APILogHandler) for handler in target.handlers):
            handler = APILogHandler()
            handler.setLevel(logging.INFO)
            handler.addFilter(in_a_run)
            target.addHandler(handler)


log_to_server()
