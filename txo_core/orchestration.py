"""Prefect with our defaults: `flow` and `task`, through which nothing leaves a run with a secret in it.

Both build Prefect's own object and wrap its function afterwards, so that entrypoints, `.map`, `.submit` and
`with_options` work as Prefect documents them. Defaults: no retries (the HTTP client has the only ones), no cache,
no stored results, ten threads.
"""

import functools
import inspect
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast, overload

from txo_core.interrupts import at_once, calm

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_RESULTS_DEFAULT_SERIALIZER", "txo-json")
calm()

with at_once():
    from prefect import Flow, Task
    from prefect.cache_policies import NO_CACHE
    from prefect.context import FlowRunContext, TaskRunContext
    from prefect.logging.handlers import APILogHandler
    from prefect.task_runners import ThreadPoolTaskRunner

from txo_core.exceptions import ConfigurationError
from txo_core.logger import ROOMS, configure
from txo_core.redaction import redact
from txo_core.runs import sending
from txo_core.runs.parameters import check_parameters
from txo_core.runs.result_storage import SERIALIZER, KeyTemplate, check_serializer, clean_key, refuse_pickles
from txo_core.runs.states import flow_guard, task_guard
from txo_core.server import access

P = ParamSpec("P")
R = TypeVar("R")

MAX_THREADS = 10
RunName = str | Callable[..., str]


def flow(*, name: str, flow_run_name: RunName | None = None, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Return a decorator that makes a function a Prefect flow whose returned `ProcessingResults` become its state.

    A flow ends Completed or Failed as its results say; an error becomes a Failed state with its problem and solution.
    """
    runner: Any = ThreadPoolTaskRunner(max_workers=MAX_THREADS)
    defaults: dict[str, Any] = {
        "retries": 0,
        "persist_result": False,
        "result_serializer": SERIALIZER,
        "task_runner": runner,
    }

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        check_plain(function)
        check_parameters(function)
        given = defaults | clean_options({"name": name, **options})
        made = Flow(function, flow_run_name=clean_name(flow_run_name), **given)
        made.fn = cast(Callable[P, R], flow_guard(function))
        return made

    return decorate


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(*, task_run_name: RunName | None = None, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(
    function: Callable[P, R] | None = None, /, *, task_run_name: RunName | None = None, **options: Any
) -> Task[P, R] | Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a Prefect task. It may return a value, or `skipped("why")`, which becomes the state Skipped."""
    defaults: dict[str, Any] = {
        "retries": 0,
        "persist_result": False,
        "result_serializer": SERIALIZER,
        "cache_policy": NO_CACHE,
    }

    if options.get("cache_key_fn"):
        del defaults["cache_policy"]  # Prefect would warn of both

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        check_plain(function)
        made = Task(function, task_run_name=clean_name(task_run_name), **(defaults | clean_options(options)))
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


class NameTemplate(str):
    """A template of run names, whatever fills it in: the name has no secret."""

    __slots__ = ()

    def format(self, *args: object, **kwargs: object) -> str:
        """Return the name of a run."""
        return redact(super().format(*args, **kwargs))


def clean_name(name: RunName | None) -> Any:
    """Return what names a run after this template or by this function, without secrets."""
    if name is None or isinstance(name, str):
        return name if name is None else NameTemplate(name)

    @functools.wraps(name)
    def named(*args: Any, **kwargs: Any) -> str:
        return redact(name(*args, **kwargs))

    return named


def clean_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return Prefect's options with names, tags and keys that hold no secret; results are stored in one form only."""
    check_serializer(options.get("result_serializer"))
    options = {name: value for name, value in options.items() if name != "result_serializer" or value is not None}
    if options.get("name"):
        options["name"] = redact(options["name"])
    if options.get("tags"):
        options["tags"] = [redact(tag) for tag in options["tags"]]
    if options.get("cache_key_fn"):
        options["cache_key_fn"] = clean_key(options["cache_key_fn"])
    if options.get("result_storage_key"):
        options["result_storage_key"] = KeyTemplate(options["result_storage_key"])
    return options


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


access.register()
log_to_server()
refuse_pickles()
sending.install()
