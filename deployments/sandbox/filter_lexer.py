"""The tokens of a `$filter` expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import ApiProblem, bad_request

PATTERNS = {
    "guid": r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}(?![\w-])",
    "datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)?(?![\w:])",
    "date": r"\d{4}-\d\d-\d\d(?![\w-])",
    "number": r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|-?INF\b|NaN\b",
    "string": r"'(?:[^']|'')*'",
    "word": r"[A-Za-z_]\w*",
    "mark": r"[(),]",
    "space": r" +",
}
TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PATTERNS.items()), re.ASCII)
MAX_TOKENS = 20_000


@dataclass(frozen=True)
class Token:
    """One token: its kind, its text and where it begins."""

    kind: str
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """The tokens without spaces. Raises ApiProblem 400 at a character that begins none, or for a missing space."""
    tokens: list[Token] = []
    at, touching = 0, False
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise syntax_error(f"unexpected character '{text[at]}'", at)
        kind = str(match.lastgroup)
        if kind != "space":
            if touching and kind != "mark" and tokens[-1].kind != "mark":
                raise syntax_error("a space is missing", at)
            tokens.append(Token(kind, match[0], at))
        touching = kind != "space"
        at = match.end()
    if len(tokens) > MAX_TOKENS:
        raise syntax_error("the expression is too long", MAX_TOKENS)
    return tokens


def syntax_error(what: str, at: int) -> ApiProblem:
    """A 400 that says what is wrong and where."""
    message = f"Syntax error in $filter: {what} at position {at}."
    return bad_request(message, "$filter", "BadRequest_InvalidFilter")
