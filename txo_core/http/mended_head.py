"""The head of an answer in which lines are no headers: those are left out, and what stands behind them counts.

The parser of the standard library takes such a line for the end of the head. A Link to the next page, a Retry-After or
a Location behind it would be lost without a word. Browsers skip the line (RFC 9112, 2.2 leaves it open).
"""

import io
import re
from collections.abc import Iterable, Iterator
from email.errors import FirstHeaderLineIsContinuationDefect
from http.client import HTTPMessage
from typing import Any

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:")
_LINE_END = re.compile(r"\r\n|\r|\n")


def mended(message: HTTPMessage) -> list[str] | None:
    """Return the lines of a head that was not understood, those left out that are no headers; None if it was."""
    rest = message.get_payload()
    lost = rest if isinstance(rest, str) else ""
    if not lost and not any(isinstance(defect, FirstHeaderLineIsContinuationDefect) for defect in message.defects):
        return None
    return [*(f"{name}: {value}" for name, value in message.items()), *headers_in(_LINE_END.split(lost))]


def headers_in(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines that are headers, and those that go on with one, without white space before the colon."""
    goes_on = False
    for line in lines:
        found = _HEADER.match(line)
        goes_on = bool(found) or (goes_on and line[:1] in (" ", "\t"))
        if goes_on:
            yield f"{found[1]}:{line[found.end() :]}" if found else line


class Replay(io.RawIOBase):
    """Reads a head, and then on from the stream."""

    def __init__(self, head: bytes, stream: Any) -> None:
        self._head = io.BytesIO(head)
        self._stream = stream

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there."""
        return self._head.readinto(buffer) or int(self._stream.readinto1(buffer))

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()
