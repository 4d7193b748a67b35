"""Opening a connection: the addresses of a host share one time-out, and each of them gets its chance."""

import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from ipaddress import ip_address
from threading import TIMEOUT_MAX
from typing import Any

from urllib3.exceptions import LocationParseError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from txo_core.clock import Clock, monotonic
from txo_core.threads import start_alone

SHORTEST_SHARE = 2.0
"""Seconds that an address gets at least, as long as there are so many."""
BROKEN = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)

Source = tuple[str, int]
SocketOptions = Iterable[tuple[int, int, int | bytes]]


class BrokenHandshake(NewConnectionError):
    """The connection broke before it was ready, so that nothing of the request was sent."""


def connected(
    host: str,
    port: int,
    seconds: float,
    options: SocketOptions = (),
    source: Source | None = None,
    clock: Clock = monotonic,
) -> socket.socket:
    """Return a socket that is connected to one of the addresses of the host; all together get so many seconds.

    One that does not answer gives way to the next in time: each gets an even part of what is left. Raises TimeoutError
    or another OSError, that of the last address that was tried; gaierror for a host that is not known.
    """
    until = clock() + seconds
    found = addresses(host, port, seconds)
    error = TimeoutError("no time is left") if found else OSError("the host has no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        left = until - clock()
        if left <= 0:
            break
        share = max(left / (len(found) - number), min(left, SHORTEST_SHARE))
        try:
            return _connected(socket.socket(family, kind, protocol), address, share, options, source)
        except OSError as caught:
            error = caught
    raise error


def addresses(host: str, port: int, seconds: float) -> list[Any]:
    """Return the addresses of the host in the order in which they are to be tried, as `socket.getaddrinfo` does.

    A name is looked up in a thread of its own, since nothing ends that before the resolver gives up: half a minute, if
    the network is gone. Raises TimeoutError if it takes longer than so many seconds.
    """
    host = host.strip("[]")
    try:
        host.encode("idna")
    except UnicodeError:
        raise LocationParseError(f"'{host}', label empty or too long") from None
    look_up = partial(socket.getaddrinfo, host, port, allowed_gai_family(), socket.SOCK_STREAM)
    if _is_address(host):
        return look_up()
    found: Future[list[Any]] = Future()
    start_alone(lambda: _answer(found, look_up), "txo-resolve")
    return found.result(min(seconds, TIMEOUT_MAX))


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _answer(found: "Future[list[Any]]", look_up: Callable[[], list[Any]]) -> None:
    try:
        found.set_result(look_up())
    except BaseException as error:
        found.set_exception(error)


def _connected(
    new: socket.socket, address: Any, seconds: float, options: SocketOptions, source: Source | None
) -> socket.socket:
    try:
        for option in options:
            new.setsockopt(*option)
        new.settimeout(seconds)
        if source:
            new.bind(source)
        new.connect(address)
    except BaseException:
        new.close()
        raise
    return new
