"""The key with which Prefect's server encrypts blocks, kept apart from the blocks.

Prefect puts a key that it makes into the database in which the blocks lie: whoever has a copy of the file has both. It
takes another one from PREFECT_SERVER_ENCRYPTION_KEY, in the environment of the server's process and nowhere else.
"""

import hashlib
import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from txo_core.exceptions import ConfigurationError

VARIABLE = "PREFECT_SERVER_ENCRYPTION_KEY"
ROW = "ENCRYPTION_KEY"


def database_file(url: str | None, home: Path) -> Path | None:
    """Return the SQLite file in which Prefect keeps its blocks on this machine; None where it is another database."""
    if not url:
        return home / "prefect.db"
    parts = urlsplit(url)
    if not parts.scheme.startswith("sqlite") or not parts.path.strip("/") or ":memory:" in url:
        return None
    return Path(unquote(parts.path[1:]))


def key_file(database: Path) -> Path:
    """Return where the key of this database is kept: in the user's own folder for settings."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "txo"
    return folder / f"prefect-{hashlib.sha256(bytes(database.resolve())).hexdigest()[:12]}.key"


def key_of(database: Path) -> str | None:
    """Return the key that is kept for this database, if there is one; a file that others can read is refused."""
    path = key_file(database)
    try:
        status = path.stat()
    except OSError:
        return None
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            f"The key file {path} can be read by other users of this machine", "Close it", f"chmod 600 {path}"
        )
    return path.read_text(encoding="ascii").strip() or None


def key_beside_the_blocks(database: Path) -> str | None:
    """Return the key that lies in the database itself; None where none does, or where there is no database yet."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("select value from configuration where key = ?", (ROW,)).fetchone()
    except sqlite3.Error:
        return None
    return str(json.loads(row[0])["fernet_key"]) if row else None


def take_out(database: Path) -> Path | None:
    """Move the key out of the database into its file; return the file, or None where there was no key to move.

    Blocks that were saved can still be read. The server must not be running meanwhile: it would make another key.
    """
    key = key_beside_the_blocks(database)
    if key is None:
        return None
    path = key_file(database)
    kept = key_of(database)
    if kept is not None and kept != key:
        raise ConfigurationError(
            f"The database has a key, and {path} has another one: a server ran without {VARIABLE}",
            "Start servers with the variable; save the blocks again that were saved without it, after you have"
            " removed the file or the key in the database",
            f'{VARIABLE}="$(cat {path})" prefect server start',
        )
    if kept is None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma secure_delete = on")
        with connection:
            connection.execute("delete from configuration where key = ?", (ROW,))
        connection.execute("pragma wal_checkpoint(truncate)")
    return path
