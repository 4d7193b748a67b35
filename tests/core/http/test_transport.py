"""The seam to requests, on real sockets."""

import gzip
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests
import urllib3

from tests.support.peer import Peer
from tests.support.sandbox import Sandbox
from txo_core.http.failures import failure_of
from txo_core.http.policy import CURRENT_OPTIONS, Options, call_of
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter


def code_of(adapter: PolicyAdapter, url: str, timeout: float | None = None) -> str:
    """Return what kind of failure getting the URL is."""
    sessions = Sessions(adapter)
    try:
        sessions.current().get(url, timeout=timeout)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        return failure_of(error, url).code
    finally:
        sessions.close()
    return "none"


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """Run a server that answers so to whatever it is asked, and return its URL."""

    def meet(connection: socket.socket) -> None:
        connection.recv(65536)
        answer(connection)

    with Peer(meet) as peer:
        yield f"{peer.url}/"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("truncate", "truncated"),
        ("reset-before", "connection-lost"),
        ("close-after", "connection-lost"),
        ("bad-gzip", "undecodable"),
        ("hang=5", "read-timeout"),
        ("slow-body=5", "read-timeout"),
        ("delay=0", "none"),
        ("huge=2", "body-too-large"),
        ("gzip-bomb=20", "body-too-large"),
    ],
)
def test_what_goes_wrong_shows_inside_the_policies(sandbox: Sandbox, fault: str, code: str) -> None:
    sandbox.faults([{"match": {"path": "/echo"}, "fault": fault}])

    assert code_of(PolicyAdapter([], max_body=1_000_000), f"{sandbox.url}/echo", timeout=0.4) == code


def test_nothing_there_is_a_refused_connection() -> None:
    assert code_of(PolicyAdapter([]), f"http://127.0.0.1:{free_port()}/") == "refused"


def test_an_unknown_host_is_named_as_such() -> None:
    assert code_of(PolicyAdapter([]), "http://no-such-host.invalid/") == "unknown-host"


def test_a_server_without_encryption_is_a_permanent_failure(sandbox: Sandbox) -> None:
    assert code_of(PolicyAdapter([]), f"https://127.0.0.1:{sandbox.port}/echo") == "tls"


def test_a_chunked_body_that_breaks_off_is_truncated() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    with server(lambda peer: peer.sendall(head + b"5\r\nhello\r\n5\r\nwo")) as url:
        assert code_of(PolicyAdapter([]), url) == "truncated"


def test_a_head_that_drips_in_has_an_end() -> None:
    """Each byte comes within the time-out of a read, all of them together do not."""

    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        with suppress(OSError):
            for _ in range(100):
                peer.sendall(b"X-A: b\r\n")
                time.sleep(0.05)

    with server(drip) as url:
        assert code_of(PolicyAdapter([]), url, timeout=0.3) == "read-timeout"


def test_a_body_that_drips_in_has_an_end() -> None:
    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        with suppress(OSError):
            for _ in range(100):
                peer.sendall(b"x")
                time.sleep(0.05)

    with server(drip) as url:
        assert code_of(PolicyAdapter([]), url, timeout=0.3) == "read-timeout"


def test_the_deadline_of_the_whole_call_ends_an_attempt(sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"path": "/echo"}, "fault": "hang=5"}])

    assert code_of(PolicyAdapter([], timeout=30, total_timeout=0.3), f"{sandbox.url}/echo") == "read-timeout"


def test_no_attempt_begins_after_the_deadline() -> None:
    moments = iter([0.0, 301.0])

    assert code_of(PolicyAdapter([], clock=lambda: next(moments)), "http://127.0.0.1:9/") == "total-timeout"


def test_the_body_is_read_and_the_connection_used_again(sandbox: Sandbox) -> None:
    sessions = Sessions(PolicyAdapter([]))

    for size in (0, 10, 200_000):
        answer = sessions.current().post(f"{sandbox.url}/echo", data=b"x" * size)
        assert len(answer.json()["body"]) == size

    pools = sessions.adapter.poolmanager.pools
    assert [(pools[key].num_connections, pools[key].num_requests) for key in pools.keys()] == [(1, 3)]  # noqa: SIM118
    sessions.close()


def test_a_head_request_has_no_body(sandbox: Sandbox) -> None:
    sessions = Sessions(PolicyAdapter([]))

    assert sessions.current().head(f"{sandbox.url}/health").content == b""
    sessions.close()


def test_options_come_with_the_request_or_from_the_context(sandbox: Sandbox) -> None:
    sessions = Sessions(PolicyAdapter([]))
    session = sessions.current()
    request = session.prepare_request(requests.Request("POST", f"{sandbox.url}/echo"))

    answer = session.send(request, options=Options(idempotent=True))
    assert call_of(answer.request).options.idempotent is True

    token = CURRENT_OPTIONS.set(Options(idempotent=False))
    assert call_of(session.post(f"{sandbox.url}/echo").request).options.idempotent is False
    CURRENT_OPTIONS.reset(token)
    sessions.close()


def test_the_environment_does_not_change_where_and_as_whom_we_call(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert code_of(PolicyAdapter([]), f"{sandbox.url}/echo") == "none"


def test_a_configured_proxy_is_used() -> None:
    answer_of_proxy = b"HTTP/1.1 204 No Content\r\nX-Proxy: yes\r\n\r\n"

    with server(lambda peer: peer.sendall(answer_of_proxy)) as url:
        sessions = Sessions(PolicyAdapter([]), proxy=url)
        answer = sessions.current().get("http://api.example.com/customers")
        sessions.close()

    assert answer.headers["X-Proxy"] == "yes"


def test_threads_have_sessions_of_their_own() -> None:
    sessions = Sessions(PolicyAdapter([]))
    others: list[requests.Session] = []
    thread = threading.Thread(target=lambda: others.append(sessions.current()))
    thread.start()
    thread.join()

    assert sessions.current() is sessions.current()
    assert others[0] is not sessions.current()
    assert others[0].get_adapter("https://x") is sessions.adapter
    sessions.close()


def reply(*heads: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(b"".join(heads))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"


@pytest.mark.parametrize(
    "interim", [EARLY, EARLY * 3, b"HTTP/1.1 100 Continue\r\n\r\n" + EARLY, b"HTTP/1.1 199 X\r\n\r\n"]
)
def test_an_interim_answer_is_not_the_answer(interim: bytes) -> None:
    with server(reply(interim, OK)) as url:
        sessions = Sessions(PolicyAdapter([]))
        answer = sessions.current().get(url)
        sessions.close()

    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.parametrize(
    "head",
    [
        EARLY * 60 + OK,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
def test_what_is_no_answer_in_http_is_told_as_such(head: bytes) -> None:
    with server(reply(head)) as url:
        assert code_of(PolicyAdapter([]), url) == "malformed-answer"


@pytest.mark.parametrize("length", [1, 10, 100, 600])
def test_a_packed_body_that_was_cut_is_truncated_although_its_frame_is_whole(length: int) -> None:
    body = gzip.compress(random.Random(1).randbytes(5000))[:length]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n".encode()

    with server(reply(head, body)) as url:
        assert code_of(PolicyAdapter([]), url) == "truncated"


def test_headers_that_contradict_each_other_came_from_a_server_that_has_answered() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"

    with server(reply(head)) as url:
        assert code_of(PolicyAdapter([]), url) == "malformed-answer"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_gets_connections_of_its_own(sandbox: Sandbox) -> None:
    """The answers to two processes on one connection would go to whoever reads first."""
    sessions = Sessions(PolicyAdapter([]))
    sessions.current().get(f"{sandbox.url}/echo?who=before")
    reading, writing = os.pipe()
    child = os.fork()
    who = "parent" if child else "child"
    wrong = 0
    for number in range(100):
        query = sessions.current().get(f"{sandbox.url}/echo?who={who}{number}").json()["query"]
        wrong += query != [["who", f"{who}{number}"]]
    if not child:
        os.write(writing, bytes([wrong]))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)

    assert (wrong, os.read(reading, 1)) == (0, b"\0")
    os.close(reading)
    sessions.close()
