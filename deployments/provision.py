"""Save the credentials of one organization and environment as a Prefect block.

Usage:
    python deployments/provision.py <org_id> <env_type>

The values come from the environment (TXO_TXO_PROD_CLIENT_SECRET=...), then from the git-ignored secrets file
(config/txo-prod-config-secrets.json), then, where neither has any, from a prompt. Running it again changes nothing
that is already right. No value is ever shown, and none is taken from the command line, where every user of the
machine could read it.
"""

import argparse
import difflib
import getpass
import inspect
import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from txo_core.environment import secret_from_environment, without_secrets
from txo_core.exceptions import ConfigurationError, TxoError
from txo_core.interrupts import EXIT_INTERRUPTED
from txo_core.logger import configure
from txo_core.paths import Dir, check_ids, get_path
from txo_core.redaction import register_secret
from txo_core.runs.server_checks import is_loopback, key_beside_blocks, local_database
from txo_core.screen import exit_code_of, helpful, say, show_error
from txo_core.script_runner import HelpfulParser, run_place, server_at_hand
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
        with run_place():
            say(save(f"{arguments.org_id}-{arguments.env_type}", found))
        if arguments.org_id != "demo":
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
    found = from_file(org_id, env_type)
    for name in SECRET_NAMES:
        value = secret_from_environment(org_id, env_type, name)
        if value:
            found[name] = value
    found = found or from_prompt(org_id, env_type)
    for value in found.values():
        register_secret(value)
    return found


def from_file(org_id: str, env_type: str) -> dict[str, str]:
    """Return what the secrets file has, which need not exist."""
    path = get_path(Dir.CONFIG, f"{org_id}-{env_type}-config-secrets.json", ensure_parent=False)
    if not path.exists():
        return {}
    check_place(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        say(f"⚠  {path.name} can be read by other users of this machine; better: chmod 600 config/{path.name}")
    return {known_name(key, path): text(key, value, path) for key, value in read_object(path).items()}


def check_place(path: Path) -> None:
    """Refuse a secrets file that git has taken up, and warn of one that it would: what git knows, it never forgets."""
    if git(path, "ls-files", "--error-unmatch"):
        raise ConfigurationError(
            f"{path.name} is under version control, where everyone who has the repository can read it",
            "Take it out, add *-secrets.json to .gitignore, and have the secrets in it replaced by new ones",
            f"git rm --cached config/{path.name}",
        )
    if git(path, "rev-parse", "--is-inside-work-tree", name=False) and not git(path, "check-ignore", "--quiet"):
        say(f"⚠  git does not ignore {path.name}; add *-secrets.json to .gitignore before the next commit")


def git(path: Path, *words: str, name: bool = True) -> bool:
    """Tell whether git says yes to a question about a file; no where there is no git."""
    program = shutil.which("git")
    if program is None:
        return False
    command = [program, *words, *(["--", path.name] if name else [])]
    environment = {key: value for key, value in without_secrets().items() if not key.startswith("GIT_")}
    asked = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True)  # noqa: S603 - our own words
    return asked.returncode == 0


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in the file; an error names the place, never what stands there."""
    example = '{\n  "client-secret": "..."\n}'
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        problem = f"{path.name} is not valid JSON: line {error.lineno}, column {error.colno}"
        raise ConfigurationError(
            problem, "Correct it; a comma after the last entry is the usual cause", example
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read ({type(error).__name__})", "Save it as UTF-8") from None
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path.name} holds no JSON object", "Write names and values in braces", example)
    return data


def known_name(key: str, path: Path) -> str:
    """Return the block's field for a key of the file; an unknown key is an error with the nearest known one."""
    name = key.replace("-", "_").lower()
    if name in SECRET_NAMES:
        return name
    near = difflib.get_close_matches(name, SECRET_NAMES, 1)
    hint = f"Did you mean '{near[0].replace('_', '-')}'? " if near else ""
    known = ", ".join(secret.replace("_", "-") for secret in SECRET_NAMES)
    raise ConfigurationError(f"{path.name} has a key that is not known: {key!r}", f"{hint}There are: {known}")


def text(key: str, value: Any, path: Path) -> str:
    """Return the value, which has to be a text with something in it."""
    if isinstance(value, str) and value.strip():
        return value
    raise ConfigurationError(
        f"{path.name}: {key!r} is empty or not a text", "Write the value in quotes, or leave it out"
    )


def from_prompt(org_id: str, env_type: str) -> dict[str, str]:
    """Ask for each value without showing it; without a person at the screen, say where values may come from."""
    name = f"{org_id}-{env_type}"
    if not sys.stdin.isatty():
        variable = f"TXO_{name.upper().replace('-', '_')}_CLIENT_SECRET"
        raise ConfigurationError(
            f"There are no secrets for {name}: no file config/{name}-config-secrets.json, no variable {variable}",
            "Write the file, set the variable, or run this at a terminal, where it asks",
            f'echo \'{{"client-secret": "..."}}\' > config/{name}-config-secrets.json',
        )
    say(f"Secrets of {name}; press Enter for what its API does not need. Nothing that you type is shown.")
    answers = {secret: getpass.getpass(f"  {secret.replace('_', '-')}: ") for secret in SECRET_NAMES}
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


def say_where_the_key_is(url: str | None) -> None:
    """Say how the key of the blocks gets out of their database, where both lie on this machine."""
    if url is None or is_loopback(urlsplit(url).hostname or ""):
        for finding in key_beside_blocks(local_database(), has_key=True):
            say(f"⚠  {finding.problem}. {finding.solution}: {finding.example}")


if __name__ == "__main__":
    sys.exit(main())
