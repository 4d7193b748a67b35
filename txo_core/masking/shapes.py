"""Tokens that show by their shape what they are, and long runs of characters that dice have made."""

import re

from txo_core.masking.values import changes, has_digit

Span = tuple[int, int]
LONG, SHORT = 40, 16

# A token that is broken at the end of a line goes on with the next one, if that holds nothing else.
_JWT = re.compile(
    r"""(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+(?:(?:\r?\n|\\n)[A-Za-z0-9_.-]{20,}+)*+
        (?:\.[A-Za-z0-9_-]*+
            (?:(?:\r?\n|\\n)(?=[A-Za-z0-9_-]*+[.\s"']|[A-Za-z0-9_-]{4,}+\Z)[A-Za-z0-9_-]++)*+){1,4}""",
    re.VERBOSE,
)
_SEAM = re.compile(r"[0-9][A-Za-z]")
_RUN = re.compile(r"[A-Za-z0-9_.~+/-]{16,}+={0,2}")
_CHUNK = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_GUID = re.compile(r"[0-9a-fA-F]{8}[-_](?:[0-9a-fA-F]{4}[-_]){3}[0-9a-fA-F]{12}")
_FILE = re.compile(r"\.(?:[a-z]{2,4}|xlsx|html|json|toml|yaml|docx|gz|7z|mp[34])\Z")
_PREFIX = re.compile(r"(?:[A-Za-z][A-Za-z0-9]{0,11}[_.-]){1,4}")
_HASH_MARK = re.compile(
    r"""(?:commit|sha-?\d{1,3}|md5|crc\d*|digest|e-?tag|W/|if-(?:none-)?match|integrity|checksum|thumbprint|fingerprint
        |hash|revision|(?<![a-z])(?:rev|head|blob|tree|parent|merge|trace|cid)|is\ now\ at|git[_-]?sha|\.git[@%]
        |[0-9a-f]\.{2,3}|traceparent|(?:skip|delta|page|next|continuation|sync)-?_?token)
        (?:[^A-Za-z0-9\n]{0,8}|\s(?:is|of)\s)(?:sha\d{1,3}[-:])?X?[%']?\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_HASH = re.compile(r"(?:sha-?\d{1,3}|md5)[-_=]", re.IGNORECASE)
_IMAGE = re.compile(r"data:[\w.+-]{0,40}/?[\w.+-]{0,40};base64,\Z")

# Families of tokens, by what they begin with: a prefix and a sign, or a prefix that the body follows at once.
_FAMILIES = re.compile(
    r"""
    (?:gh[a-z]|github_pat|gl[a-z]{2,7}|hf|npm|pypi|rubygems|CLOJARS|dckr_[po]at|sgp|sq[apu]|bkua|CCIP(?:AT|RJ)|pul|dnkey
      |xox[a-z]|xoxe\.xox[a-z]|xapp|mfa|AT(?:ATT|BB|CTT)\w?|figd|figo[a-z]|lin_(?:api|oauth)|ntn|secret|sntry[a-z]|gls[ap]|glc
      |[sprw]k|sk-ant|sk-proj|gsk|r8|xai|nvapi|pplx|lsv2_[a-z]{2}|rpa|apify_api|api_org|bedrock-api-key|whsec|(?:live|test)(?:_pub)?
      |shp[a-z]{2,3}|shippo_(?:live|test)|duffel_(?:live|test)|sq0[a-z]{3}|EAAA[A-Za-z]?|FLW(?:SEC|PUB)K(?:_TEST)?|sm_[a-z]{3}
      |do[a-z]_v1|tk-us|sbp|sb_secret|rnd|vcp|nf[a-z]|f[mo]\d|pscale_[a-z]{2,5}|pn[a-z]|hv[bsr]|dp\.[a-z]{2,5}|ops|A3|tskey-[a-z]{3,6}
      |PMAK|HRKU|NR[A-Z]{2}|GOCSPX|amzn\.mws|ya29|dt0[a-z]\d\d|ph[cx]|xkeysib|xsmtpsib|re|key|pubkey|sl|aio|tfp|ico|p8e|rdme|zpka
      |xau|b|sc_[a-z0-9]{1,12}|signkey-[a-z]{3,5}|(?i:age-secret-key)|v\d\.(?:local|public))
      [_.-](?=[A-Za-z0-9_.=+-]*\d)[A-Za-z0-9_.=~+-]{10,}+
    |(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA|AGPA|ANPA|LTAI|AKID)[A-Za-z0-9]{12,28}\b
    |(?:AKCp|cmVmdGtu|ABSK|EZ[AT]K|EAAC|EAAB|AQVN|YC|oy2|GR1348941|gAAAAA|t1\.|s\.|API-)(?=[\w=.-]*\d)[\w=.+-]{20,}+
    |AIza[\w-]{30,}+|1//0[\w-]{20,}+|SG\.[\w-]{16,}\.[\w-]{16,}+|(?:SK|AC)[0-9a-f]{32}\b|dapi[0-9a-f]{32}(?:-\d)?
    |[0-9a-f]{32}-us\d{1,2}\b|v1\.0-[0-9a-f]{20,}-[0-9a-f]{40,}+|[\w~.-]{3}\dQ~[\w~.-]{30,}+
    |[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,}+|[0-9a-zA-Z]{10,20}\.atlasv1\.[\w=-]{40,}+|pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}+
    """,
    re.VERBOSE,
)
_WITH_SIGNS = re.compile(r"(?<![\w])\d{7,11}:A[\w-]{30,40}(?![\w-])|(?<!\d)\d{13,17}\|[\w-]{20,40}")
_CRYPT = re.compile(r"\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2\w{0,3}|pbkdf2[\w-]{0,12}|scrypt|sha1)\$[\w./$,=+-]{20,200}")
_HOOK = re.compile(r"hooks?[\w.-]{0,30}/(?P<rest>[^\s\"'<>?#]{8,512}+)", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[_.-]")
_WORD_OR_NUMBER = re.compile(r"[a-z]*\d{0,8}[a-z]{0,2}")
_PLAIN_SEGMENTS = re.compile(r"(?:[a-z-]{1,32}/)*+")


def spans_of_jwts(text: str) -> list[Span]:
    """Return where JSON web tokens stand, signed or encrypted, also when they are broken over lines."""
    return [match.span() for match in _JWT.finditer(text)] if "eyJ" in text else []


def spans_of_shapes(text: str) -> list[Span]:
    """Return where tokens stand that need no name."""
    found: list[Span] = []
    if _SEAM.search(text):
        for match in _RUN.finditer(text):
            run = match[0]
            if _SEAM.search(run):
                found += _in_run(text, run, match.start())
        if ":A" in text or "|" in text:
            found += [match.span() for match in _WITH_SIGNS.finditer(text)]
    if "$" in text:
        found += [match.span() for match in _CRYPT.finditer(text)]
    if "hook" in text and "://" in text:
        found += _in_hooks(text)
    return found


def _in_hooks(text: str) -> list[Span]:
    """Return where in the address of a webhook its own part begins and ends, which is all that protects it."""
    found = []
    for match in _HOOK.finditer(text):
        start, end = match.span("rest")
        plain = _PLAIN_SEGMENTS.match(text, start, end)
        start = plain.end() if plain else start
        if text.rfind("://", max(0, match.start() - 120), match.start()) >= 0 and has_digit(text[start:end]):
            found.append((start, end))
    return found


def _in_run(text: str, run: str, start: int) -> list[Span]:
    """Return what of a run of characters is a token: all of it, or a piece between the slashes of a path."""
    if len(run) >= LONG and _is_key(run):
        return [] if _is_marked(text, start) else [(start, start + len(run))]
    found: list[Span] = []
    at = start
    for piece in run.split("/"):
        if len(piece) >= SHORT and not _FILE.search(piece) and not _GUID.search(piece):
            match = _FAMILIES.match(text, at + len(piece) - len(piece.lstrip("_.-")))
            if match and not _is_made_of_words(match[0]):
                found.append(match.span())
            elif _is_token(piece):
                found.append((at, at + len(piece)))
        at += len(piece) + 1
    return [] if found and _is_marked(text, start) else found


def _is_made_of_words(text: str) -> bool:
    """Tell whether a text is several small words and numbers, such as the name of a file or of a test."""
    words = _BETWEEN_WORDS.split(text)
    return len(words) > 3 and all(_WORD_OR_NUMBER.fullmatch(word) for word in words)


def _is_marked(text: str, at: int) -> bool:
    """Tell whether a word for hashes, or for data of an image, stands right before a place."""
    before = text[max(0, at - 40) : at]
    return bool(_HASH_MARK.search(before) or _HASH.match(text, at) or _IMAGE.search(before))


def _is_token(piece: str) -> bool:
    """Tell whether a piece is a prefix and a diced body, or a diced body of some length."""
    prefix = _PREFIX.match(piece)
    return (prefix is not None and _is_diced(piece[prefix.end() :], 16, 20)) or _is_diced(piece, 20, 25)


def _is_diced(body: str, cased: int, uncased: int) -> bool:
    """Tell whether letters and digits are mixed as dice mix them; the digits of a hash are not enough.

    `cased` and `uncased` are the least lengths of bodies with letters of both cases, and of one.
    """
    letters = [char for char in body if char.isalnum()]
    if len(letters) < SHORT or _HEX.match("".join(letters)) or _GUID.search(body):
        return False
    digits, found = sum(map(str.isdigit, letters)), changes(body)
    if _has_both_cases(body):
        mixed = found >= 0.33 * len(letters) and len(_CHUNK.findall(body)) > 0.38 * len(letters)
        return len(letters) >= cased and digits >= 1 and mixed
    return len(letters) >= uncased and digits >= 3 and found >= (0.18 if body.isalnum() else 0.28) * len(letters)


def _is_key(run: str) -> bool:
    """Tell whether a long run is a key rather than a path, a dotted name or a number."""
    core = _GUID.sub("", run).rstrip("=")
    if "/" in core:
        pieces = core.split("/")
        if core.startswith(("/", ".")) or not any(_is_diced(piece, 12, 16) for piece in pieces):
            return False
    letters = sum(map(str.isalnum, core))
    return letters >= LONG * 3 // 4 and changes(core) >= (0.38 if _has_both_cases(core) else 0.22) * letters


def _has_both_cases(text: str) -> bool:
    return text.lower() != text and text.upper() != text
