"""Secrets that stand behind their names: in code, JSON, XML, YAML, forms, headers, tables, options and sentences.

All of them are a name, something between, and a value, in quotes or not. The search goes over the text in small
letters, since that costs a tenth of one that ignores case.
"""

import re
from dataclasses import dataclass

from txo_core.masking.grammar import (
    ARROWS,
    BLOCK,
    FIELD_BEFORE,
    IN_TAG,
    INPUT,
    KEY_AFTER,
    OPENING,
    PAIR,
    PLAIN,
    SCHEME,
    TAG_BEFORE,
    TIGHT,
)
from txo_core.masking.names import Telling, telling
from txo_core.masking.values import (
    has_digit,
    is_address,
    is_blank,
    is_code,
    is_file_name,
    is_passwordlike,
    is_random,
    is_sentence,
    is_status,
)

Span = tuple[int, int]
LONGEST_NAME = 40
LONGEST_QUOTED = 8192
PASSWORDS = ("password", "passwd", "pwd", "passphrase", "secret", "lösenord")


@dataclass(slots=True)
class Pair:
    """A name, what stands between it and its value, and where that value begins.

    `tight` says that nothing but a sign is between them, `strict` that the value might be the next word of a sentence,
    and `said` that nothing but words is between them.
    """

    text: str
    start: int
    name: str
    tells: Telling
    link: str
    at: int
    tight: bool
    strict: bool = False

    @property
    def said(self) -> bool:
        """Whether a person speaks here, as in `the password is ...`."""
        return not self.link or self.link[0].isalpha()


def spans_of_pairs(text: str, lowered: str) -> list[Span]:
    """Return where the values are that belong to telling names."""
    found: list[Span] = []
    at = 0
    while match := PAIR.search(lowered, at):
        at = match.end("name")
        start = _start_of(text, match.start())
        name = text[start:at]
        tells = telling(name)
        if tells is Telling.NOTHING:
            continue
        link = match["link"]
        span = _value_of(Pair(text, start, name, tells, link.strip(), match.end(), link in TIGHT))
        if span:
            found.append(span)
            at = max(at, span[1])
    return found + _refused_inputs(text) if "input" in lowered else found


def _refused_inputs(text: str) -> list[Span]:
    """Return where the values are that a validation did not accept, for fields with telling names."""
    found = []
    for match in INPUT.finditer(text):
        field = FIELD_BEFORE.search(text, max(0, match.start() - 500), match.start())
        name = re.split(r"[.,']+", (field["line"] or field["loc"]).rstrip("', "))[-1].strip() if field else ""
        if telling(name) is Telling.CERTAIN:
            pair = Pair(text, match.start(), name, Telling.CERTAIN, match["link"], match.end(), True)
            found.append(_value_of(pair))
    return [span for span in found if span]


def _start_of(text: str, at: int) -> int:
    """Return where the name begins of which a telling part begins here."""
    least = max(0, at - LONGEST_NAME)
    while at > least and (text[at - 1].isalnum() or text[at - 1] in "_-."):
        at -= 1
    return at


def _value_of(pair: Pair) -> Span | None:
    link = pair.link
    if link.endswith((">", "&gt;", "u003e")) and not link.endswith(ARROWS):
        return _in_tag(pair)
    opening = OPENING.match(pair.text, pair.at)
    if not opening:
        return None if link in (",", "(") else _plain(pair)
    span = _quoted(pair.text, opening.end(), opening["quote"])
    if not span or KEY_AFTER.match(pair.text, span[1]):
        return None
    in_prose = opening["quote"] == "`"
    doubtful = in_prose or link in ("", ",", "(", "|") or opening["bracket"] in ("(", "[")
    pair.strict = doubtful and not pair.name.startswith("-")
    return span if _is_secret(pair, span, quoted=not in_prose) else None


def _in_tag(pair: Pair) -> Span | None:
    """Return where the text of an element is, if the name is that of the element or one that it has."""
    text = pair.text
    match = IN_TAG.match(text, pair.at)
    value = match[1].rstrip() if match else ""
    if not match or not value or not TAG_BEFORE.search(text, max(0, pair.start - 128), pair.start):
        return None
    start = match.start(1)
    span = (start, start + len(value.removesuffix("]]>").rstrip()))
    return span if _is_secret(pair, span, quoted=True) else None


def _quoted(text: str, start: int, quote: str) -> Span | None:
    """Return where the value is that begins behind a quote here, whatever the depth of its escaping."""
    mark = quote.lstrip("\\")
    depth = len(quote) - len(mark)
    place, limit = start, min(len(text), start + LONGEST_QUOTED)
    while (place := text.find(mark, place, limit)) >= 0:
        slashes = place
        while slashes > start and text[slashes - 1] == "\\":
            slashes -= 1
        if len(mark) > 1 or (place - slashes) % (2 * depth + 2) == depth:
            return start, place - depth
        place += len(mark)
    match = PLAIN.match(text, start)
    return (start, match.end()) if match else None


def _plain(pair: Pair) -> Span | None:
    """Return where the value is that has no quotes."""
    text, at = pair.text, pair.at
    block = BLOCK.match(text, at)
    at = block.end() if block else at
    while at < len(text) and text[at] in " \t":
        at += 1
    if pair.name.lower().endswith("authorization") and (scheme := SCHEME.match(text, at)):
        at = scheme.end()
    match = PLAIN.match(text, at)
    end = match.end() if match else at
    while end > at and text[end - 1] in ".,;:" and (end == len(text) or text[end].isspace()):
        end -= 1
    marked = block is not None and bool(block["mark"])
    pair.strict = not (marked or pair.link in ("=", ":=") or _is_line(pair, end))
    return (at, end) if end > at and _is_secret(pair, (at, end), quoted=False) else None


def _is_line(pair: Pair, end: int) -> bool:
    """Tell whether a password and its name are all that there is on a line, as in YAML."""
    text, start = pair.text, pair.start
    while start and text[start - 1] in " \t-":
        start -= 1
    alone = (not start or text[start - 1] == "\n") and (end == len(text) or text[end] in "\r\n")
    return alone and pair.link == ":" and pair.name.lower().endswith(PASSWORDS)


def _is_secret(pair: Pair, span: Span, *, quoted: bool) -> bool:
    """Tell whether what stands behind the name is its secret."""
    value = pair.text[span[0] : span[1]]
    if is_blank(value) or is_sentence(value) or is_address(value) or (not quoted and is_code(value)):
        return False
    if is_status(value) and not (quoted and pair.tells is Telling.CERTAIN):
        return False
    if pair.tells < Telling.CERTAIN:
        return not pair.said and _is_proof(pair, value)
    if value.isdigit():
        return len(value) >= 4 and not pair.said and not pair.name.lower().endswith("s")
    if pair.strict and is_file_name(value):
        return False
    if pair.strict and not has_digit(value):
        return is_random(value) or (not pair.said and is_passwordlike(value) and not _is_name(value, pair))
    return (quoted and not pair.strict) or not _is_name(value, pair)


def _is_proof(pair: Pair, value: str) -> bool:
    """Tell whether the value of a name such as `key`, `auth` or `pin` is more than a plain word."""
    if pair.tells is Telling.MAYBE:
        return is_random(value)
    if value.isdigit():
        return 4 <= len(value) <= 8 and pair.name.lower().endswith(("otp", "pin", "cvv"))
    return is_random(value, 12) if pair.strict else is_passwordlike(value)


def _is_name(value: str, pair: Pair) -> bool:
    """Tell whether a value only names a secret, as `var.db_password` does."""
    if has_digit(value) or telling(value) is not Telling.CERTAIN:
        return False
    return "." in value or "_" in value or (not pair.tight and ("-" in value or value.isidentifier()))
