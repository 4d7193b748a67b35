"""How far a long piece of work is: one line on a terminal that is rewritten, and nothing anywhere else."""

import os
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from txo_core.clock import Clock, monotonic

ERASE = "\r\x1b[K"
FIRST_AFTER, EVERY = 0.3, 0.1
STREAMS = ("stderr", "stdout")

_terminal = threading.Lock()
"""Held by the one piece of work that shows its progress; others that run at the same time show none."""


class Progress:
    """Shows `123 of 500, 2 failed, 00:12` on standard error while the block lasts, if that is a terminal.

    The line goes away at the end. Whatever else is written to the terminal meanwhile, such as the lines of the log,
    stands above it, whole. Work that takes less than a moment shows nothing.
    """

    def __init__(self, total: int | None = None, wanted: bool = True, clock: Clock = monotonic) -> None:
        self._total = total
        self._wanted = wanted
        self._clock = clock
        self._line: StatusLine | None = None
        self._began = self._next = clock()

    def __enter__(self) -> Self:
        self._began = self._clock()
        self._next = self._began + FIRST_AFTER
        if self._wanted and can_rewrite(sys.stderr) and _terminal.acquire(blocking=False):
            self._line = StatusLine()
        return self

    def show(self, done: int, failed: int) -> None:
        """Say how many have ended in all and how many of them have failed; cheap to call often."""
        if self._line is None or self._clock() < self._next:
            return
        self._next = self._clock() + EVERY
        self._line.draw(progress_text(done, failed, self._total, self._clock() - self._began))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            _terminal.release()


def progress_text(done: int, failed: int, total: int | None, seconds: float) -> str:
    """Return what the line says."""
    hours, rest = divmod(int(seconds), 3600)
    clock = f"{rest // 60:02}:{rest % 60:02}"
    parts = [
        f"{done} of {total}" if total is not None else f"{done} done",
        f"{failed} failed" if failed else "",
        f"{hours}:{clock}" if hours else clock,
    ]
    return ", ".join(filter(None, parts))


def can_rewrite(stream: TextIO | None) -> bool:
    """Tell whether the stream is a terminal whose last line can be written anew."""
    if stream is None or os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI"):
        return False
    with suppress(OSError, ValueError):
        return stream.isatty()
    return False


class StatusLine:
    """The last line of the terminal; what is written to standard error and output meanwhile goes above it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may write while this thread draws
        self._text = ""
        self._mid_line = False
        self._terminal = sys.stderr
        self._before = {name: getattr(sys, name) for name in STREAMS if can_rewrite(getattr(sys, name))}
        self._around = {name: Around(stream, self) for name, stream in self._before.items()}
        for name, around in self._around.items():
            setattr(sys, name, around)

    def draw(self, text: str) -> None:
        """Let the line say this."""
        with self._lock:
            self._text = text[: max(1, self._columns() - 1)]
            self._redraw()

    def write_above(self, stream: TextIO, text: str) -> int:
        """Write the text to the stream, above the line."""
        with self._lock:
            if self._text and not self._mid_line:
                self._put(ERASE)
            written = stream.write(text)
            if text:
                self._mid_line = not text.endswith("\n")
            if self._text:
                stream.flush()
                self._redraw()
            return written

    def close(self) -> None:
        """Take the line away, and leave the streams as they were."""
        with self._lock:
            if self._text and not self._mid_line:
                self._put(ERASE)
            self._text = ""
            for name, around in self._around.items():
                if getattr(sys, name) is around:
                    setattr(sys, name, self._before[name])

    def _redraw(self) -> None:
        if not self._mid_line:
            self._put(ERASE + self._text)

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._terminal.write(text)
            self._terminal.flush()

    def _columns(self) -> int:
        with suppress(OSError, ValueError):
            return os.get_terminal_size(self._terminal.fileno()).columns or 80
        return 80


class Around:
    """Stands for a stream of the terminal; who keeps it after the end writes to the stream itself."""

    def __init__(self, stream: TextIO, line: StatusLine) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        """Write above the line."""
        return self._line.write_above(self._stream, text)

    def writelines(self, lines: Any) -> None:
        """Write all of them above the line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
