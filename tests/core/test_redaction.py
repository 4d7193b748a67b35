"""The redactor as a whole: the guide's examples, what it promises of every text, and how values are registered."""

import logging
import pickle
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txo_core import redaction
from txo_core.redaction import MASK, Redactor, redact, register_secret

FRAGMENTS = (
    *(
        "password",
        "token",
        "key",
        "secret",
        '"',
        "'",
        "\\",
        '\\"',
        "=",
        ": ",
        " ",
        "\n",
        "\r\n",
        "\t",
        "<",
        ">",
        "</",
        "`",
    ),
    *("://", "@", "user:pass@", "eyJ", "eyJhbGciOiJI", ".", "Bearer ", "Basic ", "Authorization: ", "Cookie: ", "a=b;"),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "[REDACTED]",
        "[REDACTED_JWT]",
        "-u ",
        "curl ",
        "-p",
        "&",
        "%22",
        ",",
        ";",
        "(",
        ")",
    ),
    *(
        "{",
        "}",
        "|",
        "é",
        "İ",
        "sig=",
        "hooks/",
        "https",
        "is",
        "for",
        "$2b$12$",
        "sha256:",
        "commit ",
        "u0022",
        "x",
        "1",
        "+",
    ),
    *(
        "Ab1Cd2Ef3",
        "9f3c1a77be204d5588c0e1d2f3a4b5c6d7e8f901",
        "Qx7vR2mKp9ZtQx7vR2mKp9ZtQx7vR2mKp9ZtQx7v",
        "PASS ",
        "\x00",
    ),
)


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
        ("Authorization: Bearer eyJhbGciOiJI.eyJzdWIiOi.SflKxwRJSM", "Authorization: Bearer [REDACTED_JWT]"),
        ("password=open-sesame, user=anna", "password=[REDACTED], user=anna"),
    ],
)
def test_a_secret_is_masked_and_the_rest_stays(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


@settings(deadline=None)
@given(st.text(max_size=300))
def test_it_takes_every_text_and_changes_nothing_more_the_second_time(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_what_it_leaves_of_pieces_of_secrets_is_left_the_second_time_too(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


@pytest.mark.parametrize("text", [None, 42, b"token=abc", ValueError("password=open-sesame")])
def test_what_is_no_text_comes_back_as_its_text(text: object) -> None:
    assert isinstance(redact(text), str)  # type: ignore[arg-type]
    assert "sesame" not in redact(text)  # type: ignore[arg-type]


def test_a_value_found_by_its_name_is_masked_where_it_stands_without() -> None:
    assert "Zx81Spectrum" not in redact("api_key=Zx81Spectrum was sent, and Zx81Spectrum came back")


def test_a_capital_that_becomes_longer_in_small_letters_shifts_nothing() -> None:
    assert redact("İİİ İstanbul token=abc123 İ") == "İİİ İstanbul token=[REDACTED] İ"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "a-",
            "eyJ-",
            "eyJ.",
            "eyJhbGciOiJI\n",
            "eyJaaaaaaaaa.",
            "token=",
            'token":"',
            '"password":"',
            "secret'=' ",
        ),
        *(
            "://a:",
            "://a:b@",
            "http://a:b",
            "bearer ",
            "Bearer Abcdefgh1 ",
            "password",
            "password for a b ",
            "\\",
            '\\"',
        ),
        *(
            "x" * 9 + ".",
            "<Password>",
            "<Password ",
            "<a key='password'>",
            "</key><string>",
            "&quot;",
            "%22",
            "$2b$",
            "=",
        ),
        *(
            "-----BEGIN PRIVATE KEY-----\n",
            "Private-Lines: 3\nAB12\n",
            "cookie: a=bcde;",
            "cookie:a",
            "://hooks/",
            "hook/",
        ),
        *(
            "curl -u a:b ",
            "curl -u 'a",
            "mysql -pab1c ",
            "sqlplus -a ",
            "docker ",
            "authorization: x a=b,",
            "auth=('a', '",
        ),
        *(
            "0123456789abcdef",
            "aZ9bX2cW1/",
            "a1b2c3d4e5f6g7h8i9 ",
            "token: `",
            "key: |\n",
            "key:\n  ",
            "PASS ",
            "AUTH x1\n",
        ),
        *(
            "password\ninput=",
            "password \t\n",
            "name=value;",
            "password=)",
            "secret((",
            "token{",
            "thin:a/",
            "é",
            "İtoken=",
        ),
        *(":A12345678:A", "|1234567890123|", "password | ", "data:image/png;base64,", "secret_token_key_", "aaaabbbb1"),
    ],
)
def test_no_text_keeps_the_redactor_busy_for_long(piece: str) -> None:
    """A pattern that tries again from each place would need minutes for this."""
    Redactor(["aaaaaaaaaaaa", "token=token=", "aaaabbbb1"])(piece * (100_000 // len(piece)))


def test_a_value_is_known_as_soon_as_it_is_registered() -> None:
    redactor = Redactor()
    before = redactor("it opens with green-door-opener")

    assert redactor.register("green-door-opener")
    assert before == "it opens with green-door-opener"
    assert redactor("it opens with green-door-opener") == f"it opens with {MASK}"


def test_what_is_known_can_be_told_from_what_only_looks_like_a_secret() -> None:
    redactor = Redactor(["green-door-opener"])

    assert redactor.knows("it opens with green-door-opener")
    assert redactor.knows("Z3JlZW4tZG9vci1vcGVuZXI=")
    assert not redactor.knows("token=abc123")


def test_readers_meet_a_registration_from_another_thread_whole() -> None:
    redactor = Redactor(["the-first-of-them-0"])
    names = [f"the-next-of-them-{n}" for n in range(150)]
    seen: list[str] = []

    def read() -> None:
        while writer.is_alive():
            seen.append(redactor("the-first-of-them-0 stays unreadable"))

    writer = threading.Thread(target=lambda: [redactor.register(name) for name in names])
    readers = [threading.Thread(target=read) for _ in range(3)]
    writer.start()
    for reader in readers:
        reader.start()
    for thread in (writer, *readers):
        thread.join()

    assert set(seen) <= {f"{MASK} stays unreadable"}
    assert {redactor(f"now {name}") for name in names} == {f"now {MASK}"}


@pytest.mark.parametrize("value", ["", "ab", "12345", "  ab  ", "password", "Production", None, 42])
def test_a_value_that_is_short_or_common_is_not_masked_by_value(value: str) -> None:
    redactor = Redactor()

    assert not redactor.register(value)
    assert redactor(f"about {value} today") == f"about {value} today"


def test_such_a_value_causes_one_warning_without_it(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        register_secret("x9%z")

    (record,) = [record for record in caplog.records if record.name == redaction.__name__]

    assert record.levelno == logging.WARNING
    assert "x9%z" not in record.getMessage()
    assert "6 characters" in record.getMessage()


def test_nothing_at_all_causes_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    register_secret("")
    register_secret(None)  # type: ignore[arg-type]

    assert caplog.records == []


def test_a_text_with_half_a_pair_of_surrogates_is_no_trouble() -> None:
    redactor = Redactor(["zebra-\ud800-crossing"])

    assert redactor("at the zebra-\ud800-crossing") == f"at the {MASK}"
    assert pickle.loads(pickle.dumps(redactor("\udfff token=abc123"))) == "\udfff token=[REDACTED]"
