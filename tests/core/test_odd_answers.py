"""What real servers do beside the standard: each byte by byte on a socket, and what the client makes of it."""

import gzip
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.clients import anonymous
from tests.support.peer import Peer, answering, ok, request_on, reset
from txo_core.exceptions import ApiAuthenticationError, ApiError, ApiOperationError, ApiRateLimitError
from txo_core.http import timed_connection
from txo_core.rest import RestClient

Call = Callable[[RestClient], Any]


def read(api: RestClient) -> Any:
    return api.get("customers")


def write(api: RestClient) -> Any:
    return api.post("customers", {"no": "C1"})


def failed(peer: Peer, call: Call, **timeouts: float) -> ApiError:
    with anonymous(peer.url, **timeouts) as api, pytest.raises(ApiError) as error:
        call(api)
    return error.value


# A refusal whose page cannot be read


def refusal(status: str, headers: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body


UNREADABLE = [
    ("Content-Length: 100", b'{"error": '),
    ("Transfer-Encoding: chunked", b"5\r\nhello\r\n5\r\nwo"),
    ("Content-Encoding: gzip\r\nContent-Length: 4", b"text"),
    ("Content-Encoding: gzip\r\nContent-Length: 15", gzip.compress(b"x" * 100, mtime=0)[:15]),
    ("Content-Encoding: br\r\nContent-Length: 4", b"text"),
]


@pytest.mark.parametrize(("headers", "body"), UNREADABLE)
@pytest.mark.parametrize("call", [read, write])
def test_a_refusal_is_one_although_its_page_cannot_be_read(headers: str, body: bytes, call: Call) -> None:
    """It was taken for a lost answer: reads were repeated, and writes were in doubt."""
    with Peer(answering(refusal("400 Bad Request", headers, body))) as peer:
        error = failed(peer, call)

    assert (error.status_code, error.attempts, error.in_doubt, error.retryable) == (400, 1, False, False)
    assert peer.met == 1


def test_so_are_a_throttle_and_a_missing_right() -> None:
    cut = "Content-Length: 100"
    slow = answering(refusal("429 Slow", f"{cut}\r\nRetry-After: 0", b"x"))
    with Peer(slow, answering(ok())) as peer, anonymous(peer.url) as api:
        assert write(api) == {}
    with Peer(answering(refusal("401 No", cut, b"x"))) as peer:
        assert isinstance(failed(peer, read), ApiAuthenticationError)
    with Peer(answering(refusal("429 Slow", f"{cut}\r\nRetry-After: 3600", b"x"))) as peer:
        error = failed(peer, read)
    assert (type(error), error.retry_after) == (ApiRateLimitError, 3600)


def test_a_refusal_whose_page_drips_in_or_is_endless_does_not_take_the_time_of_the_call() -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n")
        while not over.wait(0.05):
            connection.sendall(b"x")

    with Peer(drip) as peer:
        error = failed(peer, read, rest_timeout_seconds=0.3)
        over.set()

    assert (error.status_code, error.attempts) == (400, 1)


def test_an_answer_that_broke_off_is_still_none() -> None:
    with Peer(answering(refusal("200 OK", "Content-Length: 100", b"{"))) as peer:
        error = failed(peer, write)

    assert (error.status_code, error.code, error.in_doubt) == (None, "truncated", True)


# Connections that the server ends


def ends_with_the_next(connection: socket.socket) -> None:
    """Answer once, and close as the next request comes in."""
    answering(ok())(connection)
    request_on(connection)


def resets_with_the_next(connection: socket.socket) -> None:
    answering(ok())(connection)
    reset(connection)
    connection.recv(1)


@pytest.mark.parametrize("end", [ends_with_the_next, resets_with_the_next])
def test_a_write_does_not_meet_the_end_of_an_idle_connection(
    end: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was done could not be told; a read is repeated."""
    monkeypatch.setattr(timed_connection, "LONGEST_IDLE", 0.0)
    with Peer(end, answering(ok(b'{"no": "C1"}'))) as peer, anonymous(peer.url) as api:
        read(api)
        assert write(api) == {"no": "C1"}

    assert peer.met == 2


def test_a_connection_that_was_in_use_just_now_is_used_for_a_write() -> None:
    with Peer(answering(ok(), ok(b'{"no": "C1"}'))) as peer, anonymous(peer.url) as api:
        read(api)
        assert write(api) == {"no": "C1"}

    assert peer.met == 1


@pytest.mark.parametrize("call", [read, lambda api: api.post("x", {}, idempotent=True), lambda api: api.put("x", {})])
def test_what_may_be_repeated_uses_the_connection_that_is_there(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_connection, "LONGEST_IDLE", 0.0)
    with Peer(ends_with_the_next, answering(ok(b'{"no": "C1"}'))) as peer, anonymous(peer.url) as api:
        read(api)
        assert call(api) == {"no": "C1"}

    assert peer.met == 2


def test_a_write_that_meets_the_end_all_the_same_is_sent_once() -> None:
    with Peer(ends_with_the_next, answering(ok())) as peer, anonymous(peer.url) as api:
        read(api)
        with pytest.raises(ApiOperationError, match="may have done it") as error:
            write(api)

    assert (error.value.in_doubt, peer.met) == (True, 1)


def test_what_a_server_sends_behind_its_answer_is_not_the_next_answer() -> None:
    unasked = ok(b'{"of": "another"}')
    with Peer(answering(ok() + unasked, ok(b'{"no": "C1"}'))) as peer, anonymous(peer.url) as api:
        read(api)
        assert read(api) == {"no": "C1"}


def test_a_body_where_none_may_be_is_not_the_next_answer() -> None:
    empty = b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}"
    with Peer(answering(empty, ok(b'{"no": "C1"}'))) as peer, anonymous(peer.url) as api:
        assert read(api) == {}
        assert read(api) == {"no": "C1"}
