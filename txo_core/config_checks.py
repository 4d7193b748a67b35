"""What a configuration may not hold: mistyped keys, secrets, and addresses that are none. Pure functions."""

import math
import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SECRET_NAMES = ("client_secret", "az_token", "api_key", "username", "password")
SECRETS_BELONG = "belongs in the credentials block, or in the git-ignored secrets file of a local run, not here"
EXACT_LENGTH = 5
LENIENT_LENGTH = 14

_SECRET_NOUNS = frozenset(
    {"authorization", "bearer", "credential", "credentials", "jwt", "passcode", "passphrase", "passwd", "password"}
    | {"passwords", "pwd", "secret", "secrets", "token", "tokens"}
)
_KEY_KINDS = frozenset(
    {"access", "account", "api", "auth", "encryption", "function", "license", "master", "private", "secret", "shared"}
    | {"signing", "storage", "subscription"}
)
_QUALIFIERS = frozenset(
    {"base64", "current", "dev", "encoded", "hash", "new", "old", "primary", "prod", "raw", "secondary", "test"}
    | {"text", "value"}
)
_RUN_TOGETHER = re.compile(r"(apikey|passphrase|passwd|password|secret|token)$")
_PLURALS = frozenset({"tokens", "secrets", "passwords", "credentials"})
_SECRET_QUERY = frozenset({"code", "key", "sas", "sig", "signature"})
_TOKEN_VALUE = re.compile(r"\s*(Bearer\s+\S{8,}|eyJ[\w-]{8,}\.[\w-]+\.|-----BEGIN [A-Z ]*PRIVATE KEY)")


def near_miss(key: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that `key` is a slip of the fingers away from; None for an equal or a foreign key.

    A slip is another separator or case (`api_base_url`), or one letter too many, missing, wrong or swapped; two in
    names of 14 letters and more. Names under 5 letters are too short to tell.
    """
    names = list(names)
    plain = squeeze(key)
    if key in names or not plain:
        return None
    for name in names:
        target = squeeze(name)
        allowed = 0 if len(target) < EXACT_LENGTH else 1 if len(target) < LENIENT_LENGTH else 2
        if distance(plain, target) <= allowed:
            return name
    return None


def closest(key: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the one of `names` that looks most like `key`, if any does; for a hint, not for a refusal."""
    likeness = {name: SequenceMatcher(None, squeeze(key), squeeze(name)).ratio() for name in names}
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best is not None and likeness[best] >= cutoff else None


def squeeze(key: str) -> str:
    """Return the letters and digits of a key, in lower case: what stays when separators and case are forgotten."""
    return re.sub(r"[\W_]+", "", key).lower()


def distance(left: str, right: str) -> int:
    """Return how many letters to insert, drop, change or swap with their neighbour make `left` into `right`."""
    if abs(len(left) - len(right)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row = row, [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = previous
    return row[-1]


def words(key: str) -> list[str]:
    """Return the words of a key in any spelling: `clientSecret`, `client_secret` and `client-secret` give the same."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", key)
    return re.findall(r"[^\W_]+", spaced.lower())


def names_a_secret(key: str, value: Any = "") -> bool:
    """Tell whether a key says that its value is a secret.

    The last word decides: `client-secret` is one, `token-url`, `api-key-header` and `secret-name` only speak of one.
    Switches (`require-token: true`) and numbers in the plural (`max-tokens: 100`) are no secrets either.
    """
    parts = words(key)
    while len(parts) > 1 and (parts[-1] in _QUALIFIERS or parts[-1].isdigit()):
        parts.pop()
    if not parts or isinstance(value, bool):
        return False
    last = parts[-1].rstrip("0123456789") or parts[-1]
    if isinstance(value, int | float):
        return last not in _PLURALS and _is_secret_noun(parts, last)
    return _is_secret_noun(parts, last)


def _is_secret_noun(parts: list[str], last: str) -> bool:
    before = parts[-2] if len(parts) > 1 else ""
    return (
        last in _SECRET_NOUNS
        or _RUN_TOGETHER.search(last) is not None
        or (last in {"key", "keys"} and before in _KEY_KINDS)
        or (before, last) == ("connection", "string")
    )


def looks_like_a_token(value: str) -> bool:
    """Tell whether a text is a bearer token, a JWT or a private key, whatever its key is called."""
    return _TOKEN_VALUE.match(value) is not None


def url_problem(value: str) -> str | None:
    """Return what is wrong with an address, as the end of a sentence that begins with its key; None if nothing is."""
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        return "should be a URL, it has a space, a line break or a control character in it"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "should be a URL, its host or port cannot be read"
    if parts.scheme.lower() not in {"http", "https"}:
        return "should be a URL that starts with https:// (or http://)"
    if not host:
        return "should be a URL with a host name"
    return url_secret_problem(value)


def url_secret_problem(value: str) -> str | None:
    """Return what an address gives away: a user name or password before the host, or a secret in the query."""
    try:
        parts = urlsplit(value)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return None
    if "@" in parts.netloc:
        return f"has a user name or password in the URL; it {SECRETS_BELONG}"
    if any(names_a_secret(name) or name.lower() in _SECRET_QUERY for name, _ in query):
        return f"has a secret in the query of the URL; it {SECRETS_BELONG}"
    return None


def value_problem(value: Any) -> str | None:
    """Return what no value anywhere in a configuration may be, as the end of a sentence; None if it is fine."""
    if isinstance(value, float) and not math.isfinite(value):
        return "should be a finite number; NaN and Infinity are not JSON"
    if not isinstance(value, str):
        return None
    if looks_like_a_token(value):
        return f"holds a token or a private key; it {SECRETS_BELONG}"
    return url_secret_problem(value) if value.lower().startswith(("http://", "https://")) else None
