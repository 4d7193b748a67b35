"""Who gets what: credentials, redirects, encryption and proxies on real sockets, counted at every server."""

import gzip
import json
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.proxy import Proxy
from tests.support.recorder import Received, Recorder, Reply, self_signed
from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiAuthenticationError, ApiError, ApiOperationError, ConfigurationError, TxoError
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.failures import BodyTooLarge
from txo_core.http.policy import Options, Policy
from txo_core.http.retry import Retry
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter
from txo_core.oauth import ClientCredentials, FixedToken
from txo_core.redaction import redact
from txo_core.rest import RestClient

SIGN_IN = FixedToken("made-up-token")
OWN = {"X-Api-Key": "made-up-key", "Cookie": "own=1", "X-Company": "C1"}
JSON = {"Content-Type": "application/json"}
TRUST: dict[str, str] = {}
"""The keys of `global` that say which certificates are trusted."""


def connected(base_url: str, *trusted: str, behavior: dict[str, Any] | None = None, **settings: Any) -> RestClient:
    timeouts = {"backoff-factor": 0.01, "rest-timeout-seconds": 5, "async-poll-interval": 0.02}
    data = {
        "global": {"api-base-url": base_url, "trusted-origins": list(trusted), **TRUST, **settings},
        "script-behavior": {"api-timeouts": timeouts | (behavior or {})},
    }
    return create_rest_api(TxoConfig("txo", "test", data), tokens=SIGN_IN)


def ok(received: Received) -> Reply:
    return 200, JSON, b'{"here": true}'


def sends_to(target: Callable[[], str], status: int = 307) -> Callable[[Received], Reply]:
    return lambda received: (status, {"Location": target()}, b"")


@pytest.fixture
def foreign() -> Iterator[Recorder]:
    """Run a server that nobody trusts."""
    with Recorder(ok) as server:
        yield server


@pytest.fixture(scope="module")
def two_origins() -> Iterator[Sandbox]:
    """Run one sandbox that listens on two ports."""
    with Sandbox(second_origin=True) as program:
        yield program


def credentials_at(sandbox: Sandbox, url: str) -> dict[str, Any]:
    seen: dict[str, Any] = sandbox.stats()["credentials"].get(url.partition("//")[2], {})
    return seen


# A foreign origin gets nothing at all


def linked(foreign: str) -> list[tuple[str, Callable[[RestClient], Any]]]:
    """Return the ways in which a server, or a script, can lead elsewhere."""
    to = f"{foreign}/x?code=hidden"
    return [
        ("redirect", lambda api: api.get("redirect", {"to": to, "status": 302}, headers=OWN)),
        ("redirected write", lambda api: api.post(f"redirect?to={to}&status=307", {"a": 1}, headers=OWN)),
        ("see other", lambda api: api.post(f"redirect?to={to}&status=303", {"a": 1})),
        ("next link", lambda api: list(api.paginate("paging/foreign", {"to": to}, headers=OWN))),
        ("operation", lambda api: api.post(f"exports?style=foreign&to={foreign}", {"entity": "orders"}, headers=OWN)),
        ("absolute URL", lambda api: api.get(to, headers=OWN)),
        ("absolute write", lambda api: api.patch(to, {"a": 1}, headers=OWN)),
    ]


@pytest.mark.parametrize("way", range(7))
def test_a_foreign_origin_gets_no_request(two_origins: Sandbox, way: int) -> None:
    """S22: by none of the ways that a server, or a script, has to lead elsewhere."""
    two_origins.reset()
    tokens = ClientCredentials(two_origins.token_url, CLIENT_ID, CLIENT_SECRET)
    config = TxoConfig("txo", "test", {"global": {"api-base-url": two_origins.api_url}})
    _, call = linked(two_origins.second_url)[way]

    with create_rest_api(config, tokens=tokens) as api, pytest.raises(ConfigurationError) as refused:
        call(api)

    assert two_origins.second_url in str(refused.value)
    assert "global.trusted-origins" in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert two_origins.second_url.partition("//")[2] not in two_origins.stats()["credentials"]


@pytest.mark.parametrize(
    "target",
    [
        "http://user:pw@127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}\\@127.0.0.1:{foreign}/x",
        "http://127.0.0.1:{foreign}\\@127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}@127.0.0.1:{foreign}/x",
        "//127.0.0.1:{foreign}/x",
        "http://localhost:{port}/x",
        "http://2130706433:{port}/x",
        "http://[::1/x",
        "ftp://127.0.0.1:{port}/x",
        "javascript:alert(1)",
    ],
)
def test_a_location_that_could_be_read_in_two_ways_is_refused(foreign: Recorder, target: str) -> None:
    """S22, S24: one parser's host is another's user name; other schemes are never followed."""

    def location() -> str:
        return target.format(port=server.port, foreign=foreign.port)

    with (
        Recorder(sends_to(location)) as server,
        connected(server.url) as api,
        pytest.raises(ConfigurationError, match=r"nothing was sent|not clear about its host"),
    ):
        api.get("start")

    assert (server.calls, foreign.received) == (["GET /start"], [])


@pytest.mark.parametrize("url", ["http://127.0.0.1:{foreign}\\@127.0.0.1:{port}/x", "http://me:pw@127.0.0.1:{port}/x"])
def test_a_doubtful_address_of_a_script_is_refused(foreign: Recorder, url: str) -> None:
    """S22, S28."""
    with Recorder(ok) as server, connected(server.url) as api, pytest.raises((ConfigurationError, ApiError)) as refused:
        api.get(url.format(port=server.port, foreign=foreign.port))

    assert (server.received, foreign.received) == ([], [])
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("url", ["//evil.example/x", "\\\\evil.example/x", "/\\evil.example/x", "@evil.example/x"])
def test_a_relative_address_stays_below_the_base_whatever_it_looks_like(url: str) -> None:
    with Recorder(ok) as server, connected(f"{server.url}/base") as api:
        api.get(url)

    assert server.received[0].path.startswith("/base/")


@pytest.mark.parametrize("leads", ["@odata.id", "@odata.editLink", "@odata.nextLink"])
def test_an_entity_that_says_it_lives_elsewhere_is_not_written_there(foreign: Recorder, leads: str) -> None:
    """S22."""
    row = {"@odata.etag": 'W/"1"', "no": "C1", "city": "Oslo", leads: f"{foreign.url}/customers('C1')"}
    page = {"value": [row]} if leads != "@odata.nextLink" else {"value": [], leads: foreign.url}

    def answer(received: Received) -> Reply:
        return 200, JSON, json.dumps(page).encode()

    with Recorder(answer) as server, connected(server.url) as api, pytest.raises(TxoError) as refused:
        api.create_or_update("customers", {"no": "C1", "city": "Bergen"}, key="no", headers=OWN)

    assert {each.method for each in server.received} == {"GET"}
    assert foreign.received == []
    assert foreign.url in str(refused.value)


# A trusted one gets our credentials, and the caller's headers but those that prove who he is


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_trusted_origin_is_signed_for_but_gets_none_of_the_callers_own_credentials(status: int) -> None:
    """S22: X-Api-Key and Cookie stay with the origin that they were set for."""
    with (
        Recorder(ok) as files,
        Recorder(sends_to(lambda: f"{files.url}/x", status)) as server,
        connected(server.url, files.url) as api,
    ):
        assert api.get("start", headers=OWN) == {"here": True}
    got = files.received[0].headers

    assert (got["Authorization"], got["X-Company"]) == ("Bearer made-up-token", "C1")
    assert not {"X-Api-Key", "Cookie"} & set(got)
    assert server.received[0].headers["X-Api-Key"] == "made-up-key"


def test_on_the_same_origin_all_headers_and_cookies_go_along() -> None:
    def answer(received: Received) -> Reply:
        if received.path == "/start":
            return 302, {"Location": "/end", "Set-Cookie": "hop=1; Path=/"}, b""
        return ok(received)

    with Recorder(answer) as server, connected(server.url) as api:
        api.get("start", headers={"X-Api-Key": "made-up-key"})
        api.get("start", headers=OWN)
        api.get("later")
    first, second, later = (server.received[number].headers for number in (1, 3, 4))

    assert (first["Cookie"], first["X-Api-Key"]) == ("hop=1", "made-up-key")
    assert second["Cookie"] == "own=1"
    assert later["Cookie"] == "hop=1"


def test_a_cookie_of_one_organization_is_never_sent_by_the_client_of_another() -> None:
    """S32."""

    def answer(received: Received) -> Reply:
        return 200, {**JSON, "Set-Cookie": "session=acme; Path=/"}, b"{}"

    with Recorder(answer) as server:
        for org in ("acme", "other", "other"):
            config = TxoConfig(org, "test", {"global": {"api-base-url": server.url}})
            with create_rest_api(config, tokens=SIGN_IN, use_cache=True) as api:
                api.get("x")

    assert [each.headers.get("Cookie") for each in server.received] == [None, None, "session=acme"]


@pytest.mark.parametrize("status", [307, 308])
def test_a_write_is_sent_with_its_body_to_where_the_server_points(status: int) -> None:
    def answer(received: Received) -> Reply:
        return (status, {"Location": "/new"}, b"") if received.path == "/old" else ok(received)

    with Recorder(answer) as server, connected(server.url) as api:
        api.post("old", {"a": 1})

    assert [(each.method, each.path, each.body) for each in server.received] == [
        ("POST", "/old", b'{"a": 1}'),
        ("POST", "/new", b'{"a": 1}'),
    ]


@pytest.mark.parametrize("status", [301, 302])
def test_a_moved_write_is_neither_repeated_nor_turned_into_a_read(status: int) -> None:
    with (
        Recorder(sends_to(lambda: "/new", status)) as server,
        connected(server.url) as api,
        pytest.raises(ApiOperationError, match="a write is not sent to another place by itself"),
    ):
        api.post("old", {"a": 1})

    assert server.calls == ["POST /old"]


# Encryption


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate that only who is told to trusts."""
    return self_signed(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture
def trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every configuration that is made here trust the certificate."""
    monkeypatch.setitem(TRUST, "ca-bundle", str(certificate))
    return certificate


def test_an_untrusted_certificate_is_final_after_one_attempt(certificate: Path) -> None:
    """S21."""
    with Recorder(ok, certificate) as server, connected(server.url) as api, pytest.raises(ApiError) as refused:
        api.get("x")

    assert "is not to be trusted" in str(refused.value)
    assert (refused.value.code, refused.value.attempts, refused.value.retryable) == ("tls", 1, False)
    assert server.received == []


def test_an_untrusted_token_endpoint_gets_no_secret(certificate: Path) -> None:
    """S21."""
    with Recorder(ok, certificate) as server, pytest.raises(ApiAuthenticationError) as refused:
        ClientCredentials(f"{server.url}/token", "client", "made-up-secret").get_token()

    assert (refused.value.code, refused.value.attempts, server.received) == ("tls", 1, [])


def test_a_certificate_of_the_company_is_trusted_by_the_bundle(trusting: Path) -> None:
    """S21: one that the configuration names."""
    with Recorder(ok, trusting) as server, connected(server.url) as api:
        assert api.get("x") == {"here": True}

    assert server.received[0].headers["Authorization"] == "Bearer made-up-token"


@pytest.mark.parametrize(
    ("reply", "call"),
    [
        (lambda to: (302, {"Location": to}, b""), lambda api: api.get("x", headers=OWN)),
        (lambda to: (307, {"Location": to}, b""), lambda api: api.post("x", {"a": 1})),
        (lambda to: (303, {"Location": to}, b""), lambda api: api.post("x", {"a": 1})),
        (lambda to: (202, {"Location": to}, b""), lambda api: api.post("x", {"a": 1})),
        (lambda to: (202, {"Operation-Location": to}, b""), lambda api: api.post("x", {"a": 1})),
        (lambda to: (202, {"Azure-AsyncOperation": to}, b""), lambda api: api.put("x", {"a": 1})),
        (
            lambda to: (200, JSON, b'{"value": [], "@odata.nextLink": "%b"}' % to.encode()),
            lambda api: [*api.paginate("x")],
        ),
        (lambda to: (200, {**JSON, "Link": f'<{to}>; rel="next"'}, b"[]"), lambda api: [*api.paginate("x")]),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_nobody_leads_from_https_to_http_not_even_to_a_trusted_origin(
    trusting: Path, foreign: Recorder, scheme: str, reply: Callable[[str], Reply], call: Callable[[RestClient], Any]
) -> None:
    """S23: neither redirect nor Location, next link or Link header."""
    to = f"{scheme}://127.0.0.1:{foreign.port}/x"
    with (
        Recorder(lambda received: reply(to), trusting) as server,
        connected(server.url, foreign.url) as api,
        pytest.raises(ConfigurationError, match="not encrypted"),
    ):
        call(api)

    assert (len(server.received), foreign.received) == (1, [])


# Proxies, environment, .netrc


def test_a_configured_proxy_carries_all_calls(trusting: Path) -> None:
    with Recorder(ok) as plain, Recorder(ok, trusting) as tls, Proxy() as proxy:
        for server in (plain, tls):
            with connected(server.url, proxy=proxy.url) as api:
                api.get("x", {"q": "a b"})

    assert proxy.forwarded == [f"{plain.url}/x?q=a%20b"]
    assert proxy.tunnels == [f"127.0.0.1:{tls.port}"]
    assert plain.received[0].headers["Authorization"] == tls.received[0].headers["Authorization"]


def test_a_configured_proxy_carries_the_token_requests() -> None:
    def granting(received: Received) -> Reply:
        return 200, JSON, b'{"access_token": "made-up-token"}'

    with Recorder(granting) as server, Proxy() as proxy:
        ClientCredentials(f"{server.url}/token", "client", "made-up-secret", proxy=proxy.url).get_token()

    assert proxy.forwarded == [f"{server.url}/token"]


@pytest.fixture
def misled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the environment name a dead proxy, and .netrc another user for every host."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login mallory password made-up-netrc\nmachine 127.0.0.1 login m password made-up-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelt in (name, name.lower()):
            monkeypatch.setenv(spelt, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.usefixtures("misled")
def test_neither_environment_proxies_nor_netrc_take_part(trusting: Path) -> None:
    """S25."""
    with Recorder(ok) as plain, Recorder(ok, trusting) as tls:
        for server in (plain, tls):
            with connected(server.url) as api:
                api.get("x")
        config = TxoConfig("txo", "test", {"global": {"api-base-url": plain.url}})
        with create_rest_api(config, require_auth=False) as api:
            api.get("x")
        with pytest.raises(ApiAuthenticationError):
            ClientCredentials(f"{plain.url}/token", "client", "made-up-secret").get_token()

    assert [each.headers.get("Authorization") for each in plain.received] == ["Bearer made-up-token", None, None]
    assert tls.received[0].headers["Authorization"] == "Bearer made-up-token"


def test_no_proxy_of_the_environment_does_not_go_round_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """S25."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,*")
    with Recorder(ok) as server, Proxy() as proxy, connected(server.url, proxy=proxy.url) as api:
        api.get("x")

    assert len(proxy.forwarded) == 1


def sent(url: str, proxy: str, method: str = "GET", **options: Any) -> Any:
    """Send a request through a pipeline with repeats, and return the answer."""
    policies: list[Policy] = [Retry(3, backoff=0.001, sleep=lambda seconds: None), ExchangeLog()]
    sessions = Sessions(PolicyAdapter(policies, timeout=0.5), proxy, verify=TRUST.get("ca-bundle", True))
    try:
        return sessions.send(sessions.prepare(method, url, body=b"{}"), options=Options(**options))
    finally:
        sessions.close()


def test_a_proxy_gets_its_password_and_nobody_sees_it(trusting: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Recorder(ok) as plain, Recorder(ok, trusting) as tls, Proxy("user", "made-up-pw") as proxy:
        with_password = proxy.url.replace("//", "//user:made-up-pw@")
        with caplog.at_level(logging.DEBUG):
            statuses = [sent(f"{server.url}/x", with_password).status_code for server in (plain, tls)]

    assert (statuses, proxy.turned_away) == ([200, 200], 0)
    assert "made-up-pw" not in caplog.text
    assert "made-up-pw" not in redact("it is made-up-pw")
    assert not any("Proxy-Authorization" in each.headers for each in (*plain.received, *tls.received))


def test_a_proxy_that_asks_for_a_password_is_final_and_clear(trusting: Path) -> None:
    with (
        Recorder(ok, trusting) as tls,
        Proxy("user", "made-up-pw") as proxy,
        connected(tls.url, proxy=proxy.url) as api,
        pytest.raises(ApiError) as refused,
    ):
        api.get("x")

    assert "the proxy asks for a user name and a password" in str(refused.value)
    assert (refused.value.code, refused.value.attempts, proxy.turned_away) == ("proxy", 1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named_and_a_write_may_be_tried_again(scheme: str) -> None:
    with (
        connected(f"{scheme}://api.example.com", proxy="http://127.0.0.1:9") as api,
        pytest.raises(ApiError) as refused,
    ):
        api.post("x", {"a": 1})

    assert "the proxy does not answer; is global.proxy right?" in str(refused.value)
    assert (refused.value.code, refused.value.attempts) == ("proxy", 4)


@pytest.mark.parametrize("fault", ["reset-after", "hang-after=5", "close-after"])
def test_a_write_that_may_have_gone_through_the_proxy_is_sent_once(sandbox: Sandbox, fault: str) -> None:
    """What is lost behind a proxy looks to urllib3 as if the proxy could not be reached: it was, and the write done."""
    sandbox.faults([{"match": {"path": "/api/v1/customers"}, "fault": fault}])
    tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET)
    with Proxy() as proxy:
        data = {
            "global": {"api-base-url": sandbox.api_url, "proxy": proxy.url},
            "script-behavior": {"api-timeouts": {"rest-timeout-seconds": 0.5, "backoff-factor": 0.01}},
        }
        with create_rest_api(TxoConfig("txo", "test", data), tokens=tokens) as api, pytest.raises(ApiError) as failed:
            api.post("customers", {"no": "N0001", "name": "New", "city": "Oslo"})

    assert (failed.value.attempts, failed.value.retryable) == (1, False)
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


# The size of an answer


@pytest.mark.parametrize("fault", ["gzip-bomb=500", "huge=500"])
def test_an_answer_that_is_too_long_is_given_up_early_and_not_asked_for_again(sandbox: Sandbox, fault: str) -> None:
    """S27: while it comes, and measured unpacked."""
    sandbox.faults([{"match": {"path": "/echo"}, "fault": fault}])
    sessions = Sessions(PolicyAdapter([Retry(3, sleep=lambda seconds: None), ExchangeLog()], max_body=2_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(Exception, match="is longer than 2 MiB"):
            sessions.send(sessions.prepare("GET", f"{sandbox.url}/echo"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        sessions.close()

    assert peak < 16_000_000
    assert sandbox.stats()["requests"] == {"GET /echo": 1}


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_answer_packed_several_times_is_measured_by_what_comes_out(times: int) -> None:
    """S27."""
    body, encoding = gzip.compress(b" " * 100_000_000, compresslevel=1), ", ".join(["gzip"] * times)
    for _ in range(times - 1):
        body = gzip.compress(body)
    with Recorder(lambda received: (200, {"Content-Encoding": encoding}, body)) as server:
        sessions = Sessions(PolicyAdapter([], max_body=2_000_000))
        request = sessions.prepare("GET", server.url)
        tracemalloc.start()
        try:
            with pytest.raises(BodyTooLarge):
                sessions.send(request)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            sessions.close()

    assert peak < 16_000_000


def test_only_encodings_that_can_be_unpacked_piece_by_piece_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """S27."""
    monkeypatch.setattr("requests.utils.DEFAULT_ACCEPT_ENCODING", "gzip, deflate, br, zstd")
    with Recorder(ok) as server, connected(server.url) as api:
        api.get("x")

    assert server.received[0].headers["Accept-Encoding"] == "gzip, deflate"
