"""Places where secrets stand without a name: URLs, authorization headers, cookies, command lines, blocks of keys."""

import re

from txo_core.masking.values import has_digit, is_blank, is_passwordlike, is_random, words

Span = tuple[int, int]

_USER_INFO = re.compile(
    r""":(?:\\?/){2}[^\s/:@"'`<>?\#\\]{0,128}+:(?!\d{1,5}(?:[/?\#\s"']|\Z))(?P<password>[^\s"'<>]{1,256})@(?=[\w.\[-])""",
    re.VERBOSE,
)
_USER_ALONE = re.compile(r""":(?:\\?/){2}(?P<token>[^\s/:@"'`<>?#\\]{16,512}+)@""")
_ORACLE = re.compile(
    r"""(?:\bthin:|\bsqlplus\s{1,3}(?:-\w{1,9}\s{1,3}){0,3}|\bconnect\s{1,3})[\w.$\#-]{1,64}/["']?
        (?P<password>[^\s"']{1,128})@(?=[\w/(])""",
    re.VERBOSE | re.IGNORECASE,
)
_SCHEMES = ("bearer", "basic", "authorization", "sharedkey", "negotiate", "ssws", "genie", "aws4-hmac", "digest ")
_SCHEME = re.compile(
    r"""(?:bearer|basic|negotiate|ntlm|sharedkey|sharedkeylite|genie_?key|ssws|apikey|hawk|oauth|digest|aws4-hmac-sha256
        |token|sso-key|zoho-oauthtoken|splunk|dpop|bot)
        (?:[ ]|%20|\+){1,3}(?P<proof>[a-z0-9._~+/=:|%-]{8,}+)(?P<after>["']?)""",
    re.VERBOSE,
)
_PARAMETERS = re.compile(
    r"""(?:authorization(?:\\{0,7}["'`])?\s{0,2}[:=,]\s{0,3}(?:b?\\{0,7}["'`])?[a-z][\w-]{1,24}|\bdigest|\boauth|\bhawk)
        [ ](?P<parameters>[a-z][\w-]{0,30}=[^\n]{0,4096}+)""",
    re.VERBOSE,
)
_PARAMETER = re.compile(r"""([A-Za-z][\w-]{0,30}+)=(?:\\{0,7}"([^"\\]{0,2048})\\{0,7}"|([^\s,;"']{1,2048}))""")
_OPEN_PARAMETERS = words("""
    realm qop uri algorithm nc username userhash charset version signedheaders headers scope error domain stale
""")
_COOKIES = re.compile(
    r"""(?P<set>set-)?cookie2?(?:\\{0,7}["'`])?\s{0,2}[:=]\s{0,3}(?:b?\\{0,7}["'`])?(?P<pairs>[^\n<>]{1,4096}+)"""
)
_COOKIE = re.compile(r"""\s{0,2}([\w.$!%-]{1,128}+)=([^\s;,"'\\]{4,4096}+)""")
_COOKIE_REPR = re.compile(r"<Cookie [^=\s]{1,128}=([^\s>]{4,4096}+) for ")
_OPTIONS = re.compile(
    r"-(?<=[\s\"'`]-)(?:[upawUP]|-user|-proxy-user|-auth|-basic|-cred|-[\w-]{0,30}(?:pass|pwd|secret|token|key))"
)
_SECRET_OPTION = re.compile(
    r"""[\s"']--?(?:[\w-]{0,30}[_-])?(?:password|passwd|passphrase|pwd|secret|token|api-?key)[ =]{1,2}["']?
        (?P<value>[A-Za-z][\w.-]{3,63}+)(?=["']|\s{1,3}-|\s*\Z|\s*\n)""",
    re.VERBOSE | re.IGNORECASE,
)
_USER_OPTION = re.compile(
    r"""[\s"'](?:-u|-a|-U|--user|--proxy-user|--auth|--basic|--credentials?)(?:[ =]|["'],\s?["'])\s{0,2}
        (?P<quote>\\{0,7}["']?)[^\s:"'%]{0,128}+[:%]""",
    re.VERBOSE,
)
_COMMAND = re.compile(
    r"""\b(?:docker|podman|skopeo|helm|oras|sshpass|mysql\w*|mariadb\w*|mongo\w*|redis-cli|ldap\w+|sqlcmd|bcp|[io]sql|sqlplus
        |cqlsh|clickhouse-client|influx|db2|plink|pscp|psftp|winscp|smbclient|az|openssl|keytool|htpasswd|kinit|7z\w?|zip|unzip
        |rar|unrar|rclone|curl|wget|http|cf|oc|xfreerdp|cmdkey|runas|psexec|rabbitmqctl|ipmitool|snmpwalk|snmpget)\b""",
    re.VERBOSE,
)
_OPTION = re.compile(
    r"""(?<=[\s"'])-(?:p|P|a|w|pass|passin|passout|storepass|keypass)(?:[ =]|["'],\s?["'])?(?:pass:)?["']?
        (?P<value>[^\s"']{4,256})""",
    re.VERBOSE,
)
_PAIR_OF_AUTH = re.compile(
    r"""(?:auth\w{0,20}\s?[=:]\s?[\[(]|basicauth\(|digestauth\(|ntlmauth\(|login\()
        \s?\\{0,3}["'][^"'\n]{0,128}["'],\s?\\{0,3}(?P<quote>["'])""",
    re.VERBOSE,
)
_PROTOCOL = re.compile(
    r"""(?:^|[\s>:])(?:PASS|AUTH(?:\ PLAIN|\ LOGIN)?|LOGIN\ \S{1,128}|requirepass|masterauth)\ ["']?
        (?P<value>[^\s"'<>:]{6,256}+)["']?\s{0,2}+(?:$|[\\\n])""",
    re.MULTILINE | re.VERBOSE,
)
_KEY_BLOCK = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----|Private-Lines: ?\d{1,4}")
_KEY_LINE = re.compile(
    r"""(?:\s|\\{1,7}[nrt]|\\{0,7}["'],?\s{0,20}\+?\s{0,20}\\{0,7}["']|[│|>\#])*+
        (?:[A-Z][A-Za-z-]{1,20}:\s[^\n\\]{1,80}|(?P<body>[A-Za-z0-9+/=]{4,}+))""",
    re.VERBOSE,
)


def spans_of_places(text: str, lowered: str, hinted: bool) -> list[Span]:
    """Return where secrets stand at places that are known for them; `hinted` where a word tells of secrets at all."""
    found: list[Span] = []
    if "@" in text and "/" in text:
        found += _in_urls(text)
    if _OPTIONS.search(text):
        found += _in_commands(text)
    if "PRIVATE" in text or "Private-Lines" in text:
        found += _in_key_blocks(text)
    if not hinted:
        return found
    if any(scheme in lowered for scheme in _SCHEMES):
        found += _after_schemes(text, lowered)
    if "cookie" in lowered:
        found += _in_cookies(text, lowered)
    if "auth" in lowered or "login(" in lowered:
        found += _in_pairs_of_auth(text, lowered)
    if "PASS" in text or "AUTH" in text or "LOGIN" in text or "requirepass" in text:
        found += [match.span("value") for match in _PROTOCOL.finditer(text) if is_passwordlike(match["value"])]
    return found


def _in_urls(text: str) -> list[Span]:
    found = []
    for match in _USER_INFO.finditer(text):
        start, end = match.span("password")
        slash = text.find("/", start, end)
        at = text.rfind("@", start, slash) if slash > 0 else -1
        end = at if at > start else end
        if not is_blank(text[start:end]):
            found.append((start, end))
    found += [match.span("token") for match in _USER_ALONE.finditer(text) if is_random(match["token"])]
    found += [match.span("password") for match in _ORACLE.finditer(text) if not is_blank(match["password"])]
    return found


def _after_schemes(text: str, lowered: str) -> list[Span]:
    """Return where the proofs of identity are: behind `Bearer` and the like, and among the parameters of `Digest`."""
    found = []
    for match in _SCHEME.finditer(lowered):
        start, end = match.span("proof")
        proof = text[start:end].rstrip(".:")
        if not (match.start() and text[match.start() - 1].isalnum()) and _is_proof(proof, match["after"]):
            found.append((start, start + len(proof)))
    for match in _PARAMETERS.finditer(lowered):
        start, end = match.span("parameters")
        for parameter in _PARAMETER.finditer(text, start, end):
            group = 2 if parameter[2] is not None else 3
            if parameter[1].lower() not in _OPEN_PARAMETERS and len(parameter[group]) >= 6:
                found.append(parameter.span(group))
    return found


def _is_proof(proof: str, after: str) -> bool:
    """Tell whether what stands behind the name of an authorization scheme is a proof, and not the next word."""
    if (proof.isalpha() and (proof[1:].islower() or proof.isupper())) or (after and proof.endswith("=")):
        return False
    proof = proof.partition(":")[2] or proof
    return not is_blank(proof) and (is_passwordlike(proof) or any(char in proof for char in "._-+/="))


def _in_cookies(text: str, lowered: str) -> list[Span]:
    found = [match.span(1) for match in _COOKIE_REPR.finditer(text)]
    for match in _COOKIES.finditer(lowered):
        at, end = match.span("pairs")
        while cookie := _COOKIE.match(text, at, end):
            if not is_blank(cookie[2]):
                found.append(cookie.span(2))
            at = cookie.end() + 1
            if match["set"] or text[cookie.end() : at] not in (";", ","):
                break
    return found


def _in_commands(text: str) -> list[Span]:
    found = []
    for match in _USER_OPTION.finditer(text):
        start, mark = match.end(), match["quote"]
        end = text.find(mark, start, start + 256) if mark else _end_of_word(text, start)
        if end > start and not is_blank(text[start:end]):
            found.append((start, end))
    found += [match.span("value") for match in _SECRET_OPTION.finditer(text) if not is_blank(match["value"])]
    at = 0
    while command := _COMMAND.search(text, at):
        line = text.find("\n", command.end())
        at = line if line >= 0 else len(text)
        for option in _OPTION.finditer(text, command.end(), at):
            if not is_blank(option["value"]) and is_passwordlike(option["value"]):
                found.append(option.span("value"))
    return found


def _end_of_word(text: str, at: int) -> int:
    while at < len(text) and not text[at].isspace() and text[at] not in "\"'`":
        at += 1
    return at


def _in_pairs_of_auth(text: str, lowered: str) -> list[Span]:
    """Return where the second of two texts is a password, as in `auth=('user', 'password')`."""
    found = []
    for match in _PAIR_OF_AUTH.finditer(lowered):
        end = text.find(match["quote"], match.end(), match.end() + 512)
        if end > match.end() and not is_blank(text[match.end() : end].rstrip("\\")):
            found.append((match.end(), end))
    return found


def _in_key_blocks(text: str) -> list[Span]:
    found, at = [], 0
    while block := _KEY_BLOCK.search(text, at):
        at = block.end()
        while line := _KEY_LINE.match(text, at):
            if line["body"] and (has_digit(line["body"]) or len(line["body"]) > 16):
                found.append(line.span("body"))
            elif line["body"]:
                break
            at = line.end()
    return found
