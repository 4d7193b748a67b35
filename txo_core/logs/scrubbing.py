"""What leaves a flow or a task without secrets: errors with all that they hold, and the states made by hand.

An error whose text, arguments and attributes hold no secret leaves as it is; texts among its arguments and attributes
are cleaned in place. One that still holds a secret then is replaced by a `ScriptError` with its sentence and its
traceback, since nobody can clean the inside of an object that is not ours.
"""

import traceback
from collections.abc import Iterator
from contextlib import suppress

from txo_core.exceptions import ScriptError, TxoError
from txo_core.redaction import redact

DEEPEST = 50


def scrubbed(error: BaseException) -> BaseException:
    """Return the error without secrets: itself, cleaned in place where that is possible, else a ScriptError."""
    for part in chain(error):
        with suppress(Exception):
            clean_in_place(part)
    if all(is_clean(part) for part in chain(error)):
        return error
    if isinstance(error, TxoError):
        cause = error.__cause__ or error.__context__
        error.__cause__ = error.__context__ = None
        error.__cause__ = scrubbed(cause) if cause is not None else None
        return error
    return ScriptError(sentence(error)).with_traceback(error.__traceback__)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, those that it came from, and those that it groups; each once."""
    todo, seen = [error], set[int]()
    while todo and len(seen) < DEEPEST:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [part for part in (current.__cause__, current.__context__) if part is not None]
        todo += current.exceptions if isinstance(current, BaseExceptionGroup) else ()


def clean_in_place(error: BaseException) -> None:
    """Mask the secrets in the arguments and attributes of an error that are texts or lists of texts."""
    if any(isinstance(part, str) and redact(part) != part for part in error.args):
        error.args = tuple(redact(part) if isinstance(part, str) else part for part in error.args)
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, redact(value))
        elif isinstance(value, tuple | list) and all(isinstance(part, str) for part in value):
            setattr(error, name, type(value)(redact(part) for part in value))


def is_clean(error: BaseException) -> bool:
    """Tell whether nothing that Prefect could store of the error is changed by the redactor."""
    try:
        texts = (str(error), repr(error), repr(error.args), repr(vars(error)))
        return all(redact(text) == text for text in texts)
    except Exception:
        return False


def sentence(error: BaseException) -> str:
    """Return an error in one sentence without secrets: ours by its problem or message, another by type and text."""
    try:
        text = str(getattr(error, "what_went_wrong", error)).strip().partition("\n")[0]
    except Exception:
        text = "an error that cannot be shown"
    if isinstance(error, TxoError):
        return redact(text)
    return redact(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def traceback_text(error: BaseException | None, ours_only: bool = False) -> str:
    """Return the traceback as Python prints it, without the last line break; `ours_only` leaves libraries out."""
    if error is None:
        return ""
    whole = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = whole
    while ours_only and part is not None:
        own = [frame for frame in part.stack if "site-packages" not in frame.filename]
        part.stack = traceback.StackSummary.from_list(own)
        part = part.__cause__ or part.__context__
    return redact("".join(whole.format()).rstrip("\n"))
