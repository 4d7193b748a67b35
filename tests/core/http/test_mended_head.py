"""Heads of answers that are not quite as they should be: nothing in them is lost, and nothing of them is logged."""

import logging

import pytest
import urllib3
from requests import Response

from tests.support.clients import anonymous
from tests.support.peer import Peer, answering
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter

BEFORE, BEHIND = b"HTTP/1.1 200 OK\r\nX-Before: 1\r\n", b"X-Behind: 2\r\nContent-Length: 2\r\n\r\n{}"
SECRET_LINK = b'Link: </items?page=2&customer=Jones>; rel="next"\r\n'


def got(answer: bytes) -> Response:
    """Return the answer, and see that the next one on the same connection is understood."""
    sessions = Sessions(PolicyAdapter([], timeout=5))
    with Peer(answering(answer, BEFORE + BEHIND)) as peer:
        response = sessions.send(sessions.prepare("GET", f"{peer.url}/items?customer=Jones"))
        assert sessions.send(sessions.prepare("GET", peer.url)).content == b"{}"
        sessions.close()
    return response


@pytest.mark.parametrize(
    "line",
    [
        b"this is no header",
        b"two words: 1",
        "X-Größe: 1".encode(),
        b"HTTP/1.1 200 OK",
        b"no header\r\n that goes on",
        b"=",
        b"\x00\x01",
    ],
)
def test_what_stands_behind_a_line_that_is_no_header_is_not_lost(line: bytes) -> None:
    response = got(BEFORE + line + b"\r\n" + BEHIND)

    assert response.headers == {"X-Before": "1", "X-Behind": "2", "Content-Length": "2"}
    assert response.content == b"{}"


def test_a_header_with_a_space_before_its_colon_is_one() -> None:
    assert got(BEFORE + b"X-Odd : 3\r\n" + BEHIND).headers["X-Odd"] == "3"


def test_a_head_that_begins_with_a_folded_line_goes_on_behind_it() -> None:
    assert got(b"HTTP/1.1 200 OK\r\n of what\r\n" + BEHIND).headers == {"X-Behind": "2", "Content-Length": "2"}


def test_the_frame_of_a_body_may_stand_behind_such_a_line() -> None:
    head = b"HTTP/1.1 200 OK\r\nno header\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert got(head + b"2\r\n{}\r\n0\r\n\r\n").content == b"{}"


def test_a_next_page_behind_such_a_line_is_read() -> None:
    """The list would be short without a word."""
    first, last = b'[{"no": 1}]', b'[{"no": 2}]'
    answers = [b"HTTP/1.1 200 OK\r\nno header\r\n" + SECRET_LINK + length(first), b"HTTP/1.1 200 OK\r\n" + length(last)]
    with Peer(answering(*answers)) as peer, anonymous(peer.url) as api:
        assert list(api.paginate("items")) == [{"no": 1}, {"no": 2}]


def length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "odd",
    [b"no header\r\n" + SECRET_LINK, b": x\r\n" + SECRET_LINK, b"Content-Type: multipart/mixed\r\n" + SECRET_LINK],
)
def test_no_record_shows_a_query_or_the_head(caplog: pytest.LogCaptureFixture, odd: bytes) -> None:
    with caplog.at_level(logging.DEBUG):
        got(BEFORE + odd + BEHIND)

    assert caplog.records
    assert "Jones" not in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_urllib3_says_no_query_either_where_others_use_it(caplog: pytest.LogCaptureFixture) -> None:
    answer = BEFORE + b"no header\r\n" + SECRET_LINK + BEHIND
    with Peer(answering(answer)) as peer, caplog.at_level(logging.DEBUG), urllib3.PoolManager() as manager:
        manager.request("GET", f"{peer.url}/items?customer=Jones&sig=abc", preload_content=False).close()

    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.name for record in said] == ["urllib3.connection"]
    assert "/items?***" in said[0].getMessage()
    assert "Jones" not in caplog.text
    assert "sig=" not in caplog.text
