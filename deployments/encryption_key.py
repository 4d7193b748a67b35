"""Move the key with which Prefect encrypts blocks out of the local database, in which the blocks lie.

Usage:
    python deployments/encryption_key.py

Stop a Prefect server of this machine first. The key goes to a file of yours alone, which the temporary server of a
local run finds by itself; a server that stays gets it in PREFECT_SERVER_ENCRYPTION_KEY, as the last line says. Running
it again changes nothing. A backup of the blocks needs both, the database and the key.
"""

import argparse
import inspect
import sys

from txo_core.exceptions import ConfigurationError, TxoError
from txo_core.logger import configure
from txo_core.runs.server_checks import answers, local_database
from txo_core.screen import exit_code_of, helpful, say, show_error
from txo_core.server.encryption_key import VARIABLE, key_file, key_of, take_out


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
    if url and answers(url):
        raise ConfigurationError(f"A Prefect server runs at {url}", "Stop it, move the key, start it again with it")
    path = take_out(database)
    start = f'A server that stays is started with it:\n  {VARIABLE}="$(cat {key_file(database)})" prefect server start'
    if path is not None:
        return f"✅ The key has left {database} and is in {path}\n{start}"
    if key_of(database) is not None:
        return f"✅ The key of {database} is in {key_file(database)}\n{start}"
    return f"There is no key in {database} yet: save credentials first, then run this again"


if __name__ == "__main__":
    sys.exit(main())
