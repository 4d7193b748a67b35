"""The secrets that stand in a configuration, each with its place and where it belongs, without a single value."""

from collections.abc import Iterator, Mapping
from typing import Any

from txo_core.settings.checks import value_problem
from txo_core.settings.secrets import (
    SECRETS_BELONG,
    holds_a_secret,
    is_key,
    is_pair_with_a_secret,
    looks_like_a_secret,
)
from txo_core.settings.sections import KeyPath, Problem, dotted, is_framework_key, is_note

HIDDEN = "(a secret)"
ABOUT_SECRETS = (
    "Save secrets in the block with the command below: it asks for them, or takes them from the git-ignored file"
    " config/{}-config-secrets.json; the block has client-secret, az-token, api-key, username and password, and what"
    ' global.further-secrets names (["sftp-password"]), which a script gets with config.secret("sftp-password")'
)


def secret_problems(value: Any, path: KeyPath) -> Iterator[Problem]:
    """Yield the secrets of a configuration, by the names of their keys and the look of keys and values."""
    if isinstance(value, Mapping):
        parent = " ".join(part for part in path[-2:] if isinstance(part, str))
        for key, item in value.items():
            free = not is_framework_key((*path, key)) and not is_note(key)
            if shown(key) == HIDDEN:
                yield (*path, key), f"is a token or a password in the place of a key; it {SECRETS_BELONG}"
            elif free and holds_a_secret(key, item, parent, value):
                yield (*path, key), f"looks like a secret; it {SECRETS_BELONG}"
            else:
                yield from secret_problems(item, (*path, key))
    elif isinstance(value, list | tuple):
        if is_pair_with_a_secret(list(value)):
            yield (*path, 1), f"looks like a secret; it {SECRETS_BELONG}"
            return
        for number, item in enumerate(value):
            yield from secret_problems(item, (*path, number))
    elif sentence := value_problem(value):
        yield path, sentence
    elif isinstance(value, str) and not is_framework_key(path) and is_key(value, dotted(path)):
        yield path, f"looks like a key; it {SECRETS_BELONG}; if it names something, let its key end in -id"


def shown(part: str | int) -> str | int:
    """Return a part of a path, unless somebody wrote a secret where the key belongs."""
    return HIDDEN if isinstance(part, str) and (looks_like_a_secret(part) or is_key(part)) else part
