"""What goes out to the caller: a whole answer, a part of one, or the end of the connection."""

from __future__ import annotations

from starlette.types import Send

from .connection import BreakableConnection
from .exchange import Answer


class Wire:
    """The way back to the caller of one request."""

    def __init__(self, send: Send, connection: BreakableConnection) -> None:
        self._send = send
        self.connection = connection

    @property
    def is_gone(self) -> bool:
        """Whether the caller has left."""
        return self.connection.transport.is_closing()

    async def answer(self, answer: Answer) -> str:
        """Sends the whole answer; returns its status as text."""
        await self.start(answer)
        await self.chunk(answer.body, last=True)
        return str(answer.status)

    def reset(self) -> str:
        """Ends the connection with a TCP RST; returns the word for it."""
        self.connection.reset()
        return "reset"

    def close(self) -> str:
        """Ends the connection after what was sent; returns the word for it."""
        self.connection.close()
        return "closed"

    async def start(self, answer: Answer) -> None:
        """Sends status and headers only."""
        await self._send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})

    async def chunk(self, body: bytes, last: bool = False) -> None:
        """Sends a part of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})
