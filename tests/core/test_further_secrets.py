"""Secrets beside the five that every block has: declared by name, saved, asked for, and shown by nothing."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from deployments.provision import find_secrets
from tests.support.proxy import Proxy
from tests.support.recorder import Received, Recorder, Reply
from txo_core import credentials
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.config_loader import load_config
from txo_core.credentials import TxoCredentials
from txo_core.environment import further_secret_from_environment, holds_secret
from txo_core.exceptions import ConfigurationError, MissingKeyError
from txo_core.oauth import FixedToken
from txo_core.proxies import proxy_of
from txo_core.redaction import redact
from txo_core.script_runner import load_run_config

DECLARED = ["sftp-password", "second-api-key"]


def write(root: Path, names: Any = DECLARED, name: str = "txo-prod", **more: Any) -> None:
    """Write a configuration that declares further secrets."""
    data = {"global": {"further-secrets": names, **more}}
    (root / "config" / f"{name}-config.json").write_text(json.dumps(data))


def secrets_file(root: Path, text: str) -> None:
    path = root / "config" / "txo-prod-config-secrets.json"
    path.write_text(text)
    path.chmod(0o600)


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put these values into the place of the block, without a Prefect server, and count how often it is read."""
    values: dict[str, Any] = {"reads": 0, "further": {"sftp-password": "made-up-sftp-4711"}, "password": "made-up-pw"}

    def find(name: str) -> TxoCredentials:
        values["reads"] += 1
        return TxoCredentials.model_validate({key: value for key, value in values.items() if key != "reads"})

    monkeypatch.setattr(credentials, "find", find)
    return values


# A script asks


def test_a_script_gets_a_secret_by_its_name_and_it_is_masked_from_then_on(
    own_root: Path, block: dict[str, Any]
) -> None:
    """S3, S19: by the same code as every other, and registered before anybody can show it."""
    write(own_root)
    config = load_run_config("txo", "prod")

    assert [config.secret("sftp-password"), config.secret("password")] == ["made-up-sftp-4711", "made-up-pw"]
    assert redact("it is made-up-sftp-4711") == "it is [REDACTED]"


def test_the_block_is_read_once_however_often_a_script_asks(own_root: Path, block: dict[str, Any]) -> None:
    """A thousand items are no reason for a thousand questions."""
    write(own_root)
    config = load_run_config("txo", "prod")
    assert block["reads"] == 0

    assert len({config.secret("sftp-password") for _ in range(50)}) == 1
    assert block["reads"] == 1


def test_a_secret_that_was_not_saved_says_how(own_root: Path, block: dict[str, Any]) -> None:
    write(own_root)

    with pytest.raises(ConfigurationError, match="have no secret 'second-api-key'") as missing:
        load_run_config("txo", "prod").secret("second-api-key")

    assert missing.value.example == "python deployments/provision.py txo prod"


@pytest.mark.parametrize(
    ("name", "hint"), [("sftp-pasword", "Did you mean 'sftp-password'?"), ("zzz", "Name it in global.further-secrets")]
)
def test_a_name_that_is_not_declared_is_a_mistake_with_a_hint(
    own_root: Path, block: dict[str, Any], name: str, hint: str
) -> None:
    write(own_root)

    with pytest.raises(MissingKeyError) as missing:
        load_run_config("txo", "prod").secret(name)

    assert hint in missing.value.how_to_fix
    assert block["reads"] == 0


def test_a_bare_configuration_says_how_to_come_by_one(own_root: Path) -> None:
    write(own_root)

    with pytest.raises(MissingKeyError, match="load_run_config"):
        load_config("txo", "prod").secret("sftp-password")


def test_nothing_that_shows_or_stores_a_configuration_has_a_secret_or_a_way_to_it(
    own_root: Path, block: dict[str, Any]
) -> None:
    """S42."""
    write(own_root)
    config = load_run_config("txo", "prod")
    config.secret("sftp-password")

    shown = [repr(config), str(config), f"{config}", str(dict(config)), json.dumps(config.to_dict()), str(list(config))]
    assert "4711" not in "".join(shown)
    assert b"4711" not in pickle.dumps(config)
    for other in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        with pytest.raises(MissingKeyError, match="holds no secrets"):
            other.secret("sftp-password")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["SFTP-Password"], "[0]: should be a name of small letters"),
        (["sftp_password"], "[0]: should be a name of small letters"),
        (["hunter2!"], "[0]: should be a name of small letters"),
        (["x" * 41], "[0]: should be a name of small letters"),
        (["a", "client-secret"], "[1]: is in every credentials block already"),
        (["a", "a"], ": names a secret twice"),
        (["proxy-password"], ": has one of proxy-username and proxy-password"),
        ("sftp-password", ": should be a list, it is a string"),
        ({"sftp-password": "hunter2"}, ": should be a list, it is an object"),
        ([{"sftp-password": "hunter2"}], "[0].sftp-password: looks like a secret"),
    ],
)
def test_what_is_declared_are_names(names: Any, sentence: str) -> None:
    """S41, S44: no value belongs there, and none is repeated."""
    with pytest.raises(ConfigurationError) as refused:
        TxoConfig("txo", "prod", {"global": {"further-secrets": names}})

    assert f"global.further-secrets{sentence}" in refused.value.what_went_wrong
    assert "hunter2" not in str(refused.value)


# Where they come from


def test_the_secrets_file_may_hold_what_is_declared(own_root: Path) -> None:
    write(own_root)
    secrets_file(own_root, '{"_comment": "x", "client-secret": "made-up-1", "sftp-password": "made-up-2"}')

    assert find_secrets("txo", "prod") == {"client_secret": "made-up-1", "sftp-password": "made-up-2"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"sftp-pasword": "made-up"}', "Did you mean 'sftp-password'?"),
        ('{"mailgun": "made-up"}', "another one is named in global.further-secrets first"),
        ('{"sftp-password": ["made-up"]}', "not a text"),
        ('{"sftp-password": "made-up", "sftp-password": "made-up-2"}', "has sftp-password twice"),
        ('{"client-secret": "made-up", "client_secret": "made-up-2"}', "has client-secret twice"),
        ('{"a": ' * 50_000, "nesting too deep"),
        ('{"a": ' + "9" * 5_000 + "}", "number is too long"),
        ('{"' + "ghp_" + "a8f9K2lmQ9" * 4 + '": "client-secret"}', "(a secret)"),
        ("[]", "no JSON object"),
        ('{"a": "' + "x" * 1_100_000 + '"}', "more than 1 MiB"),
    ],
    ids=lambda text: text[:25],
)
def test_a_secrets_file_that_is_wrong_is_explained_without_its_values(own_root: Path, text: str, problem: str) -> None:
    """S44: and nothing of it is lost in silence."""
    write(own_root)
    secrets_file(own_root, text)

    with pytest.raises(ConfigurationError) as refused:
        find_secrets("txo", "prod")

    assert problem in str(refused.value)
    assert "made-up" not in str(refused.value)
    assert "a8f9K2" not in str(refused.value)


def test_a_configuration_that_is_wrong_elsewhere_does_not_keep_from_saving(own_root: Path) -> None:
    """The error on a secret in the configuration sends people here."""
    write(own_root, password="made-up-misplaced")
    secrets_file(own_root, '{"sftp-password": "made-up-2"}')

    assert find_secrets("txo", "prod") == {"sftp-password": "made-up-2"}


def test_the_environment_comes_before_the_file(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(own_root)
    secrets_file(own_root, '{"sftp-password": "from-the-file", "second-api-key": "also"}')
    monkeypatch.setenv("TXO_TXO_PROD__SFTP_PASSWORD", "from-the-environment")

    assert find_secrets("txo", "prod") == {"sftp-password": "from-the-environment", "second-api-key": "also"}


def test_a_person_is_asked_for_each_that_is_declared(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(own_root)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt.strip())
        return "made-up-typed" if "second" in prompt else ""

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", answer)

    assert find_secrets("txo", "prod") == {"second-api-key": "made-up-typed"}
    assert asked[-2:] == ["sftp-password:", "second-api-key:"]


def test_no_variable_of_one_organization_is_a_further_secret_of_another(
    own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S32: the two underscores stand in one place only, so that there is one way to read a name."""
    write(own_root, ["prod-client-secret"], name="acme-eu")
    write(own_root, ["client-secret-x"], name="acme-eu-prod")
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_SECRET", "of acme-eu prod")
    monkeypatch.setenv("TXO_ACME_EU_PROD__CLIENT_SECRET_X", "of acme-eu prod, too")

    assert further_secret_from_environment("acme", "eu", "prod-client-secret") is None
    assert further_secret_from_environment("acme-eu", "prod", "client-secret-x") == "of acme-eu prod, too"
    for name in ("../x", "X", "a--b", "-a", ""):
        with pytest.raises(ValueError, match="the name of a further secret"):
            further_secret_from_environment("acme", "eu", name)
    assert holds_secret("TXO_ACME_EU_PROD__ANYTHING")


def test_a_variable_with_one_underscore_is_warned_of_with_a_hint(
    own_root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(own_root)
    monkeypatch.setenv("TXO_TXO_PROD_SFTP_PASSWORDS", "hunter2")
    monkeypatch.setenv("TXO_TXO_PROD__SECOND_API_KEY", "hunter2")

    load_config("txo", "prod")

    (said,) = caplog.messages
    assert "TXO_TXO_PROD_SFTP_PASSWORDS matches no key" in said
    assert said.endswith("did you mean TXO_TXO_PROD__SFTP_PASSWORD?")


# The proxy


def ok(received: Received) -> Reply:
    return 200, {"Content-Type": "application/json"}, b'{"access_token": "made-up-token", "here": true}'


def behind(proxy: str, url: str, names: list[str]) -> TxoConfig:
    settings = {"api-base-url": url, "proxy": proxy, "further-secrets": names}
    return TxoConfig("txo", "test", {"global": settings})


def test_a_proxy_gets_the_user_and_password_of_the_block(
    block: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """S28: in no address of the configuration, in no log line and in no error."""
    caplog.set_level("DEBUG")
    block["further"] = {"proxy-username": "us@er", "proxy-password": "made-up:p/w 4711%"}
    with Recorder(ok) as server, Proxy("us@er", "made-up:p/w 4711%") as proxy:
        config = behind(proxy.url, server.url, ["proxy-username", "proxy-password"])
        with create_rest_api(config, tokens=FixedToken("made-up-token")) as api:
            assert api.get("x")["here"]

    assert (len(proxy.forwarded), proxy.turned_away) == (1, 0)
    assert server.received[0].headers.get("Proxy-Authorization") is None
    assert "4711" not in caplog.text
    assert "4711" not in repr(config)


def test_token_requests_go_through_it_too(block: dict[str, Any]) -> None:
    forget_shared()
    block |= {"client_secret": "made-up-secret", "further": {"proxy-username": "u", "proxy-password": "made-up-pw"}}
    with Recorder(ok) as server, Proxy("u", "made-up-pw") as proxy:
        settings = {"api-base-url": server.url, "proxy": proxy.url, "client-id": "c"}
        names = {"further-secrets": ["proxy-username", "proxy-password"]}
        data = {"global": settings | names, "endpoints": {"auth": f"{server.url}/token"}}
        with create_rest_api(TxoConfig("txo", "test", data)) as api:
            api.get("x")

    assert (len(proxy.forwarded), proxy.turned_away) == (2, 0)


def test_without_their_names_the_block_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without credentials of its own needs no Prefect for a proxy that asks for none."""
    monkeypatch.setattr(credentials, "load", lambda org, env: pytest.fail("the block was asked for"))

    assert proxy_of(behind("http://p:8080", "https://a.example", [])) == "http://p:8080"
    assert proxy_of(TxoConfig("txo", "test", {})) is None


@pytest.mark.parametrize("wrong", ["a\nb", "price\u20ac", "\x00"])
def test_a_password_that_no_header_carries_is_explained(block: dict[str, Any], wrong: str) -> None:
    """S29: and not shown."""
    block["further"] = {"proxy-username": "user", "proxy-password": wrong}

    with pytest.raises(ConfigurationError, match="of the proxy cannot be sent") as refused:
        proxy_of(behind("http://p:8080", "https://a.example", ["proxy-username", "proxy-password"]))

    assert wrong not in str(refused.value)


def test_a_proxy_password_that_was_not_saved_says_how(block: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="have no secret 'proxy-username'"):
        proxy_of(behind("http://p:8080", "https://a.example", ["proxy-username", "proxy-password"]))


def test_the_block_splits_and_joins_what_is_its_own_and_what_is_further(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[Any] = []
    monkeypatch.setattr(TxoCredentials, "register_type_and_schema", lambda **options: None)
    monkeypatch.setattr(TxoCredentials, "save", lambda self, name, **options: saved.append(self))
    values = {"api_key": "made-up-1", "sftp-password": "made-up-2"}

    credentials.save("txo-prod", values)

    assert credentials.secrets_of(saved[0]) == values
