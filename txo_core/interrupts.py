"""Ctrl-C at any moment, also while Prefect is still being imported: one line instead of a stack trace."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

EXIT_INTERRUPTED = 130
MESSAGE = "\n⏹  Interrupted. What was saved before is whole; nothing is half written.\n"

ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


@contextmanager
def at_once() -> Iterator[None]:
    """Let Ctrl-C end the program at once meanwhile: for imports, when nothing has begun that could be left behind."""
    default = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if default:
        signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        if default:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def leave(number: int, frame: FrameType | None) -> None:
    """Say so and end the program."""
    os.write(2, MESSAGE.encode())
    os._exit(EXIT_INTERRUPTED)


def calm() -> None:
    """Let an interrupt that nobody catches end the program with one line; other errors are shown as before."""
    if not isinstance(sys.excepthook, CalmHook):
        sys.excepthook = CalmHook(sys.excepthook)


class CalmHook:
    """An excepthook that knows about interrupts and leaves the rest to the one before it."""

    def __init__(self, before: ExceptHook) -> None:
        self.before = before

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show the error."""
        if issubclass(kind, KeyboardInterrupt):
            sys.stderr.write(MESSAGE)
        else:
            self.before(kind, error, trace)
