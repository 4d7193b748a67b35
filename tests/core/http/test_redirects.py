import pytest

from tests.support.scripted import API, Answer, ScriptedTransport, prepared
from txo_core.exceptions import ApiOperationError, ConfigurationError
from txo_core.http.origins import TrustedOrigins
from txo_core.http.policy import call_of, compose
from txo_core.http.redirects import Redirects

REDIRECTS = Redirects(TrustedOrigins([API, "http://127.0.0.1:8765"]))


def moved(status: int, location: str = "/v1/new") -> Answer:
    return status, {"Location": location}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_read_is_followed(status: int) -> None:
    network, request = ScriptedTransport(moved(status), 200), prepared(path="/old?a=1")

    response = compose([REDIRECTS], network)(request)

    assert response.status_code == 200
    assert network.calls == ["GET /old?a=1", "GET /new"]
    assert call_of(network.requests[1]) is call_of(request)


@pytest.mark.parametrize(
    ("location", "reached"),
    [
        ("new", "/new"),
        ("/v1/new?b=2", "/new?b=2"),
        (f"{API}/new", "/new"),
        ("//api.example.com/v1/new", "/new"),
        ("/v1/n\u00c3\u00a9", "/n%C3%A9"),
    ],
)
def test_a_location_is_relative_or_absolute(location: str, reached: str) -> None:
    network = ScriptedTransport(moved(302, location), 200)

    compose([REDIRECTS], network)(prepared(path="/old"))

    assert network.calls == ["GET /old", f"GET {reached}"]


@pytest.mark.parametrize("status", [307, 308])
def test_a_write_is_repeated_as_it_is_where_the_server_asks_for_that(status: int) -> None:
    network = ScriptedTransport(moved(status), 201)

    compose([REDIRECTS], network)(prepared("POST", "/old", json={"a": 1}))

    assert network.calls == ["POST /old", "POST /new"]
    assert network.requests[1].body == b'{"a": 1}'


def test_see_other_leads_from_a_write_to_its_result() -> None:
    network = ScriptedTransport(moved(303), 200)

    compose([REDIRECTS], network)(prepared("POST", "/old", json={"a": 1}, headers={"If-Match": '"1"', "Prefer": "x"}))

    result = network.requests[1]
    assert network.calls == ["POST /old", "GET /new"]
    assert result.body is None
    assert dict(result.headers) == {"Prefer": "x"}


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_moved_write_is_an_error_and_never_a_get(method: str, status: int) -> None:
    network = ScriptedTransport(moved(status, "/v1/new?key=hidden"))

    with pytest.raises(ApiOperationError, match=r"https://api\.example\.com/v1/new$"):
        compose([REDIRECTS], network)(prepared(method, "/old"))

    assert network.calls == [f"{method} /old"]


def test_a_foreign_target_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
        compose([REDIRECTS], ScriptedTransport(moved(307, "https://evil.example/")))(prepared("POST", json={}))


def test_a_step_down_to_http_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not encrypted"):
        compose([REDIRECTS], ScriptedTransport(moved(302, "http://127.0.0.1:8765/")))(prepared())


def test_five_redirects_are_enough() -> None:
    """S26."""
    network = ScriptedTransport(*[moved(302)] * 6)

    with pytest.raises(ApiOperationError, match="more than 5 redirects"):
        compose([REDIRECTS], network)(prepared())

    assert len(network.requests) == 6
