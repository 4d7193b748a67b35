import logging
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.sandbox import API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, Sandbox
from txo_core.api_factory import ApiManager, create_rest_api, forget_shared, rest_policies, token_for, trusted_origins
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiRateLimitError, CircuitOpenError, ConfigurationError
from txo_core.http.policy import Policy
from txo_core.http.sign import Unsigned
from txo_core.oauth import FixedToken


@dataclass
class Block:
    """A credentials block, as the loader returns it."""

    client_secret: SecretStr | None = None
    az_token: SecretStr | None = None
    api_key: SecretStr | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    forget_shared()


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Block:
    """Return what the block of every organization holds, to be filled in."""
    block = Block()
    module = types.ModuleType("txo_core.credentials")
    vars(module)["load"] = lambda org_id, env_type: block
    monkeypatch.setitem(sys.modules, "txo_core.credentials", module)
    monkeypatch.setattr("txo_core.credentials", module, raising=False)
    return block


def configured(base_url: str = "https://api.example.com/v1", env: str = "test", **sections: Any) -> TxoConfig:
    """Return a configuration; `global_` and `behavior` add to its sections."""
    data = {
        "global": {"api-base-url": base_url, **sections.get("global_", {})},
        "script-behavior": sections.get("behavior", {}),
        "endpoints": sections.get("endpoints", {}),
    }
    return TxoConfig("txo", env, data)


def policies_of(config: TxoConfig) -> list[Policy]:
    return rest_policies(config, ("none", Unsigned()), trusted_origins(config))


def names(config: TxoConfig) -> list[str]:
    return [type(policy).__name__ for policy in policies_of(config)]


PROTECTED = {"enable-rate-limiting": True, "enable-circuit-breaker": True}


def test_the_order_of_the_policies() -> None:
    assert names(configured(behavior=PROTECTED)) == [
        "ErrorMapping",
        "LongRunningOperation",
        "OwnSuccess",
        "Redirects",
        "Retry",
        "JsonBody",
        "Renewal",
        "CircuitBreaker",
        "Sign",
        "RateLimiter",
        "ExchangeLog",
    ]


def test_what_is_switched_off_is_not_in_the_list() -> None:
    assert not {"CircuitBreaker", "RateLimiter"} & set(names(configured()))


def test_a_delay_between_calls_is_a_rate() -> None:
    assert "RateLimiter" in names(configured(behavior={"api-delay-seconds": 2}))


def test_breaker_and_limiter_are_shared_by_all_clients_of_the_process() -> None:
    one, two, other = (policies_of(configured(env=env, behavior=PROTECTED))[7:10:2] for env in ("test", "test", "prod"))

    assert one[0] is two[0] is other[0]
    assert one[1] is two[1]
    assert one[1] is not other[1]


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, txo_core.api_factory; print([m for m in ('prefect', 'pandas', 'zeep') if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]

    printed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"


def test_the_token_endpoint_is_not_trusted_with_tokens() -> None:
    trusted = trusted_origins(
        configured(
            endpoints={"auth": "https://auth.example.com/token", "files": "https://files.example.com/x"},
            global_={"trusted-origins": ["https://more.example.com"]},
        )
    )

    assert "https://files.example.com/y" in trusted
    assert "https://more.example.com/y" in trusted
    assert "https://auth.example.com/token" not in trusted


@pytest.mark.parametrize(
    ("secrets", "settings", "kind"),
    [
        ({"client_secret": CLIENT_SECRET, "az_token": "made-up"}, {"client-id": CLIENT_ID}, "bearer"),
        ({"api_key": API_KEY, "username": USERNAME, "password": PASSWORD}, {"api-key-header": "X-Api-Key"}, "api-key"),
        ({"api_key": API_KEY, "username": USERNAME, "password": PASSWORD}, {}, "basic"),
        (
            {"client_secret": CLIENT_SECRET, "username": USERNAME, "password": PASSWORD},
            {"client-id": CLIENT_ID, "auth": "basic"},
            "basic",
        ),
    ],
)
def test_the_first_complete_credentials_are_used(
    sandbox: Sandbox,
    stored: Block,
    caplog: pytest.LogCaptureFixture,
    secrets: dict[str, str],
    settings: dict[str, str],
    kind: str,
) -> None:
    for name, value in secrets.items():
        setattr(stored, name, SecretStr(value))
    config = configured(sandbox.api_url, global_=settings, endpoints={"auth": sandbox.token_url})

    with caplog.at_level(logging.DEBUG), create_rest_api(config) as api:
        assert api.get("customers/C0001")["no"] == "C0001"

    assert kind in sandbox.stats()["credentials"][f"127.0.0.1:{sandbox.port}"]
    assert any("signs in by" in record.getMessage() for record in caplog.records)
    assert not any(value in record.getMessage() for record in caplog.records for value in secrets.values())


def test_without_any_credentials_the_missing_ones_are_named(stored: Block) -> None:
    stored.client_secret = SecretStr("made-up-hidden")

    with pytest.raises(ConfigurationError) as refused:
        create_rest_api(configured())

    problem = refused.value.what_went_wrong
    assert "client-credentials lacks global.client-id, endpoints.auth or global.tenant-id" in problem
    assert "az-token lacks az_token" in problem
    assert "made-up-hidden" not in str(refused.value)


def test_a_named_way_that_is_incomplete_is_not_replaced_by_another(stored: Block) -> None:
    stored.az_token = SecretStr("made-up")

    with pytest.raises(ConfigurationError, match="asks for basic, but basic lacks username, password"):
        create_rest_api(configured(global_={"auth": "basic"}))


def test_a_client_without_sign_in_asks_for_no_credentials(sandbox: Sandbox) -> None:
    with create_rest_api(configured(sandbox.url), require_auth=False) as api:
        assert api.get("health")["status"] == "ok"


def test_the_token_of_the_configuration(sandbox: Sandbox, stored: Block) -> None:
    stored.az_token = SecretStr("made-up-token")
    assert token_for(configured()) == "made-up-token"

    stored.client_secret = SecretStr(CLIENT_SECRET)
    entra = configured(global_={"client-id": CLIENT_ID}, endpoints={"auth": sandbox.token_url})
    assert token_for(entra) == token_for(entra)
    assert sandbox.stats()["tokens_issued"] == 1

    stored.username = stored.password = SecretStr("made-up")
    with pytest.raises(ConfigurationError, match="signs in by basic, so there is no token"):
        token_for(configured(global_={"auth": "basic"}))


def test_the_azure_form_of_the_token_endpoint() -> None:
    from txo_core.sign_in import token_url

    assert token_url(configured(global_={"tenant-id": "made-up-tenant"})) == (
        "https://login.microsoftonline.com/made-up-tenant/oauth2/v2.0/token"
    )
    assert token_url(configured()) is None


def test_closing_a_cached_client_does_not_close_another(sandbox: Sandbox) -> None:
    config, tokens = configured(sandbox.url), FixedToken("made-up")
    one = create_rest_api(config, tokens=tokens, use_cache=True)
    two = create_rest_api(config, tokens=FixedToken("made-up"), use_cache=True)

    one.close()

    assert one._caller._sessions is two._caller._sessions
    assert two.get("health")["status"] == "ok"
    two.close()


@pytest.mark.parametrize(
    "other",
    [{"env": "prod"}, {"behavior": {"api-timeouts": {"max-retries": 1}}}, {"tokens": FixedToken("another")}],
)
def test_a_cached_client_serves_only_its_own(other: dict[str, Any]) -> None:
    tokens = other.pop("tokens", FixedToken("made-up"))
    one = create_rest_api(configured(), tokens=FixedToken("made-up"), use_cache=True)
    two = create_rest_api(configured(**other), tokens=tokens, use_cache=True)

    assert one._caller._sessions is not two._caller._sessions


def test_cached_clients_use_their_connections_again(sandbox: Sandbox) -> None:
    for _ in range(5):
        with create_rest_api(configured(sandbox.url), require_auth=False, use_cache=True) as api:
            api.get("health")
    pools = api._caller._sessions.adapter.poolmanager.pools

    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118  a container without iteration


def test_the_limiter_pauses_all_clients_of_the_credential(sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"path": "/health"}, "fault": "status=429;retry-after=3600", "times": 1}])
    behavior = {"enable-rate-limiting": True, "rate-limit-per-second": 1000}
    config = configured(sandbox.api_url, behavior=behavior)
    sandbox.faults([{"match": {"path": "/api/v1/customers"}, "fault": "status=429;retry-after=3600", "times": 1}])

    with create_rest_api(config, tokens=FixedToken("made-up")) as one, pytest.raises(ApiRateLimitError):
        one.get("customers")
    with create_rest_api(config, tokens=FixedToken("made-up")) as two, pytest.raises(ApiRateLimitError) as told:
        two.get("customers")

    assert told.value.code == "rate-limit"
    assert sandbox.stats()["requests"] == {"GET /api/v1/customers": 1}


def test_an_open_circuit_stops_all_clients_and_sends_nothing(sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"path": "/api/v1/customers"}, "fault": "status=503"}])
    behavior = {
        "enable-circuit-breaker": True,
        "circuit-breaker-threshold": 3,
        "api-timeouts": {"backoff-factor": 0.001},
    }
    config = configured(sandbox.api_url, behavior=behavior)

    for _ in range(2):
        with create_rest_api(config, tokens=FixedToken("made-up")) as api, pytest.raises(CircuitOpenError):
            api.get("customers")

    assert sandbox.stats()["requests"] == {"GET /api/v1/customers": 3}


def test_a_manager_closes_what_it_gave_out(sandbox: Sandbox) -> None:
    with ApiManager(configured(sandbox.url), require_auth=False) as manager:
        api = manager.get_rest_api()
        assert manager.get_rest_api() is api
        assert api.get("health")["status"] == "ok"

    with pytest.raises(ConfigurationError, match="is closed"):
        api.get("health")
