"""Secrets behind their names and at known places: whatever the language, the quoting and the surroundings."""

import json
import urllib.parse

import pytest

from txo_core.redaction import MASK, redact

WEAK, HARD, KEY = "meadow47", "Qx7!vR&2m'Kp", "q8ZtR4nW1xYc7LmP0sVb3KdH"

FRAMES = {
    "json": lambda n, v: json.dumps({"a": 1, n: v, "z": [2]}),
    "json without spaces": lambda n, v: json.dumps({n: v}, separators=(",", ":")),
    "json over lines": lambda n, v: json.dumps({"user": "anna", n: v}, indent=2),
    "json in json": lambda n, v: json.dumps({"message": json.dumps({n: v, "z": 1})}),
    "json in json in json": lambda n, v: json.dumps(json.dumps({"message": json.dumps({n: v})})),
    "json in bytes": lambda n, v: repr(json.dumps({n: v}).encode()),
    "dict": lambda n, v: repr({"user": "anna", n: v}),
    "dict of bytes": lambda n, v: repr({n.encode(): v.encode()}),
    "list of pairs": lambda n, v: repr([("user", "anna"), (n, v + "1")]),
    "call": lambda n, v: f"login(user='anna', {n}={v!r}, retries=3)",
    "dataclass": lambda n, v: f"Login(user='anna', {n}={v!r})",
    "secret of pydantic": lambda n, v: f"{n}=SecretStr({v!r})",
    "assignment": lambda n, v: f"{n} = {v!r}  # of anna",
    "assignment with a type": lambda n, v: f"{n}: str = {json.dumps(v)}",
    "walrus": lambda n, v: f"{n} := {json.dumps(v)}",
    "arrow": lambda n, v: f"'{n}' => {json.dumps(v)},",
    "yaml": lambda n, v: f"user: anna\n{n}: {json.dumps(v)}\nretries: 3",
    "toml": lambda n, v: f"[login]\n{n} = {json.dumps(v)}\n",
    "environment": lambda n, v: f'export {n.upper()}="{v}"',
    "property": lambda n, v: f"app.login.{n}={v}",
    "option with a sign": lambda n, v: f"tool --{n}={v} --retries 3",
    "option": lambda n, v: f"tool --user anna --{n} {v} --retries 3",
    "list of options": lambda n, v: repr(["tool", f"--{n}", v, "--retries", "3"]),
    "form": lambda n, v: "user=anna&" + urllib.parse.urlencode({n: v}) + "&retries=3",
    "form in a url": lambda n, v: "GET https://example.com/a?" + urllib.parse.urlencode({n: v}) + "&b=1 HTTP/1.1",
    "fragment": lambda n, v: "https://example.com/a#" + urllib.parse.urlencode({n: v}) + "&b=1",
    "json in a url": lambda n, v: "body=" + urllib.parse.quote(json.dumps({n: v})),
    "part of a form": lambda n, v: f'Content-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n--border',
    "header": lambda n, v: f"X-{n.title()}: {v}",
    "headers in a log": lambda n, v: repr({"Accept": "*/*", f"X-{n.title()}": v}),
    "name and value": lambda n, v: json.dumps({"name": n, "value": v}),
    "element": lambda n, v: f"<Login><{n}>{v.replace('&', '&amp;')}</{n}></Login>",
    "element of a namespace": lambda n, v: f'<s:{n} Type="x#Text">\n  {v.replace("&", "&amp;")}\n</s:{n}>',
    "cdata": lambda n, v: f"<{n}><![CDATA[{v.replace('&', '+')}]]></{n}>",
    "attribute": lambda n, v: f'<login user="anna" {n}="{v}" retries="3"/>',
    "setting": lambda n, v: f'<add key="{n}" value="{v}" />',
    "entry": lambda n, v: f'<entry key="login.{n}">{v.replace("&", "+")}</entry>',
    "escaped element": lambda n, v: f"&lt;{n}&gt;{v.replace('&', '+')}&lt;/{n}&gt;",
    "plist": lambda n, v: f"<key>{n}</key>\n<string>{v.replace('&', '+')}</string>",
    "connection string": lambda n, v: f"Server=db.example.com;User ID=anna;{n}={v};Encrypt=True",
    "table": lambda n, v: f"| {n}   | {v} |",
    "box": lambda n, v: f"│ {n} = {v!r}    │",
    "sentence": lambda n, v: f"The {n} is {v} as of today",
    "sentence with a name": lambda n, v: f"{n} for anna: {v}",
    "php dump": lambda n, v: f'["{n}"]=> string({len(v)}) "{v}"',
    "go map": lambda n, v: f"map[{n}:{v} user:anna]",
    "java object": lambda n, v: f"Login[{n}={v}, user=anna]",
    "validation": lambda n, v: f"{n}\n  Too short [type=string_too_short, input_value={v!r}, input_type=str]",
}
NAMES = ("password", "client_secret", "api-key", "accessToken", "db_pwd", "authToken")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("value", [WEAK, HARD, KEY])
def test_what_stands_behind_a_telling_name_is_masked(frame: str, name: str, value: str) -> None:
    if value == HARD and frame in ("attribute", "setting", "go map", "java object", "environment", "headers in a log"):
        value = "Qx7!vR-2m.Kp"  # quotes and signs of the frame itself would have to be escaped
    text = FRAMES[frame](name, value)

    out = redact(text)

    assert MASK in out
    assert not any(value[i : i + 5] in out for i in range(len(value) - 4))
    assert {"user", "anna", "retries"} & set(text.split()) <= set(out.split())
    assert redact(out) == out


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        f"authorization: bearer {KEY}",
        f"{{'Authorization': 'Bearer {KEY}', 'Accept': '*/*'}}",
        f"[(b'authorization', b'Bearer {KEY}')]",
        f"map[Authorization:[Bearer {KEY}] Accept:[*/*]]",
        f"Authorization: Token {KEY}",
        f'Authorization: Token token="{KEY}"',
        f"Authorization: SharedKey account:{KEY}=",
        f'Authorization: OAuth realm="x", oauth_token="{KEY}", oauth_version="1.0"',
        f'Digest username="anna", realm="x", response="{KEY}"',
        f"AWS4-HMAC-SHA256 Credential=x/2026/s3, SignedHeaders=host, Signature={KEY}",
        f"GET / HTTP/1.1\\r\\nAuthorization: Basic {KEY}==\\r\\nAccept: */*\\r\\n",
        f"Cookie: theme=dark; ASP.NET_SessionId={KEY}; lang=sv",
        f"Set-Cookie: id={KEY}; Path=/; HttpOnly",
        f"<Cookie id={KEY} for example.com/>",
        f"https://anna:{KEY}@example.com/a",
        f"postgresql+asyncpg://anna:{KEY}@db:5432/app",
        f"https:\\/\\/anna:{KEY}@example.com\\/a",
        f"redis://:{KEY}@cache:6379/0",
        f"git clone https://{KEY}@example.com/a.git",
        f"jdbc:oracle:thin:anna/{KEY}@//db:1521/X",
        f"sqlplus anna/{KEY}@X",
        f"curl -s -u anna:{KEY} https://example.com",
        f"curl --user 'anna:{KEY}' https://example.com",
        f"docker login -u anna -p {KEY} registry.example.com",
        f"mysql -uroot -p{KEY} app",
        f"['mysql', '-u', 'root', '-p{KEY}']",
        f"auth=('anna', '{KEY}')",
        f"requests.auth.HTTPBasicAuth('anna', '{KEY}')",
        f"PASS {KEY}",
        f"requirepass {KEY}",
        f"ALTER ROLE anna WITH PASSWORD '{KEY}'",
        f"CREATE USER anna IDENTIFIED BY '{KEY}'",
        f"machine example.com login anna password {KEY}",
        f"password: |\n  {KEY}\n",
        f"?sv=2023-11-03&sr=b&sig={KEY}%3D&se=2026-01-01",
    ],
)
def test_at_places_that_are_known_for_secrets_they_are_masked(text: str) -> None:
    out = redact(text)

    assert KEY[:8] not in out
    assert KEY[-8:] not in out
    assert redact(out) == out


@pytest.mark.parametrize(
    "text",
    [
        *("password=swordfish", '"password": "swordfish"', "<Password>swordfish</Password>", "PASSWORD='swordfish'"),
        *("password: swordfish", "db:\n  - password: swordfish\n  - user: anna", "tool --password swordfish --verbose"),
        *(
            "['tool', '--password', 'swordfish']",
            "https://anna:swordfish@example.com",
            "Password=swordfish;Encrypt=True",
        ),
    ],
)
def test_a_password_may_be_a_plain_word(text: str) -> None:
    assert redact(text) == text.replace("swordfish", MASK)


def test_a_password_with_signs_of_its_surroundings_goes_as_a_whole() -> None:
    assert redact("postgres://anna:a@b@c9@db/app") == f"postgres://anna:{MASK}@db/app"
    assert redact("password=a&b;c,d)e}f user=anna") == f"password={MASK} user=anna"
    assert redact('Password="a;b\'c";Encrypt=True') == f'Password="{MASK}";Encrypt=True'


@pytest.mark.parametrize("kind", ["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\\n", "\\\\n", "\n    ", '\\n" +\n"'])
def test_each_line_of_a_private_key_is_masked_and_what_follows_stays(kind: str, line_break: str) -> None:
    lines = ["Qm9yZGVyTGluZU9uZQ7xQm9yZGVyTGluZU9uZQ7xQm9yZGVyTGluZU9uZQ7x", "U2Vjb25kTGluZU9m8SXQ=="]
    text = line_break.join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])

    out = redact(f"before {text} and after")

    assert not any(line[:8] in out for line in lines)
    assert out.endswith(" and after")
    assert redact(out) == out
