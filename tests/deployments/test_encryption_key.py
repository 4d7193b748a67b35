"""The key of the blocks leaves their database, and every run still reads them; what stands open is found, for real."""

import sqlite3
from pathlib import Path

import pytest

from tests.support.prefect_server import PrefectServer
from tests.support.programs import demo_environment, provision, run_program
from tests.support.sandbox import Sandbox
from txo_core.runs import server_checks
from txo_core.server.encryption_key import VARIABLE, key_beside_the_blocks, key_file

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
