"""The server side of one connection, with the ways to end it badly."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTION = "sandbox.connection"


class BreakableConnection(H11Protocol):
    """uvicorn's HTTP/1.1 protocol; the application finds it in the scope's extensions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        application = self.app

        async def with_connection(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {CONNECTION: self}
            await application(scope, receive, send)

        self.app = with_connection

    def reset(self) -> None:
        """Ends the connection with a TCP RST at once; nothing that is still buffered is sent."""
        if self.transport.is_closing():
            return
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cycle.disconnected = True
        self.transport.abort()

    def close(self) -> None:
        """Ends the connection with a FIN after what was written, however short that is of its promise."""
        self.cycle.disconnected = True
        self.transport.close()

    async def until_gone(self, seconds: float) -> None:
        """Waits that long, or until the caller has gone."""
        deadline = self.loop.time() + seconds
        while self.loop.time() < deadline and not self.transport.is_closing():
            await asyncio.sleep(min(0.05, max(0.0, deadline - self.loop.time())))
