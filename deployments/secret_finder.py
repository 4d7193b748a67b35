"""What in a text looks like a secret that somebody has pasted, by the redactor's own eyes."""

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise

from txo_core.masking.values import is_address, is_file_name, is_passwordlike, is_random
from txo_core.redaction import MASK, Redactor

LONGEST_LINE = 8_000
OVERLAP = 600
"""Characters that the pieces of a longer line have in common, so that nothing is cut in two."""
SHORTEST_PASSWORD = 8

_RUN = re.compile(r"[A-Za-z0-9_.~+/=!@#$%^&*-]{12,512}")
_PRIVATE_KEY = re.compile(
    r"""-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\n|["',+]){1,20}(?P<body>[A-Za-z0-9+/=]{40,512})"""
    r"""|PuTTY-User-Key-File-\d(?s:.{0,2000}?)Private-Lines: \d+\s{1,20}(?P<putty>[A-Za-z0-9+/=]{40,512})"""
)
_SAYS_SO = re.compile(
    r"made.?up|(?<![\w.-])examples?(?!\w|\.com|\.org|\.net)|placeholder|not-a-real|dummy|fake|hunter2", re.IGNORECASE
)
"""Words by which a line says that what stands in it is made up; the name of a host says nothing."""
_FILLED_IN_LATER = re.compile(r"x{4,}|\{\w*\}|0{8}|1234567890|your-|example", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_BEFORE = re.compile(
    r"(?:[:=>]\s{0,4}[\"']?|\s-p|(?:-u|--user)[ =]?[\"']?[^\s:]{1,40}:|://[^\s/:@]{1,40}:)\Z", re.IGNORECASE
)
_NO_PASSWORD = re.compile(r"[\s{}()\[\]<>]|[a-z]+=")


def private_keys(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and hash of each private key."""
    for match in _PRIVATE_KEY.finditer(text) if "PRIVATE KEY" in text or "PuTTY" in text else ():
        yield text.count("\n", 0, match.start()) + 1, digest_of(match["body"] or match["putty"])


def pieces(line: str) -> Iterator[str]:
    """Yield a line in pieces that are short enough to look at, each beginning a little before the end of the last."""
    for start in range(0, max(1, len(line) - OVERLAP), LONGEST_LINE - OVERLAP):
        yield line[start : start + LONGEST_LINE]


def suspects(line: str, redact: Redactor) -> Iterator[str]:
    """Yield the hashes of what the redactor takes out of a line: what dice seem to have made, and named passwords.

    A line of ordinary length may say that it is made up.
    """
    if len(line) < LONGEST_LINE // 10 and _SAYS_SO.search(line):
        return
    clean = redact(line)
    if clean == line:
        return
    for run in _RUN.findall(line):
        parts = (run, run.rpartition("=")[2])
        if run not in clean and any(is_random(part, 12) for part in parts) and not _FILLED_IN_LATER.search(run):
            yield digest_of(run)
    for text in _named(line, clean):
        yield digest_of(text)


def _named(line: str, clean: str) -> Iterator[str]:
    """Yield what was taken out behind a name and looks like a password that somebody has thought of, or a GUID."""
    rest, at = clean.split(MASK), 0
    for before, after in pairwise(rest):
        start = line.find(before, at) + len(before)
        at = line.find(after, start) if after else len(line)
        text = line[start:at].strip("\"'")
        if start >= len(before) and _BEFORE.search(before[-60:]) and _is_password(text):
            yield text


def _is_password(text: str) -> bool:
    if _GUID.fullmatch(text):
        return not _FILLED_IN_LATER.search(text) and len(set(text)) > 8
    if len(text) < SHORTEST_PASSWORD or _NO_PASSWORD.search(text) or _FILLED_IN_LATER.search(text):
        return False
    if _SAYS_SO.search(text) or is_address(text) or is_file_name(text):
        return False
    return is_passwordlike(text) and any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def digest_of(text: str) -> str:
    """Return what stands for a text in the list of what is made up."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
