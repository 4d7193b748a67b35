"""One pure redactor: known secrets by value, unknown ones by the names and shapes they come with."""

import base64
import json
import re
import threading
import urllib.parse
from collections.abc import Iterable
from xml.sax.saxutils import escape

MASK = "[REDACTED]"
SHORTEST_VALUE = 6

_NAMES = (
    r"(?:secret|token|passwords?|passwd|pwd|passphrase|authorization"
    r"|(?:api|access|account|private|shared|primary|secondary)[-_]?key)"
)
# Each pattern begins with a literal or after a boundary, and repeats only within bounds: linear in the text.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]{4,}+){1,4}"), "[REDACTED_JWT]"),
    (re.compile(r"(?i)\b(bearer|basic)(\s{1,8})(?!\[REDACTED)[A-Za-z0-9._~+/=-]{8,}"), rf"\1\2{MASK}"),
    (re.compile(rf"(?i)({_NAMES}[\"']\s{{0,8}}[:=]\s{{0,8}})\"(?!\.\.\.\")(?:[^\"\\]|\\.)*+\""), rf'\1"{MASK}"'),
    (re.compile(rf"(?i)({_NAMES}[\"']\s{{0,8}}[:=]\s{{0,8}})'(?:[^'\\]|\\.)*+'"), rf"\1'{MASK}'"),
    (re.compile(rf"(?i)({_NAMES}=)(?!\[REDACTED)[^\s&;,\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(?<=://)([^\s/:@]{1,256}:)(?!\[REDACTED)[^\s/@]{1,256}(@)"), rf"\1{MASK}\2"),
)


class Redactor:
    """A function from text to text without secrets: masks the values it was given, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._variants: tuple[str, ...] = ()
        for secret in secrets:
            self.register(secret)

    def register(self, secret: str) -> None:
        """Mask this value from now on, in each of its encodings. Values under 6 characters are not masked by value."""
        if not isinstance(secret, str) or len(secret) < SHORTEST_VALUE:
            return
        with self._lock:
            known = set(self._variants) | set(encodings(secret))
            self._variants = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Return the text with every secret masked; whatever is no text comes back as its text."""
        text = text if isinstance(text, str) else str(text)
        for variant in self._variants:
            if variant in text:
                text = text.replace(variant, MASK)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def encodings(secret: str) -> set[str]:
    """Return the forms in which a value turns up in text: as it is, in JSON, URLs, XML, Python and base64."""
    raw = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        urllib.parse.quote(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        escape(secret, {'"': "&quot;", "'": "&apos;"}),
        escape(secret),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
    }


_redactor = Redactor()


def redact(text: str) -> str:
    """Return the text without the secrets that this process knows, and without what looks like one."""
    return _redactor(text)


def register_secret(value: str) -> None:
    """Let this value be masked wherever it appears from now on. Call it as soon as a secret is in the process."""
    _redactor.register(value)
