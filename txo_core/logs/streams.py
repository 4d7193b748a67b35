"""Standard output and standard error without secrets: what is printed, and what Python itself writes there.

`print`, `traceback.print_exc`, `sys.exit("text")`, a library that reports its own failure: none of them makes a log
record. Texts are cleaned line by line, as they would reach a terminal; bytes that a script writes to
`sys.stdout.buffer` are data and pass.
"""

import os
import sys
import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

from txo_core.logs.records import WITHHELD, withheld
from txo_core.redaction import redact

LONGEST_LINE = 65_536
"""So much of a line without an end is kept back to be cleaned as a whole."""


class CleanStream:
    """A stream to which texts go without secrets; in all else it is the one below.

    The beginning of a line is kept back until its end comes, or a flush: a secret may come in pieces.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._begun = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Write the text without secrets, as far as its last line has ended."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            begun = self._begun + text
            end = max(begun.rfind("\n"), begun.rfind("\r")) + 1
            if len(begun) - end > LONGEST_LINE:
                end = len(begun)
            self._begun = begun[end:]
            if end:
                self._stream.write(cleaned(begun[:end]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write these texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what was kept back, and flush the stream below."""
        self.end_line()
        self._stream.flush()

    def end_line(self) -> None:
        """Write what was kept back."""
        with self._lock:
            begun, self._begun = self._begun, ""
            if begun:
                self._stream.write(cleaned(begun))

    def begin_anew(self) -> None:
        """Forget what another process has begun, of which this one is a copy."""
        self._begun, self._lock = "", threading.RLock()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            self.end_line()
        return getattr(self._stream, name)


def cleaned(text: str) -> str:
    """Return the text without secrets; where that cannot be told, a line that says so."""
    try:
        return redact(text)
    except Exception:
        withheld.add()
        return WITHHELD + "\n"


def install() -> None:
    """Put clean streams in the place of the two that are there; calling it again does so for those that came since."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, CleanStream):
            setattr(sys, name, CleanStream(stream))
    _watch_forks()


def below(stream: Any) -> Any:
    """Return the stream to which a text goes that is clean already, after what was begun above it."""
    if not isinstance(stream, CleanStream):
        return stream
    stream.end_line()
    return stream._stream


@cache
def _watch_forks() -> None:
    os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, CleanStream):
            stream.begin_anew()
