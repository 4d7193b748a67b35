"""S17, S10, S41: what stands open is found, each with how to close it; what is closed is not."""

import os
import sqlite3
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from txo_core.exceptions import ConfigurationError
from txo_core.redaction import redact
from txo_core.runs import server_checks
from txo_core.runs.server_checks import Finding
from txo_core.server import encryption_key
from txo_core.server.encryption_key import VARIABLE, database_file, key_file, key_of

KEY = "bm90LWEtcmVhbC1rZXktYnV0LWFzLWxvbmctYXMtb25lLg=="
TABLE = "  sl  local_address rem_address   st tx_queue\n"


def told(found: list[Finding]) -> str:
    """Return the problems as one text; each has a solution and an example without a secret."""
    assert all(each.solution and each.example for each in found)
    assert [each.example for each in found] == [redact(each.example) for each in found], "what is typed can be read"
    assert KEY not in str(found)
    return "\n".join(each.problem for each in found)


@pytest.fixture(autouse=True)
def own_settings_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "prefect.example.com"])
def test_a_server_for_other_machines_without_authentication_is_found(host: str) -> None:
    """S17: by its setting."""
    assert f"PREFECT_SERVER_API_HOST is {host}" in told(server_checks.open_bind(host, False))
    assert server_checks.open_bind(host, True) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "::1", ""])
def test_a_server_for_this_machine_alone_needs_none(host: str) -> None:
    assert server_checks.open_bind(host, False) == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://prefect.example.com/api", True),
        ("http://10.0.0.5:4200/api", True),
        ("http://localhost.example.com/api", True),
        ("https://prefect.example.com/api", False),
        ("http://127.0.0.1:4200/api", False),
        ("http://[::1]:4200/api", False),
        ("http://localhost:4200/api", False),
        (None, False),
        ("", False),
    ],
)
def test_an_api_reached_by_http_over_a_network_is_found(url: str | None, found: bool) -> None:
    """S17: blocks would travel in clear."""
    assert ("travel to this machine in clear" in told(server_checks.plain_http(url))) == found


def test_a_finding_names_no_credentials_of_the_url() -> None:
    assert "hunter22" not in str(server_checks.plain_http("http://me:hunter22@prefect.example.com/api?key=hunter22"))


def listening(folder: Path, address: str, state: str = "0A") -> Path:
    table = folder / "tcp"
    table.write_text(f"{TABLE}   0: {address}:1068 00000000:0000 {state} 00000000:00000000\n")
    return table


@pytest.mark.parametrize(
    ("address", "beyond"),
    [
        ("00000000", True),
        ("0701A8C0", True),
        ("0100007F", False),
        ("0" * 32, True),
        ("00000000000000000000000001000000", False),
        ("0000000000000000FFFF00000100007F", False),
        ("0000000000000000FFFF00000701A8C0", True),
    ],
    ids=["any", "192.168.1.7", "127.0.0.1", "::", "::1", "mapped loopback", "mapped 192.168.1.7"],
)
def test_what_a_server_listens_on_is_read_from_the_kernel(tmp_path: Path, address: str, beyond: bool) -> None:
    """S17: also where it was started with --host, which no setting tells."""
    table = listening(tmp_path, address)

    assert server_checks.listens_beyond_loopback(4200, [table, tmp_path / "missing"]) == beyond
    assert not server_checks.listens_beyond_loopback(4201, [table])
    assert not server_checks.listens_beyond_loopback(4200, [listening(tmp_path, address, "01")])


@pytest.mark.parametrize(
    ("url", "address", "answers", "found"),
    [
        ("https://prefect.example.com/api", "0100007F", True, True),
        ("https://prefect.example.com/api", "0100007F", False, False),
        ("http://127.0.0.1:4200/api", "00000000", True, True),
        ("http://127.0.0.1:4200/api", "00000000", False, False),
        ("http://127.0.0.1:4200/api", "0100007F", True, False),
        (None, "00000000", True, False),
    ],
)
def test_a_server_that_answers_everybody_is_found(
    tmp_path: Path, url: str | None, address: str, answers: bool, found: bool
) -> None:
    """S17: by asking it without credentials."""
    text = told(server_checks.open_api(url, lambda _: answers, [listening(tmp_path, address)]))

    assert ("reads every credentials block" in text) == found


def database(folder: Path, key: str | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "prefect.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table configuration (key text, value text)")
        if key:
            connection.execute(
                "insert into configuration values (?, ?)", ("ENCRYPTION_KEY", f'{{"fernet_key": "{key}"}}')
            )
    return path


def test_a_key_beside_the_blocks_is_found(tmp_path: Path) -> None:
    """S17: who copies the database has both."""
    assert "lies beside them" in told(server_checks.key_beside_blocks(database(tmp_path / "a", KEY), True))
    assert server_checks.key_beside_blocks(database(tmp_path / "b", None), False) == []
    assert server_checks.key_beside_blocks(tmp_path / "none" / "prefect.db", False) == []


def test_another_database_without_a_key_of_ones_own_is_found() -> None:
    assert VARIABLE in told(server_checks.key_beside_blocks(None, False))
    assert server_checks.key_beside_blocks(None, True) == []


def test_a_key_file_in_the_folder_of_the_blocks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "lies beside the blocks" in told(server_checks.key_beside_blocks(database(tmp_path / "txo", None), False))


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path / "home", None)
    key_file(path).parent.mkdir(parents=True)
    key_file(path).write_text(KEY)
    key_file(path).chmod(0o644)

    with pytest.raises(ConfigurationError, match="can be read by other users"):
        key_of(path)
    assert "mode 644" in told(server_checks.key_beside_blocks(path, False))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (None, "/home/me/.prefect/prefect.db"),
        ("sqlite+aiosqlite:////data/my%20prefect.db", "/data/my prefect.db"),
        ("sqlite+aiosqlite:///prefect.db?timeout=5", "prefect.db"),
        ("postgresql+asyncpg://u:p@db/prefect", None),
        ("sqlite+aiosqlite:///:memory:", None),
        ("sqlite+aiosqlite://", None),
    ],
)
def test_which_file_holds_the_blocks(url: str | None, name: str | None) -> None:
    assert database_file(url, Path("/home/me/.prefect")) == (Path(name) if name else None)


OPEN: list[tuple[str, Callable[[Path], list[Finding]]]] = [
    ("config/txo-prod-config-secrets.json", lambda root: server_checks.readable_secrets(root / "config")),
    (".env", lambda root: server_checks.readable_secrets(root / "config")),
    ("logs/app_2026-11-22.log", lambda root: server_checks.readable_logs(root / "logs")),
    ("logs/app_2026-11-22.log.3", lambda root: server_checks.readable_logs(root / "logs")),
]


@pytest.mark.parametrize(("name", "check"), OPEN, ids=[name for name, _ in OPEN])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604])
def test_a_file_that_others_can_read_is_found(
    tmp_path: Path, name: str, check: Callable[[Path], list[Finding]], mode: int
) -> None:
    """S10, S41: secrets and logs are their owner's."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o700)
    path.write_text("x")
    path.chmod(mode)

    assert (str(path) in told(check(tmp_path))) == (mode != 0o600)


def test_the_example_of_a_secrets_file_may_be_open(tmp_path: Path) -> None:
    (tmp_path / "example-config-secrets.json").write_text("{}")

    assert server_checks.readable_secrets(tmp_path) == []


@pytest.mark.parametrize("check", [server_checks.readable_logs, server_checks.readable_home])
def test_a_folder_that_others_can_enter_is_found(tmp_path: Path, check: Callable[[Path], list[Finding]]) -> None:
    """S10: one finding for the folder, not one for each file in it."""
    tmp_path.chmod(0o755)
    (tmp_path / "app_2026-11-22.log").write_text("x")

    assert told(check(tmp_path)).count("mode 755") == 1
    tmp_path.chmod(0o700)
    assert "mode 755" not in told(check(tmp_path))
    assert check(tmp_path / "missing") == []


def test_all_checks_together_on_this_machine(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They read Prefect's settings; nothing is changed by them."""
    secrets = own_root / "config" / "txo-prod-config-secrets.json"
    secrets.write_text("{}")
    secrets.chmod(0o644)

    found = server_checks.findings(os.environ)

    assert str(secrets) in told(found)
    assert secrets.stat().st_mode & 0o777 == 0o644


def test_no_check_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """S17: each of them finds something here, and all of it is told."""
    names = ["open_bind", "plain_http", "unverified", "open_api", "key_beside_blocks"]
    names += ["readable_secrets", "readable_logs", "readable_home", "readable_outside", "readable_outside"]
    for name in names:
        monkeypatch.setattr(server_checks, name, lambda *asked, name=name: [server_checks.Finding(name, "close it")])

    assert [found.problem for found in server_checks.findings({})] == names


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize(
    ("url", "matters"), [("https://prefect.example.com/api", True), ("http://127.0.0.1/api", False)]
)
def test_a_machine_that_does_not_look_who_answers_is_found(url: str, matters: bool, skips: bool) -> None:
    """S21: an https address whose certificate nobody checks."""
    assert bool(server_checks.unverified(url, skips)) == (skips and matters)
    assert server_checks.SKIPS in told(server_checks.unverified(url, True)) or not matters


@pytest.mark.parametrize(
    "url", ["http://[bad", "http://h:99999999/api", "http://h:abc/api", "nonsense", "http://h:0/api"]
)
def test_an_address_that_is_none_is_no_reason_to_fail(url: str) -> None:
    for check in (server_checks.plain_http, server_checks.open_api, lambda url: server_checks.unverified(url, True)):
        assert check(url) == []


@pytest.mark.parametrize(
    ("status", "body", "open_to_all"),
    [
        (200, '"3.8.8"', True),
        (200, "<html>Sign in</html>", False),
        (302, "", False),
        (401, '{"exception_message": "Unauthorized"}', False),
        (404, "{}", False),
    ],
)
def test_a_page_to_sign_in_at_is_no_answer(status: int, body: str, open_to_all: bool) -> None:
    """S17: a company's proxy in front of the server answers everybody, but not with what is behind it."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/sign-in")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *words: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.handle_request, daemon=True).start()
        assert server_checks.answers(f"http://127.0.0.1:{proxy.server_port}/api") == open_to_all


def test_what_prefect_keeps_outside_of_its_folder_is_looked_at_there(tmp_path: Path) -> None:
    """S10: the folder is closed by its mode, and another one may not be."""
    home, elsewhere = tmp_path / "home", tmp_path / "data"
    for folder in (home, elsewhere):
        folder.mkdir(mode=0o755)
        (folder / "prefect.db").write_text("x")

    assert "prefect.db holds the blocks" in told(
        server_checks.readable_outside(home, elsewhere / "prefect.db", "the blocks")
    )
    assert server_checks.readable_outside(home, home / "prefect.db", "x") == [], "found with the folder"
    assert server_checks.readable_outside(home, None, "x") == []
    elsewhere.chmod(0o700)
    assert server_checks.readable_outside(home, elsewhere / "prefect.db", "x") == []


def test_nobody_answers_at_a_port_where_nothing_listens() -> None:
    assert server_checks.answers("http://127.0.0.1:9/api") is False


def test_the_variable_is_the_one_that_prefect_reads() -> None:
    """A new version of Prefect that reads another one would put the key beside the blocks again."""
    import inspect

    from prefect.server.utilities import encryption

    assert f'"{encryption_key.VARIABLE}"' in inspect.getsource(encryption)
    assert f'"{encryption_key.ROW}"' in inspect.getsource(encryption)
