"""The environment as a source of single values: names, precedence, and nothing for anybody else."""

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from txo_core.config import TxoConfig
from txo_core.config_loader import load_config
from txo_core.environment import secret_from_environment
from txo_core.exceptions import ConfigurationError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Path:
    """A root folder with one configuration, in a local run whose environment sets nothing."""
    for name in ("API_BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "PREFECT__FLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TXO_HOME", str(tmp_path))
    caplog.set_level(logging.INFO, "txo_core.config")
    write(tmp_path, {"global": {"client-id": "from-file"}})
    return tmp_path


def write(home: Path, content: dict[str, Any], name: str = "acme-eu-prod") -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / f"{name}-config.json").write_text(json.dumps(content))


def dotenv(home: Path, *lines: str) -> None:
    (home / ".env").write_text("\n".join(lines))


def load() -> TxoConfig:
    return load_config("acme-eu", "prod")


def problems() -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load()
    return [line.strip() for line in caught.value.what_went_wrong.splitlines()[1:]]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("API_BASE_URL", "https://other.example.com", "https://other.example.com"),
        ("TENANT_ID", "12345", "12345"),
        ("AUTH", "basic", "basic"),
        ("TRUSTED_ORIGINS", "https://a.example, https://b.example", ("https://a.example", "https://b.example")),
    ],
)
def test_a_variable_overrides_a_key_of_global(
    monkeypatch: pytest.MonkeyPatch, key: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"TXO_ACME_EU_PROD_{key}", text)

    assert getattr(load().globals, key.lower()) == value


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("ENABLE_RATE_LIMITING", "true", True),
        ("ENABLE_RATE_LIMITING", "ON", True),
        ("ENABLE_CIRCUIT_BREAKER", "0", False),
        ("RATE_LIMIT_PER_SECOND", "0.5", 0.5),
        ("RATE_LIMIT_PER_SECOND", "7", 7.0),
        ("RATE_LIMIT_BURST", " 4 ", 4),
        ("RATE_LIMIT_SCOPE", "cluster", "cluster"),
    ],
)
def test_a_variable_is_converted_to_the_type_of_its_key(
    monkeypatch: pytest.MonkeyPatch, key: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"TXO_ACME_EU_PROD_{key}", text)

    assert getattr(load().behavior, key.lower()) == value


def test_a_variable_reaches_the_inner_sections_and_both_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXO_ACME_EU_PROD_MAX_RETRIES", "7")
    monkeypatch.setenv("TXO_ACME_EU_PROD_MIN_FACTOR", "0.9")

    config = load()

    assert config.behavior.api_timeouts.max_retries == 7
    assert config["script-behavior"] == {"api-timeouts": {"max-retries": 7}, "jitter": {"min-factor": 0.9}}


@pytest.mark.parametrize(
    "written", [{}, {"async-max-wait": 9}, {"api-timeouts": {"async-max-wait": 9}}], ids=["nowhere", "outer", "inner"]
)
def test_a_key_with_two_places_is_overridden_wherever_it_stands(
    home: Path, monkeypatch: pytest.MonkeyPatch, written: dict[str, Any]
) -> None:
    write(home, {"script-behavior": written})
    monkeypatch.setenv("TXO_ACME_EU_PROD_ASYNC_MAX_WAIT", "44")

    behavior = load().behavior

    assert (behavior.async_max_wait, behavior.api_timeouts.async_max_wait) == (44, 44)


def test_an_endpoint_of_the_file_and_the_two_known_ones_can_be_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, {"endpoints": {"price-list": "https://old.example"}})
    for name in ("PRICE_LIST", "AUTH", "API"):
        monkeypatch.setenv(f"TXO_ACME_EU_PROD_ENDPOINTS_{name}", f"https://{name.lower().replace('_', '-')}.example")

    assert dict(load().endpoints) == {
        "price-list": "https://price-list.example",
        "auth": "https://auth.example",
        "api": "https://api.example",
    }


def test_precedence_is_prefixed_before_short_and_process_before_dotenv(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [load().globals.client_id]
    dotenv(home, "CLIENT_ID=short-dotenv")
    answers.append(load().globals.client_id)
    monkeypatch.setenv("CLIENT_ID", "short-process")
    answers.append(load().globals.client_id)
    dotenv(home, "CLIENT_ID=short-dotenv", "TXO_ACME_EU_PROD_CLIENT_ID=long-dotenv")
    answers.append(load().globals.client_id)
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_ID", "long-process")
    answers.append(load().globals.client_id)

    assert answers == ["from-file", "short-dotenv", "short-process", "long-dotenv", "long-process"]


def test_a_worker_reads_neither_dotenv_nor_short_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the same machine serves many organizations."""
    dotenv(home, "CLIENT_ID=a", "CLIENT_SECRET=a", "TXO_ACME_EU_PROD_CLIENT_ID=a", "TXO_ACME_EU_PROD_CLIENT_SECRET=a")
    monkeypatch.setenv("CLIENT_ID", "b")
    monkeypatch.setenv("CLIENT_SECRET", "b")
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "0191d3c6")
    assert load().globals.client_id == "from-file"
    assert secret_from_environment("acme-eu", "prod", "client_secret") is None

    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_ID", "c")
    assert load().globals.client_id == "c"


def test_only_the_three_names_of_the_guide_are_short(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv(home, "API_BASE_URL=https://short.example", "TENANT_ID=x", "MAX_RETRIES=9", "USERNAME=x", "API_KEY=x")
    monkeypatch.setenv("PROXY", "http://proxy:1")

    config = load()

    assert config.overridden == {"global.api-base-url": "API_BASE_URL (.env)"}
    assert secret_from_environment("acme-eu", "prod", "username") is None
    assert secret_from_environment("acme-eu", "prod", "api_key") is None


def test_no_organization_gets_anothers_value(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, {}, "acme-eu")
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_ID", "a")
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_SECRET", "a")
    monkeypatch.setenv("TXO_ACME_EU_TEST_CLIENT_ID", "b")

    assert load_config("acme", "eu").globals.client_id is None
    assert secret_from_environment("acme", "eu", "client_secret") is None
    assert secret_from_environment("acme-eu", "test", "client_secret") is None


@pytest.mark.parametrize(
    ("one", "other", "variable"),
    [
        (("acme", "eu"), ("acme-eu", "soap"), "TXO_ACME_EU_SOAP_AUTH"),
        (("acme", "eu"), ("acme-eu-oauth", "client"), "TXO_ACME_EU_OAUTH_CLIENT_AUTH"),
        (("acme", "eu"), ("acme-eu", "endpoints"), "TXO_ACME_EU_ENDPOINTS_AUTH"),
    ],
)
def test_a_variable_that_two_could_call_their_own_is_refused_by_both(
    home: Path, monkeypatch: pytest.MonkeyPatch, one: tuple[str, str], other: tuple[str, str], variable: str
) -> None:
    """As long as only one of them has a configuration, it is that one's."""
    write(home, {}, "-".join(one))
    monkeypatch.setenv(variable, "https://a.example" if "ENDPOINTS" in variable else "basic")
    assert variable in load_config(*one).overridden.values()

    write(home, {}, "-".join(other))
    for pair in (one, other):
        with pytest.raises(ConfigurationError, match=f"{variable} may be meant for"):
            load_config(*pair)


def test_a_secret_that_two_could_call_their_own_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value in the message."""
    write(home, {"endpoints": {"x-password": "https://a.example"}}, "acme-eu")
    write(home, {}, "acme-eu-endpoints-x")
    monkeypatch.setenv("TXO_ACME_EU_ENDPOINTS_X_PASSWORD", "hunter2")

    with pytest.raises(ConfigurationError, match="may be meant for acme-eu-endpoints x and for acme eu") as refused:
        secret_from_environment("acme-eu-endpoints", "x", "password")

    assert "hunter2" not in str(refused.value)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_ID", "")

    assert load().globals.client_id == "from-file"


def test_a_scripts_own_key_is_not_overridden(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, {"global": {"company-id": "from-file"}})
    monkeypatch.setenv("TXO_ACME_EU_PROD_COMPANY_ID", "x")

    assert load()["global"]["company-id"] == "from-file"


def test_an_override_is_logged_and_kept_by_name_and_never_by_value(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dotenv(home, "CLIENT_ID=hunter2")
    monkeypatch.setenv("TXO_ACME_EU_PROD_MAX_RETRIES", "9")

    config = load()

    assert config.overridden == {
        "global.client-id": "CLIENT_ID (.env)",
        "script-behavior.api-timeouts.max-retries": "TXO_ACME_EU_PROD_MAX_RETRIES",
    }
    assert caplog.messages == [
        "global.client-id comes from the environment variable CLIENT_ID (.env)",
        "script-behavior.api-timeouts.max-retries comes from the environment variable TXO_ACME_EU_PROD_MAX_RETRIES",
    ]


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("MAX_RETRIES", "hunter2", "should be an integer"),
        ("MAX_RETRIES", "2.5", "should be an integer"),
        ("MAX_RETRIES", "99", "should be at most 10"),
        ("RATE_LIMIT_PER_SECOND", "nan", "should be a finite number"),
        ("ENABLE_RATE_LIMITING", "hunter2", "should be true or false"),
        ("API_BASE_URL", "hunter2", "should be a URL that starts with https:// (or http://)"),
        ("TRUSTED_ORIGINS", "hunter2", "should be a URL that starts with https:// (or http://)"),
        ("RATE_LIMIT_SCOPE", "hunter2", "should be 'process', 'host' or 'cluster'"),
        ("ENDPOINTS_AUTH", "hunter2", "should be a URL that starts with https:// (or http://)"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, key: str, text: str, sentence: str
) -> None:
    monkeypatch.setenv(f"TXO_ACME_EU_PROD_{key}", text)

    (line,) = problems()

    assert line.startswith(f"environment variable TXO_ACME_EU_PROD_{key}: {sentence}")
    assert text not in line.removeprefix(f"environment variable TXO_ACME_EU_PROD_{key}")


def test_a_credential_in_an_overriding_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_BASE_URL", "https://alice:hunter2@api.example.com")

    (line,) = problems()

    assert line.startswith("environment variable API_BASE_URL: has a user name or password in the URL")


def test_an_override_into_a_broken_section_tells_of_the_section(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, {"script-behavior": {"api-timeouts": 5}})
    monkeypatch.setenv("TXO_ACME_EU_PROD_MAX_RETRIES", "3")

    assert problems() == ["script-behavior.api-timeouts: should be an object, it is an integer"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("MAX_RETRYS", "; did you mean TXO_ACME_EU_PROD_MAX_RETRIES?"),
        ("APIBASEURL", "; did you mean TXO_ACME_EU_PROD_API_BASE_URL?"),
        ("CLIENT_SECRETT", "; did you mean TXO_ACME_EU_PROD_CLIENT_SECRET?"),
        ("ZZZ", ""),
    ],
)
def test_a_variable_that_matches_no_key_is_warned_of_by_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, key: str, hint: str
) -> None:
    monkeypatch.setenv(f"TXO_ACME_EU_PROD_{key}", "hunter2")

    load()

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"The environment variable TXO_ACME_EU_PROD_{key} matches no key of the configuration{hint}")
    ]


def test_a_variable_of_a_longer_organization_and_a_secret_are_no_strays(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(home, {}, "acme-eu")
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_ID", "x")
    monkeypatch.setenv("TXO_ACME_EU_CLIENT_SECRET", "x")

    load_config("acme", "eu")

    assert caplog.messages == []


# Secrets


@pytest.mark.parametrize("name", ["client_secret", "az_token", "api_key", "username", "password"])
def test_a_secret_is_served_as_it_stands_and_logged_by_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    variable = f"TXO_ACME_EU_PROD_{name.upper()}"
    monkeypatch.setenv(variable, " hunter2 ")

    assert secret_from_environment("acme-eu", "prod", name) == " hunter2 "
    assert caplog.messages == [f"{name} comes from the environment variable {variable}"]


def test_a_secret_that_is_not_there_is_none_and_silent(caplog: pytest.LogCaptureFixture) -> None:
    assert secret_from_environment("acme-eu", "prod", "client_secret") is None
    assert caplog.messages == []


def test_the_client_secret_of_the_guide_comes_last(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv(home, "CLIENT_SECRET=short")
    answers = [secret_from_environment("acme-eu", "prod", "client_secret")]
    dotenv(home, "CLIENT_SECRET=short", "TXO_ACME_EU_PROD_CLIENT_SECRET=long")
    answers.append(secret_from_environment("acme-eu", "prod", "client_secret"))

    assert answers == ["short", "long"]


def test_a_name_that_is_no_secrets_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="client_secret, az_token"):
        secret_from_environment("acme-eu", "prod", "path")
    with pytest.raises(ConfigurationError):
        secret_from_environment("../x", "prod", "client_secret")


# .env


def test_dotenv_is_read_as_it_is_written(home: Path) -> None:
    """A dollar sign in a secret is no reference to another variable."""
    dotenv(home, "\ufeff# a note", "export CLIENT_SECRET='a$b${HOME}#c'", "BARE")

    assert secret_from_environment("acme-eu", "prod", "client_secret") == "a$b${HOME}#c"


@pytest.mark.parametrize("content", [b"CLIENT_ID=\xff\xfe", "CLIENT_ID=a".encode("utf-16")])
def test_an_unreadable_dotenv_is_a_helpful_error(home: Path, content: bytes) -> None:
    (home / ".env").write_bytes(content)

    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        load()


def test_a_configuration_with_overrides_survives_pickling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXO_ACME_EU_PROD_CLIENT_ID", "x")
    config = load()

    twin = pickle.loads(pickle.dumps(config))

    assert (twin, twin.overridden, twin.source) == (config, config.overridden, config.source)
