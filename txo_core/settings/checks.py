"""What a configuration may not hold: mistyped keys, secrets, and addresses that are none. Pure functions."""

import math
import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import urlsplit

from txo_core.settings.secrets import SECRETS_BELONG, looks_like_a_secret, url_secret_problem

EXACT_LENGTH = 5
LENIENT_LENGTH = 14


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


def value_problem(value: Any) -> str | None:
    """Return what no value anywhere in a configuration may be, as the end of a sentence; None if it is fine."""
    if isinstance(value, float) and not math.isfinite(value):
        return "should be a finite number; NaN and Infinity are not JSON"
    if not isinstance(value, str):
        return None
    if value.lower().startswith(("http://", "https://")) and (problem := url_secret_problem(value)):
        return problem
    return f"holds a token, a private key or a password; it {SECRETS_BELONG}" if looks_like_a_secret(value) else None
