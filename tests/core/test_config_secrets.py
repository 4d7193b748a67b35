"""What is a secret in a plain configuration, what is none, and that nothing that can be seen ever holds one."""

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from txo_core.config import Globals, Jitter, TxoConfig
from txo_core.config_loader import load_config
from txo_core.environment import secret_from_environment, without_secrets
from txo_core.exceptions import ConfigurationError
from txo_core.settings.secrets import looks_like_a_secret

REPOSITORY = Path(__file__).resolve().parents[2]
NO_VALUE = ("hunter2", "a8f9K2", "s3cr3t", "QWxh")

SECRETS: list[dict[str, Any]] = [
    {"sharepoint": {"key": "a8f9K2lmQ9xT"}},
    {"sharepoint": {"key": "hunter2"}},
    {"sharepoint": {"key": "…"}},
    {"sharepoint": {"site": "https://a.example", "path": "/x", "key": "s3cr3t-value"}},
    {"storage": {"account": "acme", "key": "hunter2-hunter2"}},
    {"mine": {"key": "a8f9K2lmQ9xTx7s=="}},
    {"mine": {"x-api-key": "hunter2"}},
    {"mine": {"X-API-Key": "hunter2"}},
    {"mine": {"stripe-key": "a8f9K2lmQ9xT"}},
    {"mine": {"primary-key": "a8f9K2lmQ9xTx7s=="}},
    {"mine": {"sas": "hunter2"}},
    {"mine": {"sas-token": "hunter2"}},
    {"mine": {"connection-string": "hunter2"}},
    {"mine": {"ConnectionString": "hunter2"}},
    {"mine": {"db_conn_str": "hunter2"}},
    {"mine": {"deep": [{"list": [[{"client_secret": "hunter2"}]]}]}},
    {"mine": {"tokens": ["hunter2", "hunter2"]}},
    {"mine": {"token-1": "hunter2"}},
    {"mine": {"pat": "a8f9K2lmQ9xT"}},
    {"mine": {"auth": "hunter2!x"}},
    {"mine": {"headers": {"Authorization": "hunter2"}}},
    {"mine": {"headers": {"Ocp-Apim-Subscription-Key": "hunter2"}}},
    {"mine": {"headers": {"Cookie": "session=hunter2abc"}}},
    {"mine": {"headers": [{"name": "X-Api-Key", "value": "hunter2"}]}},
    {"mine": {"storage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=QWxhZGRpbg==;EndpointSuffix=x"}},
    {"mine": {"bus": "Endpoint=sb://a.example/;SharedAccessKeyName=Root;SharedAccessKey=QWxhZGRpbg=="}},
    {"mine": {"db": "Server=db;User Id=sa;Password=hunter2;"}},
    {"mine": {"db": "postgresql+psycopg://sa:hunter2@db/x"}},
    {"mine": {"db": "jdbc:oracle:thin:sa/hunter2@db"}},
    {"mine": {"link": "https://a.blob.example/x?sv=2024&sig=hunter2hunter2"}},
    {"mine": {"link": "/x?sv=2024&sig=hunter2hunter2"}},
    {"mine": {"link": "https://alice:hunter2@a.example/x"}},
    {"mine": {"link": "https://hunter2@a.example/x"}},
    {"mine": {"header": "Bearer hunter2-hunter2"}},
    {"mine": {"call": "curl -H 'Authorization: Bearer hunter2-hunter2' https://a.example"}},
    {"mine": {"header": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
    {"mine": {"anything": "eyJhbGciOiJub25l.eyJzdWIiOiIx.hunter2"}},
    {"mine": {"anything": "ghp_" + "a8f9K2lmQ9" * 4}},
    {"mine": {"anything": "xoxb-" + "123456789012-a8f9K2lmQ9"}},
    {"mine": {"anything": "-----BEGIN RSA " + "PRIVATE KEY-----\nhunter2"}},
    {"mine": {"anything": "https://hooks.slack.com/" + "services/T0/B0/a8f9K2lmQ9"}},
    {"mine": {"anything": "https://acme.webhook.office.com/" + "webhookb2/1f2b@x/IncomingWebhook/a8f9K2lmQ9xT"}},
    {"mine": {"anything": "q7Rk2VbX9mTz4LwPc8Ys1NfHd6Gj3UeA" + "a8f9K2lmQ9x="}},
    {"mine": {"anything": "PuTTY-User-Key-File-2: " + "ssh-rsa"}},
    {"mine": {"link": "https://a.example/x#access_token=hunter2"}},
    {"mine": {"link": "//alice:hunter2@a.example/x"}},
    {"mine": {"link": " HTTPS://alice:hunter2@a.example"}},
    {"mine": {"note": "X-API-Key: hunter2abc"}},
    {"mine": {"note": "password: hunter2abc, as agreed"}},
    {"mine": {"note": '{"user": "x", "password": "hunter2"}'}},
    {"mine": {"note": "<wsse:Password>hunter2</wsse:Password>"}},
    {"mine": {"call": "curl -u alice:hunter2 https://a.example"}},
    {"mine": {"call": "mysql -u root -phunter2"}},
    {"mine": ["password", "hunter2"]},
    {"mine": [["x", 1], ["client-secret", "hunter2"]]},
    {"mine": {"auth": ["alice", "hunter2"]}},
    {"smtp": {"host": "mail", "pass": "hunter"}},
    {"mine": {"smtp_pass": "hunter"}},
    {"mine": {"pw": "hunter"}},
    {"mine": {"Kennwort": "hunter2"}},
    {"mine": {"dbPasswort": "hunter2"}},
    {"mine": {"geheimnis": "hunter2"}},
    {"mine": {"api-schlüssel": "hunter2"}},
    {"mine": {"ApiSchluessel": "hunter2"}},
    {"mine": {"zugangsdaten": {"a": "hunter2"}}},
    {"mine": {"lösenord": "hunter2"}},
    {"mine": {"api_nøkkel": "hunter2"}},
    {"mine": {"mot-de-passe": "hunter2"}},
    {"mine": {"contraseña": "hunter2"}},
    {"mine": {"pAsSwOrD": "hunter2"}},
    {"mine": {"Pass Word": "hunter2"}},
    {"mine": {"CLIENTSECRET": "hunter2"}},
    {"mine": {"p\u0430ssword": "hunter2"}},
    {"mine": {"pass\u00adword": "hunter2"}},
    {"mine": {"ｐａｓｓｗｏｒｄ": "hunter2"}},
    {"global": {"oauth-parameters": {"password": "hunter2"}}},
    {"global": {"api-key-header": "a8f9K2lmQ9xTq7Rk2VbX9mTz"}},
    {"global": {"_comment": "the password: hunter2abc"}},
    {"endpoints": {"soap": "https://a.example/?api_key=hunter2"}},
    {"_comment": {"password": "hunter2"}},
    {"_comment": "Bearer hunter2-hunter2"},
]


@pytest.mark.parametrize("document", SECRETS, ids=lambda document: json.dumps(document)[:60])
def test_a_secret_anywhere_is_an_error_that_names_the_key_and_where_it_belongs(document: dict[str, Any]) -> None:
    """S41, S28: the key, the block and the command that saves it; never the value."""
    with pytest.raises(ConfigurationError) as refused:
        TxoConfig("txo", "prod", document)

    said = str(refused.value)
    assert "belongs in the credentials block" in said
    assert "python deployments/provision.py txo prod" in said
    assert "config/txo-prod-config-secrets.json" in said
    assert not [value for value in NO_VALUE if value in said]
    assert next(iter(document)) in said


IN_PLACE_OF_A_KEY: list[dict[str, Any]] = [
    {"ghp_" + "a8f9K2lmQ9" * 4: 1},
    {"mine": {"Bearer a8f9K2lmQ9-a8f9K2": {"x": 1}}},
    {"script-behavior": {"ghp_" + "a8f9K2lmQ9" * 4: 1}},
    {"global": {"a8f9K2lmQ9xTq7Rk2VbX9mTz4LwPc8Ys1NfHd6Gj3UeA": "api-key"}},
]


@pytest.mark.parametrize("document", IN_PLACE_OF_A_KEY, ids=lambda document: next(iter(document))[:10])
def test_a_secret_in_the_place_of_a_key_is_refused_and_not_repeated(document: dict[str, Any]) -> None:
    """S41, S44: errors name keys, and this one must not."""
    with pytest.raises(ConfigurationError, match="in the place of a key") as refused:
        TxoConfig("txo", "prod", document)

    assert "a8f9K2" not in str(refused.value)


NONE: list[dict[str, Any]] = [
    {"global": {"api-key-header": "X-API-Key", "idempotency-header": "Idempotency-Key"}},
    {"global": {"oauth-client-auth": "basic", "auth": "api-key"}},
    {"global": {"tenant-id": "your-tenant", "client-id": "your-client-id"}},
    {"global": {"client-id": "0oa1b2c3D4e5F6g7H8i9"}},
    {"endpoints": {"auth": "https://auth.example.com/token", "token": "https://auth.example.com/token"}},
    {"mine": {"token-url": "https://auth.example.com/token", "password-policy-url": "https://a.example"}},
    {"mine": {"key-vault-name": "acme-kv", "secret-name": "txo-prod", "password-field": "pwd"}},
    {"mine": {"primary-key-field": "No", "primary-key": "customer_no", "sort-key": "customerNo2"}},
    {"mine": {"partition-key": "a8f9K2lmQ9xT", "public-key": "ssh-rsa AAAAB3NzaC1yc2E"}},
    {"mine": {"key": "No"}},
    {"mine": {"key": "customer_no"}},
    {"mine": {"columns": [{"key": "A1b2-c", "label": "x"}]}},
    {"sharepoint": {"key": "Title", "list": "Customers", "site": "https://acme.sharepoint.example"}},
    {"mine": {"sheet": {"name": "password", "width": 30}, "row": {"field": "token", "value": ""}}},
    {"mine": {"max-tokens": 100, "require-token": True, "token-lifetime": 3600, "next-page-token": "x"}},
    {"mine": {"code": "USD", "country-code": "NO47a", "status-code": 200, "session": "prod", "pin": "A4"}},
    {"mine": {"login": "alice@example.com", "username": "alice", "ssh-key": "~/.ssh/id_ed25519"}},
    {"mine": {"template": "no={no}&key={key}", "query": "$filter=token eq 'x'", "db": "Password={password}"}},
    {
        "mine": {
            "connection": "redis://localhost:6379/0",
            "git": "ssh://git@github.example/x",
            "to": "mailto:a@b.example",
        }
    },
    {"mine": {"drive-id": "b!-RIj2DuyvEyV1T4NlOaMHk8XkS_I8MdFlUCq1BlcjgmhRfAj3", "sheet-id": "1BxiMVs0XRA5nFMdKvBd"}},
    {"mine": {"sha": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit": "4f12637297fad9989a1a91a0bedf002e02078d2d"}},
    {"mine": {"auth": "basic", "webhook": "https://acme.example/hooks/in", "signature": "none", "otp": "sms"}},
    {
        "mine": {
            "note": "Basic authentication, Basic plan-2024, bearer of bad news, token expired",
            "keyword": "a",
            "monkey": "b",
            "tokenizer": "c",
        }
    },
    {"_comment": "the client secret is in the block"},
    {"_comment": "Password: see the vault of the team; token: optional"},
    {"mine": {"first-pass": "yes", "pass-through": "a", "compass-word": "b", "passport-no": "A1234567", "pass": True}},
    {"mine": {"pair": ["password", "token"], "auth": ["basic", ""], "sizes": ["1", "2"], "keys": ["no", "name"]}},
    {"mine": {"folder-id": "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AqMkAGI2TG93AAA="}},
    {"mine": {"sheet": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms", "sites": ["/sites/a/Shared Documents/2024"]}},
    {
        "mine": {
            "link": "https://a.example/reset?code={code}&token={token}&api_key=",
            "route": "https://a.example/#/a",
        }
    },
    {
        "mine": {
            "vault": "kv/erp#password",
            "call": "docker run -p8080:80 x",
            "where": "token = 'abc'",
            "tool": "-p 8080",
        }
    },
    {
        "mine": {
            "schlüssel": "kundennummer",
            "nokkel": "kunde",
            "key-account": "x",
            "max-tokens": 4,
            "tokens-per-min": 3,
        }
    },
]


@pytest.mark.parametrize("document", NONE, ids=lambda document: json.dumps(document)[:60])
def test_what_only_speaks_of_secrets_is_none(document: dict[str, Any]) -> None:
    """S41: a false alarm stops a run that is in order."""
    assert TxoConfig("txo", "prod", document)


@pytest.mark.parametrize(
    "path", ["tests/support/guide-config.json", "config/example-config.json", "config/demo-test-config.json"]
)
def test_the_samples_load(path: str) -> None:
    """S48: they hold placeholders only."""
    assert TxoConfig("txo", "prod", json.loads((REPOSITORY / path).read_text(encoding="utf-8")))


@pytest.mark.parametrize("piece", ["a", "a:", "://a", "a=", "Bearer ", "eyJ", "jdbc:", "\n", "=;", "sk_"])
def test_a_long_value_does_not_keep_the_check_busy(piece: str) -> None:
    """S9, S41: it takes linear time, or this test would not end."""
    assert looks_like_a_secret(piece * (400_000 // len(piece))) in (True, False)


WRONG: list[str] = [
    '{"global": {"tenant-id": ["s3cr3t"]}}',
    '{"global": {"tenant-id": "s3cr3t s3cr3t"}}',
    '{"global": {"auth": "s3cr3t"}}',
    '{"global": {"api-key-header": "s3cr3t s3cr3t"}}',
    '{"global": {"api-base-url": "s3cr3t"}}',
    '{"global": {"trusted-origins": ["https://a.example/s3cr3t"]}}',
    '{"global": {"ca-bundle": 5, "verify-tls": "s3cr3t"}}',
    '{"script-behavior": {"rate-limit-scope": "s3cr3t", "rate-limit-burst": "s3cr3t"}}',
    '{"script-behavior": "s3cr3t"}',
    '{"endpoints": {"api": "s3cr3t"}}',
    '{"mine": "s3cr3t", "mine": "s3cr3t"}',
    '{"mine": "s3cr3t"',
    '{"mine": s3cr3t}',
    '{"mine": "s3cr3t\n"}',
    '{"mine": "\\s3cr3t"}',
    "{'mine': 's3cr3t'}",
    '"s3cr3t"',
    '{"a": 1} s3cr3t',
]


@pytest.mark.parametrize("text", WRONG)
def test_no_error_of_a_configuration_shows_a_value(text: str, own_root: Path) -> None:
    """S44: types, enumerations, patterns and syntax alike; neither in the text nor in what a traceback adds."""
    (own_root / "config" / "txo-prod-config.json").write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        load_config("txo", "prod")

    error: BaseException | None = refused.value
    assert "s3cr3t" not in f"{error} {error!r} {error.args if error else ()}"
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize(("model", "wrong"), [(Globals, {"tenant-id": ["s3cr3t"]}), (Jitter, {"min-factor": "s3cr3t"})])
def test_the_models_themselves_keep_values_out_of_their_errors(model: type[BaseModel], wrong: dict[str, Any]) -> None:
    """S44: for whoever uses them without our sentences."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(wrong)

    assert "s3cr3t" not in f"{refused.value} {refused.value!r}"


# What can be seen of credentials


def seen(block: Any) -> list[str]:
    copies = [copy.copy(block), copy.deepcopy(block), block.model_copy(), block.model_copy(deep=True)]
    return [
        *(repr(each) for each in (block, *copies)),
        str(block),
        f"{block}",
        "%s" % block,  # noqa: UP031
        str(vars(block)),
        str(dict(block)),
        str(block.model_dump()),
        str(block.model_dump(mode="json")),
        block.model_dump_json(),
        json.dumps(block.model_dump(mode="json")),
        repr([block]),
    ]


def test_credentials_show_none_of_their_values() -> None:
    """S18, S42: in none of the ways in which objects are shown; a pickle, which would hold them, is refused."""
    from txo_core.credentials import SECRET_NAMES, TxoCredentials

    further = {"sftp-password": "hunter2-sftp"}
    block = TxoCredentials.model_validate({name: f"hunter2-{name}" for name in SECRET_NAMES} | {"further": further})

    assert not [text for text in seen(block) if "hunter2" in text]
    for holder in (block, {"a": [block]}):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(holder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_secret": ["s3cr3t"]},
        {"api_key": 5, "password": {"a": "s3cr3t"}},
        {"further": "s3cr3t"},
        {"further": {"sftp-password": ["s3cr3t"]}},
        {"further": {"sftp-password": " "}},
        {"further": {"s3cr3t value": "x"}},
    ],
)
def test_credentials_of_the_wrong_kind_are_named_and_not_shown(wrong: dict[str, Any]) -> None:
    """S44."""
    from txo_core.credentials import TxoCredentials

    with pytest.raises(ValueError, match=r"Input should be a valid|a further secret is a text") as refused:
        TxoCredentials.model_validate(wrong)

    assert "s3cr3t" not in str(refused.value)


def test_every_field_of_the_block_is_a_secret() -> None:
    """S18: no plain field may ever hold a credential."""
    from prefect.types import SecretDict
    from pydantic import SecretStr

    from txo_core.credentials import TxoCredentials

    own = [TxoCredentials.model_fields[name].annotation for name in TxoCredentials.__annotations__ if name[0] != "_"]

    assert set(own) == {SecretStr | None, SecretDict | None}


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 1), (0o604, 1)])
def test_a_dotenv_with_a_secret_that_others_can_read_is_warned_of(
    mode: int, warnings: int, own_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """S41: as the secrets file is."""
    (own_root / ".env").write_text("TXO_TXO_PROD_API_KEY=made-up-one\n")
    (own_root / ".env").chmod(mode)

    assert secret_from_environment("txo", "prod", "api_key") == "made-up-one"
    assert sum("chmod 600 .env" in message for message in caplog.messages) == warnings


# Child processes


def test_a_child_process_gets_no_variable_with_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """S43: ours of every organization, and those of others; what a Prefect server needs stays."""
    secrets = ["TXO_ACME_EU_PROD_CLIENT_SECRET", "TXO_TXO_PROD_PASSWORD", "TXO_TXO_PROD_USERNAME", "CLIENT_SECRET"]
    secrets += ["TXO_TXO_PROD_AZ_TOKEN", "TXO_TXO_PROD_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"]
    others = [
        "TXO_TXO_PROD_API_BASE_URL",
        "CLIENT_ID",
        "SSH_AUTH_SOCK",
        "PREFECT_API_KEY",
        "PREFECT_SERVER_ENCRYPTION_KEY",
    ]
    for name in (*secrets, *others):
        monkeypatch.setenv(name, "hunter2")

    child = without_secrets()

    assert not set(secrets) & set(child)
    assert set(others) <= set(child)
    assert child["PATH"] == os.environ["PATH"]


def test_the_temporary_server_gets_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """S43: the environment that it is really started with."""
    from txo_core.server.temporary import server_environment

    monkeypatch.setenv("TXO_TXO_PROD_CLIENT_SECRET", "hunter2")

    assert "hunter2" not in server_environment().values()
