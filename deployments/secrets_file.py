"""The git-ignored secrets file of one organization and environment, from which provision.py takes what a block gets."""

import difflib
import json
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from txo_core.environment import without_secrets
from txo_core.exceptions import ConfigurationError
from txo_core.paths import Dir, get_path
from txo_core.regular_files import TooLarge, read_regular
from txo_core.screen import say
from txo_core.settings.secret_names import FURTHER_NAME, SECRET_NAMES
from txo_core.settings.secret_problems import shown
from txo_core.settings.sections import is_note

LARGEST = 2**20
"""Bytes of a secrets file."""
EXAMPLE = '{\n  "client-secret": "..."\n}'


def from_file(org_id: str, env_type: str, further: Sequence[str] = ()) -> dict[str, str]:
    """Return what the secrets file has, which need not exist, by name; `further` are the names that are declared."""
    path = get_path(Dir.CONFIG, f"{org_id}-{env_type}-config-secrets.json", ensure_parent=False)
    if not path.exists():
        return {}
    check_place(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        say(f"⚠  {path.name} can be read by other users of this machine; better: chmod 600 config/{path.name}")
    found: dict[str, str] = {}
    for key, value in read_object(path):
        if is_note(key):
            continue
        name = known_name(key, path, further)
        if name in found:
            raise ConfigurationError(
                f"{path.name} has {name.replace('_', '-')} twice", "Keep the one that holds", EXAMPLE
            )
        found[name] = text(key, value, path)
    return found


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


def read_object(path: Path) -> list[tuple[str, Any]]:
    """Return the pairs of the JSON object in the file; an error names the place, never what stands there."""
    try:
        data = json.loads(read_regular(path, LARGEST).decode("utf-8-sig"), object_pairs_hook=Pairs)
    except json.JSONDecodeError as error:
        problem = f"{path.name} is not valid JSON: line {error.lineno}, column {error.colno}"
        raise ConfigurationError(
            problem, "Correct it; a comma after the last entry is the usual cause", EXAMPLE
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name} cannot be read: it is not UTF-8", "Save it as UTF-8") from None
    except (OSError, TooLarge) as error:
        reason = error.strerror if isinstance(error, OSError) else "it has more than 1 MiB"
        raise ConfigurationError(f"{path.name} cannot be read: {reason}", "Put a file in its place", EXAMPLE) from None
    except (ValueError, RecursionError):
        problem = f"{path.name} is not valid JSON: a number is too long or the nesting too deep"
        raise ConfigurationError(problem, "Give each name a text", EXAMPLE) from None
    if not isinstance(data, Pairs):
        raise ConfigurationError(f"{path.name} holds no JSON object", "Write names and values in braces", EXAMPLE)
    return data


class Pairs(list[tuple[str, Any]]):
    """A JSON object with every pair that it has, so that none is lost where a key stands twice."""


def known_name(key: str, path: Path, further: Sequence[str] = ()) -> str:
    """Return the name of the secret for a key of the file; an unknown key is an error with the nearest known one."""
    name = key.replace("-", "_").lower()
    if name in SECRET_NAMES:
        return name
    if key in further:
        return key
    known = [*(secret.replace("_", "-") for secret in SECRET_NAMES), *further]
    near = difflib.get_close_matches(key.replace("_", "-").lower(), known, 1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    more = "; another one is named in global.further-secrets first" if FURTHER_NAME.fullmatch(key) else ""
    raise ConfigurationError(
        f"{path.name} has a key that is not known: {shown(key)!r}", f"{hint}There are: {', '.join(known)}{more}"
    )


def text(key: str, value: Any, path: Path) -> str:
    """Return the value, which has to be a text with something in it."""
    if isinstance(value, str) and value.strip():
        return value
    raise ConfigurationError(
        f"{path.name}: {key!r} is empty or not a text", "Write the value in quotes, or leave it out"
    )
