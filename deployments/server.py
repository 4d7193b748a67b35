"""Start a Prefect server on this machine that stays, with the key of its blocks kept apart from them.

Usage:
    python deployments/server.py [what `prefect server start` takes]

The key is a file of yours alone, the same that local runs use; one that lies in the database still is moved there. A
server that other machines can reach has to ask who they are: it starts only with PREFECT_SERVER_API_AUTH_STRING.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Sequence

from txo_core.exceptions import ConfigurationError, HelpfulError, TxoError
from txo_core.logger import configure
from txo_core.runs.server_checks import local_database, open_bind
from txo_core.screen import exit_code_of, helpful, say, show_error
from txo_core.server.encryption_key import VARIABLE, key_file, key_of
from txo_core.server.key_keeping import keep_apart


def main() -> int:
    """Become the server; return the exit code where that cannot be."""
    parser = argparse.ArgumentParser(
        description=inspect.cleandoc(__doc__ or ""), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", help="which addresses it listens on; this machine alone by default")
    arguments, more = parser.parse_known_args()
    configure()
    try:
        check_host(arguments.host)
        environment = os.environ | block_key()
    except TxoError as error:
        show_error(helpful(error))
        return exit_code_of(error)
    start([*(["--host", arguments.host] if arguments.host else []), *more], environment)
    return 0


def check_host(host: str | None) -> None:
    """Refuse a server for other machines that would not ask who they are."""
    from prefect.settings.context import get_current_settings

    api = get_current_settings().server.api
    for finding in open_bind(host or str(api.host or ""), api.auth_string is not None):
        raise ConfigurationError(finding.problem, finding.solution, finding.example)


def block_key() -> dict[str, str]:
    """Return the variable with the key of the blocks: the one that is set, else the one of the file, moved or made."""
    if os.environ.get(VARIABLE):
        return {}
    database = local_database()
    if database is None:
        raise ConfigurationError(
            "The blocks do not lie in a SQLite file of this machine, so there is no file for their key either",
            f"Set {VARIABLE}, the same for every server of this database",
            f'{VARIABLE}="$(openssl rand 32 | base64 | tr +/ -_)"',
        )
    try:
        path = keep_apart(database)
    except OSError as error:
        raise HelpfulError(
            f"The key of the blocks cannot be kept in {key_file(database)}: {error.strerror or error}",
            f"See that its folder can be written, or set {VARIABLE} yourself",
            f"XDG_CONFIG_HOME=... {sys.argv[0]}",
        ) from None
    if path is not None:
        say(f"🔑 The key of the blocks is in {path}; a backup of them needs it, too")
    return {VARIABLE: key_of(database) or ""}


def start(options: Sequence[str], environment: dict[str, str]) -> None:
    """Let Prefect's server take the place of this process."""
    os.execve(sys.executable, [sys.executable, "-m", "prefect", "server", "start", *options], environment)  # noqa: S606 - our own words


if __name__ == "__main__":
    sys.exit(main())
