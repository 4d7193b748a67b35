"""Move the key with which Prefect encrypts blocks out of the local database, in which the blocks lie.

Usage:
    python deployments/encryption_key.py

Stop a Prefect server of this machine first. The key goes to a file of yours alone, which the temporary server of a
local run and `make server` find by themselves; `make server` and provision.py move it there, too. Running it again
changes nothing. A backup of the blocks needs both, the database and the key.
"""

import argparse
import inspect
import sys
from urllib.parse import urlsplit

from txo_core.exceptions import ConfigurationError, TxoError
from txo_core.logger import configure
from txo_core.runs.server_checks import answers, is_loopback, local_database
from txo_core.screen import exit_code_of, helpful, say, show_error
from txo_core.server.encryption_key import VARIABLE, key_beside_the_blocks, key_file
from txo_core.server.key_keeping import keep_apart


def main() -> int:
    """Move the key and say what was done; return the exit code."""
    argparse.ArgumentParser(
        description=inspect.cleandoc(__doc__ or ""), formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    configure()
    try:
        say(move())
    except TxoError as error:
        show_error(helpful(error))
        return exit_code_of(error)
    return 0


def move() -> str:
    """Return what was done, in a few lines."""
    from prefect.settings import PREFECT_API_URL

    database = local_database()
    if database is None:
        raise ConfigurationError(
            "The blocks do not lie in a SQLite file of this machine",
            f"Set {VARIABLE} where the server starts, before the first block is saved",
            f'{VARIABLE}="$(openssl rand 32 | base64 | tr +/ -_)"',
        )
    url = PREFECT_API_URL.value()
    if url and is_loopback(urlsplit(url).hostname or "") and answers(url):
        raise ConfigurationError(
            f"A Prefect server runs at {url}", "Stop it, move the key, start it again", "make server"
        )
    was_beside = key_beside_the_blocks(database) is not None
    path = keep_apart(database)
    start = f'A server that stays is started with it by: make server\nor: {VARIABLE}="$(cat {key_file(database)})" ...'
    if path is not None and was_beside:
        return f"✅ The key has left {database} and is in {path}\n{start}"
    return f"✅ The key of {database} is in {key_file(database)}\n{start}"


if __name__ == "__main__":
    sys.exit(main())
