"""What a configuration answers through its two doors, and what it never gives away."""

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from txo_core.config import TxoConfig
from txo_core.exceptions import ConfigurationError, HelpfulError, MissingKeyError
from txo_core.paths import root

SAMPLE: dict[str, Any] = {
    "global": {"api-base-url": "https://api.example.com", "tenant-id": "your-tenant"},
    "script-behavior": {"rate-limit-per-second": 2.5, "api-timeouts": {"max-retries": 1}},
    "endpoints": {"api": "https://api.example.com/v1"},
    "report": {"columns": ["no", "email"], "sheets": [{"name": "Customers"}]},
}


def configured(**sections: Any) -> TxoConfig:
    return TxoConfig("txo", "prod", {key.replace("_", "-"): value for key, value in sections.items()})


def problems(**sections: Any) -> list[str]:
    """Return the lines of the error that a configuration raises."""
    with pytest.raises(ConfigurationError) as caught:
        configured(**sections)
    return [line.strip() for line in caught.value.what_went_wrong.splitlines()[1:]]


@pytest.fixture
def config() -> TxoConfig:
    return TxoConfig("txo", "prod", SAMPLE, root() / "config" / "txo-prod-config.json")


# The typed door


def test_the_typed_door_has_what_the_file_says(config: TxoConfig) -> None:
    assert (config.org_id, config.env_type) == ("txo", "prod")
    assert config.globals.api_base_url == "https://api.example.com"
    assert config.behavior.rate_limit_per_second == 2.5
    assert config.behavior.api_timeouts.max_retries == 1
    assert dict(config.endpoints) == {"api": "https://api.example.com/v1"}


def test_an_empty_configuration_has_every_default() -> None:
    config = configured()

    assert config.behavior.model_dump() == {
        "enable_rate_limiting": False,
        "rate_limit_per_second": 10,
        "rate_limit_burst": 1,
        "rate_limit_scope": "process",
        "api_delay_seconds": 0,
        "enable_circuit_breaker": False,
        "circuit_breaker_threshold": 5,
        "circuit_breaker_timeout": 60,
        "total_timeout_seconds": 300,
        "retry_after_cap": 120,
        "async_max_wait": 300,
        "async_poll_interval": 5,
        "api_timeouts": {
            "rest_timeout_seconds": 60,
            "soap_timeout_seconds": 120,
            "wsdl_timeout_seconds": 60,
            "total_timeout_seconds": 300,
            "max_retries": 3,
            "backoff_factor": 2.0,
            "retry_after_cap": 120,
            "async_max_wait": 300,
            "async_poll_interval": 5,
        },
        "jitter": {"min_factor": 0.5, "max_factor": 1.5},
    }
    assert config.globals.model_dump() == {
        "api_base_url": None,
        "tenant_id": None,
        "client_id": None,
        "oauth_scope": None,
        "oauth_client_auth": "post",
        "oauth_parameters": {},
        "trusted_origins": (),
        "auth": None,
        "soap_auth": None,
        "api_key_header": None,
        "idempotency_header": None,
        "proxy": None,
        "further_secrets": (),
        "client_certificate": None,
        "client_key": None,
        "ca_bundle": None,
        "verify_tls": True,
    }
    assert dict(config.endpoints) == {}


@pytest.mark.parametrize("place", ["script-behavior", "api-timeouts"])
@pytest.mark.parametrize("key", ["async-max-wait", "async-poll-interval", "total-timeout-seconds", "retry-after-cap"])
def test_a_key_with_two_places_is_read_from_either(place: str, key: str) -> None:
    """The guide shows the async keys in both."""
    values = {key: 7}
    config = TxoConfig("txo", "prod", {"script-behavior": values if place == "script-behavior" else {place: values}})

    name = key.replace("-", "_")
    assert getattr(config.behavior, name) == 7
    assert getattr(config.behavior.api_timeouts, name) == 7


def test_a_key_that_stands_in_both_places_may_not_differ() -> None:
    same = {"async-max-wait": 7, "api-timeouts": {"async-max-wait": 7}}
    assert configured(script_behavior=same).behavior.async_max_wait == 7

    differing = {"async-max-wait": 8, "api-timeouts": {"async-max-wait": 7}}
    assert problems(script_behavior=differing) == [
        "script-behavior.async-max-wait: differs from script-behavior.api-timeouts.async-max-wait; keep one of the two"
    ]


@pytest.mark.parametrize("rate", [0.001, 0.5, 1, 10, 5000])
def test_the_rate_is_any_number_above_zero(rate: float) -> None:
    assert configured(script_behavior={"rate-limit-per-second": rate}).behavior.rate_limit_per_second == rate


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("rate-limit-per-second", 0, "should be greater than 0"),
        ("rate-limit-per-second", True, "should be a number, it is true or false"),
        ("rate-limit-per-second", "10", "should be a number, it is a string"),
        ("rate-limit-per-second", None, "should be a number, it is null"),
        ("rate-limit-burst", 1.5, "should be an integer, it is a number with a decimal point"),
        ("rate-limit-burst", 0, "should be at least 1"),
        ("enable-rate-limiting", 1, "should be true or false, it is an integer"),
        ("enable-circuit-breaker", "true", "should be true or false, it is a string"),
        ("rate-limit-scope", "galaxy", "should be 'process', 'host' or 'cluster'"),
        ("circuit-breaker-threshold", False, "should be an integer, it is true or false"),
        ("api-delay-seconds", -1, "should be at least 0"),
        ("api-timeouts", [], "should be an object, it is a list"),
        ("jitter", {"min-factor": 3}, None),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_and_not_shown(key: str, value: object, sentence: str | None) -> None:
    expected = (
        f"script-behavior.{key}: {sentence}" if sentence else "script-behavior.jitter.min-factor: should be at most 1"
    )
    assert problems(script_behavior={key: value}) == [expected]


@pytest.mark.parametrize(
    ("section", "key", "sentence"),
    [
        ("script-behavior", "max_retry", "is unknown; did you mean 'max-retries' in script-behavior.api-timeouts?"),
        ("script-behavior", "enable-rate-limitting", "is unknown; did you mean 'enable-rate-limiting'?"),
        ("script-behavior", "rate_limit_burst", "is unknown; did you mean 'rate-limit-burst'?"),
        ("script-behavior", "max-retries", "is unknown here; it belongs in script-behavior.api-timeouts"),
        ("script-behavior", "zzz", "is unknown; a key of your own goes into a section of your own"),
        ("script-behavior", "_comment", None),
        ("global", "api-base-ulr", "is unknown; did you mean 'api-base-url'?"),
        ("global", "api_base_url", "is unknown; did you mean 'api-base-url'?"),
        ("global", "apiBaseUrl", "is unknown; did you mean 'api-base-url'?"),
        ("global", "TENANT-ID", "is unknown; did you mean 'tenant-id'?"),
        ("global", "trusted-origns", "is unknown; did you mean 'trusted-origins'?"),
        ("global", "max-retries", "has no effect here; it belongs in script-behavior.api-timeouts"),
        ("global", "api-url", None),
        ("global", "api-version", None),
        ("global", "tenant-name", None),
        ("global", "client-no", None),
        ("global", "company-id", None),
    ],
)
def test_a_near_miss_of_a_key_is_an_error_and_a_key_of_ones_own_is_none(
    section: str, key: str, sentence: str | None
) -> None:
    if sentence is None:
        TxoConfig("txo", "prod", {section: {key: "x"}})
        return
    with pytest.raises(ConfigurationError) as caught:
        TxoConfig("txo", "prod", {section: {key: "x"}})
    assert f"{section}.{key}: {sentence}" in caught.value.what_went_wrong


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("script_behaviour", "is unknown; did you mean 'script-behavior'?"),
        ("globals", "is unknown; did you mean 'global'?"),
        ("endpoint", "is unknown; did you mean 'endpoints'?"),
        ("api-timeouts", "has no effect here; it belongs in script-behavior"),
        ("api-base-url", "has no effect here; it belongs in global"),
        ("_token", "is a name that TXO itself sets; a key of your own begins with a letter"),
        ("_org_id", "is a name that TXO itself sets; a key of your own begins with a letter"),
    ],
)
def test_a_stray_key_at_the_top_says_where_it_belongs(key: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TxoConfig("txo", "prod", {key: {}})
    assert caught.value.what_went_wrong.splitlines()[1:] == [f"  {key}: {sentence}"]


def test_a_mistyped_auth_endpoint_would_have_been_trusted_and_is_refused() -> None:
    assert problems(endpoints={"Auth": "https://a.example"}) == ["endpoints.Auth: is unknown; did you mean 'auth'?"]


def test_notes_and_the_schema_reference_are_no_part_of_the_configuration() -> None:
    config = TxoConfig("txo", "prod", {"$schema": "./config.schema.json", "_comment": "x", "_comment-2": 1})

    assert dict(config) == {"_org_id": "txo", "_env_type": "prod"}


def test_a_note_in_a_section_is_no_key_of_it() -> None:
    note = {"_comment": "a note", "_comment-on-tokens": "none here"}
    config = configured(
        **{"global": {"tenant-id": "t", **note}},
        script_behavior={**note, "api-timeouts": {**note, "max-retries": 1}},
        endpoints={"api": "https://api.example.com", **note},
        mine={"_comment": "a key of the script's own"},
    )

    assert dict(config.endpoints) == {"api": "https://api.example.com"}
    assert config["global"] == {"tenant-id": "t"}
    assert config["script-behavior"] == {"api-timeouts": {"max-retries": 1}}
    assert config["mine"] == {"_comment": "a key of the script's own"}


# Addresses, names, secrets


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("not a url at all", "should be a URL, it has a space, a line break or a control character in it"),
        ("htps://api.example.com", "should be a URL that starts with https:// (or http://)"),
        ("api.example.com/v1", "should be a URL that starts with https:// (or http://)"),
        ("ftp://api.example.com", "should be a URL that starts with https:// (or http://)"),
        ("https://", "should be a URL with a host name"),
        ("https://api.example.com:99999", "should be a URL, its host or port cannot be read"),
        ("https://[::1", "should be a URL, its host or port cannot be read"),
        (
            "https://api.example.com\r\nX: 1",
            "should be a URL, it has a space, a line break or a control character in it",
        ),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, sentence: str) -> None:
    assert problems(**{"global": {"api-base-url": url}}) == [f"global.api-base-url: {sentence}"]
    assert problems(endpoints={"soap": url}) == [f"endpoints.soap: {sentence}"]


@pytest.mark.parametrize(
    "url",
    [
        "https://alice:hunter2@api.example.com",
        "https://hunter2@api.example.com",
        "https://api.example.com/?api_key=hunter2",
        "https://api.example.com/?code=hunter2",
        "https://api.example.com/?x=1&client-secret=hunter2",
    ],
)
@pytest.mark.parametrize("path", ["global.api-base-url", "endpoints.api", "mine.address", "global.proxy"])
def test_a_credential_in_an_address_is_refused_and_not_repeated(url: str, path: str) -> None:
    section, key = path.split(".")

    with pytest.raises(ConfigurationError) as caught:
        TxoConfig("txo", "prod", {section: {key: url}})

    assert f"{path}: has a" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://api.example.com/?sap-client=100", "http://127.0.0.1:8765", "https://bc_01/a(1)"]
)
def test_an_ordinary_address_is_kept_as_it_is_written(url: str) -> None:
    assert configured(**{"global": {"api-base-url": url}}).globals.api_base_url == url


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tenant-id", "a/b"),
        ("tenant-id", "a?b"),
        ("client-id", "a\r\nX: 1"),
        ("client-id", ""),
        ("api-key-header", "X Key"),
        ("api-key-header", "X-Key: 1\r\n"),
        ("idempotency-header", ""),
        ("oauth-scope", "a\nb"),
        ("oauth-client-auth", "digest"),
        ("oauth-parameters", {"grant_type": "password"}),
        ("oauth-parameters", {"audience": "a\nb"}),
        ("oauth-parameters", "audience=a"),
        ("auth", "kerberos"),
        ("trusted-origins", ["https://files.example.com/path"]),
        ("trusted-origins", "https://files.example.com"),
        ("trusted-origins", [5]),
        ("proxy", "proxy:8080"),
        ("tenant-id", None),
    ],
)
def test_a_value_that_could_bend_a_request_is_refused(key: str, value: object) -> None:
    """S29."""
    (line,) = problems(**{"global": {key: value}})
    assert line.startswith(f"global.{key}")


@pytest.mark.parametrize(
    "key",
    [
        "client-secret",
        "clientSecret",
        "CLIENT_SECRET",
        "password",
        "db-password",
        "dbpassword",
        "token",
        "az-token",
        "api-key",
        "apikey",
        "api_key",
        "webhook-secret",
        "credentials",
        "private-key",
        "connection-string",
        "password-2",
        "client-secret-value",
        "subscription-key",
        "Authorization",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", "", {"a": "hunter2"}, ["hunter2"]])
def test_a_secret_in_the_plain_configuration_is_an_error_that_says_where_it_belongs(key: str, value: object) -> None:
    for document in ({key: value}, {"global": {key: value}}, {"mine": {"deep": [{key: value}]}}):
        with pytest.raises(ConfigurationError) as caught:
            TxoConfig("txo", "prod", document)
        assert "looks like a secret; it belongs in the credentials block" in str(caught.value)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api-key-header", "X-API-Key"),
        ("idempotency-header", "Idempotency-Key"),
        ("tenant-id", "t"),
        ("client-id", "c"),
        ("token-url", "https://auth.example.com/token"),
        ("secret-name", "txo-prod"),
        ("password-field", "pwd"),
        ("max-tokens", 100),
        ("require-token", True),
        ("primary-key", "No"),
        ("key", "No"),
        ("keyword", "a"),
        ("monkey", "a"),
        ("tokenizer", "a"),
        ("username", "alice"),
    ],
)
def test_a_key_that_only_speaks_of_a_secret_is_fine(key: str, value: object) -> None:
    assert configured(**{"global": {key: value}})["global"][key] == value


def test_endpoints_auth_is_no_secret() -> None:
    assert configured(endpoints={"auth": "https://auth.example.com/token"}).endpoints["auth"]


@pytest.mark.parametrize("value", ["Bearer abcdefgh12345678", "eyJhbGciOiJub25l.eyJzdWIiOiIx.x"])
def test_a_token_is_recognized_by_its_look_whatever_its_key(value: str) -> None:
    (line,) = problems(mine={"header": value})
    assert line.startswith("mine.header: holds a token, a private key or a password")


def test_all_problems_are_told_at_once() -> None:
    assert problems(
        **{"global": {"api_base_url": "x", "tenant-id": 5}},
        script_behavior={"rate-limit-burst": "1", "api-timeouts": {"max-retries": "3"}},
        endpoints={"api": 1},
    ) == [
        "global.api_base_url: is unknown; did you mean 'api-base-url'?",
        "global.tenant-id: should be a string, it is an integer",
        "script-behavior.rate-limit-burst: should be an integer, it is a string",
        "script-behavior.api-timeouts.max-retries: should be an integer, it is a string",
        "endpoints.api: should be a string, it is an integer",
    ]


def test_a_key_that_is_no_plain_word_cannot_forge_a_line() -> None:
    (line,) = problems(**{"global": {"a\n  global.b: password": "hunter2"}})

    assert line.startswith(
        r'global."a\n  global.b: password": looks like a secret; it belongs in the credentials block'
    )


# The mapping door


def test_the_mapping_door_has_what_stands_in_the_file_and_no_defaults(config: TxoConfig) -> None:
    assert isinstance(config, Mapping)
    assert config["global"]["tenant-id"] == "your-tenant"
    assert config["script-behavior"] == {"rate-limit-per-second": 2.5, "api-timeouts": {"max-retries": 1}}
    assert (config["_org_id"], config["_env_type"]) == ("txo", "prod")
    assert list(config) == ["_org_id", "_env_type", *SAMPLE]
    assert len(config) == 6
    assert dict(config) == {"_org_id": "txo", "_env_type": "prod", **SAMPLE}


def test_in_and_get_behave_as_for_a_dict(config: TxoConfig) -> None:
    assert "endpoints" in config
    assert "endpoint" not in config
    assert ["x"] not in config.values()
    assert config.get("global", {}).get("api-url") is None
    assert config.get("nothing") is None
    assert config.get("nothing", 3) == 3
    assert config.get("_org_id") == "txo"
    assert {**config}["report"] == SAMPLE["report"]


def test_a_missing_key_is_named_with_its_file_and_its_like(config: TxoConfig) -> None:
    with pytest.raises(MissingKeyError) as caught:
        config["global"]["tennant-id"]

    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, HelpfulError)
    assert caught.value.args == (
        "There is no key 'global.tennant-id' in config/txo-prod-config.json",
        "Did you mean 'tenant-id'? Add the key to the file, or ask with .get() where it is optional",
        '{"global": {"tennant-id": "..."}}',
    )


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda c: c["reprot"], "reprot"),
        (lambda c: c["report"]["sheets"][0]["title"], "report.sheets[0].title"),
        (lambda c: c["script-behavior"]["jitter"], "script-behavior.jitter"),
        (lambda c: c.endpoints["soap"], "endpoints.soap"),
        (lambda c: configured().endpoints["soap"], "endpoints.soap"),
        (lambda c: c["global"][5], "global.5"),
    ],
)
def test_a_missing_key_anywhere_is_a_helpful_error(config: TxoConfig, ask: Any, path: str) -> None:
    with pytest.raises(MissingKeyError) as caught:
        ask(config)
    assert f"There is no key '{path}'" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.__setitem__("x", 1),
        lambda c: c.__delitem__("global"),
        lambda c: c["global"].__setitem__("x", 1),
        lambda c: c["global"].__delitem__("tenant-id"),
        lambda c: c["global"].update(x=1),
        lambda c: c["global"].setdefault("x", 1),
        lambda c: c["global"].pop("tenant-id"),
        lambda c: c["global"].clear(),
        lambda c: c["report"]["columns"].append("x"),
        lambda c: c["report"]["columns"].__setitem__(0, "x"),
        lambda c: c["report"]["columns"].sort(),
        lambda c: c["report"]["sheets"][0].update(name="x"),
        lambda c: c.endpoints.__setitem__("x", "y"),
        lambda c: c.overridden.__setitem__("x", "y"),
        lambda c: setattr(c, "org_id", "x"),
        lambda c: setattr(c, "new", "x"),
        lambda c: delattr(c, "org_id"),
        lambda c: setattr(c.behavior, "rate_limit_burst", 5),
        lambda c: setattr(c.globals, "tenant_id", "x"),
    ],
)
def test_nothing_can_be_changed(config: TxoConfig, change: Any) -> None:
    with pytest.raises((TypeError, AttributeError, ValueError)):
        change(config)

    assert config.to_dict() == SAMPLE
    assert config == TxoConfig("txo", "prod", SAMPLE)


def test_what_was_passed_in_and_what_is_handed_out_can_be_changed_without_harm() -> None:
    data = copy.deepcopy(SAMPLE)
    config = TxoConfig("txo", "prod", data)

    data["global"]["tenant-id"] = "other"
    config.to_dict()["report"]["columns"].append("x")

    assert config.to_dict() == SAMPLE


def test_a_section_goes_into_libraries_as_it_is(config: TxoConfig) -> None:
    assert json.loads(json.dumps(config["report"])) == SAMPLE["report"]
    assert config["report"]["columns"] == ["no", "email"]


# The token


def test_a_bound_source_answers_at_each_reading(config: TxoConfig) -> None:
    tokens = iter(["first", "second"])
    bound = config.with_token(lambda: next(tokens))

    assert [bound["_token"], bound.get("_token")] == ["first", "second"]
    assert "_token" in bound
    assert bound["global"]["tenant-id"] == "your-tenant"
    assert bound.source == config.source


def test_a_bare_configuration_says_how_to_come_by_a_token(config: TxoConfig) -> None:
    with pytest.raises(HelpfulError) as caught:
        config["_token"]

    assert "load_run_config" in caught.value.how_to_fix
    assert "parse_args_and_load_config" in caught.value.how_to_fix
    assert "_token" not in config
    assert config.get("_token") is None


def test_a_token_is_never_part_of_what_can_be_seen_or_stored(config: TxoConfig) -> None:
    bound = config.with_token(lambda: "hunter2-token")
    copies = [copy.copy(bound), copy.deepcopy(bound), pickle.loads(pickle.dumps(bound))]

    seen = [repr(bound), str(bound), f"{bound}", str(dict(bound)), str(list(bound)), str(bound.to_dict())]
    assert not [text for text in seen if "token" in text]
    assert b"hunter2" not in pickle.dumps(bound)
    assert ["_token" in bare for bare in copies] == [False, False, False]
    assert copies == [config, config, config]
    assert repr(bound) == "<TxoConfig txo-prod>"
    assert (bound, hash(bound)) == (config, hash(config))
    assert not hasattr(bound, "__dict__")


def test_a_copy_is_as_read_only_as_the_original(config: TxoConfig) -> None:
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert (twin.to_dict(), twin.source, twin.behavior) == (SAMPLE, config.source, config.behavior)
        with pytest.raises(TypeError):
            twin["report"]["columns"].append("x")
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(config["report"]))["columns"].append("x")
    with pytest.raises(MissingKeyError, match=r"report\.title"):
        copy.deepcopy(config["report"])["title"]


# Identity


def test_equality_is_by_content_and_the_hash_by_organization_and_environment(config: TxoConfig) -> None:
    other = TxoConfig("txo", "prod", {})

    assert config == TxoConfig("txo", "prod", SAMPLE)
    assert config != other
    assert config != TxoConfig("txo", "test", SAMPLE)
    assert config != dict(config)
    assert hash(config) == hash(other) == hash(("txo", "prod"))
    assert len({config, config.with_token(lambda: "x"), other}) == 2


def test_names_that_could_leave_the_folder_make_no_configuration() -> None:
    with pytest.raises(ConfigurationError):
        TxoConfig("../../x", "prod", {})


def test_importing_the_configuration_imports_nothing_heavy() -> None:
    heavy = "{'prefect', 'pandas', 'zeep', 'requests', 'openpyxl'}"
    code = f"import sys, txo_core.config_loader, txo_core.environment; sys.exit(len({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)

    assert done.returncode == 0
