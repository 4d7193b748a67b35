"""The redactor: values by their encodings, shapes by their names, and never slow."""

import base64
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txo_core.redaction import Redactor, redact, register_secret

SECRET = 'p&ss "w0rd" <ümläut>\''


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        urllib.parse.quote(SECRET),
        urllib.parse.quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
        "p&amp;ss &quot;w0rd&quot; &lt;ümläut&gt;&apos;",
    ],
)
def test_a_known_value_is_masked_in_each_of_its_forms(form: str) -> None:
    out = Redactor([SECRET])(f"before {form} after")

    assert "w0rd" not in out
    assert base64.b64encode(SECRET.encode()).decode()[:12] not in out
    assert out.startswith("before ")
    assert out.endswith(" after")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Token: Bearer abcdef.ghijkl", "Token: Bearer [REDACTED]"),
        ('{"password": "secret"}', '{"password": "[REDACTED]"}'),
        ('{"client-secret":"a\\"b"}', '{"client-secret":"[REDACTED]"}'),
        ("{'az-token': 'x y'}", "{'az-token': '[REDACTED]'}"),
        ("client_secret=abc&x=1", "client_secret=[REDACTED]&x=1"),
        ("https://user:pass@h/x", "https://user:[REDACTED]@h/x"),
        ("JWT: eyJhbGciOiJI.eyJzdWIiOi.SflKxwRJSM", "JWT: [REDACTED_JWT]"),
    ],
)
def test_an_unknown_secret_is_masked_by_its_name_or_shape(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Processing started for 42 records",
        "fetch-customer-C0013: skipped",
        '{"client-secret": "..."}',
        "GET https://api.example.com/v1/customers('C0001')",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["a-", "eyJ-", "token=", 'token":"', "://a:", "bearer ", "password", "\\", "x" * 9 + ".", "secret'=' "]
)
def test_no_text_keeps_the_redactor_busy_for_long(piece: str) -> None:
    """A pattern that tries again from each place would need minutes for this."""
    redact(piece * (200_000 // len(piece)))


@given(st.text(max_size=200))
def test_it_takes_every_text_and_changes_nothing_more_the_second_time(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


def test_what_is_no_secret_at_all_is_not_registered() -> None:
    register_secret("")
    register_secret("ab")
    register_secret(None)  # type: ignore[arg-type]

    assert redact("absolutely about ab") == "absolutely about ab"
