"""What in a configuration is a secret: by the grammar of its key, by its neighbours, and by the look of its value.

Pure functions. A key that may be either (`key`, `auth`, `stripe-key`) is one where its value looks like one.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from txo_core.masking.values import is_address, is_blank, is_passwordlike, is_random, is_status
from txo_core.redaction import MASK, Redactor
from txo_core.settings.secret_names import SECRET_NAMES, core, names_a_secret, words

__all__ = [
    "SECRETS_BELONG",
    "SECRET_NAMES",
    "holds_a_secret",
    "is_key",
    "is_pair_with_a_secret",
    "looks_like_a_secret",
    "names_a_secret",
    "url_secret_problem",
]

SECRETS_BELONG = "belongs in the credentials block, not here"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_OPEN_NOUNS = _set(
    "assertion auth code cookie cookies cred creds dsn hmac key keys login oauth otp pass passkey pat pin psk seed "
    "session sig signature webhook"
)
_NO_KEYS = _set(
    "business cache column composite dedup entity field foreign group idempotency index item join lookup match "
    "natural object order parent partition primary public range record registry row search sort surrogate "
    "translation unique"
)
_OF_CODES = _set("access auth authorization device invite recovery security verification")
_SERVICES = _set(
    "api aws azure blob bucket crm db database erp ftp github gitlab google graph jira mail openai oauth salesforce "
    "sap sendgrid service servicebus sftp sharepoint slack smtp snowflake soap sql ssh storage stripe twilio vault"
)
_DATA_NEIGHBOURS = _set("column columns field fields label order sheet table")
_NEIGHBOUR_NAMES = ("name", "key", "header", "field", "parameter", "param", "id")
_NEIGHBOUR_VALUES = ("value", "val", "default", "content", "text")
_SECRET_QUERY = frozenset({"code", "key", "sas", "sig", "signature"})
_IDENTIFIED = _set(
    "board calendar cert certificate channel checksum cid client commit cursor delta digest document drive etag event "
    "file fingerprint folder guid hash id ids integrity item library link list mailbox message page path public sha "
    "sheet site table team thread thumbprint uuid view workbook"
)
"""What has identifiers of its own, which are as long and as mixed as keys are."""

_PLAIN_NAME = re.compile(r"[^\W\d_]+(?:[ _.-]?[^\W\d_]+)*(?:[ _.-]?\d{1,2})?")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SCHEME = re.compile(
    r"(?<![\w-])(bearer|basic|token|sharedkey|apikey)\s{1,3}([A-Za-z0-9._~+/=-]{8,2048}+)(?![\w{])", re.IGNORECASE
)
_TOKEN = re.compile(
    r"""(?<![\w.-])(?:
      eyJ[\w-]{8,4096}\.[\w-]{1,4096}\.
    | (?:gh[pousr]|github_pat|glpat|xox[a-z]|xapp|npm|pypi|dckr_pat|hf|shp[a-z]{2}|sk|rk|whsec|sntrys|pul|dop_v1
      |lin_api|sq0[a-z]{3})[_-](?=[\w-]{0,40}\d)[\w-]{16,512}
    | (?:AKIA|ASIA)[A-Z0-9]{12,20}\b | AIza[\w-]{30,64} | ya29\.[\w-]{16,512} | SG\.[\w-]{16,64}\.[\w-]{16,64}
    | dapi[0-9a-f]{32} | [\w~.-]{3}\dQ~[\w~.-]{30,64} | GOCSPX-[\w-]{20,64}
    )""",
    re.VERBOSE,
)
_KEY_BLOCK = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY|PuTTY-User-Key-File")
_PAIR = re.compile(r"(?:\A|[?&#;,\s])([A-Za-z][\w.-]{0,40})=([^;&\s]+)")
_USER_INFO = re.compile(
    r"(?::|\A|(?<=\s))(?:\\?/){2}[^\s/?#@:]{0,256}+:([^\s/?#]{1,256})@|jdbc:[\w:.]{1,64}/([^\s/@]{1,256})@",
    re.IGNORECASE,
)
_HOOK = re.compile(
    r"https?://(?:hooks\.slack\.com/services/|(?:[\w-]+\.){0,4}(?:discord(?:app)?|office)\.com/(?:api/)?webhook\w*/)\S{10,}",
    re.I,
)
_LONG_KEY = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])[A-Za-z0-9+/_=-]{40,4096}")
_BEFORE_A_VALUE = re.compile(r"(?:[:=>]\s{0,4}[\"']?|\s-p)\Z")

_redact = Redactor()


def holds_a_secret(key: str, value: Any, parent: str = "", neighbours: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a key, with the section and the keys that it stands with, has a secret for its value.

    `{"sharepoint": {"key": "..."}}` has one, `{"columns": [{"key": "No"}]}` has none; `{"name": "x-api-key", "value":
    "..."}` has one too.
    """
    if isinstance(value, str) and value.lower().startswith(("https://", "http://")):
        return False  # the address of something, such as a token endpoint; what is secret in it is found by its look
    if names_a_secret(key, value) or _is_value_of_a_secret(key, value, neighbours or {}):
        return True
    parts = core(words(key))
    if not parts or isinstance(value, bool) or parts[-1] not in _OPEN_NOUNS:
        return False
    if parts[-1] in {"auth", "login", "cred", "creds"} and _is_pair_of_names(value):
        return True
    at_a_service = len(parts) == 1 and not _SERVICES.isdisjoint(words(parent))
    if not at_a_service and _is_data(parts, neighbours or {}):
        return False
    return any(_could_be_a_secret(text, at_a_service) for text in _texts(value))


def _is_value_of_a_secret(key: str, value: Any, neighbours: Mapping[str, Any]) -> bool:
    """Tell whether this is the value of a pair whose name stands beside it."""
    if key.lower() not in _NEIGHBOUR_VALUES or not isinstance(value, str) or not _is_filled(value):
        return False
    named = [item for name, item in neighbours.items() if name.lower() in _NEIGHBOUR_NAMES and isinstance(item, str)]
    return any(names_a_secret(name) for name in named)


def is_pair_with_a_secret(items: list[Any]) -> bool:
    """Tell whether a list is a name and its secret: `["password", "..."]`."""
    return _is_pair_of_names(items) and names_a_secret(items[0], items[1]) and not names_a_secret(items[1])


def _is_pair_of_names(value: Any) -> bool:
    texts = _texts(value) if isinstance(value, list | tuple) and len(value) == 2 else []
    return len(texts) == 2 and all(map(_is_filled, texts))


def _is_data(parts: list[str], neighbours: Mapping[str, Any]) -> bool:
    """Tell whether a key is one of data, not of a door: `sort-key`, or `key` beside `column`."""
    if len(parts) > 1:
        known = _OF_CODES if parts[-1] == "code" else None
        return parts[-2] in _NO_KEYS - {"primary"} if known is None else parts[-2] not in known
    return len(parts) == 1 and any(name.lower() in _DATA_NEIGHBOURS for name in neighbours)


def _texts(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list | tuple) else [value]) if isinstance(item, str)]


def _is_filled(text: str) -> bool:
    return bool(text.strip()) and not is_blank(text)


def _could_be_a_secret(text: str, suspected: bool) -> bool:
    """Tell whether a text is a password or a key: no word, name, number, path or address; `suspected` at a service."""
    text = text.strip()
    if is_address(text) or text.lower().startswith("your-") or _EMAIL.fullmatch(text):
        return False
    if suspected:
        return bool(text) and not (_PLAIN_NAME.fullmatch(text) and text.isalpha())
    if len(text) < 5 or not _is_filled(text):
        return False
    if _PLAIN_NAME.fullmatch(text):
        return is_random(text)
    signs = any(char.isdigit() for char in text) or any(char in "!$%^&*~+=?#@" for char in text)
    return signs and any(char.isalpha() for char in text) and " " not in text


def is_key(value: str, keys: str = "") -> bool:
    """Tell whether a text as a whole is a key of 40 characters and more, and nothing in `keys` has such identifiers.

    A hash in hex is none.
    """
    if not _LONG_KEY.fullmatch(value) or not is_random(value, 40) or not _IDENTIFIED.isdisjoint(words(keys)):
        return False
    return not is_address(value)


def looks_like_a_secret(value: str) -> bool:
    """Tell whether a text is a token, a private key, or has a password in it, whatever its key is called."""
    if _TOKEN.search(value) or _KEY_BLOCK.search(value) or _HOOK.match(value):
        return True
    if any(_is_proof(scheme.lower(), proof) for scheme, proof in _SCHEME.findall(value)):
        return True
    if any(_is_filled(match[1] or match[2]) for match in _USER_INFO.finditer(value)):
        return True
    if "=" in value and any(_is_secret_pair(name, text) for name, text in _PAIR.findall(value)):
        return True
    return any("{" not in text and len(text) > 5 and is_passwordlike(text) for text in _taken_out(value))


def _taken_out(value: str) -> Iterator[str]:
    """Yield what the redactor takes out of a text behind a name, as in `password: ...` and `curl -u user:...`."""
    rest, at = _redact(value).split(MASK), 0
    for before, after in pairwise(rest):
        start = value.find(before, at) + len(before)
        at = value.find(after, start) if after else len(value)
        if start >= len(before) and at >= start and _BEFORE_A_VALUE.search(before[-12:]):
            yield value[start:at]


def _is_proof(scheme: str, proof: str) -> bool:
    """Tell whether what stands behind the name of an authorization scheme is a proof: `Basic` and base64, say."""
    if scheme != "basic":
        return len(proof) >= (8 if scheme == "bearer" else 16) and any(map(str.isdigit, proof)) and _is_filled(proof)
    try:
        return b":" in base64.b64decode(proof, validate=True)
    except ValueError:
        return False


def _is_secret_pair(name: str, text: str) -> bool:
    """Tell whether `name=text`, as in a connection string or a query, is a secret; a place to fill in is none."""
    text = text.strip("\"'")
    if not _is_filled(text) or "{" in text or is_status(text):
        return False
    if name.lower() in {"sig", "signature"}:
        return len(text) >= 10
    return names_a_secret(name) and len(text) >= 4


def url_secret_problem(value: str) -> str | None:
    """Return what an address gives away: a user name or password before the host, or a secret in the query."""
    try:
        parts = urlsplit(value)
        query = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(parts.fragment, keep_blank_values=True)
    except ValueError:
        return None
    if "@" in parts.netloc:
        return f"has a user name or password in the URL; it {SECRETS_BELONG}"
    filled = [name for name, text in query if not is_blank(text) and "{" not in text]
    if any(names_a_secret(name) or name.lower() in _SECRET_QUERY for name in filled):
        return f"has a secret in the query of the URL; it {SECRETS_BELONG}"
    return None
