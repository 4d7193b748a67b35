"""Who shares a pace with whom, and what a configuration makes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiError, ConfigurationError, FileOperationError
from txo_core.http.limiter import RateLimiter, Throttle
from txo_core.http.pacer import Pacer
from txo_core.http.sign import Bearer, Signer, Unsigned
from txo_core.oauth import AccessToken, ApiKey, Basic, FixedToken
from txo_core.pacing import limiter_of

API = "https://api.example.com/v1"
LIMITED = {"enable-rate-limiting": True, "rate-limit-per-second": 10}
ON_HOST = {**LIMITED, "rate-limit-scope": "host"}


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    forget_shared()


class Vault:
    """A token source that is not ours."""

    def get_token(self, scope: str) -> AccessToken:
        return AccessToken("made-up")


def configured(behavior: dict[str, Any], org: str = "txo", url: str = API, **settings: str) -> TxoConfig:
    return TxoConfig(org, "test", {"global": {"api-base-url": url, **settings}, "script-behavior": behavior})


def pacer(
    behavior: dict[str, Any], signer: Signer, org: str = "txo", way: str = "tokens", url: str = API, **settings: str
) -> Pacer:
    return limiter_of(configured(behavior, org, **settings), (way, signer))._pacers.at(url)


def bearer(token: str) -> Bearer:
    return Bearer(FixedToken(token))


SAME: list[tuple[Signer, Signer]] = [
    (bearer("one"), bearer("one")),
    (ApiKey("X-API-Key", "made-up"), ApiKey("X-API-Key", "made-up")),
    (Basic("user", "word"), Basic("user", "word")),
]
DIFFERENT: list[tuple[Signer, Signer]] = [
    (bearer("one"), bearer("two")),
    (ApiKey("X-API-Key", "made-up"), ApiKey("X-API-Key", "another")),
    (Basic("user", "word"), Basic("user", "another")),
    (Basic("user", "word"), bearer("word")),
    (bearer("one"), Unsigned()),
]


@pytest.mark.parametrize("behavior", [LIMITED, ON_HOST, {}], ids=["process", "host", "off"])
@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_credentials_share_a_pace_whatever_the_organization(
    one: Signer, other: Signer, behavior: dict[str, Any]
) -> None:
    assert pacer(behavior, one) is pacer(behavior, other) is pacer(behavior, other, "acme")


@pytest.mark.parametrize("behavior", [LIMITED, ON_HOST, {}], ids=["process", "host", "off"])
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_credentials_have_a_pace_of_their_own(one: Signer, other: Signer, behavior: dict[str, Any]) -> None:
    assert pacer(behavior, one) is not pacer(behavior, other)


def test_other_origins_have_a_pace_of_their_own() -> None:
    assert pacer(LIMITED, bearer("one")) is not pacer(LIMITED, bearer("one"), url="https://api.example.com:8443/v1")
    assert pacer(LIMITED, bearer("one")) is pacer(LIMITED, bearer("one"), url="https://API.example.com:443/v2")


def test_a_client_secret_that_was_renewed_is_the_same_credential() -> None:
    """The provider knows the client by its id."""
    ids = {"client-id": "made-up", "tenant-id": "made-up"}

    one, two = (pacer(LIMITED, Bearer(Vault()), org, "client-credentials", **ids) for org in ("txo", "acme"))
    other = pacer(LIMITED, Bearer(Vault()), way="client-credentials", **{**ids, "client-id": "another"})

    assert one is two is not other


def test_of_sources_that_are_not_ours_each_is_its_own() -> None:
    one, two = Bearer(Vault()), Bearer(Vault())

    assert pacer(LIMITED, one) is pacer(LIMITED, one) is not pacer(LIMITED, two)
    assert pacer(ON_HOST, one) is pacer(ON_HOST, two) is not pacer(ON_HOST, two, "acme")


def test_without_credentials_the_organization_and_environment_share() -> None:
    assert pacer(LIMITED, Unsigned(), way="none") is pacer(LIMITED, Unsigned(), way="none")
    assert pacer(LIMITED, Unsigned(), way="none") is not pacer(LIMITED, Unsigned(), "acme", "none")


def test_where_configurations_disagree_the_slowest_rate_holds() -> None:
    fast, slow = (
        configured({**LIMITED, "rate-limit-per-second": 20}),
        configured({**LIMITED, "rate-limit-per-second": 2}),
    )
    auth = ("tokens", bearer("one"))

    paces = [limiter_of(config, auth)._pacers.at(API).pace.rate for config in (fast, slow, fast)]

    assert paces == [20, 2, 2]


@pytest.mark.parametrize(
    ("behavior", "kind", "rate"),
    [
        (LIMITED, RateLimiter, 10),
        ({"api-delay-seconds": 2}, RateLimiter, 0.5),
        ({}, Throttle, None),
        ({"rate-limit-scope": "cluster"}, Throttle, None),
    ],
)
def test_what_a_configuration_asks_for(behavior: dict[str, Any], kind: type, rate: float | None) -> None:
    limiter = limiter_of(configured(behavior), ("none", Unsigned()))

    assert (type(limiter), limiter._pacers.at(API).pace.rate) == (kind, rate)


def test_a_scope_that_is_not_there_yet_is_no_other_scope() -> None:
    with pytest.raises(ConfigurationError, match="rate-limit-scope is cluster"):
        create_rest_api(configured({**LIMITED, "rate-limit-scope": "cluster"}), require_auth=False)


def test_the_file_of_the_host_tells_neither_origin_nor_credential(own_root: Path) -> None:
    create_rest_api(configured(ON_HOST), tokens=FixedToken("made-up-token")).close()

    (file,) = (own_root / "tmp" / "pace").iterdir()
    assert len(file.name) == 32
    assert set(file.name) <= set("0123456789abcdef")
    assert b"made-up" not in file.read_bytes() + file.name.encode()


def test_a_host_without_a_place_for_the_file_is_an_error_when_the_client_is_made(own_root: Path) -> None:
    (own_root / "tmp").write_text("in the way")

    with pytest.raises(FileOperationError, match="cannot be created"):
        create_rest_api(configured(ON_HOST), require_auth=False)


@pytest.mark.parametrize("behavior", [LIMITED, ON_HOST, {}], ids=["process", "host", "off"])
def test_a_429_stops_all_clients_of_the_credential_and_no_other(sandbox: Sandbox, behavior: dict[str, Any]) -> None:
    """Cached or not; also where no limit is configured."""
    config = configured(behavior, url=sandbox.api_url)
    sandbox.faults([{"match": {"path": "/api/v1/customers"}, "fault": "status=429;retry-after=3600", "times": 1}])

    def call(token: str, use_cache: bool = False) -> int | str | None:
        client = create_rest_api(config, tokens=FixedToken(token), use_cache=use_cache)
        with client as api, pytest.raises(ApiError) as failed:
            api.get("customers")
        return failed.value.status_code or failed.value.code

    assert [call("one"), call("one"), call("one", use_cache=True)] == [429, "rate-limit", "rate-limit"]
    assert call("two") == 401
    assert sandbox.stats()["requests"] == {"GET /api/v1/customers": 2}
