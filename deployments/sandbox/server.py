"""The running program: sockets, signals, the ready file."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from .app import build_application
from .connection import BreakableConnection
from .errors import ApiProblem
from .options import SandboxOptions, StartProblem
from .state import SandboxState


class SandboxServer(uvicorn.Server):
    """uvicorn's server; it leaves at once when told to, and tells when it is ready."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stops on the first signal, as a normal end."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so."""
        await super().startup(sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drops all connections, also those with a hanging request."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises StartProblem if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms a call
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise _port_problem(host, port, error) from error
    return sock


def serve(options: SandboxOptions, announce: Callable[[str, str | None], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls `announce(url, second_url)` once it is ready."""
    state = _start_state(options)
    sockets = [listen(options.host, port) for port in (options.port, options.second_port) if port is not None]
    urls = [url_of(options.host, sock) for sock in sockets]

    def when_ready() -> None:
        write_ready_file(options, urls)
        announce(urls[0], urls[1] if len(urls) > 1 else None)

    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        build_application(state),
        http=BreakableConnection,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
    )
    SandboxServer(config, when_ready).run(sockets)


def url_of(host: str, sock: socket.socket) -> str:
    """The base URL of a listening socket."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{sock.getsockname()[1]}"


def write_ready_file(options: SandboxOptions, urls: list[str]) -> None:
    """Writes port, pid and url for programs, complete or not at all."""
    if options.ready_file is None:
        return
    ready = {"port": int(urls[0].rpartition(":")[2]), "pid": os.getpid(), "url": urls[0]}
    if len(urls) > 1:
        ready |= {"second_port": int(urls[1].rpartition(":")[2]), "second_url": urls[1]}
    beside = options.ready_file.with_name(f".{options.ready_file.name}.{os.getpid()}")
    beside.write_text(json.dumps(ready), encoding="utf-8")
    beside.replace(options.ready_file)


def _start_state(options: SandboxOptions) -> SandboxState:
    try:
        return SandboxState(options)
    except (ApiProblem, OSError) as error:
        raise StartProblem(
            f"The faults '{options.faults}' cannot be used: {error}",
            "Give 'demo', one fault such as status=503, or a JSON file of rules whose name ends in .json.",
            "python -m deployments.sandbox --faults demo",
        ) from error


def _port_problem(host: str, port: int, error: OSError) -> StartProblem:
    if error.errno == errno.EADDRINUSE:
        problem = f"Port {port} on {host} is already in use, perhaps by another sandbox."
    else:
        problem = f"The sandbox cannot listen on {host}, port {port}: {error.strerror}."
    return StartProblem(
        problem,
        "Stop the other program, or choose another port (0 takes any free one).",
        "python -m deployments.sandbox --port 8766",
    )
