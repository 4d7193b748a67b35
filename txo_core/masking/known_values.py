"""Values that the process knows to be secret, found in any text in each form in which they turn up there.

Every form of 7 bytes and more holds a run of 4 bytes that begins at a multiple of 4 of the text, wherever it stands. So
a text is cut into its aligned runs, and one look into a set tells that none of any number of secrets is in it.
"""

import base64
import html
import json
import re
import shlex
import sys
import urllib.parse
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from xml.sax.saxutils import escape

from txo_core.masking.values import words

SHORTEST_VALUE = 6
RUN = 4
INDEXED = 2 * RUN - 1
Span = tuple[int, int]
Anchor = tuple[bytes, int, bool]

_LINE_BREAKS = {
    "\n": re.compile(r"[ \t]*\r?\n[ \t]*"),
    "\\n": re.compile(r"(?<!\\)(?:\\r)?\\n"),
}
"""A value may be broken over lines, also where the whole is shown as it stands in code."""
_COMMON = words("""
    access account address admin bearer business change changeme client company config customer customers database
    default deployment development disabled enabled endpoint environment example false guest integration invalid
    localhost master missing nothing number object order orders passw0rd passwd password password1 please postgres
    prefect private process production public report request required response result sandbox script secret secrets
    server service session staging status string success system tenant testing token tokens unknown update username
    users value values version warning welcome windows
""")


def is_maskable(value: object) -> bool:
    """Tell whether a value may be masked wherever it stands: a text of 6 characters or more, and no common word."""
    return isinstance(value, str) and len(value.strip()) >= SHORTEST_VALUE and value.strip().lower() not in _COMMON


def encodings(secret: str) -> set[str]:
    """Return the forms in which a value turns up in text: as it is, in JSON, URLs, XML, code, base64 and hex."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {secret, repr(secret)[1:-1], repr(raw)[2:-1], shlex.quote(secret).strip("'"), *_in_json(secret)}
    forms |= {escape(secret), escape(secret, {'"': "&quot;", "'": "&apos;"}), html.escape(secret)}
    forms |= {escape(secret, {'"': "&#34;", "'": "&#39;"}), escape(secret, {'"': "&#x22;", "'": "&#x27;"})}
    forms |= {_numeric(secret), secret.replace('"', '""'), secret.replace("'", "''"), secret.replace("\\", "\\\\")}
    forms |= {raw.hex(), raw.hex().upper(), raw.hex(":"), raw.hex(" ")}
    for form in (secret, *_in_json(secret)):
        forms |= _in_urls(form)
    return {form for form in forms | _in_base64(raw) if len(form) >= SHORTEST_VALUE}


def _in_json(secret: str) -> set[str]:
    once = {
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
    }
    twice = {json.dumps(form, ensure_ascii=False)[1:-1] for form in once} | {repr(form)[1:-1] for form in once}
    return once | twice | {json.dumps(form, ensure_ascii=False)[1:-1] for form in twice}


def _in_urls(text: str) -> set[str]:
    raw = text.encode("utf-8", "surrogatepass")
    once = {urllib.parse.quote(raw, safe=safe) for safe in ("/", "", "/:@!$&'()*+,;=~-._", "~()*!.'")}
    once |= {urllib.parse.quote_plus(raw), "".join(f"%{byte:02X}" for byte in raw)}
    twice = {urllib.parse.quote(form, safe="") for form in once}
    lower = {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in once | twice}
    return once | twice | lower


def _in_base64(raw: bytes) -> set[str]:
    """Return what each of the three places in a longer text leaves of a value, whatever stands beside it."""
    forms: set[str] = set()
    for before in range(3):
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(b"\0" * before + raw).decode()[first:last])
    return forms


def _numeric(secret: str) -> str:
    return "".join(char if char.isascii() and char not in "<>&\"'" else f"&#{ord(char)};" for char in secret)


class KnownValues:
    """An index of values, never changed once made: `spans` tells where a text holds one of them in some form."""

    __slots__ = ("_index", "_runs", "_short", "values")

    def __init__(self, values: Iterable[str] = (), known: "KnownValues | None" = None) -> None:
        self._index: dict[int, tuple[Anchor, ...]] = dict(known._index) if known else {}
        self._short: frozenset[bytes] = known._short if known else frozenset()
        self.values: frozenset[str] = known.values if known else frozenset()
        for value in values:
            self._add(value)
        self._runs = frozenset(self._index)

    def _add(self, value: str) -> None:
        self.values |= {value}
        in_base64 = {form for part in _parts(value) for form in _in_base64(_raw(part))}
        for form in sorted({form for part in _parts(value) for form in encodings(part)}):
            raw = _raw(form)
            if len(raw) < INDEXED:
                self._short |= {raw}
                continue
            for place in range(RUN):
                offset = min(
                    range(place, len(raw) - RUN + 1, RUN)[-32:], key=lambda at: self._weight(raw[at : at + RUN])
                )
                run = int.from_bytes(raw[offset : offset + RUN], sys.byteorder)
                self._index[run] = (*self._index.get(run, ()), (raw, offset, form in in_base64))

    def _weight(self, run: bytes) -> tuple[int, bool]:
        """Return how ill a run of bytes tells one value from the others, and from ordinary text."""
        return len(self._index.get(int.from_bytes(run, sys.byteorder), ())), run.islower() or run.isdigit()

    def spans(self, text: str) -> list[Span]:
        """Return where the text holds a known value, also one that was broken over two lines."""
        if not self._index:
            return []
        found = self._found(text)
        for mark, line_break in _LINE_BREAKS.items():
            if mark in text:
                found += self._found_broken(text, line_break)
        return found

    def _found(self, text: str) -> list[Span]:
        raw = text.encode("utf-8", "surrogatepass")
        runs = memoryview(raw[: len(raw) & -RUN]).cast("I").tolist()
        found = [span for short in self._short if short in raw for span in _occurrences(raw, short)]
        hits = self._runs.intersection(runs)
        for place, run in [(place, run) for place, run in enumerate(runs) if run in hits] if hits else ():
            for form, offset, in_base64 in self._index[run]:
                start = RUN * place - offset
                if start >= 0 and raw.startswith(form, start):
                    end = start + len(form)
                    found.append(_with_edges(raw, start, end) if in_base64 else (start, end))
        return found if len(raw) == len(text) else _in_characters(raw, found)

    def _found_broken(self, text: str, line_break: re.Pattern[str]) -> list[Span]:
        """Find in the text without its line breaks, and return the places in the text with them."""
        breaks = [match.span() for match in line_break.finditer(text)]
        found = self._found(line_break.sub("", text))
        if not found:
            return []
        removed = [0, *accumulate(end - start for start, end in breaks)]
        places = [start - before for (start, _), before in zip(breaks, removed, strict=False)]
        return [
            (start + removed[bisect_right(places, start)], end + removed[bisect_left(places, end)])
            for start, end in found
        ]


def _parts(value: str) -> list[str]:
    """Return the value, and the lines of one that has several, since such a value is often printed line by line."""
    lines = [line.strip() for line in value.splitlines()]
    long = [line for line in lines if len(line) >= 16 and not line.startswith("-----")] if len(lines) > 1 else []
    return list(dict.fromkeys([value, value.strip(), *long]))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _occurrences(raw: bytes, form: bytes) -> list[Span]:
    return [(match.start(), match.end()) for match in re.finditer(re.escape(form), raw)]


def _with_edges(raw: bytes, start: int, end: int) -> Span:
    """Return the span with the characters at both ends that hold some bits of the value, and with the padding."""
    if start and raw[start - 1 : start].isalnum():
        start -= 1
    if raw[end : end + 1].isalnum():
        end += 1
    while raw[end : end + 1] == b"=":
        end += 1
    return start, end


def _in_characters(raw: bytes, found: list[Span]) -> list[Span]:
    """Return spans of bytes as spans of characters."""
    at, length, places = 0, 0, {}
    for place in sorted({place for span in found for place in span}):
        length += len(raw[at:place].decode("utf-8", "surrogatepass"))
        at = place
        places[place] = length
    return [(places[start], places[end]) for start, end in found]
