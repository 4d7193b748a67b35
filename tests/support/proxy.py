"""A forward proxy for tests: relays plain requests and tunnels encrypted ones, on loopback, and counts both."""

import base64
import contextlib
import select
import socket
import socketserver
from urllib.parse import urlsplit

from tests.support.serving import Serving


class Proxy(Serving):
    """`with Proxy() as proxy: proxy.url`; with `user` and `password` it asks for them, else 407."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.forwarded: list[str] = []
        self.tunnels: list[str] = []
        self.turned_away = 0
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"Basic {pair}" if user else None
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    proxy._serve(self.request)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        super().__init__(server)

    def _serve(self, client: socket.socket) -> None:
        head, _, rest = _received(client).partition(b"\r\n\r\n")
        line, *headers = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        given = [header.partition(": ")[2] for header in headers if header.lower().startswith("proxy-authorization")]
        if self._wanted and given != [self._wanted]:
            self.turned_away += 1
            client.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            return
        if method == "CONNECT":
            self.tunnels.append(target)
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, server)
            return
        self.forwarded.append(target)
        parts = urlsplit(target)
        path = target.partition(parts.netloc)[2] or "/"
        kept = [header for header in headers if not header.lower().startswith(("proxy-", "connection"))]
        request = (
            "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode("latin-1") + rest
        )
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as server:
            server.sendall(request)
            _relay(client, server)


def _received(client: socket.socket) -> bytes:
    """Return what came, at least the whole head."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            raise OSError("gone")
        data += piece
    return data


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either side sends, until one of them has ended."""
    while True:
        for side in select.select([one, other], [], [])[0]:
            data = side.recv(65536)
            if not data:
                return
            (other if side is one else one).sendall(data)
