"""Keeping the key of the blocks apart from them: a new one from the start, one that lies beside them moved out.

Blocks that were saved can still be read afterwards, by every server that is started with the key.
"""

import base64
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from txo_core.exceptions import ConfigurationError
from txo_core.server.encryption_key import (
    ROW,
    encrypted_blocks,
    key_beside_the_blocks,
    key_file,
    key_of,
    opens,
    write_key,
)

KEY_BYTES = 32


def keep_apart(database: Path) -> Path | None:
    """Let the key lie in its file and nowhere else; return the file, or None where nothing was to be done.

    Raises ConfigurationError where the database is in use, or has blocks of two keys, and OSError.
    """
    if key_beside_the_blocks(database) is not None:
        return take_out(database)
    if key_of(database) is not None:
        return None
    return write_key(database, base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())


def take_out(database: Path) -> Path | None:
    """Move the key out of the database into its file; return the file, or None where there was no key to move."""
    key = key_beside_the_blocks(database)
    if key is None:
        return None
    if is_in_use(database):
        raise ConfigurationError(
            f"{database} is in use: a Prefect server, or a run, would make another key beside the blocks",
            "End it, then move the key",
            "python deployments/encryption_key.py",
        )
    path, kept = key_file(database), key_of(database)
    if kept is None:
        write_key(database, key)
    elif kept != key:
        _settle(database, path, kept, key)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma secure_delete = on")
        with connection:
            connection.execute("delete from configuration where key = ?", (ROW,))
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


def is_in_use(database: Path) -> bool:
    """Tell whether another process has the database open: only where none has can it leave its write-ahead mode."""
    try:
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            (mode,) = connection.execute("pragma journal_mode").fetchone()
            if mode == "wal":
                connection.execute("pragma journal_mode = delete")
                connection.execute("pragma journal_mode = wal")
    except sqlite3.Error:
        return True
    return False


def _settle(database: Path, path: Path, kept: str, key: str) -> None:
    """Find out which of two keys is the one of the blocks, and let the file have that one; an error where both are."""
    blocks = encrypted_blocks(database)
    if blocks is not None and all(opens(kept, block) for block in blocks):
        return  # the one in the database came from a server that ran without the file's, and saved nothing
    if blocks and not any(opens(kept, block) for block in blocks):
        path.replace(path.with_suffix(".old"))  # of another database, which was in this place before
        write_key(database, key)
        return
    raise ConfigurationError(
        f"The database has a key, and {path} has another one: some blocks were saved by a server without the file's",
        "Put the database aside, save all credentials anew, and start servers by make server",
        f"mv {database} {database}.old",
    )
