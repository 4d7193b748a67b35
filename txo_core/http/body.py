"""The body of a request while it is sent: exactly as long as announced, and not for ever."""

import io
from typing import Any

from requests import PreparedRequest

from txo_core.clock import Clock, monotonic
from txo_core.exceptions import FileOperationError

LONG = 1024 * 1024


def body_of(request: PreparedRequest, deadline: float) -> Any:
    """Return what the network is given: short bodies as they are, long ones and files in timed pieces."""
    body: Any = request.body
    length = request.headers.get("Content-Length", "")
    if isinstance(body, bytes) and len(body) > LONG:
        return TimedBody(io.BytesIO(body), len(body), deadline)
    if hasattr(body, "read") and length.isdigit():
        return TimedBody(body, int(length), deadline)
    return body


class TimedBody:
    """Reads `length` bytes of a file, until a moment of the monotonic clock.

    What a file gains while it is sent would be taken for the next request, and what it loses for a body that is still
    to come: the one is left out, the other is a FileOperationError.
    """

    def __init__(self, file: Any, length: int, deadline: float, clock: Clock = monotonic) -> None:
        self._file = file
        self._left = length
        self._deadline = deadline
        self._clock = clock

    def read(self, size: int = -1) -> bytes:
        """Return the next piece, empty at the end."""
        if self._left and self._clock() > self._deadline:
            raise TimeoutError("the request takes too long to send")
        piece: bytes = self._file.read(self._left if size < 0 else min(size, self._left))
        if self._left and not piece:
            raise FileOperationError(
                "The file became shorter while it was sent", "Send it when nobody writes to it any more"
            )
        self._left -= len(piece)
        return piece
