"""The key of the blocks leaves their database, and every run still reads them; what stands open is found, for real."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.prefect_server import PrefectServer, free_port
from tests.support.programs import REPOSITORY, Ended, demo_environment, provision, run_program
from tests.support.sandbox import Sandbox
from txo_core.runs import server_checks
from txo_core.server.encryption_key import VARIABLE, key_beside_the_blocks, key_file, key_of

pytestmark = pytest.mark.slow


def move(environment: dict[str, str]) -> tuple[int, str]:
    """Run the program and return its exit code and what it wrote."""
    ended = run_program("deployments/encryption_key.py", environment=environment)
    return ended.code, ended.screen


def test_blocks_outlive_the_move(
    sandbox: Sandbox, own_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S17: found, moved, gone for good; and a standing server takes the same key from its environment."""
    home = tmp_path / "prefect"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    variables = demo_environment(sandbox, own_root) | {"PREFECT_HOME": str(home)}
    assert provision(variables).code == 0
    database = home / "prefect.db"
    key = key_beside_the_blocks(database)
    assert key
    assert len(server_checks.key_beside_blocks(database, False)) == 1

    code, said = move(variables)

    assert code == 0, said
    assert key not in said
    assert f"{VARIABLE}=" in said
    assert key_file(database).name in said
    assert server_checks.key_beside_blocks(database, False) == []
    assert "is up to date" in provision(variables).out, "the block can still be read"
    assert key_beside_the_blocks(database) is None
    assert key.encode() not in b"".join(path.read_bytes() for path in home.glob("prefect.db*"))
    monkeypatch.setenv(VARIABLE, key)
    server = PrefectServer()
    server.home = home
    with server:
        standing = variables | {"PREFECT_API_URL": server.api_url}
        assert "is up to date" in provision(standing).out
        assert "A Prefect server runs" in move(standing)[1]
    assert not home.exists() or key_beside_the_blocks(database) is None


def provision_txo(environment: dict[str, str]) -> Ended:
    """Save credentials of a real organization, for which the demo's rules do not hold."""
    secret = {"TXO_TXO_PROD_CLIENT_SECRET": "made-up-4711-value"}
    return run_program("deployments/provision.py", "txo", "prod", environment=environment | secret)


def test_provisioning_keeps_the_key_apart_and_a_server_that_stays_finds_it(
    own_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S17: from the first block on it never lies beside them; a server without it says what to do."""
    home = tmp_path / "prefect"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    variables = {"PREFECT_HOME": str(home), "TXO_HOME": str(own_root)}
    database = home / "prefect.db"

    first = provision_txo(variables)

    assert first.code == 0, first.screen
    assert str(key_file(database)) in first.out
    assert "make server" in first.out
    assert key_beside_the_blocks(database) is None
    assert (key_of(database) or "no key") not in first.screen + (own_root / "logs").glob("*").__next__().read_text()
    server = PrefectServer()
    server.home = home
    shutil.copytree(home, tmp_path / "kept")
    with server:  # as `prefect server start` runs
        refused = provision_txo(variables | {"PREFECT_API_URL": server.api_url})
        assert refused.code == 2
        assert "cannot read the block txo-credentials/txo-prod" in refused.err
        assert "make server" in refused.err
    shutil.copytree(tmp_path / "kept", home, dirs_exist_ok=True)

    with made_server(variables) as url:
        standing = provision_txo(variables | {"PREFECT_API_URL": url})

    assert "is up to date" in standing.out, standing.screen
    assert "⚠" not in standing.out
    assert key_beside_the_blocks(database) is None


@contextmanager
def made_server(variables: dict[str, str]) -> Iterator[str]:
    """Run `make server` and give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "deployments/server.py", "--port", str(port), "--no-services"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | variables | {"PREFECT_UI_ENABLED": "0"}, stdout=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 90
        while not server_checks.answers(url) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        yield url
        process.terminate()


@pytest.mark.parametrize(
    ("arguments", "variables", "problem"),
    [
        (("--host", "0.0.0.0"), {}, "PREFECT_SERVER_API_HOST is 0.0.0.0"),
        ((), {"PREFECT_SERVER_API_HOST": "192.168.1.7"}, "PREFECT_SERVER_API_HOST is 192.168.1.7"),
        ((), {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://db/prefect"}, "do not lie in a SQLite"),
    ],
    ids=["option", "setting", "another database"],
)
def test_a_server_that_would_stand_open_is_not_started(
    own_root: Path, tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], problem: str
) -> None:
    """S17: nor one whose key nobody could find again."""
    home = {"PREFECT_HOME": str(tmp_path / "prefect"), "XDG_CONFIG_HOME": str(tmp_path / "settings")}

    ended = run_program("deployments/server.py", *arguments, environment=home | variables)

    assert ended.code == 2
    assert problem in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "settings").exists()


def test_a_server_that_answers_everybody_is_told_from_one_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """S17: by a real server, with and without authentication."""
    everywhere = [Path("/proc/net/tcp")]
    monkeypatch.setattr(server_checks, "listens_beyond_loopback", lambda port, tables: True)
    with PrefectServer() as server:
        assert server_checks.answers(server.api_url)
        assert len(server_checks.open_api(server.api_url, tables=everywhere)) == 1
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "admin:made-up-for-this-test")
    with PrefectServer() as server:
        assert not server_checks.answers(server.api_url)
        assert server_checks.open_api(server.api_url, tables=everywhere) == []


def test_a_server_of_this_machine_listens_on_loopback(prefect_server: PrefectServer) -> None:
    """S17: as the kernel tells it."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("only Linux tells who listens")

    assert not server_checks.listens_beyond_loopback(prefect_server.port)


def test_the_database_is_looked_into_without_changing_it(tmp_path: Path) -> None:
    path = tmp_path / "prefect.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table other (x)")
    before = path.read_bytes()

    assert key_beside_the_blocks(path) is None
    assert path.read_bytes() == before
    assert not (tmp_path / "prefect.db-wal").exists()
