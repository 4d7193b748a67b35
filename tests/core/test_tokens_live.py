"""Tokens and other ways to sign in, on real sockets, counted at the server."""

import json
import logging
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from tests.support.crowd import crowd
from tests.support.recorder import Received, Recorder, Reply
from tests.support.sandbox import API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, Sandbox
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiAuthenticationError, ApiError, ConfigurationError
from txo_core.oauth import ApiKey, ClientCredentials, FixedToken, MsalTokens
from txo_core.rest import RestClient

ONE = "customers/C0001"
READ = "GET /api/v1/customers({key})"
AT_THE_API = {"match": {"path": "/api/v1/customers/C0001"}}


def configured(sandbox: Sandbox, org: str = "txo", env: str = "test", **settings: Any) -> TxoConfig:
    data = {
        "global": {"api-base-url": sandbox.api_url, **settings},
        "endpoints": {"auth": sandbox.token_url},
        "script-behavior": {"api-timeouts": {"backoff-factor": 0.01}},
    }
    return TxoConfig(org, env, data)


def credentials(sandbox: Sandbox, **options: Any) -> ClientCredentials:
    return ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET, sleep=lambda seconds: None, **options)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with create_rest_api(configured(sandbox), tokens=credentials(sandbox)) as client:
        yield client


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, str]]]:
    """Return the secrets of each organization and environment, to be filled in: `blocks["txo-test"]`."""
    saved: dict[str, dict[str, str]] = {}

    def load(org_id: str, env_type: str) -> object:
        secrets = saved[f"{org_id}-{env_type}"]
        return types.SimpleNamespace(**{name: SecretStr(value) for name, value in secrets.items()})

    module = types.ModuleType("txo_core.credentials")
    vars(module)["load"] = load
    monkeypatch.setitem(sys.modules, "txo_core.credentials", module)
    monkeypatch.setattr("txo_core.credentials", module, raising=False)
    forget_shared()
    yield saved
    forget_shared()


def issued(sandbox: Sandbox) -> int:
    return int(sandbox.stats()["tokens_issued"])


def arrived(sandbox: Sandbox, call: str = READ) -> int:
    return int(sandbox.stats()["requests"].get(call, 0))


# One token request, whatever the number of threads


def test_fifty_threads_without_a_token_make_one_token_request(api: RestClient, sandbox: Sandbox) -> None:
    rows = crowd(50, lambda: api.get(ONE)["no"])

    assert rows == ["C0001"] * 50
    assert (issued(sandbox), arrived(sandbox, "POST /oauth/token"), arrived(sandbox)) == (1, 1, 50)


def test_fifty_threads_with_an_ended_token_make_one_token_request(sandbox: Sandbox) -> None:
    now = [0.0]
    tokens = credentials(sandbox, clock=lambda: now[0])
    with create_rest_api(configured(sandbox), tokens=tokens) as api:
        api.get(ONE)
        now[0] += 4000
        rows = crowd(50, lambda: api.get(ONE)["no"])

    assert rows == ["C0001"] * 50
    assert (issued(sandbox), arrived(sandbox)) == (2, 51)


@pytest.mark.parametrize(("fault", "requests"), [("status=400", 1), ("status=401", 1), ("status=503", 3)])
def test_fifty_threads_share_the_failure_of_one_token_call(
    api: RestClient, sandbox: Sandbox, fault: str, requests: int
) -> None:
    sandbox.faults([{"match": {"path": "/oauth/token"}, "fault": fault}])

    errors = crowd(50, lambda: api.get(ONE))

    assert {type(error) for error in errors} == {ApiAuthenticationError}
    assert len({id(error) for error in errors}) == 50
    assert {error.attempts for error in errors} == {requests}
    assert arrived(sandbox, "POST /oauth/token") == requests
    assert arrived(sandbox) == 0


def test_fifty_threads_whose_token_is_rejected_at_once_make_one_refresh_and_one_repeat_each(
    api: RestClient, sandbox: Sandbox
) -> None:
    api.get(ONE)
    sandbox.expire_tokens()
    sandbox.clear_stats()
    sandbox.faults([{**AT_THE_API, "fault": "delay=1", "times": 50}])

    rows = crowd(50, lambda: api.get(ONE)["no"])

    statuses = sandbox.stats()["statuses"]
    assert rows == ["C0001"] * 50
    assert (issued(sandbox), arrived(sandbox), statuses["401"]) == (1, 100, 50)


def test_a_write_whose_token_has_ended_is_done_once(api: RestClient, sandbox: Sandbox) -> None:
    api.get(ONE)
    sandbox.expire_tokens()

    api.post("customers", {"no": "N0001", "name": "New", "city": "Oslo"})

    stats = sandbox.stats()
    assert (stats["requests"]["POST /api/v1/customers"], stats["creates"]["customers"]) == (2, {"New": 1})


# Rejected for good


def test_a_second_401_is_final(api: RestClient, sandbox: Sandbox) -> None:
    """S31: one renewal, no loop."""
    sandbox.faults([{**AT_THE_API, "fault": "expired-token"}])

    with pytest.raises(ApiAuthenticationError) as refused:
        api.get(ONE)

    assert (refused.value.status_code, refused.value.attempts, refused.value.retryable) == (401, 2, False)
    assert "Authentication_TokenExpired" in str(refused.value)
    assert "are those that are saved current, and is global.oauth-scope the API's?" in str(refused.value)
    assert (arrived(sandbox), issued(sandbox)) == (2, 2)


def test_where_every_token_is_rejected_the_token_endpoint_is_not_stormed(api: RestClient, sandbox: Sandbox) -> None:
    """S31."""
    sandbox.faults([{**AT_THE_API, "fault": "expired-token"}])

    for _ in range(40):
        with pytest.raises(ApiAuthenticationError):
            api.get(ONE)

    assert issued(sandbox) <= 4
    sandbox.clear_faults()


def test_a_token_that_is_rejected_twice_in_a_row_heals_at_the_next_call(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults([{**AT_THE_API, "fault": "expired-token", "times": 2}])

    with pytest.raises(ApiAuthenticationError):
        api.get(ONE)

    assert api.get(ONE)["no"] == "C0001"
    assert issued(sandbox) == 3


def test_a_token_that_ends_again_and_again_is_renewed_each_time(api: RestClient, sandbox: Sandbox) -> None:
    for _ in range(5):
        sandbox.expire_tokens()
        assert api.get(ONE)["no"] == "C0001"

    assert issued(sandbox) == 5


@pytest.mark.parametrize("tokens", [FixedToken("made-up-token")])
def test_a_401_is_final_where_nobody_can_renew(sandbox: Sandbox, tokens: FixedToken) -> None:
    with create_rest_api(configured(sandbox), tokens=tokens) as api, pytest.raises(ApiAuthenticationError) as refused:
        api.get(ONE)

    assert (refused.value.attempts, arrived(sandbox), issued(sandbox)) == (1, 1, 0)


# How the client proves who it is


def granting(received: Received) -> Reply:
    return 200, {"Content-Type": "application/json"}, json.dumps({"access_token": "made-up-token"}).encode()


def test_the_secret_goes_into_the_form_unless_the_header_is_asked_for() -> None:
    with Recorder(granting) as server:
        ClientCredentials(f"{server.url}/token", "cli:ent", "made-up s&cret+", "read write").get_token()
        ClientCredentials(f"{server.url}/token", "cli:ent", "made-up s&cret+", style="basic").get_token()
    post, basic = server.received

    assert "Authorization" not in post.headers
    assert parse_qs(post.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["cli:ent"],
        "client_secret": ["made-up s&cret+"],
        "scope": ["read write"],
    }
    assert basic.body == b"grant_type=client_credentials"
    assert (
        basic.headers["Authorization"] == "Basic Y2xpJTNBZW50Om1hZGUtdXArcyUyNmNyZXQlMkI="
    )  # cli%3Aent:made-up+s%26...


@pytest.mark.parametrize("style", ["post", "basic"])
def test_the_configuration_chooses_the_style_and_adds_parameters(
    sandbox: Sandbox, blocks: dict[str, dict[str, str]], style: str
) -> None:
    blocks["txo-test"] = {"client_secret": CLIENT_SECRET}
    settings: dict[str, Any] = {
        "client-id": CLIENT_ID,
        "oauth-client-auth": style,
        "oauth-parameters": {"audience": "made-up"},
    }

    with create_rest_api(configured(sandbox, **settings)) as api:
        assert api.get(ONE)["no"] == "C0001"

    seen = sandbox.stats()["credentials"][f"127.0.0.1:{sandbox.port}"]
    assert ("basic" in seen) is (style == "basic")


@pytest.mark.parametrize("style", ["post", "basic"])
def test_no_log_shows_a_secret_or_a_token(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, style: Literal["post", "basic"]
) -> None:
    """S31."""
    tokens = credentials(sandbox, style=style)
    with caplog.at_level(logging.DEBUG), create_rest_api(configured(sandbox), tokens=tokens) as api:
        api.get(ONE)
        sandbox.expire_tokens()
        api.get(ONE)
    lines = [record.getMessage() for record in caplog.records]

    assert any("POST" in line and "/oauth/token" in line for line in lines)
    for hidden in (CLIENT_SECRET, tokens.get_token().token, "Basic ", "Bearer "):
        assert not any(hidden in line for line in lines)


def test_further_parameters_are_sent_with_the_token_request() -> None:
    with Recorder(granting) as server:
        ClientCredentials(f"{server.url}/token", "c", "made-up", parameters={"audience": "https://a/b"}).get_token()

    assert parse_qs(server.received[0].body.decode())["audience"] == ["https://a/b"]


def test_a_wrong_secret_is_tried_once_and_in_one_style(sandbox: Sandbox) -> None:
    tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, "made-up-wrong-secret")

    for _ in range(10):
        with pytest.raises(ApiAuthenticationError, match=r"invalid_client.*global\.oauth-client-auth"):
            tokens.get_token()

    assert arrived(sandbox, "POST /oauth/token") == 1


@pytest.mark.parametrize("expires_in", ["integer", "string", "missing"])
def test_a_lifetime_in_any_form_is_understood(api: RestClient, sandbox: Sandbox, expires_in: str) -> None:
    sandbox.tokens(lifetime=3600, expires_in=expires_in)

    for _ in range(3):
        api.get(ONE)

    assert issued(sandbox) == 1


def test_a_token_endpoint_that_redirects_gets_no_second_try_elsewhere() -> None:
    """S22: the secret goes to the configured endpoint alone."""
    with Recorder(granting) as elsewhere:
        target = f"{elsewhere.url}/token"
        with (
            Recorder(lambda received: (307, {"Location": target}, b"")) as server,
            pytest.raises(ApiAuthenticationError, match="it answered 307"),
        ):
            ClientCredentials(f"{server.url}/token", "client", "made-up-secret").get_token()

    assert (len(server.received), elsewhere.received) == (1, [])


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b"{}", b"<html>sign in</html>", b"[" * 5000),
        *(b'{"access_token": %b}' % value for value in (b'""', b"5", b"null", b'"two\\nlines"', b'"\xc3\xbc"')),
    ],
)
def test_an_answer_without_a_usable_token_is_an_authentication_error(body: bytes) -> None:
    with (
        Recorder(lambda received: (200, {"Content-Type": "application/json"}, body)) as server,
        pytest.raises(ApiAuthenticationError) as refused,
    ):
        ClientCredentials(f"{server.url}/token", "client", "made-up-secret", max_retries=0).get_token()

    assert (refused.value.code, refused.value.attempts) == ("no-token", 1)


def test_a_token_endpoint_that_hangs_does_not_outlast_the_time_for_a_call(
    sandbox: Sandbox, blocks: dict[str, dict[str, str]]
) -> None:
    """Without the limits of the configuration this test would take a minute."""
    blocks["txo-test"] = {"client_secret": CLIENT_SECRET}
    sandbox.faults([{"match": {"path": "/oauth/token"}, "fault": "hang=100"}])
    data = {
        "global": {"api-base-url": sandbox.api_url, "client-id": CLIENT_ID},
        "endpoints": {"auth": sandbox.token_url},
        "script-behavior": {"api-timeouts": {"rest-timeout-seconds": 0.3, "total-timeout-seconds": 0.5}},
    }

    with create_rest_api(TxoConfig("txo", "test", data)) as api:
        errors = crowd(20, lambda: api.get(ONE))

    assert {(type(error), error.retryable) for error in errors} == {(ApiAuthenticationError, True)}
    assert (arrived(sandbox, "POST /oauth/token"), arrived(sandbox)) == (1, 0)


# Never the token of another organization


def test_organizations_that_share_everything_share_no_token(
    sandbox: Sandbox, blocks: dict[str, dict[str, str]]
) -> None:
    """S30, S32."""
    blocks |= {name: {"client_secret": CLIENT_SECRET} for name in ("acme-test", "acme-prod", "other-test")}
    used: dict[str, list[str]] = {}
    for name in (*blocks, *blocks):
        org, env = name.split("-")
        with create_rest_api(configured(sandbox, org, env, **{"client-id": CLIENT_ID}), use_cache=True) as api:
            sandbox.clear_stats()
            api.get(ONE)
        used.setdefault(name, []).extend(sandbox.stats()["credentials"][f"127.0.0.1:{sandbox.port}"]["bearer"])

    assert all(len(set(seen)) == 1 for seen in used.values())
    assert len({seen[0] for seen in used.values()}) == 3


def test_a_wrong_secret_does_not_ride_on_the_token_of_the_right_one(
    sandbox: Sandbox, blocks: dict[str, dict[str, str]]
) -> None:
    config = configured(sandbox, **{"client-id": CLIENT_ID})
    blocks["txo-test"] = {"client_secret": CLIENT_SECRET}
    with create_rest_api(config) as api:
        api.get(ONE)

    blocks["txo-test"] = {"client_secret": "made-up-wrong-secret"}
    with create_rest_api(config) as api, pytest.raises(ApiAuthenticationError, match="invalid_client"):
        api.get(ONE)


def test_a_secret_that_was_changed_meanwhile_is_taken_up_by_a_client_that_lives_on(
    sandbox: Sandbox, blocks: dict[str, dict[str, str]]
) -> None:
    blocks["txo-test"] = {"client_secret": "made-up-old-secret"}
    config = configured(sandbox, **{"client-id": CLIENT_ID})
    with create_rest_api(config, use_cache=True) as api:
        blocks["txo-test"] = {"client_secret": CLIENT_SECRET}

        assert crowd(10, lambda: api.get(ONE)["no"]) == ["C0001"] * 10

    assert arrived(sandbox, "POST /oauth/token") == 2


def test_clients_of_one_organization_share_the_token(sandbox: Sandbox, blocks: dict[str, dict[str, str]]) -> None:
    blocks["txo-test"] = {"client_secret": CLIENT_SECRET}
    config = configured(sandbox, **{"client-id": CLIENT_ID})

    for _ in range(3):
        with create_rest_api(config) as api:
            api.get(ONE)

    assert issued(sandbox) == 1


# Tokens of somebody else's making


class AzureToken(NamedTuple):
    """As azure.core.credentials has it."""

    token: str
    expires_on: int


@dataclass
class AzureCredential:
    """As the credentials of azure-identity are called; it gets its tokens from the sandbox."""

    sandbox: Sandbox
    asked: list[tuple[str, ...]] = field(default_factory=list)
    lifetime: int = 3600

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **kwargs: Any
    ) -> AzureToken:
        self.asked.append(scopes)
        time.sleep(0.05)
        token = credentials(self.sandbox).get_token().token
        return AzureToken(token, int(time.time()) + self.lifetime)


class InfoCredential(AzureCredential):
    """As the newer ones are: without get_token."""

    get_token = None  # type: ignore[assignment]

    def get_token_info(self, *scopes: str, options: dict[str, Any] | None = None) -> AzureToken:
        return AzureCredential.get_token(self, *scopes)


class MsalApplication:
    """As msal.ConfidentialClientApplication: caches by itself, and answers with a dictionary."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.asked: list[list[str]] = []
        self._cached: dict[str, Any] = {}

    def acquire_token_for_client(self, scopes: list[str], claims_challenge: Any = None, **kwargs: Any) -> Any:
        self.asked.append(scopes)
        if not self._cached:
            token = credentials(self.sandbox).get_token().token
            self._cached = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
        return self._cached

    def remove_tokens_for_client(self) -> None:
        self._cached = {}


SCOPE = {"oauth-scope": "api/.default"}


@pytest.mark.parametrize("kind", [AzureCredential, InfoCredential])
def test_a_credential_of_azure_identity_is_asked_once_by_fifty_threads(
    sandbox: Sandbox, kind: type[AzureCredential]
) -> None:
    source = kind(sandbox)
    with create_rest_api(configured(sandbox, **SCOPE), tokens=source) as api:
        rows = crowd(50, lambda: api.get(ONE)["no"])

    assert rows == ["C0001"] * 50
    assert source.asked == [("api/.default",)]


def test_clients_with_the_same_source_ask_it_once(sandbox: Sandbox) -> None:
    source = AzureCredential(sandbox)
    with (
        create_rest_api(configured(sandbox, **SCOPE), tokens=source) as one,
        create_rest_api(configured(sandbox, **SCOPE), tokens=source, use_cache=True) as two,
    ):
        one.get(ONE)
        two.get(ONE)

    assert len(source.asked) == 1


def test_a_source_is_asked_for_each_organization(sandbox: Sandbox) -> None:
    source = AzureCredential(sandbox)
    for org in ("acme", "other"):
        with create_rest_api(configured(sandbox, org, **SCOPE), tokens=source) as api:
            api.get(ONE)

    assert (len(source.asked), issued(sandbox)) == (2, 2)


def test_a_source_is_asked_again_after_a_401_whatever_the_number_of_threads(sandbox: Sandbox) -> None:
    source = AzureCredential(sandbox)
    with create_rest_api(configured(sandbox, **SCOPE), tokens=source) as api:
        api.get(ONE)
        sandbox.expire_tokens()
        sandbox.clear_stats()
        sandbox.faults([{**AT_THE_API, "fault": "delay=1", "times": 50}])
        rows = crowd(50, lambda: api.get(ONE)["no"])

    assert rows == ["C0001"] * 50
    assert (len(source.asked), arrived(sandbox)) == (2, 100)


def test_a_source_that_keeps_to_a_rejected_token_is_asked_once_more_and_the_call_is_not_repeated(
    sandbox: Sandbox,
) -> None:
    class Stubborn(AzureCredential):
        def get_token(self, *scopes: str, **kwargs: Any) -> AzureToken:
            self.asked.append(scopes)
            return AzureToken("made-up-token", int(time.time()) + 3600)

    source = Stubborn(sandbox)
    with create_rest_api(configured(sandbox, **SCOPE), tokens=source) as api:
        errors = crowd(50, lambda: api.get(ONE))

    assert {(type(error), error.attempts) for error in errors} == {(ApiAuthenticationError, 1)}
    assert (len(source.asked), arrived(sandbox)) == (2, 50)


def test_an_application_of_msal_is_a_source_by_its_adapter(sandbox: Sandbox) -> None:
    application = MsalApplication(sandbox)
    with create_rest_api(configured(sandbox, **SCOPE), tokens=MsalTokens(application)) as api:
        api.get(ONE)
        sandbox.expire_tokens()
        assert crowd(10, lambda: api.get(ONE)["no"]) == ["C0001"] * 10

    assert application.asked == [["api/.default"]] * 2


# The other ways to sign in


@pytest.mark.parametrize(
    ("secrets", "settings", "kind"),
    [
        ({"api_key": API_KEY}, {"api-key-header": "X-Api-Key"}, "api-key"),
        ({"username": USERNAME, "password": PASSWORD}, {}, "basic"),
    ],
)
def test_a_key_or_a_password_is_sent_with_every_call_and_nothing_beside_it(
    sandbox: Sandbox, blocks: dict[str, dict[str, str]], secrets: dict[str, str], settings: dict[str, str], kind: str
) -> None:
    blocks["txo-test"] = secrets
    with create_rest_api(configured(sandbox, **settings)) as api:
        api.get(ONE)

    assert list(sandbox.stats()["credentials"][f"127.0.0.1:{sandbox.port}"]) == [kind]


def test_a_wrong_key_is_final_after_one_attempt(sandbox: Sandbox, blocks: dict[str, dict[str, str]]) -> None:
    blocks["txo-test"] = {"api_key": "made-up-wrong-key"}
    config = configured(sandbox, **{"api-key-header": "X-Api-Key"})
    with create_rest_api(config) as api, pytest.raises(ApiAuthenticationError):
        api.get(ONE)

    assert arrived(sandbox) == 1


# What is no source


@pytest.mark.parametrize("tokens", ["made-up-token", 5, {}, object(), FixedToken, ApiKey("X-Key", "made-up")])
def test_what_hands_out_no_tokens_is_refused(sandbox: Sandbox, tokens: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        create_rest_api(configured(sandbox), tokens=tokens)

    assert "made-up" not in str(refused.value)


@pytest.mark.parametrize("config", ["demo", None, {"global": {}}, 5])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(ConfigurationError, match="A client needs a configuration"):
        create_rest_api(config)


def test_errors_of_the_sign_in_are_api_errors(sandbox: Sandbox) -> None:
    class Broken:
        def get_token(self, scope: str) -> Any:
            raise RuntimeError("secret=made-up-hidden AADSTS7000215: invalid")

    with create_rest_api(configured(sandbox), tokens=Broken()) as api, pytest.raises(ApiError) as failed:
        api.get(ONE)

    assert isinstance(failed.value, ApiAuthenticationError)
    assert "Broken failed (RuntimeError, AADSTS7000215)" in str(failed.value)
    assert "hidden" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
