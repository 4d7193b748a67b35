"""How a name and its value stand in text: what may be between them, how a value is quoted, and where it ends.

Each repetition has a bound or cannot be taken back, so that a search is linear in the text.
"""

import re

HINTS = (
    *("key", "pass", "auth", "token", "secret", "cred", "cookie", "sess", "sig", "pw", "code", "bearer", "basic"),
    *("pin", "otp", "psk", "nonce", "identified", "kennwort", "senord", "string"),
)
"""Without one of these, in small letters, no name in a text tells of a secret."""

PAIR = re.compile(
    r"""
    (?P<name>
        (?:passw|passp|passc|pass(?![a-z])|pwd|pword|pw(?![a-z])|secret|securestring|token|cred|auth|sig(?![a-z])|signature
        |cookie|sess|bearer|jwt|otp(?![a-z])|pin(?![a-z])|nonce|psk|code(?![a-z])|key
        |api[ ]key|access[ ]key|private[ ]key|secret[ ]key|shared[ ]key|account[ ]key|signing[ ]key|encryption[ ]key
        |license[ ]key|subscription[ ]key|storage[ ]key|master[ ]key|connection[-_ ]?string|connstr
        |identified[ ]by|kennwort|lösenord|losenord)
        (?:[\w.-]{0,39}\w)?+
    )
    (?P<close>(?:\\{0,7}(?:["'`*]|u002[27])|[\])}]|&quot;|&\#3[49];|%22){0,3}+)
    (?P<link>
        # ["name": "password", "value":] and [key="password" value=], with other attributes between
        [\s,]{1,4}+(?:(?!val|content)[\w-]{1,20}=\\{0,3}["'][^"'<>]{0,60}["']\s){0,3}+
            \\{0,7}["']?(?:value|val|content)\\{0,7}["']?\s{0,2}[:=]
        # [=], [:], [: str =], [:=], [=>], [->], the same in URLs and JSON, [|] of a table, [(] and [,] before quotes
        |\s{0,8}+(?:(?::\s?(?:str|string|bytes|text|any|secretstr|optional\[\w{1,20}\]|str\s\|\snone)\s
                |[a-z][\w.\[\]]{0,20}[ ])?
            [:?.+]?={1,3}>?
            |:{1,2}=?|->|→|%3[ad]|\\{1,7}u003[ad]
            |(?<=[\s"'])[|│](?=\s)|\(|,(?=\s?\\{0,7}["']))
        # [<password>], [<entry key="password">], [<setting name="password"><value>], [<key>password</key><string>]
        |(?:\s[\w:.-]{1,40}=[^<>]{0,300}+)?(?:>\s{0,16}+<[a-z]{2,12}>|>|&gt;|\\u003e)
        |</[a-z]{2,12}>\s{0,16}+<[a-z]{2,12}>
        # a part of a form, whose value comes after an empty line
        |(?:\r?\n|\\r\\n){2}
        # [password is], [password for somebody:], [password] and something with a digit
        |[ ]{1,3}(?:for[ ][^\s:]{1,40}[ ](?:[^\s:]{1,40}[ ])?)?(?:is|was|are|equals|set[ ]to)[ :]{1,2}
        |[ ]for[ ][^\s:]{1,40}(?:[ ][^\s:]{1,40})?:[ ]
        |[ \t]{1,3}(?=["'`]?[^\s"'`=]{0,80}[0-9!@$%^*])
    )
    """,
    re.VERBOSE,
)
TIGHT = ("=", ":", "%3d", "%3a")
ARROWS = ("=>", "->")

OPENING = re.compile(
    r"""\s{0,16}+(?P<bracket>[\[({])?\s{0,8}+
        (?:new\s)?(?:[A-Za-z]{1,20}\()?(?:value=)?(?:string\(\d{1,5}\)\s)?[bBuUrRfFN@$]{0,2}
        (?P<quote>\\{0,7}(?:["'`]|u002[27])|&quot;|&\#3[49];|&apos;|%22|%27)""",
    re.VERBOSE,
)
KEY_AFTER = re.compile(r"(?:\\{0,7}[\"'`]|&quot;|&#3[49];)\s{0,4}[:=][^=]")

# A delimiter ends a value only where what follows looks like an end, since passwords have delimiters too.
PLAIN = re.compile(
    r"""(?:[^\s"'`<>&,;)\]}|\\│]
        |&(?!quot;|apos;|lt;|\#3[49];)(?![\w.-]{1,40}=)
        |[,;](?=[^\s"'`])(?![\w.-]{1,40}\s?[=:])
        |[)\]}](?=[^\s,;.:)\]}"'`\\|])
        |["'`](?=\w)
        |\\(?![rn](?:\\|[\w-]{1,40}\s?[:=]|["']|\Z)|\\{0,7}(?:["'`]|u00[23][0-9a-f]))
        |[|│](?=[^\s|│])
        )++""",
    re.VERBOSE,
)
BLOCK = re.compile(r"[ \t]*(?P<mark>[|>][+-]?\d?[ \t]*)?\r?\n[ \t]+(?![^\n]{0,80}:(?:\s|\Z))")
SCHEME = re.compile(r"([A-Za-z][\w-]{2,24})[ ]{1,2}(?=[^\s,;:=&|]{6,})")
IN_TAG = re.compile(r"\s*+(?:<!\[cdata\[)?+\s*+([^<&]*+(?:&(?!lt;)[^<&]*+)*+)", re.IGNORECASE)
TAG_BEFORE = re.compile(
    r"""(?:<|&lt;|u003c)(?:[\w.-]{1,30}:)?(?:[\w.-]{0,30}|[\w.-]{1,30}>\s{0,16}
        |[\w:.-]{1,30}\s(?:[\w:-]{1,20}=["'][^"'<>]{0,60}["']\s)?(?:key|name|id|property)\s?=\s?\\{0,3}["'])\Z""",
    re.IGNORECASE | re.VERBOSE,
)
# What pydantic says of a value that it refuses, behind the name of the field.
INPUT = re.compile(r"\binput(?:_value)?['\"]?\s?(?P<link>[:=])\s?")
FIELD_BEFORE = re.compile(
    r"(?:\A|\n)(?P<line>[\w.-]{1,120})\n[^\n]{0,300}\Z|'loc': \((?P<loc>[^()]{1,200})\)[^{}]{0,300}\Z"
)
