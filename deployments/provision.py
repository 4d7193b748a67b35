"""Save the credentials of one organization and environment as a Prefect block.

Usage:
    python deployments/provision.py <org_id> <env_type>

The values come from the environment (TXO_TXO_PROD_CLIENT_SECRET=...), then from the git-ignored secrets file
(config/txo-prod-config-secrets.json), then, where neither has any, from a prompt. What the configuration names in
global.further-secrets is a secret as well (TXO_TXO_PROD__SFTP_PASSWORD=...). Running it again changes nothing that is
already right. No value is ever shown, and none is taken from the command line, where every user of the
machine could read it.
"""

import argparse
import getpass
import inspect
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from deployments.secrets_file import from_file
from txo_core.command_line import HelpfulParser
from txo_core.config_loader import declared_secrets
from txo_core.environment import further_secret_from_environment, secret_from_environment
from txo_core.exceptions import ConfigurationError, TxoError
from txo_core.interrupts import EXIT_INTERRUPTED
from txo_core.logger import configure
from txo_core.paths import check_ids
from txo_core.redaction import register_secret
from txo_core.runs.server_checks import is_loopback, key_beside_blocks, local_database
from txo_core.screen import exit_code_of, helpful, say, show_error
from txo_core.script_runner import run_place, server_at_hand
from txo_core.server.encryption_key import VARIABLE, key_file
from txo_core.server.key_keeping import keep_apart
from txo_core.settings.secret_names import SECRET_NAMES


def main() -> int:
    """Save what is found and say what was done, by name; return the exit code."""
    parser = HelpfulParser(
        description=inspect.cleandoc(__doc__ or ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("org_id", help="organization, such as: txo")
    parser.add_argument("env_type", help="environment, such as: prod")
    arguments, more = parser.parse_known_args()
    configure()
    try:
        if more:
            raise too_much(len(more))
        check_ids(arguments.org_id, arguments.env_type)
        url = server_at_hand()
        found = find_secrets(arguments.org_id, arguments.env_type)
        if arguments.org_id != "demo" and url is None:
            keep_the_key_apart()
        with run_place():
            say(save(f"{arguments.org_id}-{arguments.env_type}", found))
        if arguments.org_id != "demo" and url is not None:
            say_where_the_key_is(url)
    except TxoError as error:
        show_error(helpful(error))
        return exit_code_of(error)
    except (KeyboardInterrupt, EOFError):
        say("\nInterrupted; nothing was saved.")
        return EXIT_INTERRUPTED
    return 0


def too_much(count: int) -> ConfigurationError:
    """Return the error for a command line with more than two words, which does not repeat them: one may be a secret."""
    return ConfigurationError(
        f"The command line has {'1 word' if count == 1 else f'{count} words'} more than organization and environment;"
        " a secret is never given there: other users of this machine and the shell's history see it",
        "Leave it out: you are asked for each value, without showing it. Change a secret that was typed there",
        "python deployments/provision.py txo prod",
    )


def find_secrets(org_id: str, env_type: str) -> dict[str, str]:
    """Return the secrets of the environment, the file or the prompt, by name; the first place wins for each."""
    further = declared_secrets(org_id, env_type)
    found = from_file(org_id, env_type, further)
    for name in SECRET_NAMES:
        if value := secret_from_environment(org_id, env_type, name):
            found[name] = value
    for name in further:
        if value := further_secret_from_environment(org_id, env_type, name):
            found[name] = value
    found = found or from_prompt(org_id, env_type, further)
    for value in found.values():
        register_secret(value)
    return found


def from_prompt(org_id: str, env_type: str, further: Sequence[str] = ()) -> dict[str, str]:
    """Ask for each value without showing it; without a person at the screen, say where values may come from."""
    name = f"{org_id}-{env_type}"
    if not sys.stdin.isatty():
        variable = f"TXO_{name.upper().replace('-', '_')}_CLIENT_SECRET"
        raise ConfigurationError(
            f"There are no secrets for {name}: no file config/{name}-config-secrets.json, no variable {variable}",
            "Write the file, set the variable, or run this at a terminal, where it asks",
            f"install -m 600 config/example-config-secrets.json config/{name}-config-secrets.json",
        )
    say(f"Secrets of {name}; press Enter for what its API does not need. Nothing that you type is shown.")
    answers = {secret: getpass.getpass(f"  {secret.replace('_', '-')}: ") for secret in (*SECRET_NAMES, *further)}
    found = {secret: value for secret, value in answers.items() if value.strip()}
    if not found:
        raise ConfigurationError("No secret was typed", "Type at least one value", "client-secret: ...")
    return found


def save(name: str, found: dict[str, str]) -> str:
    """Save the block where something in it is new, and return what was done, in one line."""
    from txo_core import credentials

    block = credentials.find(name)
    old = credentials.secrets_of(block) if block else {}
    changed = sorted(secret for secret, value in found.items() if old.get(secret) != value)
    if not changed:
        return f"✅ txo-credentials/{name} is up to date ({', '.join(sorted(old))})"
    credentials.save(name, old | found)
    kept = sorted(set(old) - set(changed))
    return f"✅ txo-credentials/{name} saved: {', '.join(changed)}" + (f" (kept: {', '.join(kept)})" if kept else "")


def keep_the_key_apart() -> None:
    """Take the key of the blocks out of their database, or make one that never was in it; say so, or what hinders.

    The temporary server of local runs finds the key by itself, and so does `make server`.
    """
    database = local_database()
    if database is None or os.environ.get(VARIABLE):
        return
    try:
        path = keep_apart(database)
    except ConfigurationError as error:
        say(f"⚠  The key that encrypts the blocks is not kept apart from them. {error.what_went_wrong}")
        say(f"   {error.how_to_fix}: {error.example}")
    except OSError as error:
        say(f"⚠  The key that encrypts the blocks lies beside them: {key_file(database)} cannot be written")
        say(f"   {error.strerror or error}. Set {VARIABLE}, or let XDG_CONFIG_HOME name another folder")
    else:
        if path is not None:
            say(f"🔑 The key that encrypts the blocks is in {path}, not beside them; a backup needs both")
            say("   A server that stays gets it when it is started by: make server")


def say_where_the_key_is(url: str) -> None:
    """Say how the key of the blocks gets out of their database, where both lie on this machine."""
    if is_loopback(urlsplit(url).hostname or ""):
        for finding in key_beside_blocks(local_database(), has_key=True):
            say(f"⚠  {finding.problem}. {finding.solution}: {finding.example}")


if __name__ == "__main__":
    sys.exit(main())
