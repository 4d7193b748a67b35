"""What in a configuration is a secret: by the grammar of its key, by its neighbours, and by the look of its value.

Pure functions. A key that only speaks of a secret (`token-url`, `api-key-header`, `sort-key`) is none; a key that may
be either (`key`, `auth`, `stripe-key`) is one where its value looks like one.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from txo_core.masking.values import is_address, is_blank, is_random, is_status

SECRET_NAMES = ("client_secret", "az_token", "api_key", "username", "password")
SECRETS_BELONG = "belongs in the credentials block, not here"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SECRET_NOUNS = _set(
    "authorization bearer connstr credential credentials jwt passcode passphrase passwd password passwords passwort "
    "pwd sas secret secrets token tokens"
)
_KEY_KINDS = _set(
    "access account api auth encryption function license master private secret shared signing storage subscription"
)
_OPEN_NOUNS = _set(
    "assertion auth code cookie cookies cred creds dsn hmac key keys login otp pass passkey pat pin psk pw seed "
    "session sig signature webhook"
)
_QUALIFIERS = _set(
    "base64 b64 current default dev encoded hash new old primary plain prod raw secondary test text value"
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
_RUN_TOGETHER = re.compile(
    r"(apikey|accesskey|accountkey|privatekey|secretkey|sharedkey|subscriptionkey|connectionstring|passphrase|passwd"
    r"|password|secret|token)s?$"
)
_PLURALS = frozenset({"tokens", "secrets", "passwords", "credentials"})
_SECRET_QUERY = frozenset({"code", "key", "sas", "sig", "signature"})
_PAGING = _set("continuation cursor delta next page paging skip sync")

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
_KEY_BLOCK = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY")
_PAIR = re.compile(r"(?:\A|[?&;,\s])([A-Za-z][\w.-]{0,40})=([^;&\s]+)")
_USER_INFO = re.compile(
    r":(?:\\?/){2}[^\s/?#@:]{0,256}+:([^\s/?#]{1,256})@|jdbc:[\w:.]{1,64}/([^\s/@]{1,256})@", re.IGNORECASE
)
_HOOK = re.compile(
    r"https?://(?:hooks\.slack\.com/services/|(?:[\w-]+\.)?(?:discord(?:app)?|office)\.com/(?:api/)?webhook\w*/)\S{10,}",
    re.I,
)


def words(key: str) -> list[str]:
    """Return the words of a key in any spelling: `clientSecret`, `client_secret` and `client-secret` give the same."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", key)
    return re.findall(r"[^\W_]+", spaced.lower())


def holds_a_secret(key: str, value: Any, parent: str = "", neighbours: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a key, with the section and the keys that it stands with, has a secret for its value.

    `{"sharepoint": {"key": "..."}}` has one, `{"columns": [{"key": "No"}]}` has none; `{"name": "x-api-key", "value":
    "..."}` has one too.
    """
    if isinstance(value, str) and value.lower().startswith(("https://", "http://")):
        return False  # the address of something, such as a token endpoint; what is secret in it is found by its look
    if names_a_secret(key, value) or _is_value_of_a_secret(key, value, neighbours or {}):
        return True
    parts = _core(words(key))
    if not parts or isinstance(value, bool) or parts[-1] not in _OPEN_NOUNS:
        return False
    at_a_service = len(parts) == 1 and not _SERVICES.isdisjoint(words(parent))
    if not at_a_service and _is_data(parts, neighbours or {}):
        return False
    return any(_could_be_a_secret(text, at_a_service) for text in _texts(value))


def names_a_secret(key: str, value: Any = "") -> bool:
    """Tell whether a key says that its value is a secret.

    The last word decides: `client-secret` is one, `token-url`, `api-key-header` and `secret-name` only speak of one.
    Switches (`require-token: true`) and numbers in the plural (`max-tokens: 100`) are no secrets either.
    """
    parts = _core(words(key))
    if not parts or isinstance(value, bool):
        return False
    last = parts[-1].rstrip("0123456789") or parts[-1]
    if isinstance(value, int | float) and last in _PLURALS:
        return False
    return _is_secret_noun(parts, last)


def _core(parts: list[str]) -> list[str]:
    """Return the words of a key without what only qualifies: numbers, `primary`, `base64`."""
    while len(parts) > 1 and (parts[-1] in _QUALIFIERS or parts[-1].isdigit()):
        parts = parts[:-1]
    return parts


def _is_secret_noun(parts: list[str], last: str) -> bool:
    before = parts[-2] if len(parts) > 1 else ""
    if before in _PAGING and last in {"token", "tokens"}:
        return False
    return (
        last in _SECRET_NOUNS
        or _RUN_TOGETHER.search(last) is not None
        or (last in {"key", "keys"} and before in _KEY_KINDS)
        or (before, last) in {("connection", "string"), ("conn", "string"), ("conn", "str")}
    )


def _is_value_of_a_secret(key: str, value: Any, neighbours: Mapping[str, Any]) -> bool:
    """Tell whether this is the value of a pair whose name stands beside it."""
    if key.lower() not in _NEIGHBOUR_VALUES or not isinstance(value, str) or not _is_filled(value):
        return False
    named = [item for name, item in neighbours.items() if name.lower() in _NEIGHBOUR_NAMES and isinstance(item, str)]
    return any(names_a_secret(name) for name in named)


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


def looks_like_a_secret(value: str) -> bool:
    """Tell whether a text is a token, a private key, or has a password in it, whatever its key is called."""
    if _TOKEN.search(value) or _KEY_BLOCK.search(value) or _HOOK.match(value):
        return True
    if any(_is_proof(scheme.lower(), proof) for scheme, proof in _SCHEME.findall(value)):
        return True
    if any(_is_filled(match[1] or match[2]) for match in _USER_INFO.finditer(value)):
        return True
    return "=" in value and any(_is_secret_pair(name, text) for name, text in _PAIR.findall(value))


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
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return None
    if "@" in parts.netloc:
        return f"has a user name or password in the URL; it {SECRETS_BELONG}"
    if any(names_a_secret(name) or name.lower() in _SECRET_QUERY for name, _ in query):
        return f"has a secret in the query of the URL; it {SECRETS_BELONG}"
    return None
