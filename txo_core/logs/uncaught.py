"""What nobody caught: in the main program, in threads and in destructors, shown without secrets.

Each hook of Python's own is replaced by one that logs. A hook of somebody else's is kept and gets the error as it may
be shown. Errors in asyncio callbacks are logged by asyncio itself.
"""

import logging
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from txo_core.exceptions import HelpfulError
from txo_core.interrupts import MESSAGE, CalmHook
from txo_core.logs import streams
from txo_core.logs.records import WITHHELD
from txo_core.logs.scrubbing import scrubbed

logger = logging.getLogger("txo_core.logs.uncaught")
Hook = Callable[..., Any]


def install() -> None:
    """Put the hooks in place where they are not; warnings become log records, and what is printed is clean."""
    streams.install()
    logging.captureWarnings(False)  # so that the next call takes the place of whoever has come in between
    logging.captureWarnings(True)
    if not _is_ours(sys.excepthook):
        sys.excepthook = _ours(program_ended, None if _is_default(sys.excepthook) else sys.excepthook)
    if not _is_ours(threading.excepthook):
        foreign = threading.excepthook is not threading.__excepthook__
        threading.excepthook = _ours(thread_ended, threading.excepthook if foreign else None)
    if not _is_ours(sys.unraisablehook):
        foreign = sys.unraisablehook is not sys.__unraisablehook__
        sys.unraisablehook = _ours(destructor_failed, sys.unraisablehook if foreign else None)


def _ours(function: Hook, foreign: Hook | None) -> Hook:
    """Return a hook that never fails: Python would show the error as it is, in its own way."""

    def hook(*what: Any) -> None:
        try:
            function(foreign, *what)
        except Exception:
            sys.stderr.write(WITHHELD + "\n")

    hook.redacts = True  # type: ignore[attr-defined]
    return hook


def _is_ours(hook: Hook) -> bool:
    return getattr(hook, "redacts", False)


def _is_default(hook: Hook) -> bool:
    return hook is sys.__excepthook__ or (isinstance(hook, CalmHook) and hook.before is sys.__excepthook__)


def program_ended(foreign: Hook | None, kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Show an error that ends the program."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write(MESSAGE)
    elif foreign is not None:
        clean = scrubbed(error)
        foreign(type(clean), clean, clean.__traceback__)
    elif isinstance(error, HelpfulError):
        logger.debug("The program ended with an error", exc_info=error)
        logger.critical("%s", error)
    else:
        logger.critical("The program ended with an unexpected error", exc_info=(kind, error, trace))


def thread_ended(foreign: Hook | None, what: Any) -> None:
    """Show an error that ended a thread; a thread may end itself by SystemExit."""
    if issubclass(what.exc_type, SystemExit):
        return
    error = what.exc_value or what.exc_type()
    name = what.thread.name if what.thread else "?"
    if foreign is not None:
        clean = scrubbed(error)
        foreign(threading.ExceptHookArgs((type(clean), clean, clean.__traceback__, what.thread)))
    else:
        logger.error(
            "The thread %s ended with an unexpected error", name, exc_info=(type(error), error, what.exc_traceback)
        )


def destructor_failed(foreign: Hook | None, what: Any) -> None:
    """Show an error where Python cannot raise one, as in `__del__`."""
    error = what.exc_value or what.exc_type()
    if foreign is not None:
        clean = scrubbed(error)
        fields = {"err_msg": what.err_msg, "object": what.object}
        foreign(SimpleNamespace(exc_type=type(clean), exc_value=clean, exc_traceback=clean.__traceback__, **fields))
    else:
        told, exc_info = what.err_msg or "Exception ignored in", (type(error), error, what.exc_traceback)
        logger.error("%s: %r", told, what.object, exc_info=exc_info)
