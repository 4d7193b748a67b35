"""Which names say that what stands behind them is a secret: by their grammar, in any spelling, in some languages.

Pure functions. The last word decides: `client-secret` is one; `token-url`, `api-key-header` and `secret-name` only
speak of one.
"""

import re
import unicodedata
from typing import Any

SECRET_NAMES = ("client_secret", "az_token", "api_key", "username", "password")
"""The secrets that every credentials block has a place for."""
FURTHER_NAME = re.compile(r"(?!.{41})[a-z0-9]+(-[a-z0-9]+)*")
"""How a further secret of a block is called: `sftp-password`."""
PROXY_NAMES = ("proxy-username", "proxy-password")
"""The further secrets that global.proxy uses."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SECRET_NOUNS = _set("""
    authorization bearer connstr credential credentials jwt passcode passphrase passwd password passwords pw pwd sas
    secret secrets token tokens
    passwort kennwort geheimnis zugangsdaten anmeldedaten passord hemmelighet losenord adgangskode wachtwoord
    contrasena motdepasse salasana haslo heslo senha
""")
_KEYS = _set("key keys schlussel schluessel nokkel noekkel nogle noegle nyckel sleutel")
_KEY_KINDS = _set("""
    access account api auth encryption function functions host license master private secret shared signing storage
    subscription zugriffs zugangs
""")
_NO_PASSES = _set("band boarding by first high low multi second single two")
_QUALIFIERS = _set(
    "base64 b64 current default dev encoded hash new old primary plain prod raw secondary test text value"
)
_RUN_TOGETHER = re.compile(
    r"(?:(?:api|access|account|private|secret|shared|subscription)keys?|connectionstring|passphrase|passwd|password|secret"
    r"|token|passwort|kennwort|geheimnis|losenord|(?:api|zugriffs|zugangs)schlu?e?ssel)s?\Z"
)
_JOINED = _set("password passwort passphrase passwd kennwort losenord wachtwoord motdepasse apikey clientsecret")
_PLURALS = frozenset({"tokens", "secrets", "passwords", "credentials"})
_PAGING = _set("continuation cursor delta next page paging skip sync")
_LETTERS = str.maketrans("øØæÆßłŁđĐаеорсухіѕАЕОРСУХІЅ", "oOaAslLdDaeopcyxisAEOPCYXIS")
"""Letters that no decomposition turns into plain ones; the Cyrillic that looks like Latin among them."""


def words(key: str) -> list[str]:
    """Return the words of a key in any spelling: `clientSecret`, `client_secret` and `client-secret` give the same.

    In small letters without accents; what cannot be seen is left out.
    """
    plain = unicodedata.normalize("NFKD", key.translate(_LETTERS))
    seen = "".join(char for char in plain if unicodedata.category(char) not in {"Mn", "Cf"})
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", seen)
    return re.findall(r"[^\W_]+", spaced.lower())


def core(parts: list[str]) -> list[str]:
    """Return the words of a key without what only qualifies: numbers, `primary`, `base64`."""
    while len(parts) > 1 and (parts[-1] in _QUALIFIERS or parts[-1].isdigit()):
        parts = parts[:-1]
    return parts


def names_a_secret(key: str, value: Any = "") -> bool:
    """Tell whether a key says that its value is a secret.

    Switches (`require-token: true`) and numbers in the plural (`max-tokens: 100`) are no secrets either.
    """
    parts = core(words(key))
    if not parts or isinstance(value, bool):
        return False
    last = parts[-1].rstrip("0123456789") or parts[-1]
    if isinstance(value, int | float) and last in _PLURALS:
        return False
    return _is_secret_noun(parts, last, value)


def _is_secret_noun(parts: list[str], last: str, value: Any) -> bool:
    before = parts[-2] if len(parts) > 1 else ""
    if before in _PAGING and last in {"token", "tokens"}:
        return False
    return (
        last in _SECRET_NOUNS
        or (last == "pass" and before not in _NO_PASSES and isinstance(value, str))
        or _RUN_TOGETHER.search(last) is not None
        or (last in _KEYS and before in _KEY_KINDS)
        or (before, last) in {("connection", "string"), ("conn", "string"), ("conn", "str")}
        or not _JOINED.isdisjoint({"".join(parts), "".join(parts[-2:]), "".join(parts[-3:])})
    )
