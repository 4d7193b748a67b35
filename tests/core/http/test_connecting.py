"""A host with several addresses, of which some are dead."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests
import urllib3

from tests.support.peer import Peer, reset
from tests.support.recorder import Received, Recorder, Reply
from tests.support.scripted import FakeTime
from txo_core.http import connecting
from txo_core.http.connecting import connected
from txo_core.http.failures import Failure, failure_of
from txo_core.http.policy import Options
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter

HOST = "many.example.com"


class Network:
    """Addresses by name, and what happens at each: an error, or seconds until it answers. Nothing is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **addresses: float | OSError) -> None:
        self.time = FakeTime()
        self.addresses = addresses
        self.tried: list[tuple[str, float]] = []
        monkeypatch.setattr(connecting, "addresses", lambda *of: [(2, 1, 6, "", name) for name in addresses])
        monkeypatch.setattr(socket, "socket", self.socket)

    def connect(self, seconds: float, **options: Any) -> "Socket":
        found: Any = connected(HOST, 443, seconds, clock=self.time.clock, **options)
        assert isinstance(found, Socket)
        return found

    def socket(self, *kind: int) -> "Socket":
        return Socket(self)


class Socket:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.seconds = 0.0
        self.closed = False
        self.peer = ""

    def settimeout(self, seconds: float) -> None:
        self.seconds = seconds

    def connect(self, name: str) -> None:
        network = self.network
        network.tried.append((name, round(self.seconds, 3)))
        self.peer = name
        answer = network.addresses[name]
        if isinstance(answer, OSError):
            raise answer
        network.time.now += min(answer, self.seconds)
        if answer > self.seconds:
            raise TimeoutError

    def close(self) -> None:
        self.closed = True


def test_dead_addresses_together_take_no_longer_than_one_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, a=1000, b=1000, c=1000, d=1000)

    with pytest.raises(TimeoutError):
        network.connect(12)

    assert network.time.now == 1012
    assert network.tried == [("a", 3), ("b", 3), ("c", 3), ("d", 3)]


def test_the_time_that_one_address_leaves_is_there_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, a=ConnectionRefusedError(), b=1000, c=4.5)

    assert network.connect(10).peer == "c"
    assert network.tried == [("a", 3.333), ("b", 5), ("c", 5)]


def test_no_address_is_hurried_out_of_its_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten addresses each would get half a second, and those that are far away would all fail."""
    network = Network(monkeypatch, **{f"a{number}": 1.5 for number in range(10)})

    assert network.connect(5).peer == "a0"


def test_a_single_address_gets_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, a=9.9)

    assert network.connect(10).peer == "a"


def test_the_error_is_that_of_the_last_address(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, a=1000, b=ConnectionRefusedError())

    with pytest.raises(ConnectionRefusedError):
        network.connect(10)


@pytest.mark.parametrize("seconds", [0, -1])
def test_without_time_no_address_is_tried(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    network = Network(monkeypatch, a=1)

    with pytest.raises(TimeoutError):
        network.connect(seconds)
    assert network.tried == []


def test_a_host_without_an_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="no address"):
        Network(monkeypatch).connect(10)


@contextmanager
def dead(name: str, port: int) -> Iterator[None]:
    """Let an address of this machine be one that does not answer: what knocks is not let in, nor turned away."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((name, port), backlog=0))
        for _ in range(3):
            knocker = stack.enter_context(socket.socket())
            knocker.setblocking(False)
            knocker.connect_ex(listener.getsockname())
        yield


def failure(url: str, timeout: Any, total: float = 5.0) -> Failure | None:
    """Return what kept the URL from answering; None if it answered."""
    sessions = Sessions(PolicyAdapter([]))
    request = sessions.prepare("POST", url)
    try:
        sessions.send(request, timeout=timeout, options=Options(total_timeout=total))
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        return failure_of(error, url)
    finally:
        sessions.close()
    return None


def resolve(monkeypatch: pytest.MonkeyPatch, port: int, *names: str) -> str:
    """Let our host have these addresses, and return its URL."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, port)) for name in names]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **named: found)
    monkeypatch.setattr(connecting, "SHORTEST_SHARE", 0.1)
    return f"http://{HOST}:{port}/"


def test_the_address_that_answers_is_reached_behind_dead_ones_in_the_time_of_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a whole time-out for each, the time would be over before the third is tried."""
    with Recorder(answering) as server, dead("127.0.0.2", server.port), dead("127.0.0.3", server.port):
        url = resolve(monkeypatch, server.port, "127.0.0.2", "127.0.0.3", "127.0.0.1")

        assert failure(url, timeout=(2, 2), total=2) is None


def answering(received: Received) -> Reply:
    return 200, {}, b""


def test_dead_addresses_are_a_connection_that_was_not_made_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with dead("127.0.0.2", port := free()), dead("127.0.0.3", port):
        failed = failure(resolve(monkeypatch, port, "127.0.0.2", "127.0.0.3"), timeout=(0.3, 5))

    assert failed is not None
    assert (failed.code, failed.sent, failed.timed_out) == ("connect-timeout", False, True)


def test_a_name_that_nobody_looks_up_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the network gone, the resolver takes its half a minute."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **named: over.wait(30) and [])

    for timeout, total in ((0.2, 5.0), (20.0, 0.2)):
        failed = failure(f"http://{HOST}/", timeout, total)
        assert failed is not None
        assert (failed.code, failed.sent, failed.timed_out) == ("connect-timeout", False, True)
    over.set()


def test_a_name_that_is_not_known_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: Any, **named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    failed = failure(f"http://{HOST}/", 5)
    assert failed is not None
    assert (failed.code, failed.sent) == ("unknown-host", False)


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as finder:
        return int(finder.getsockname()[1])


def gone(connection: socket.socket) -> None:
    connection.recv(10)
    reset(connection)


@pytest.mark.parametrize("end", [lambda connection: connection.recv(65536), gone], ids=["closed", "reset"])
def test_what_breaks_off_in_the_handshake_was_not_sent(end: Callable[[socket.socket], object]) -> None:
    """So a write may be sent again."""
    with Peer(end, scheme="https") as peer:
        failed = failure(peer.url, timeout=5)

    assert failed is not None
    assert (failed.code, failed.sent, failed.transient) == ("connection-lost", False, True)


def test_a_handshake_has_an_end() -> None:
    over = threading.Event()
    with Peer(lambda connection: over.wait(30), scheme="https") as peer:
        failed = failure(peer.url, timeout=(0.2, 5))
        over.set()

    assert failed is not None
    assert (failed.code, failed.sent) == ("connect-timeout", False)


def test_the_handshake_is_over_when_the_call_is() -> None:
    over = threading.Event()
    with Peer(lambda connection: over.wait(30), scheme="https") as peer:
        failed = failure(peer.url, timeout=(20, 20), total=0.2)
        over.set()

    assert failed is not None
    assert (failed.code, failed.sent) == ("connect-timeout", False)
