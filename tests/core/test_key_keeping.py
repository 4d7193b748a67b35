"""S17: the key of the blocks lies apart from them, and no block becomes unreadable by that."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from txo_core.exceptions import ConfigurationError
from txo_core.server.encryption_key import key_beside_the_blocks, key_file, key_of, opens
from txo_core.server.key_keeping import is_in_use, keep_apart, take_out

KEY, OTHER = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture(autouse=True)
def own_settings_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


def database(folder: Path, key: str | None, keys_of_blocks: list[str] | None = None) -> Path:
    """Make a database as Prefect's is in this respect, with a block for each of these keys."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "prefect.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table configuration (key text, value text)")
        if key:
            connection.execute(
                "insert into configuration values (?, ?)", ("ENCRYPTION_KEY", json.dumps({"fernet_key": key}))
            )
        if keys_of_blocks is not None:
            connection.execute("create table block_document (data text)")
        for each in keys_of_blocks or []:
            token = Fernet(each).encrypt(b"{}").decode() if len(each) == 44 else each
            connection.execute("insert into block_document values (?)", (json.dumps(token),))
    return path


def keep(path: Path, key: str) -> None:
    """Write the file of a key."""
    key_file(path).parent.mkdir(parents=True)
    key_file(path).write_text(key + "\n")
    key_file(path).chmod(0o600)


def test_the_key_is_moved_out_and_the_database_forgets_it(tmp_path: Path) -> None:
    path = database(tmp_path / "home", KEY)

    moved = take_out(path)

    assert moved == key_file(path)
    assert moved.read_text() == KEY + "\n"
    assert (moved.stat().st_mode & 0o777, moved.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert key_beside_the_blocks(path) is None
    assert KEY.encode() not in b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert key_of(path) == KEY
    assert take_out(path) is None


def test_a_move_that_broke_off_is_finished(tmp_path: Path) -> None:
    path = database(tmp_path / "home", KEY)
    keep(path, KEY)

    assert take_out(path) == key_file(path)
    assert key_beside_the_blocks(path) is None


@pytest.mark.parametrize("blocks", [None, [KEY, OTHER]], ids=["unknown", "of both"])
def test_two_keys_are_not_made_one(tmp_path: Path, blocks: list[str] | None) -> None:
    """Where blocks are encrypted with either, nothing is thrown away."""
    path = database(tmp_path / "home", KEY, blocks)
    keep(path, OTHER)

    with pytest.raises(ConfigurationError, match="another one") as refused:
        take_out(path)

    assert KEY not in str(refused.value)
    assert (key_beside_the_blocks(path), key_of(path)) == (KEY, OTHER)


def test_before_the_first_block_a_new_key_is_made_apart(tmp_path: Path) -> None:
    """So that it never lies in the database."""
    path = tmp_path / "home" / "prefect.db"

    made = keep_apart(path)

    assert made == key_file(path)
    assert Fernet((key_of(path) or "").encode())
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert keep_apart(path) is None, "there is nothing more to do"
    assert not path.exists()


def test_a_key_that_opens_nothing_leaves_the_database(tmp_path: Path) -> None:
    """A server ran without the file's key, and saved nothing."""
    path = database(tmp_path / "home", KEY, [OTHER, OTHER])
    keep(path, OTHER)

    assert keep_apart(path) == key_file(path)

    assert (key_beside_the_blocks(path), key_of(path)) == (None, OTHER)


def test_a_key_of_a_database_that_was_there_before_is_put_aside(tmp_path: Path) -> None:
    path = database(tmp_path / "home", KEY, [KEY])
    keep(path, OTHER)

    assert keep_apart(path) == key_file(path)

    assert (key_beside_the_blocks(path), key_of(path)) == (None, KEY)
    assert key_file(path).with_suffix(".old").read_text() == OTHER + "\n"


def test_while_a_server_has_the_database_open_nothing_is_moved(tmp_path: Path) -> None:
    """It would make another key as soon as it misses the one it had."""
    path = database(tmp_path / "home", KEY, [KEY])
    with closing(sqlite3.connect(path)) as server:
        server.execute("select * from configuration").fetchall()
        assert is_in_use(path)
        with pytest.raises(ConfigurationError, match="is in use"):
            keep_apart(path)
        assert (key_beside_the_blocks(path), key_of(path)) == (KEY, None)

    assert not is_in_use(path)
    assert keep_apart(path) == key_file(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)


def test_what_a_key_opens_is_told_without_opening_it() -> None:
    token = Fernet(KEY).encrypt(b"x").decode()

    assert opens(KEY, token)
    assert not opens(OTHER, token)
    assert not opens(KEY, "no token")
    assert not opens("no key", token)
