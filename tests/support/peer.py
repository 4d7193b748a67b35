"""What answers on a socket as a test says, byte by byte: half answers, odd heads, connections that break."""

import contextlib
import socket
import socketserver
import struct
from collections.abc import Callable

from tests.support.serving import Serving

Meet = Callable[[socket.socket], object]


class Peer(Serving):
    """Meets its first connection with the first function, and so on; the last one meets all that follow.

    `met` counts the connections. One whose function returns is closed.
    """

    def __init__(self, *meet: Meet, scheme: str = "http") -> None:
        self.met = 0
        peer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                number, peer.met = peer.met, peer.met + 1
                with contextlib.suppress(OSError):
                    meet[min(number, len(meet) - 1)](self.request)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        super().__init__(server, scheme)


def answering(*answers: bytes) -> Meet:
    """Return what gives these answers, one to each request of a connection."""

    def meet(connection: socket.socket) -> None:
        for answer in answers:
            request_on(connection)
            connection.sendall(answer)

    return meet


def request_on(connection: socket.socket) -> bytes:
    """Return the next request whole, with its body if it says how long that is; raises OSError if none comes."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionResetError
    return piece


def reset(connection: socket.socket) -> None:
    """End the connection with a reset, when it is closed next."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer; the connection stays open."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
