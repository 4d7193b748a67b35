"""Which certificates are trusted: on real encrypted connections, and never since a variable of the machine says so."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.prefect_server import PrefectServer
from tests.support.recorder import Received, Recorder, Reply, self_signed
from txo_core import tls
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.config_loader import load_config
from txo_core.exceptions import ApiError, ConfigurationError
from txo_core.oauth import ClientCredentials, FixedToken
from txo_core.rest import RestClient

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate that only who is told to trusts."""
    return self_signed(tmp_path_factory.mktemp("tls") / "company.pem")


@pytest.fixture
def server(certificate: Path) -> Iterator[Recorder]:
    """Run a server with that certificate."""

    def answer(received: Received) -> Reply:
        return 200, JSON, b'{"access_token": "made-up-token", "here": true}'

    with Recorder(answer, certificate) as running:
        yield running


def configured(url: str, env: str = "test", **settings: Any) -> TxoConfig:
    names = {key.replace("_", "-"): value for key, value in settings.items()}
    return TxoConfig("txo", env, {"global": {"api-base-url": url, **names}})


def connected(config: TxoConfig) -> RestClient:
    return create_rest_api(config, tokens=FixedToken("made-up-token"))


def test_without_a_word_a_private_certificate_is_refused_and_the_key_is_named(server: Recorder) -> None:
    """S21: the check is on by default."""
    with connected(configured(server.url)) as api, pytest.raises(ApiError, match=r"global\.ca-bundle") as refused:
        api.get("x")

    assert (refused.value.code, refused.value.attempts, server.received) == ("tls", 1, [])


@pytest.mark.parametrize("name", [*tls.VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_variable_of_the_machine_does_not_widen_what_is_trusted(
    server: Recorder, certificate: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: REQUESTS_CA_BUNDLE and its kin count neither for calls nor for tokens."""
    monkeypatch.setenv(name, str(certificate.parent if name.endswith("DIR") else certificate))
    with connected(configured(server.url)) as api, pytest.raises(ApiError, match="not to be trusted"):
        api.get("x")
    with pytest.raises(ApiError, match="not to be trusted"):
        ClientCredentials(f"{server.url}/token", "client", "made-up-secret").get_token()

    assert server.received == []


def test_that_such_a_variable_does_not_count_is_said_once_by_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S21: a company's machine has one, and its user would wonder."""
    monkeypatch.setattr(tls, "_told", set())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/company.pem")
    caplog.set_level(logging.INFO, "txo_core.tls")

    for _ in range(2):
        connected(configured("https://api.example.com")).close()

    assert caplog.messages == [
        "REQUESTS_CA_BUNDLE is set and does not count: what is trusted stands in global.ca-bundle"
    ]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", None])
def test_the_bundle_of_the_configuration_is_trusted(
    server: Recorder, certificate: Path, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: also where a variable names another file, which would win in requests."""
    if variable:
        monkeypatch.setenv(variable, "/nowhere.pem")
    with connected(configured(server.url, ca_bundle=str(certificate))) as api:
        assert api.get("x")["here"]

    assert server.received[0].headers["Authorization"] == "Bearer made-up-token"


def test_a_bundle_is_relative_to_the_root_folder(
    server: Recorder, certificate: Path, own_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (own_root / "files").mkdir()
    (own_root / "files" / "ca.pem").write_bytes(certificate.read_bytes())
    monkeypatch.chdir(tmp_path)

    with connected(configured(server.url, ca_bundle="files/ca.pem")) as api:
        assert api.get("x")["here"]


def test_one_machine_may_name_its_bundle_in_the_environment_for_one_organization(
    server: Recorder, certificate: Path, own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any key of the framework; the variable is ours and named in the log."""
    (own_root / "config" / "txo-test-config.json").write_text(f'{{"global": {{"api-base-url": "{server.url}"}}}}')
    monkeypatch.setenv("TXO_TXO_TEST_CA_BUNDLE", str(certificate))

    with connected(load_config("txo", "test")) as api:
        assert api.get("x")["here"]


def test_the_token_endpoint_is_checked_against_the_same_bundle(
    server: Recorder, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: the client that is made of a configuration asks for its token over the same trust."""
    block = SimpleNamespace(client_secret=SimpleNamespace(get_secret_value=lambda: "made-up-secret"))
    monkeypatch.setattr("txo_core.credentials.load", lambda org, env: block)
    forget_shared()
    data = {
        "global": {"api-base-url": server.url, "client-id": "client", "ca-bundle": str(certificate)},
        "endpoints": {"auth": f"{server.url}/token"},
    }

    with create_rest_api(TxoConfig("txo", "test", data)) as api:
        api.get("x")

    assert server.calls == ["POST /token", "GET /x"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "No such file"), (b"", "no certificate"), (b"hello", "no certificate"), ("folder", "cannot be used")],
)
def test_a_bundle_that_cannot_be_used_is_named_before_anything_is_sent(
    tmp_path: Path, content: bytes | str | None, problem: str
) -> None:
    path = tmp_path / "none.pem"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()

    with pytest.raises(ConfigurationError, match=problem) as refused:
        connected(configured("https://api.example.com", ca_bundle=str(path)))

    assert "global.ca-bundle" in str(refused.value)
    assert "none.pem" in str(refused.value)


# Switched off


def test_a_check_that_is_switched_off_lets_the_call_through_and_warns_in_each_run(
    server: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """S21: an explicit key of one environment, and a WARNING by our logger; urllib3's own is not needed beside it."""
    for _ in range(2):
        with connected(configured(server.url, verify_tls=False)) as api:
            assert api.get("x")["here"]

    warned = [record for record in caplog.records if record.name == "txo_core.tls"]
    assert [(record.levelname, "txo-test: certificates are not checked" in record.message) for record in warned] == [
        ("WARNING", True),
        ("WARNING", True),
    ]


def test_in_a_flow_run_it_warns_once_however_many_clients_there_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S21: and again in the next run of the same process."""
    for run in ("run-1", "run-1", "run-2"):
        monkeypatch.setattr(tls, "_flow_run", lambda run=run: run)
        connected(configured("https://api.example.com", verify_tls=False)).close()

    assert sum("certificates are not checked" in message for message in caplog.messages) == 2


@pytest.mark.slow
def test_a_real_run_warns_once_and_the_next_one_again(
    own_root: Path, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: from the flow and from its tasks, in whatever thread they are."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from txo_core.orchestration import flow, task

    text = '{"global": {"api-base-url": "https://api.example.com", "verify-tls": false}}'
    (own_root / "config" / "txo-test-config.json").write_text(text)

    @task
    def make_a_client(number: int, config: TxoConfig) -> None:
        connected(config).close()

    @flow(name="unchecked")
    def unchecked(org_id: str, env_type: str) -> None:
        config = load_config(org_id, env_type)
        connected(config).close()
        for future in [make_a_client.submit(number, config) for number in range(3)]:
            future.result()

    warned: list[str] = []
    monkeypatch.setattr(tls.logger, "warning", lambda text, *arguments: warned.append(text % arguments))
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        for _ in range(2):
            unchecked("txo", "test", return_state=True)

    assert [text.partition(" (")[0] for text in warned] == ["txo-test: certificates are not checked"] * 2


@pytest.mark.parametrize("env", ["prod", "prod2", "production", "prd", "live"])
def test_production_cannot_be_switched_off(env: str) -> None:
    """S21: neither by the file nor by a variable."""
    with pytest.raises(ConfigurationError, match=r"global\.verify-tls: may not be false in a production environment"):
        configured("https://api.example.com", env, verify_tls=False)


def test_production_cannot_be_switched_off_by_a_variable_either(
    own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: the error names the variable."""
    (own_root / "config" / "txo-prod-config.json").write_text("{}")
    monkeypatch.setenv("TXO_TXO_PROD_VERIFY_TLS", "no")

    with pytest.raises(ConfigurationError, match="environment variable TXO_TXO_PROD_VERIFY_TLS: may not be false"):
        load_config("txo", "prod")


def test_a_bundle_beside_a_check_that_is_off_is_a_contradiction() -> None:
    with pytest.raises(ConfigurationError, match="without effect"):
        configured("https://api.example.com", verify_tls=False, ca_bundle="ca.pem")


@pytest.mark.parametrize("value", ["false", 0, None])
def test_only_false_itself_switches_it_off(value: object) -> None:
    """S21: nothing that merely reads like it."""
    with pytest.raises(ConfigurationError, match=r"global\.verify-tls"):
        configured("https://api.example.com", verify_tls=value)


def test_clients_that_trust_differently_share_no_connection(server: Recorder, certificate: Path) -> None:
    """S21: a cached client of a lenient configuration does not lend its connection to a strict one."""
    lenient, strict = configured(server.url, verify_tls=False), configured(server.url)
    tokens = FixedToken("made-up-token")
    with create_rest_api(lenient, tokens=tokens, use_cache=True) as first:
        first.get("x")
        with create_rest_api(strict, tokens=tokens, use_cache=True) as second, pytest.raises(ApiError):
            second.get("x")

    assert len(server.received) == 1
