"""Prefect with our defaults: `flow` and `task`, through which nothing leaves a run with a secret in it.

Both build Prefect's own object and wrap its function afterwards, so that entrypoints, `.map`, `.submit` and
`with_options` work as Prefect documents them. Defaults: no retries (the HTTP client has the only ones), no cache,
no stored results, ten threads.
"""

import asyncio
import functools
import inspect
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast, overload
from uuid import uuid4

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

from txo_core.clock import stopping
from txo_core.exceptions import ConfigurationError, ScriptError
from txo_core.http.idempotency import in_scope, scope
from txo_core.logger import ROOMS, configure
from txo_core.redaction import redact
from txo_core.results import ItemResult, ProcessingResults
from txo_core.run_ledger import ledger
from txo_core.scrubbing import scrubbed, sentence

P = ParamSpec("P")
R = TypeVar("R")

MAX_THREADS = 10
logger = logging.getLogger("txo_core.orchestration")


def flow(*, name: str, flow_run_name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Return a decorator that makes a function a Prefect flow whose returned `ProcessingResults` become its state.

    A flow ends Completed or Failed as its results say; an error becomes a Failed state with its problem and solution.
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
        made = Task(
            function, task_run_name=clean_name(task_run_name) if task_run_name else None, **(defaults | options)
        )
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
    """Return the flow's function: its results become a state, its errors leave without secrets.

    In a run of its own an error becomes a Failed state; Prefect would pickle it to disk otherwise.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        context = FlowRunContext.get()
        in_own_run = context is not None and context.flow is not None and context.flow.fn is guarded
        try:
            with run_scope(context) if in_own_run else nullcontext():
                result = function(*args, **kwargs)
        except BaseException as caught:
            error = leaving(caught)
        else:
            return (
                results_state(result) if in_own_run and isinstance(result, ProcessingResults) else clean_state(result)
            )
        if not in_own_run or not isinstance(error, Exception):
            raise error
        logger.error("%s", sentence(error), exc_info=error)
        return Failed(message=state_message(error), data=error)

    return guarded


def task_guard(function: Callable[P, R]) -> Callable[P, Any]:
    """Return the task's function: what is skipped becomes a state of that name, its errors leave without secrets."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        context = TaskRunContext.get()
        in_own_run = context is not None and context.task.fn is guarded
        if context is not None and in_own_run:
            ledger.note(context.task_run.id, context.task_run.flow_run_id)
        try:
            with run_scope(context) if in_own_run else nullcontext():
                result = function(*args, **kwargs)
        except BaseException as caught:
            error = leaving(caught)
        else:
            return item_state(result, context.task_run.name) if context and in_own_run else clean_state(result)
        raise error

    return guarded


def run_scope(context: Any) -> AbstractContextManager[None]:
    """Return the scope in which the writes of a run get idempotency keys that its next attempt gives them again.

    A run is told by its id; one inside of another by name and parameters, since its id is new in every attempt.
    """
    if in_scope():
        return scope((context.task if isinstance(context, TaskRunContext) else context.flow).name, context.parameters)
    run = context.task_run if isinstance(context, TaskRunContext) else context.flow_run
    return scope(run.id if run is not None else uuid4())


def leaving(error: BaseException) -> BaseException:
    """Return the error as it may leave a run: without secrets, and never as an end of the program by an item.

    What ends the program from outside, and Prefect's own signals, pass as they are.
    """
    passing = KeyboardInterrupt | asyncio.CancelledError | GeneratorExit
    if stopping.is_set() or isinstance(error, passing) or type(error).__module__.startswith("prefect"):
        return error
    if isinstance(error, Exception):
        return scrubbed(error)
    return ScriptError(f"The script ended itself by {sentence(error)}").with_traceback(error.__traceback__)


def clean_state(result: Any) -> Any:
    """Return what a script returns; a state that it made by hand loses its secrets."""
    if isinstance(result, State):
        result.message = redact(result.message) if result.message else result.message
        result.name = redact(result.name) if result.name else result.name
        if isinstance(result.data, BaseException):
            result.data = scrubbed(result.data)
    return result


def clean_name(template: str) -> Callable[..., str]:
    """Return what names a task run after this template, without secrets."""

    def name(parameters: dict[str, Any]) -> str:
        return redact(template.format(**parameters))

    return name


def results_state(results: ProcessingResults) -> State[Any]:
    """Return the state in which a flow with these results ends; the results travel as its data."""
    make = Completed if results.is_success() else Failed
    return make(message=results.summary(), data=results)


def item_state(item: Any, name: str) -> Any:
    """Return the state of one item: Skipped, Failed, or what the task returned where the item succeeded."""
    if not isinstance(item, ItemResult):
        return clean_state(item)
    if item.reason:
        logger.info("%s: %s, %s", name, item.outcome, item.reason)
    if item.outcome == "skipped":
        return Completed(name="Skipped", message=redact(item.reason), data=item)
    if item.outcome == "failed":
        return Failed(message=redact(item.reason), data=item)
    return item


def state_message(error: BaseException) -> str:
    """Return an error as a state tells it: problem and solution in one line."""
    solution = getattr(error, "how_to_fix", "")
    return redact(f"{sentence(error)}. Solution: {solution}" if solution else sentence(error))


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
