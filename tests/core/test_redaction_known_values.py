"""Known values: in each form in which they turn up, wherever they stand, however many there are."""

import base64
import html
import json
import shlex
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from txo_core.masking.known_values import KnownValues, is_maskable
from txo_core.redaction import MASK, Redactor, encodings

SECRET = 'p&ss "w0rd" <ümläut>\'/\\x'
MORE = "another-value-of-mine"
FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": json.dumps,
    "json in utf-8": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps(s)),
    "json in json in json": lambda s: json.dumps(json.dumps(json.dumps(s))),
    "json with escaped slashes": lambda s: json.dumps(s).replace("/", "\\/"),
    "repr": repr,
    "repr of bytes": lambda s: repr(s.encode()),
    "repr of json": lambda s: repr(json.dumps(s)),
    "url": urllib.parse.quote,
    "url without slashes": lambda s: urllib.parse.quote(s, safe=""),
    "form": urllib.parse.quote_plus,
    "url in small letters": lambda s: (
        urllib.parse.quote(s, safe="").replace("%C3", "%c3").replace("%BC", "%bc").lower()
    ),
    "url twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe=""),
    "xml": lambda s: s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    "xml attribute": lambda s: html.escape(s).replace("&#x27;", "&apos;"),
    "html": html.escape,
    "xml in numbers": lambda s: "".join(c if c.isascii() and c not in "<>&\"'" else f"&#{ord(c)};" for c in s),
    "shell": shlex.quote,
    "sql": lambda s: "'" + s.replace("'", "''") + "'",
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 for urls": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 behind a user": lambda s: base64.b64encode(b"anna:" + s.encode()).decode(),
    "base64 behind one more": lambda s: base64.b64encode(b"anna1:" + s.encode()).decode(),
    "base64 behind two more": lambda s: base64.b64encode(b"anna12:" + s.encode() + b"\n").decode(),
    "hex": lambda s: s.encode().hex(),
    "hex in capitals": lambda s: s.encode().hex().upper(),
    "broken over two lines": lambda s: s[:9] + "\n" + s[9:],
    "broken and indented": lambda s: s[:9] + "\r\n    " + s[9:],
    "broken in a repr": lambda s: repr(s[:9] + "\n" + s[9:])[1:-1],
}


@pytest.mark.parametrize("secret", [SECRET, "plain7words", "f3b1c2d4-0000-4a4a-8b8b-1234567890ab", "Harbor\\n3wq"])
@pytest.mark.parametrize("form", FORMS)
def test_a_known_value_is_masked_in_each_of_its_forms(secret: str, form: str) -> None:
    if form == "url in small letters" and secret != secret.lower():
        pytest.skip("letters of the value itself stay as they are")
    shown, redactor = FORMS[form](secret), Redactor([MORE, secret])

    for before in ("", "x", "xy ", 'a: "'):
        out = redactor(f"{before}{shown} after")

        assert MASK in out
        assert out.endswith(" after")
        pieces = {shown[i : i + 8] for i in range(len(shown) - 8)}
        assert form.startswith("base64 behind") or not any(piece in out for piece in pieces)


@pytest.mark.parametrize("user", ["anna:", "anna1:", "anna12:"])
def test_no_character_with_bits_of_the_value_is_left_of_base64(user: str) -> None:
    shown = base64.b64encode(f"{user}{MORE}!!!!".encode()).decode()
    first, last = len(user) * 8 // 6, (len(user) + len(MORE)) * 8 // 6

    (span,) = KnownValues([MORE]).spans(shown)

    assert first - 1 <= span[0] <= first
    assert last <= span[1] <= last + 1


def test_values_that_overlap_share_one_mask() -> None:
    assert Redactor(["abc-def-ghi", "ghi-jkl-mno"])("<abc-def-ghi-jkl-mno>") == f"<{MASK}>"


def test_of_two_values_the_longer_leaves_no_rest() -> None:
    assert Redactor(["sesame-4711", "sesame-4711-open"])("=sesame-4711-open=") == f"={MASK}="


def test_a_value_within_what_a_pattern_finds_leaves_no_rest() -> None:
    assert Redactor(["sesame-4711"])("password=sesame-4711xyz&a=1") == f"password={MASK}&a=1"


def test_the_lines_of_a_key_are_masked_one_by_one_too() -> None:
    lines = ["Qm9yZGVyTGluZU9uZQ7x", "U2Vjb25kTGluZU9mSXQ8", "short"]
    key = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END PRIVATE KEY-----\n"

    out = Redactor([key])(f"the first was {lines[0]}, then came {lines[1]}, short and sweet")

    assert out == f"the first was {MASK}, then came {MASK}, short and sweet"


def test_hundreds_of_values_that_begin_alike_are_all_found() -> None:
    tokens = [f"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9-{n:04}-signature" for n in range(300)]
    known = KnownValues(tokens)

    assert all(known.spans(f"a {token} b") == [(2, 2 + len(token))] for token in tokens)
    assert known.spans("nothing of it here, eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9 apart") == []


def test_a_value_of_six_characters_is_found_at_every_place() -> None:
    known = KnownValues(["Xy7%qZ"])

    assert [known.spans(" " * n + "Xy7%qZ") for n in range(6)] == [[(n, n + 6)] for n in range(6)]


def test_an_index_with_one_more_value_leaves_the_old_one_as_it_was() -> None:
    old = KnownValues([MORE])
    new = KnownValues(["sesame-4711"], old)

    assert old.spans("sesame-4711") == []
    assert new.spans(f"sesame-4711 {MORE}") == [(0, 11), (12, 12 + len(MORE))]


def test_places_count_characters_whatever_stands_before() -> None:
    assert KnownValues([MORE]).spans(f"åäö 🔑 {MORE}") == [(6, 6 + len(MORE))]


@settings(deadline=None, max_examples=60)
@given(
    st.text(min_size=7, max_size=40).filter(is_maskable),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_no_form_of_a_known_value_is_left_in_any_text(secret: str, before: str, after: str) -> None:
    assume(set(secret) - set("[REDACTED_JWT] "))
    redactor = Redactor([secret])
    forms = encodings(secret)

    for form in sorted(forms):
        out = redactor(before + form + after)
        assert [left for left in forms if left in out and not set(left) <= set("[REDACTED_JWT]")] == []
        assert redactor(out) == out
