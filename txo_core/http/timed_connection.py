"""Connections on which an answer has an end: a server that sends one byte now and then does not hold us for ever.

A time-out of a socket holds for each step alone. Here it also holds for all steps of an exchange together: connecting,
to whichever address; the handshake; each piece that is sent; the answer, from the first byte of its head to the last
of its body.
"""

import http.client
import io
import logging
import math
import socket
import threading
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

from txo_core.clock import monotonic
from txo_core.http.connecting import BROKEN, BrokenHandshake, connected
from txo_core.http.encryption import encryption
from txo_core.http.mended_head import Replay, mended

logger = logging.getLogger("txo_core.http")

MOST_INTERIM = 50
LONGEST_IDLE = 1.0
"""Seconds after which a connection is not trusted with a request that must not be sent twice."""


class AnswerTime(threading.local):
    """The moment of the monotonic clock at which the answer to this thread's request has to be there.

    `once`: the request must not be sent twice.
    """

    until: float = math.inf
    once: bool = False


ANSWER_TIME = AnswerTime()


def hurry(sock: socket.socket, until: float, complaint: str) -> None:
    """Let the next step of the socket take no longer than until the moment; TimeoutError if it has passed."""
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError(complaint)
    usual = sock.gettimeout()
    if usual is None or left < usual:
        sock.settimeout(left)


class TimedReader(io.RawIOBase):
    """Reads from a socket's stream until a moment; then each read is a time-out."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket, until: float) -> None:
        self._stream = stream
        self._socket = sock
        self._until = until

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, waiting no longer than until the moment."""
        hurry(self._socket, self._until, "the answer takes too long")
        return self._stream.readinto(buffer)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()


class TimedResponse(http.client.HTTPResponse):
    """An answer that is read under the time of this thread's request."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        if ANSWER_TIME.until < math.inf:
            stream: Any = self.fp
            self.fp = io.BufferedReader(TimedReader(stream.detach(), sock, ANSWER_TIME.until))

    def begin(self) -> None:
        """Read the head; one that could not be read to its end is read again without what is no header in it."""
        super().begin()
        lines = mended(self.msg)
        self.msg.defects.clear()  # of which urllib3 would warn
        if lines is not None:
            first = f"HTTP/{self.version // 10}.{self.version % 10} {self.status} {self.reason}"
            head = "\r\n".join([first, *lines, "", ""]).encode("latin-1")
            self.headers: Any = None
            self.fp = io.BufferedReader(Replay(head, self.fp))
            super().begin()
            logger.debug("The head of an answer had lines that are no headers; they were left out")

    def _read_status(self) -> tuple[str, int, str]:
        """Return the first line of the answer; interim answers before it (RFC 9110, 15.2) are none.

        http.client skips 100 alone: it would take a 103 for the answer, and the answer for that to the next request.
        """
        for _ in range(MOST_INTERIM):
            line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            status = line[1]
            if status == http.client.CONTINUE or not 100 <= status < 200:
                return line
            if status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("the server changes to a protocol that was not asked for")
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("the server sends interim answers without end")


class TimedSteps(HTTPConnection):
    """What both kinds of connections have in common: connecting and sending are timed, too.

    Servers close idle connections, many after two or five seconds. A write that meets such an end is lost, and nobody
    can tell whether it was done; so one that must not be sent twice gets a connection that was in use just now.
    """

    response_class = TimedResponse
    used = -math.inf

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used for this thread's request."""
        stale = ANSWER_TIME.once and monotonic() - self.used > LONGEST_IDLE
        return not stale and super().is_connected

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        """Return the answer."""
        self.used = monotonic()
        return super().getresponse()

    def _new_conn(self) -> socket.socket:
        """Return a new socket; raises urllib3's errors for one that cannot be had."""
        timeout = self.timeout if isinstance(self.timeout, int | float) else math.inf
        seconds = min(timeout, ANSWER_TIME.until - monotonic())
        try:
            new = connected(self._dns_host, self.port or 0, seconds, self.socket_options or (), self.source_address)
            hurry(new, ANSWER_TIME.until, "connecting takes too long")
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no address of {self.host} answers in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection: {error}") from error
        return new

    def send(self, data: Any) -> None:
        """Send a piece of the request."""
        if self.sock is not None:
            hurry(self.sock, ANSWER_TIME.until, "the request takes too long to send")
        super().send(data)


class TimedHTTPConnection(TimedSteps):
    """A connection whose exchanges are timed."""


class TimedHTTPSConnection(TimedSteps, HTTPSConnection):
    """An encrypted one; what fails in the handshake was not sent."""

    def connect(self) -> None:
        """Connect, through a tunnel if need be, with an encryption of our own making."""
        if self.ssl_context is None:
            self.ssl_context = encryption(self.cert_reqs)
        if self.proxy_config is not None and self.proxy_config.ssl_context is None:
            self.proxy_config = self.proxy_config._replace(ssl_context=encryption(self.cert_reqs))
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the handshake takes too long") from error
        except BROKEN as error:
            raise BrokenHandshake(self, f"the handshake broke off: {error}") from error


class TimedHTTPPool(HTTPConnectionPool):
    """A pool of them."""

    ConnectionCls = TimedHTTPConnection


class TimedHTTPSPool(HTTPSConnectionPool):
    """A pool of encrypted ones."""

    ConnectionCls = TimedHTTPSConnection


def timed(manager: urllib3.PoolManager) -> None:
    """Let the manager make pools of such connections from now on."""
    manager.pool_classes_by_scheme = {"http": TimedHTTPPool, "https": TimedHTTPSPool}
