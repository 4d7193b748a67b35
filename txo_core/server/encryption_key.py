"""The key with which Prefect's server encrypts blocks, kept apart from the blocks.

Prefect puts a key that it makes into the database in which the blocks lie: whoever has a copy of the file has both. It
takes another one from PREFECT_SERVER_ENCRYPTION_KEY, in the environment of the server's process and nowhere else.
"""

import base64
import hashlib
import hmac
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


def write_key(database: Path, key: str) -> Path:
    """Write the key into its file, which must not be there yet, and return the file. Raises OSError."""
    path = key_file(database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def encrypted_blocks(database: Path) -> list[str] | None:
    """Return what the blocks of a database hold, encrypted; None where that cannot be read."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("select data from block_document where data is not null").fetchall()
        return [json.loads(data) if str(data).startswith('"') else str(data) for (data,) in rows]
    except (sqlite3.Error, ValueError):
        return None


def opens(key: str, encrypted: str) -> bool:
    """Tell whether the key is the one that a Fernet token was made with, by the signature at the token's end."""
    try:
        signing, token = base64.urlsafe_b64decode(key)[:16], base64.urlsafe_b64decode(encrypted)
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(signing, token[:-32], "sha256"), token[-32:])
