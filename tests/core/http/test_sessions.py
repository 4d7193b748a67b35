"""What a client sends is what requests would send, made in a shorter way."""

import io
from typing import Any

import pytest
import requests
from requests import Request

from txo_core.http.headers import Headers
from txo_core.http.sessions import Sessions, prepared_url
from txo_core.http.transport import PolicyAdapter

URLS = [
    "https://api.example.com",
    "https://API.example.com:443/v1/customers('C0001')?$select=no,name",
    "https://api.example.com/v1/Söhne & Co/ü?name=O''Brien&x=1%2F2",
    "https://api.example.com/a b?$filter=name eq 'x y'#part",
    "http://bücher.example/a",
    "http://[::1]:8080/a?b",
    "https://api.example.com/%7Euser/%C3%A4?q=%",
]


@pytest.fixture
def sessions() -> Any:
    found = Sessions(PolicyAdapter([]), headers={"Accept": "application/json"})
    yield found
    found.close()


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", b'{"a": 1}'), ("PUT", b""), ("DELETE", None)])
def test_a_request_is_prepared_as_requests_would(sessions: Sessions, url: str, method: str, body: bytes | None) -> None:
    theirs = sessions.current().prepare_request(Request(method, url, headers={"X-A": "b"}, data=body))
    ours = sessions.prepare(method, url, {"X-A": "b"}, body)

    assert (ours.method, ours.url, ours.body or None) == (theirs.method, theirs.url, theirs.body)
    assert dict(ours.headers) == {k: v for k, v in theirs.headers.items() if k != "Connection"}


@pytest.mark.parametrize("url", ["https://", "no-scheme/a", "http://[broken/", "https://a b.example/", "http://*.x/"])
def test_what_requests_refuses_is_refused(sessions: Sessions, url: str) -> None:
    with pytest.raises((requests.RequestException, ValueError)) as theirs:
        sessions.current().prepare_request(Request("GET", url))

    with pytest.raises(theirs.type):
        sessions.prepare("GET", url)


@pytest.mark.parametrize("header", [("X-A", "b\r\nX-C: d"), ("X-A\n", "b"), ("X-A", " b"), ("X A: c\n", "b")])
def test_a_header_that_would_become_two_is_refused(sessions: Sessions, header: tuple[str, str]) -> None:
    """S29."""
    with pytest.raises(requests.exceptions.InvalidHeader):
        sessions.prepare("GET", URLS[0], dict([header]))


def test_a_file_is_sent_from_where_it_stands(sessions: Sessions) -> None:
    file = io.BytesIO(b"head body")
    file.seek(5)

    request = sessions.prepare("PUT", URLS[0], {"Content-Length": "4"}, file)

    assert vars(request)["_body_position"] == 5


def test_cookies_of_this_thread_go_along(sessions: Sessions) -> None:
    sessions.current().cookies.set("a", "made-up", domain="api.example.com")

    assert sessions.prepare("GET", URLS[0]).headers["Cookie"] == "a=made-up"
    assert "Cookie" not in sessions.prepare("GET", "https://other.example.com").headers


def test_an_address_that_was_seen_is_not_worked_out_again() -> None:
    assert prepared_url(URLS[2]) is prepared_url(URLS[2])


def test_a_copy_of_the_headers_is_its_own() -> None:
    first = Headers({"X-A": "1"})
    second = first.copy()
    second["x-a"] = "2"

    assert (first["X-A"], second["X-A"], first.plain(), second.plain()) == ("1", "2", {"X-A": "1"}, {"x-a": "2"})
