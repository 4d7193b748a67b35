"""What leaves a flow or a task: results as states, errors without secrets, and nothing else.

Prefect writes the text of an error into states and events and pickles the error of a failed flow; neither is a log
record. So each function is guarded where it ends.
"""

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from prefect import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ExternalSignal, PrefectSignal
from prefect.states import Completed, Failed

from txo_core.clock import stopping
from txo_core.dry_run import dry_run
from txo_core.exceptions import ScriptError
from txo_core.http.scopes import in_scope, scope
from txo_core.logs.scrubbing import scrubbed, sentence
from txo_core.redaction import redact
from txo_core.results import ItemResult, ProcessingResults
from txo_core.runs.ledger import ledger
from txo_core.tally import counting

P = ParamSpec("P")
R = TypeVar("R")

PASSING = (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, PrefectSignal, ExternalSignal)
"""What ends the program from outside, and Prefect's own signals: they carry nothing of a script's."""

FUNCTION = "txo_function"
WITHHELD_ERROR = "[error withheld: redaction failed]"

logger = logging.getLogger("txo_core.orchestration")


def flow_guard(function: Callable[P, R]) -> Callable[P, Any]:
    """Return the flow's function: its results become a state, its errors leave without secrets.

    In a run of its own an error becomes a Failed state; Prefect would pickle it to disk otherwise. Where its parameter
    `dry_run` is set, all that happens inside is a dry run.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        context = FlowRunContext.get()
        in_own_run = context is not None and context.flow is not None and context.flow.fn is guarded
        try:
            asked = asks_for(signature, *args, **kwargs)
            with counting(), dry_run(asked), run_scope(context) if in_own_run else nullcontext():
                result = function(*args, **kwargs)
        except BaseException as caught:
            error = leaving(caught)
        else:
            make = results_state if in_own_run and isinstance(result, ProcessingResults) else clean_state
            return safely(make, result)
        if not in_own_run or not isinstance(error, Exception):
            raise error
        return safely(failed_state, error)

    return guarded


def asks_for(signature: inspect.Signature, *args: Any, **kwargs: Any) -> bool:
    """Tell whether these arguments, or a default, set the parameter `dry_run`."""
    if "dry_run" not in signature.parameters:
        return False
    bound = signature.bind_partial(*args, **kwargs)
    bound.apply_defaults()
    return bool(bound.arguments["dry_run"])


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
            if context is not None and in_own_run:
                return safely(item_state, result, context.task_run.name)
            return safely(clean_state, result)
        raise error

    vars(guarded)[FUNCTION] = function
    return guarded


def unguarded(task: Any) -> Callable[..., Any]:
    """Return the function of a task as the script wrote it."""
    function: Callable[..., Any] = vars(task.fn).get(FUNCTION, task.fn)
    return function


def safely(make: Callable[..., Any], *what: Any) -> Any:
    """Return what `make` makes of it; where that fails, an error leaves that says only so."""
    try:
        return make(*what)
    except Exception as error:
        trace = error.__traceback__
    raise ScriptError(WITHHELD_ERROR).with_traceback(trace)


def run_scope(context: Any) -> AbstractContextManager[None]:
    """Return the scope in which the writes of a run get idempotency keys that its next attempt gives them again.

    A run is told by its id; one inside of another by name and parameters, since its id is new in every attempt.
    """
    if in_scope():
        return scope((context.task if isinstance(context, TaskRunContext) else context.flow).name, context.parameters)
    run = context.task_run if isinstance(context, TaskRunContext) else context.flow_run
    return scope(run.id if run is not None else uuid4())


def leaving(error: BaseException) -> BaseException:
    """Return the error as it may leave a run: without secrets, and never as an end of the program by an item."""
    if isinstance(error, PASSING) or (stopping.is_set() and not isinstance(error, Exception)):
        return error
    try:
        if isinstance(error, Exception):
            return scrubbed(error)
        return ScriptError(f"The script ended itself by {sentence(error)}").with_traceback(error.__traceback__)
    except Exception:
        return ScriptError(WITHHELD_ERROR).with_traceback(error.__traceback__)


def clean_state(result: Any) -> Any:
    """Return what a script returns; a state that it made by hand loses its secrets."""
    if isinstance(result, State):
        result.message = redact(result.message) if result.message else result.message
        result.name = redact(result.name) if result.name else result.name
        if isinstance(result.data, BaseException):
            result.data = scrubbed(result.data)
    return result


def results_state(results: ProcessingResults) -> State[Any]:
    """Return the state in which a flow with these results ends; the results travel as its data."""
    make = Completed if results.is_success() else Failed
    return make(message=redact(results.summary()), data=results)


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


def failed_state(error: Exception) -> State[Any]:
    """Return the state of a flow that ended with this error, which the log has with its traceback."""
    logger.error("%s", sentence(error), exc_info=error)
    return Failed(message=state_message(error), data=error)


def state_message(error: BaseException) -> str:
    """Return an error as a state tells it: problem and solution in one line."""
    solution = getattr(error, "how_to_fix", "")
    return redact(f"{sentence(error)}. Solution: {solution}" if solution else sentence(error))
