"""Names that every disk takes for a name and nothing else, and a name for any text that an API hands out."""

import hashlib
import re
import unicodedata
from pathlib import PurePath

LONGEST = 255
"""Bytes of a name: more no usual disk takes."""
KEPT = 100
"""Characters of a text that its name keeps."""

_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)
_SLASH_LIKE = "\u2044\u2215\u2571\u27cb\u29f8\u29f5\u2216\u29f9\ufe68\uff0f\uff3c\u2024\u2025\ufe52\uff0e"
_DIRECTIONS = "\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BLANKS = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u2060-\u2065\u206a-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb"
)
_TAGS = "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_UNSEEN = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_DIRECTIONS}{_BLANKS}{_TAGS}]")
_KEPT_WHOLE = re.compile(r"[A-Z0-9][A-Z0-9_-]*(?<!-[0-9A-Z]{12})")
_NOT_IN_NAMES = re.compile(rf'[<>:"/\\|?*{_SLASH_LIKE}]|{_UNSEEN.pattern}')


def name_problem(part: str) -> str | None:
    """Return what is wrong with one part of a path, as the end of a sentence; None if it is a name on every disk.

    Refused is what some disk or program takes for something else: control characters and line breaks, signs that
    merely look like a slash or a dot, a backslash, a colon, the devices of Windows, a dot or space at the end.
    """
    if _UNSEEN.search(part):
        return "has a line break or another character in it that cannot be seen"
    plain = unicodedata.normalize("NFKC", part)
    if ("/" in plain and "/" not in part) or any(sign in part for sign in _SLASH_LIKE):
        return "has a sign in it that only looks like a slash or a dot"
    if set(part) & set("\\/") or set(plain) & set("\\"):
        return "has a slash or backslash in it, which ends the name of a folder"
    if ":" in plain:
        return "has a colon in it, which other disks take for a drive or a hidden stream"
    if set(plain) & set('<>"|?*'):
        return 'has one of < > " | ? * in it, which other disks refuse'
    if part != part.rstrip(". ") or plain in {".", ".."}:
        return "ends in a dot or a space, which other disks leave out"
    if plain.partition(".")[0].strip().lower() in _DEVICES:
        return "is the name of a device on Windows"
    return None


def file_name(text: object, suffix: str = "") -> str:
    """Return a name for any text, such as a customer's from an API; two texts never share one.

    `file_name("ACME / Oslo", ".json")` is `ACME - Oslo-cf6b101db3a9.json`: what had to be changed or cut, or has small
    letters, which some disks take for capitals, is told apart by digits of its hash. `C0001` is kept: `C0001.json`.
    """
    given = str(text)
    stem = _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", given))[:KEPT].strip(". ")
    if stem == given and _KEPT_WHOLE.fullmatch(stem) and not name_problem(stem):
        return f"{stem}{suffix}"
    if not stem or name_problem(stem):
        stem = f"file-{stem}".rstrip("-. ")
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_within(stem, LONGEST - len(suffix.encode()) - 13)}-{digest}{suffix}"


def split_suffix(name: str) -> tuple[str, str]:
    """Return a name without its suffix, and the suffix, which of packed files is both: `rows`, `.csv.gz`."""
    path = PurePath(name)
    suffix = path.suffix
    if suffix.lower() == ".gz":
        suffix = path.with_suffix("").suffix + suffix
    return name[: len(name) - len(suffix)], suffix


def with_number(name: str, number: int) -> str:
    """Return the name with a number before its suffix: `report-2.csv.gz`."""
    stem, suffix = split_suffix(name)
    return f"{stem}-{number}{suffix}"


def _within(text: str, size: int) -> str:
    """Return as much of a text as fits into so many bytes."""
    return text.encode()[:size].decode(errors="ignore").rstrip(". ")
