"""Doors of the client that a hostile server, or hostile data, would like to open; each on real sockets."""

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.recorder import Received, Recorder, Reply
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiError, ConfigurationError, TxoError
from txo_core.oauth import ClientCredentials, FixedToken
from txo_core.redaction import redact
from txo_core.rest import RestClient

JSON = {"Content-Type": "application/json"}
INSIDE = [
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://[fd00:ec2::254]/",
    "http://localhost:22/",
    "http://127.1/",
    "http://0.0.0.0/",
    "http://0x7f000001/",
    "http://[::ffff:127.0.0.1]/",
    "http://10.0.0.1/admin",
    "http://192.168.0.1/",
    "https://kubernetes.default.svc/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "unix:///var/run/docker.sock",
]


def connected(url: str, **behavior: Any) -> RestClient:
    timeouts = {"backoff-factor": 0.01, "rest-timeout-seconds": 5, "async-poll-interval": 0.02, **behavior}
    data = {"global": {"api-base-url": url}, "script-behavior": {"api-timeouts": timeouts}}
    return create_rest_api(TxoConfig("txo", "test", data), tokens=FixedToken("made-up-token"))


def leading(to: str) -> dict[str, tuple[Reply, Callable[[RestClient], Any]]]:
    """Return the ways in which a server leads elsewhere, each with a call that would follow."""
    page = json.dumps({"value": [], "@odata.nextLink": to}).encode()
    return {
        "redirect": ((302, {"Location": to}, b""), lambda api: api.get("x")),
        "redirected write": ((307, {"Location": to}, b""), lambda api: api.post("x", {"a": 1})),
        "operation": ((202, {"Location": to}, b""), lambda api: api.post("x", {"a": 1})),
        "next link": ((200, JSON, page), lambda api: list(api.paginate("x"))),
        "link header": ((200, {**JSON, "Link": f'<{to}>; rel="next"'}, b"[]"), lambda api: list(api.paginate("x"))),
    }


@pytest.mark.parametrize("way", ["redirect", "redirected write", "operation", "next link", "link header"])
@pytest.mark.parametrize("to", INSIDE)
def test_no_server_sends_us_into_the_network_that_we_stand_in(to: str, way: str) -> None:
    """S24: only origins that the configuration names are ever called, so that no address needs to be judged."""
    reply, call = leading(to)[way]
    with Recorder(lambda received: reply) as server, connected(server.url) as api, pytest.raises(TxoError) as refused:
        call(api)

    assert len(server.received) == 1
    reasons = ("is not a trusted origin", "not clear about its host", "neither http nor https")
    assert any(reason in str(refused.value) for reason in reasons)


def test_a_private_address_that_the_configuration_names_is_called() -> None:
    """S24: many an ERP system stands in the company's own network; DNS may say so too."""
    with Recorder(lambda received: (200, JSON, b"{}")) as server, connected(server.url) as api:
        assert api.get("x") == {}


HOSTILE_JSON = {
    "deep list": b"[" * 200_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "number of many digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "half a surrogate": b'{"a": "\\ud83d',
    "no text": b"\xff\xfe\x00\x01",
}


@pytest.mark.parametrize("body", HOSTILE_JSON)
def test_an_answer_that_no_parser_likes_is_an_error_of_ours(body: str) -> None:
    """S37: no RecursionError, no ValueError."""
    with (
        Recorder(lambda received: (200, JSON, HOSTILE_JSON[body])) as server,
        connected(server.url, **{"max-retries": 0}) as api,
        pytest.raises(ApiError, match="JSON"),
    ):
        api.get("x")


def test_odd_but_readable_json_is_read() -> None:
    """S37: repeated names, numbers that JSON has not, and integers that no double holds do not crash."""
    body = b'{"a": 1, "a": 2, "n": NaN, "i": -Infinity, "big": 123456789012345678901234567890}'
    with Recorder(lambda received: (200, JSON, body)) as server, connected(server.url) as api:
        answer = api.get("x")

    assert answer["a"] == 2
    assert answer["n"] != answer["n"]
    assert answer["big"] == 123456789012345678901234567890


@pytest.mark.parametrize("header", [("X-Note", "a\r\nX-Admin: 1"), ("X-Note\r\nX-Admin", "1"), ("X-Note", "a\nb")])
def test_a_header_with_a_line_break_is_not_sent(header: tuple[str, str]) -> None:
    """S29."""
    with (
        Recorder(lambda received: (200, JSON, b"{}")) as server,
        connected(server.url) as api,
        pytest.raises(Exception, match=r"[Hh]eader") as refused,
    ):
        api.get("x", headers=dict([header]))

    assert not isinstance(refused.value, AssertionError)
    assert server.received == []


# Tokens


@pytest.fixture
def endpoint() -> Iterator[Recorder]:
    """Run a token endpoint and API that hand out a token for each client, and expect it back."""

    def answer(received: Received) -> Reply:
        if received.path == "/token":
            client = dict(pair.split("=") for pair in received.body.decode().split("&"))["client_id"]
            return 200, JSON, json.dumps({"access_token": f"made-up-token-of-{client}", "expires_in": 3600}).encode()
        return 200, JSON, json.dumps({"by": received.headers.get("Authorization")}).encode()

    with Recorder(answer) as server:
        yield server


def test_a_token_is_masked_as_soon_as_it_has_come(endpoint: Recorder) -> None:
    """S3: wherever it appears, without a word before it that would give it away."""
    token = ClientCredentials(f"{endpoint.url}/token", "c1", "made-up-secret").get_token().token

    assert redact(f"it is {token} today") == "it is [REDACTED] today"


def test_a_token_never_touches_the_disk(endpoint: Recorder, tmp_path: Path) -> None:
    """S30: the cache is the memory of the process."""
    token = ClientCredentials(f"{endpoint.url}/token", "c1", "made-up-secret").get_token().token

    places = [tmp_path, Path(os.environ["PREFECT_HOME"]), Path(tempfile.gettempdir(), "txo")]
    written = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert token == "made-up-token-of-c1"
    assert [path for path in written if token.encode() in path.read_bytes()] == []


def test_organizations_in_parallel_never_get_each_others_token(
    endpoint: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S32: twenty threads, two organizations, one token endpoint and one API."""
    from types import SimpleNamespace

    secret = SimpleNamespace(get_secret_value=lambda: "made-up-secret-that-both-have")
    monkeypatch.setattr("txo_core.credentials.load", lambda org, env: SimpleNamespace(client_secret=secret))
    forget_shared()
    seen: dict[str, set[str]] = {"acme": set(), "other": set()}

    def work(org: str) -> None:
        data = {
            "global": {"api-base-url": endpoint.url, "client-id": org},
            "endpoints": {"auth": f"{endpoint.url}/token"},
        }
        with create_rest_api(TxoConfig(org, "test", data), use_cache=True) as api:
            for _ in range(5):
                seen[org].add(api.get("x")["by"])

    threads = [threading.Thread(target=work, args=(org,)) for org in ["acme", "other"] * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {org: {f"Bearer made-up-token-of-{org}"} for org in seen}
    assert endpoint.calls.count("POST /token") == 2


def test_an_error_of_the_sign_in_shows_neither_token_nor_secret() -> None:
    """S31: whatever the endpoint repeats of what it was sent."""

    def answer(received: Received) -> Reply:
        return 400, JSON, json.dumps({"error": "invalid_client", "error_description": received.body.decode()}).encode()

    with Recorder(answer) as server, pytest.raises(TxoError) as refused:
        ClientCredentials(f"{server.url}/token?code=made-up-code", "client", "made-up-secret-9").get_token()

    assert "made-up-secret-9" not in f"{refused.value!r} {refused.value} {vars(refused.value)}"
    assert "made-up-code" not in str(refused.value)


@pytest.mark.parametrize("tenant", ["a/b", "a?b", "a#b", "a\r\nb", "..", "a b"])
def test_a_tenant_does_not_bend_the_address_of_the_token_endpoint(tenant: str) -> None:
    """S29: it stands in its path."""
    if tenant == "..":
        from txo_core.sign_in import token_url

        url = token_url(TxoConfig("txo", "test", {"global": {"tenant-id": tenant}}))
        assert url is not None
        assert url.startswith("https://login.microsoftonline.com/")
        return
    with pytest.raises(ConfigurationError, match=r"global\.tenant-id"):
        TxoConfig("txo", "test", {"global": {"tenant-id": tenant}})
