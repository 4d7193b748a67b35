"""Certificates and encryption on real connections: what is refused whatever a machine says; our own certificate."""

import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.programs import run_program
from tests.support.proxy import Proxy
from tests.support.recorder import Received, Recorder, Reply, self_signed
from txo_core import tls
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiError, ConfigurationError
from txo_core.http.encryption import encryption
from txo_core.oauth import ClientCredentials, FixedToken
from txo_core.rest import RestClient

CERTIFICATES = {"expired": {"days": (-9, -2)}, "not yet valid": {"days": (2, 9)}, "wrong host": {"host": "127.0.0.2"}}


def ok(received: Received) -> Reply:
    return 200, {"Content-Type": "application/json"}, b'{"access_token": "made-up-token", "here": true}'


def configured(url: str, **settings: Any) -> TxoConfig:
    names = {key.replace("_", "-"): value for key, value in settings.items()}
    return TxoConfig("txo", "test", {"global": {"api-base-url": url, **names}})


def connected(config: TxoConfig) -> RestClient:
    return create_rest_api(config, tokens=FixedToken("made-up-token"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.mark.parametrize("case", CERTIFICATES)
def test_a_certificate_that_does_not_hold_is_refused_although_its_authority_is_trusted(
    tmp_path: Path, case: str
) -> None:
    """S21: for a call and for a token."""
    bad = self_signed(tmp_path / "bad.pem", **CERTIFICATES[case])  # type: ignore[arg-type]
    with Recorder(ok, bad) as server:
        config = configured(server.url, ca_bundle=str(bad))
        with connected(config) as api, pytest.raises(ApiError, match="not to be trusted") as refused:
            api.get("x")
        with pytest.raises(ApiError, match="not to be trusted"):
            ClientCredentials(f"{server.url}/token", "client", "made-up-secret", verify=str(bad)).get_token()

    assert (refused.value.code, refused.value.retryable, server.received) == ("tls", False, [])


def test_an_encryption_of_the_last_century_is_refused(certificate: Path) -> None:
    """S21: TLS 1.0 and 1.1, also where certificates are not checked."""

    def old(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    with Recorder(ok, certificate, old) as server:
        for settings in ({"ca_bundle": str(certificate)}, {"verify_tls": False}):
            with connected(configured(server.url, **settings)) as api, pytest.raises(ApiError) as refused:
                api.get("x")
            assert refused.value.code == "tls"

    assert server.received == []
    for checked in (ssl.CERT_REQUIRED, ssl.CERT_NONE):
        assert encryption(checked).minimum_version == ssl.TLSVersion.TLSv1_2


def test_unless_it_is_said_everything_is_checked() -> None:
    """S21: the context itself, before anybody tells it what to trust."""
    context = encryption(None)

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509"] == 0
    assert not context.hostname_checks_common_name


LENIENT = """openssl_conf = x
[x]
ssl_conf = y
[y]
system_default = z
[z]
MinProtocol = TLSv1
CipherString = ALL:eNULL@SECLEVEL=0
VerifyMode = None
"""


def test_a_lenient_openssl_of_the_machine_lowers_nothing(tmp_path: Path) -> None:
    """S21: OPENSSL_CONF can name a file that allows old protocols and weak ciphers."""
    (tmp_path / "openssl.cnf").write_text(LENIENT)
    told = "import ssl; from txo_core.http.encryption import encryption as e; c = e(None); "
    told += (
        "print(c.minimum_version == ssl.TLSVersion.TLSv1_2, c.verify_mode == ssl.CERT_REQUIRED, c.security_level > 0,"
    )
    told += " not [one for one in c.get_ciphers() if 'NULL' in one['name']])"

    ended = run_program("-c", told, environment={"OPENSSL_CONF": str(tmp_path / "openssl.cnf")})

    assert ended.out.split() == ["True"] * 4, ended.screen


VARIABLES = ("PYTHONHTTPSVERIFY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_of_the_machine_weakens_a_check_against_a_bundle_of_ours(
    tmp_path: Path, certificate: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: what is named in the configuration is trusted, and nothing beside it."""
    other = self_signed(tmp_path / "other.pem")
    value = {"PYTHONHTTPSVERIFY": "0", "SSL_CERT_DIR": str(other.parent)}.get(name, str(other))
    monkeypatch.setenv(name, value)
    with Recorder(ok, other) as server:
        for settings in ({}, {"ca_bundle": str(certificate)}):
            with connected(configured(server.url, **settings)) as api, pytest.raises(ApiError, match="not to be trust"):
                api.get("x")

    assert server.received == []


@pytest.mark.parametrize("way", ["direct", "token", "tunnel", "unchecked"])
def test_the_keys_of_a_connection_are_written_nowhere(
    tmp_path: Path, certificate: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: SSLKEYLOGFILE would let whoever has the file read all that was sent, tokens too."""
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    with Recorder(ok, certificate) as server, Proxy() as proxy:
        if way == "token":
            ClientCredentials(f"{server.url}/token", "c", "made-up-secret", verify=str(certificate)).get_token()
        else:
            trust = {"verify_tls": False} if way == "unchecked" else {"ca_bundle": str(certificate)}
            through = {"proxy": proxy.url} if way == "tunnel" else {}
            with connected(configured(server.url, **trust, **through)) as api:
                assert api.get("x")["here"]

    assert len(server.received) == 1
    assert not log.exists()


# Our own certificate


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a certificate of ours, with its key in the same file."""
    path = self_signed(tmp_path / "own.pem")
    path.chmod(0o600)
    return path


@pytest.fixture
def asking(certificate: Path, own: Path) -> Iterator[Recorder]:
    """Run a server that lets in nobody but us."""

    def ask(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(own)

    with Recorder(ok, certificate, ask) as running:
        yield running


def in_two_files(own: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """Write certificate and key into a file each."""
    text = own.read_text()
    end = text.index("-----BEGIN", 10)
    certificate, key = own.with_name("own.crt"), own.with_name("own.key")
    certificate.write_text(text[:end])
    private = serialization.load_pem_private_key(text[end:].encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    wrapped = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, wrapped))
    key.chmod(0o600)
    return certificate, key


@pytest.mark.parametrize("files", [1, 2])
def test_a_server_that_asks_who_we_are_gets_our_certificate(
    asking: Recorder, certificate: Path, own: Path, files: int
) -> None:
    config = {"ca_bundle": str(certificate), "client_certificate": str(own)}
    if files == 2:
        first, second = in_two_files(own)
        config |= {"client_certificate": str(first), "client_key": str(second)}
    with connected(configured(asking.url, **config)) as api:
        assert api.get("x")["here"]
    pair = (config["client_certificate"], config.get("client_key", str(own)))
    ClientCredentials(
        f"{asking.url}/token", "c", "made-up-secret", verify=str(certificate), certificate=pair
    ).get_token()

    assert len(asking.received) == 2


def test_without_one_it_lets_nobody_in(asking: Recorder, certificate: Path) -> None:
    with connected(configured(asking.url, ca_bundle=str(certificate))) as api, pytest.raises(ApiError):
        api.get("x")

    assert asking.received == []


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_at_the_terminal(own: Path) -> None:
    """OpenSSL would ask, and a run on a worker would wait for ever."""
    certificate, key = in_two_files(own, b"made-up-pass")

    with pytest.raises(ConfigurationError, match="or the key is encrypted") as refused:
        connected(configured("https://a.example", client_certificate=str(certificate), client_key=str(key)))

    assert "made-up-pass" not in str(refused.value)


@pytest.mark.parametrize(("content", "problem"), [(None, "No such file"), (b"", "no certificate"), (b"x", "no certi")])
def test_files_that_cannot_be_used_are_named_before_anything_is_sent(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "mine.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=problem) as refused:
        connected(configured("https://a.example", client_certificate=str(path)))

    assert "mine.pem" in str(refused.value)


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused(own: Path, tmp_path: Path) -> None:
    other = self_signed(tmp_path / "other.pem")

    with pytest.raises(ConfigurationError, match="no certificate and its key"):
        connected(configured("https://a.example", client_certificate=str(own), client_key=str(other)))


def test_a_key_without_a_certificate_is_a_contradiction() -> None:
    with pytest.raises(ConfigurationError, match=r"global\.client-key: stands without a client-certificate"):
        configured("https://a.example", client_key="x.key")


@pytest.mark.parametrize(("mode", "said"), [(0o600, 0), (0o640, 1)])
def test_a_key_that_others_can_read_is_warned_of_once(
    own: Path, mode: int, said: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S41: as every file with a secret."""
    monkeypatch.setattr(tls, "_told", set())
    own.chmod(mode)

    for _ in range(2):
        connected(configured("https://a.example", client_certificate=str(own))).close()

    assert sum("can be read by other users" in message for message in caplog.messages) == said
