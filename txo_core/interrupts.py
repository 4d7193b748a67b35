"""Ctrl-C at any moment, also while Prefect is still being imported: one line instead of a stack trace."""

import sys
from types import TracebackType

EXIT_INTERRUPTED = 130
MESSAGE = "\n⏹  Interrupted. What was saved before is whole; nothing is half written.\n"


def calm() -> None:
    """Let an interrupt that nobody catches end the program with one line; other errors are shown as before."""
    if not getattr(sys.excepthook, "calm", False):
        sys.excepthook = _Calm(sys.excepthook)


class _Calm:
    """An excepthook that knows about interrupts and leaves the rest to the one before it."""

    calm = True

    def __init__(self, before: object) -> None:
        self.before = before

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.stderr.write(MESSAGE)
        elif callable(self.before):
            self.before(kind, error, trace)
