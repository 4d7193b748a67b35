"""A server of the standard library that runs while a block lasts."""

import socketserver
import threading
from types import TracebackType
from typing import Self


class Serving:
    """Runs the server on its free port of 127.0.0.1; `url` is its address, for plain connections unless it says so."""

    def __init__(self, server: socketserver.TCPServer, scheme: str = "http") -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        self.port = int(server.server_address[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Starts it."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
