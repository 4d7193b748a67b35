"""What a value looks like: a placeholder, a plain word, a piece of code, a password, a random key."""

import re


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


_NOTHING = words("none null nil undefined nan true false yes no n/a na tbd bearer basic oauth2 redacted hidden masked")
_STATUS = words("""
    enabled disabled missing required optional expired invalid valid unknown ok okay failed failure refreshed renewed
    revoked empty unset set present absent found changed rejected accepted granted denied include omit same-origin
    removed filtered auto oauth digest ntlm negotiate kerberos anonymous header query env environment file vault
    keyring prompt stdin str int bytes bool float dict list object any secretstr self not on off
""")
_MASKED = re.compile(
    r"""[*xX\u2022.#?_-]{3,}+["')\]}]*+\Z | \[?<?\*{3} | .{0,40}?\*{5}
    | [\[<({*]{0,2}(?:redacted|masked|hidden|filtered|scrubbed|removed|secret)[\])}>*_]""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_TEMPLATE = re.compile(
    r"""\$\{ | \$\( | \{\{ | \$(?:[A-Z_][A-Z0-9_]*|[A-Za-z_]+|\d)\Z | %\(\w+\) | %[sdr]\Z | %[A-Z0-9_]+%\Z
    | (?:[A-Za-z]+[ ])?\{[a-zA-Z_.!:]*\}\Z | [^{]{0,40}\{[a-z_]{1,30}[.(\[] | <[^<>]{1,80}>\Z | \.\.\. | \?\Z
    | [:@][a-z_]*(?:pass|pwd|token|secret|key)[a-z_]*\Z | (?:your|Your|YOUR)[-_ ] | \[\w*\]\Z | 0{8}- | [\W_]*\Z""",
    re.VERBOSE,
)
_CODE = re.compile(
    r"""(?:[A-Za-z_]\w*\.)++[A-Za-z_]\w*+[(\[] | [A-Za-z_]++[(\[](?!["']\w)\D*\Z | [A-Z][a-z]+[A-Za-z.$]*\{
    | [a-z]+(?:\.[\w$]+)+@[0-9a-f]{5,8}\b | 0x[0-9a-f]{1,16}\Z | self[.\[]
    | (?:cls|os|settings|config|args|env|process|var|local|data|module|secrets|request|options|params|this)[.\[]""",
    re.VERBOSE,
)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}|\\?jdbc:\w+):\\?/\\?/", re.IGNORECASE)
_ROOTED = re.compile(
    r"/[a-z]+\Z|(?:[A-Za-z]:[\\/]|\\\\|\.{0,2}/|~/)(?:[\w.@ -]+[\\/])+[\w.@ -]*\Z|[a-z]+(?:/[\w.@-]+){2,}\Z"
)
_FILE = re.compile(r"(?:[\w.@-]+/)*[\w-]+\.[a-z]{1,4}\Z|(?:[\w.@-]+/){2,}[\w.@-]*\Z")
_WORD = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[A-Z][a-z]{2,})*\Z")
_SENTENCE = re.compile(r"[A-Z][a-z']*(?:[ ,]+[\w'-]*[A-Za-z']){2,}[^\n\d]*[.!?]\Z")
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d|\d{1,3}(?:\.\d{1,3}){3}|v?\d+(?:\.\d+)+\Z|\d+(?:%|ms|s|kb|mb)\Z", re.IGNORECASE
)
_CHANGES = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"[0-9]")
_SIGN = re.compile(r"[!@#$%^&*~+=?\\]")


def is_blank(value: str) -> bool:
    """Tell whether a value gives nothing away: nothing at all, masked already, or filled in later."""
    return (
        not value
        or "[REDACTED" in value
        or value.lower() in _NOTHING
        or _MASKED.match(value) is not None
        or _TEMPLATE.match(value) is not None
    )


def is_status(value: str) -> bool:
    """Tell whether a value is a word that tells how it stands with a secret, such as `expired`."""
    return value.lower() in _STATUS


def is_sentence(value: str) -> bool:
    """Tell whether a value is a message: some words without a digit, which begin and end as sentences do."""
    return _SENTENCE.match(value) is not None


def is_code(value: str) -> bool:
    """Tell whether an unquoted value is an expression, as in a line of source in a traceback."""
    return _CODE.match(value) is not None


def is_address(value: str) -> bool:
    """Tell whether a value is a URL or a path of plain names: what is secret in it has a shape of its own."""
    return _URL.match(value) is not None or (_ROOTED.match(value) is not None and not is_random(value))


def is_file_name(value: str) -> bool:
    """Tell whether a value may be the name of a file."""
    return _FILE.match(value) is not None and not is_random(value)


def is_passwordlike(value: str) -> bool:
    """Tell whether a value has letters and digits, or signs, as passwords have and ordinary words have not."""
    if len(value) < 5 or not _LETTER.search(value) or _MOMENT.match(value) or is_address(value):
        return False
    return bool(_DIGIT.search(value) or _SIGN.search(value)) or is_random(value)


def has_digit(value: str) -> bool:
    """Tell whether a value has a digit."""
    return _DIGIT.search(value) is not None


def changes(value: str) -> int:
    """Count where the kind of character changes: between small and capital letters and digits."""
    return len(_CHANGES.findall(value))


def is_random(value: str, shortest: int = 16) -> bool:
    """Tell whether a value looks as if dice had made it: of some length, with its kinds of characters well mixed."""
    if len(value) < shortest:
        return False
    core = _GUID.sub("", value)
    letters = [char for char in core if char.isalnum()]
    if len(letters) < shortest * 3 // 4 or len(set(letters)) < 8 or _WORD.match(core):
        return False
    share = 0.2 if len(_DIGIT.findall(core)) > 1 else 0.35
    return changes(core) >= max(4, share * len(letters))
