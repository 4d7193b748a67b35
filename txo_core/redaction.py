"""One pure redactor: known secrets by value, unknown ones by the names, places and shapes they come with.

It takes linear time, and changes nothing more when it is asked again. What it looks for stands in the rooms of
`masking`, each of which returns places in the text; here they become masks.
"""

import logging
import re
import threading
from collections.abc import Iterable

from txo_core.masking.grammar import HINTS
from txo_core.masking.known_values import KnownValues, encodings, is_maskable
from txo_core.masking.pairs import spans_of_pairs
from txo_core.masking.places import spans_of_places
from txo_core.masking.shapes import spans_of_jwts, spans_of_shapes

__all__ = [
    "MASK",
    "MASK_OF_JWT",
    "Redactor",
    "encodings",
    "holds_known_secret",
    "known_values",
    "redact",
    "redact_known",
    "register_secret",
]

MASK = "[REDACTED]"
MASK_OF_JWT = "[REDACTED_JWT]"
MORE_ROUNDS = 3
LONGEST_RECORD = 64 * 1024
SHORTEST_REPEATED = 8
MOST_REPEATED = 8
Span = tuple[int, int]


class Redactor:
    """A function from text to text without secrets: masks the values it was given, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._known = KnownValues(secret for secret in secrets if is_maskable(secret))

    def register(self, secret: str) -> bool:
        """Mask this value from now on, in each of its encodings; False if it is too short or too common for that.

        Readers take no lock: they see the index of before or of after.
        """
        if not is_maskable(secret):
            return False
        with self._lock:
            if secret not in self._known.values:
                self._known = KnownValues([secret], self._known)
        return True

    def knows(self, text: str) -> bool:
        """Tell whether a text holds one of the values, in whatever form; how it looks otherwise does not count."""
        return bool(self._known.spans(text))

    def known_only(self, text: str) -> str:
        """Return the text without the values; what only looks like a secret stays, since it may be data."""
        found = self._known.spans(text)
        return _with_masks(text, found, []) if found else text

    def __call__(self, text: str) -> str:
        """Return the text with every secret masked; whatever is no text comes back as its text."""
        text = text if isinstance(text, str) else str(text)
        masked = _without_secrets(text, self._known.spans(text))
        # What a mask leaves may read differently. A text so long that no log takes it is not looked at again.
        for _ in range(MORE_ROUNDS if len(text) <= LONGEST_RECORD else 0):
            if masked == text:
                break
            text, masked = masked, _without_secrets(masked, [])
        return masked


def _without_secrets(text: str, known: list[Span]) -> str:
    """Return the text without what is known to be a secret, and without what looks like one."""
    lowered = text.lower() if text.isascii() else _lowered(text)
    hinted = _is_hinted(lowered)
    found = spans_of_pairs(text, lowered) if hinted else []
    found += spans_of_places(text, lowered, hinted)
    found += spans_of_shapes(text)
    tokens = spans_of_jwts(text)
    if not (found or tokens or known):
        return text
    return _with_masks(text, known + found + tokens + _repeated(text, found), tokens)


def _lowered(text: str) -> str:
    """Return the text in small letters, each at the place of its capital."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(map(_small, text))


def _small(char: str) -> str:
    lowered = char.lower()
    return lowered if len(lowered) == 1 else char


def _is_hinted(lowered: str) -> bool:
    for hint in HINTS:  # noqa: SIM110 - any() and a regular expression take twice as long
        if hint in lowered:
            return True
    return False


def _repeated(text: str, found: list[Span]) -> list[Span]:
    """Return where a value that was found by its name or place stands once more, without them."""
    values = {text[start:end] for start, end in found[:MOST_REPEATED] if end - start >= SHORTEST_REPEATED}
    distinct = [value for value in values if any(map(str.isdigit, value)) and any(map(str.isalpha, value))]
    again = [(value, text.count(value)) for value in distinct]
    return [match.span() for value, times in again if times > 1 for match in re.finditer(re.escape(value), text)]


def _with_masks(text: str, found: list[Span], tokens: list[Span]) -> str:
    """Return the text with a mask in place of each span; those that overlap or touch share one."""
    parts: list[str] = []
    found.sort()
    at, (start, end) = 0, found[0]
    for span in [*found[1:], (len(text) + 1, 0)]:
        if span[0] <= end:
            end = max(end, span[1])
            continue
        parts += (text[at:start], MASK_OF_JWT if (start, end) in tokens else MASK)
        at, (start, end) = end, span
    return "".join(parts) + text[at:]


_redactor = Redactor()
_refused: set[int] = set()


def redact(text: str) -> str:
    """Return the text without the secrets that this process knows, and without what looks like one."""
    return _redactor(text)


def redact_known(text: str) -> str:
    """Return the text without the secrets that this process knows; for data, which is not to change otherwise."""
    return _redactor.known_only(text)


def holds_known_secret(text: str) -> bool:
    """Tell whether a text holds a secret that this process knows; what only looks like one does not count."""
    return _redactor.knows(text)


def known_values() -> KnownValues:
    """Return the index of the secrets that this process knows; it is another one as soon as one more is known."""
    return _redactor._known


def register_secret(value: str) -> None:
    """Let this value be masked wherever it appears from now on. Call it as soon as a secret is in the process.

    A value under 6 characters, or a common word, is masked only where its name or place tells; a warning says so once.
    """
    if _redactor.register(value) or not value or not isinstance(value, str) or hash(value) in _refused:
        return
    _refused.add(hash(value))
    logging.getLogger(__name__).warning(
        "A secret is so short or so common that it cannot be masked by its value: give it 6 characters or more"
    )
