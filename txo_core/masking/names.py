"""How much a name tells of its value: `client_secret` tells that it is one, `partition_key` that it is none."""

import re
from enum import IntEnum
from functools import lru_cache

from txo_core.masking.values import words


class Telling(IntEnum):
    """What a name says of its value: nothing, a key of whatever kind, perhaps a proof of identity, surely a secret."""

    NOTHING = 0
    MAYBE = 1
    LIKELY = 2
    CERTAIN = 3


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]|\d+")
_CERTAIN = words("""
    password passwords passwd passwort passord passw pwd pword passphrase passphrases passcode lösenord losenord
    kennwort secret secrets secure clientsecret token tokens apitoken authtoken accesstoken refreshtoken idtoken
    sessiontoken jwt bearer authorization authcode credential credentials cred creds identified pat psk sas
    sharedaccesssignature mnemonic connectionstring connstr apikey apikeys privatekey secretkey accesskey authkey
    sharedkey masterkey sessionkey sessionid
""")
_LIKELY = words("""
    pass pw auth login sig signature mac hmac digest response cookie cookies session sid otp totp pin cvv cvc nonce
    salt seed assertion samlresponse csrf xsrf code verifier challenge ticket webhook dsn passkey licence license
""")
_OF_KEYS = words("""
    api access account private secret shared master root admin personal team user org organization project site tenant
    encryption encrypt decryption crypt crypto fernet aes rsa dsa ec pgp gpg ssh ssl tls cert certificate hmac signing
    sign auth authentication authorization application app client consumer bot host server service function functions
    device storage subscription licence license integration deploy deployment ingest insert write read send webhook
    sdk data security session token bearer publishable live instrumentation global origin rest http https web
    management developer dev prod merchant sender primary secondary prefect x
""")
_NO_KEYS = words("""
    partition sort cache public pub foreign row rowkey range routing sequence schema idempotency translation dedup
    dedupe group index search lookup object map dict unique composite natural surrogate business clustering parent
    child record column field table document entity item order customer message config configuration setting settings
    json xml yaml registry hot arrow shift missing required keyboard
""")
_OF_CODES = words("auth authorization verification device access otp mfa invite security recovery backup pin reset")
_ABOUT = words("""
    name names id ids type types kind class format version algorithm algo method policy mode source target role file
    files filename path paths url urls uri uris endpoint endpoints host hostname port domain realm audience address
    location loc ref reference alias index position tag tags label group owner user username email scope scopes issuer
    length len size count limit max min total budget remaining per bits rate usage used uses use at in on expires
    expiry expiration expire expired ttl age lifetime validity duration timeout created updated date time times
    required enabled valid status state error errors exists present missing changed failed found leaked verify check
    checks field fields header headers parameter param prefix suffix hint separator input set lines variable strength
    reset rotation provider manager store vault service validator factory handler helper cache pair pairs thumbprint
    fingerprint
""")
_PAGING = words("skip delta page nextpage next continuation sync cursor previous prev pagination change watermark")
_NEUTRAL = words("""
    value values val str string text raw plain plaintext clear base64 b64 hex enc json new old current latest previous
    confirm confirmation again repeat default env prod production dev test testing staging live sandbox the my data by
""")
_GLUED = re.compile(
    r"""(?:password|passwd|passphrase|securestring|secret|(?<!skip)(?<!delta)(?<!page)(?<!next)token|apikey|api-key
        |credentials?|authorization|pwd|sess(?:ion)?id
        |(?:access|account|private|secret|shared|master|auth|sas|app|client|signing|encryption|storage|session)key)\Z""",
    re.VERBOSE,
)


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters: of `X-ApiKey2` they are x, api, key and 2."""
    return [word.lower() for word in _WORDS.findall(name)]


@lru_cache(maxsize=2048)
def telling(name: str) -> Telling:
    """Return what a name such as `client_secret`, `X-Api-Key` or `sessionId` says of its value."""
    parts = words_of(name)
    while len(parts) > 1 and (parts[-1].isdigit() or parts[-1] in _NEUTRAL):
        parts.pop()
    if not parts:
        return Telling.NOTHING
    last, before = parts[-1], parts[-2] if len(parts) > 1 else ""
    if last in _ABOUT:
        return Telling.CERTAIN if last == "id" and before in ("session", "sess") else Telling.NOTHING
    if last == "key":
        return _of_key(before)
    if last == "code" and before not in _OF_CODES:
        return Telling.NOTHING if before else Telling.MAYBE
    if last in _CERTAIN or _GLUED.search(last):
        return Telling.NOTHING if before in _PAGING and last.startswith("token") else Telling.CERTAIN
    if last == "keys":
        return Telling.MAYBE
    hinted = last in _LIKELY or any(word in _CERTAIN or _GLUED.search(word) for word in parts)
    return Telling.LIKELY if hinted else Telling.NOTHING


def _of_key(before: str) -> Telling:
    if before in _OF_KEYS or before in _CERTAIN:
        return Telling.CERTAIN
    if not before:
        return Telling.MAYBE
    return Telling.NOTHING if before in _NO_KEYS else Telling.LIKELY
