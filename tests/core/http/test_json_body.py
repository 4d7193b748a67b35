"""Where the body of an answer is parsed, and what is noticed of one that nobody has parsed yet."""

import pytest
from requests import Response
from requests.utils import get_encoding_from_headers

from tests.support.scripted import ScriptedTransport, prepared
from txo_core.http.json_body import JsonBody, NoJson, value_of
from txo_core.http.policy import Options

LATER = Options(expects_json=True, parses_later=True)


@pytest.mark.parametrize("body", [b"<html></html>", b'{"value": [1, 2', b"[1, 2", b'{"value": 1]', b"null and void"])
def test_half_a_document_and_a_page_for_people_are_noticed_before_they_are_parsed(body: bytes) -> None:
    with pytest.raises(NoJson):
        JsonBody()(prepared(options=LATER), ScriptedTransport((200, {}, body)))


UMLAUT = '{"city": "Århus"}'


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        *(("", "utf-8"), ("", "utf-8-sig"), ("", "utf-16"), ("", "utf-32-le"), ("iso-8859-1", "latin-1")),
        *(("windows-1252", "cp1252"), ("iso-8859-1", "utf-8"), ("nonsense", "utf-8")),
    ],
)
def test_json_is_read_in_the_charset_that_it_is_in(charset: str, encoding: str) -> None:
    """UTF-8 where it can be, whatever the server says; else what the server says."""
    kind = f"application/json; charset={charset}" if charset else "application/json"
    network = ScriptedTransport((200, {"Content-Type": kind}, UMLAUT.encode(encoding)))

    assert value_of(with_encoding(JsonBody()(prepared(), network))) == {"city": "Århus"}


@pytest.mark.parametrize("charset", ["", "nonsense", "ascii", "hex"])
def test_json_in_no_known_charset_is_none(charset: str) -> None:
    network = ScriptedTransport((200, {"Content-Type": f"text/json; charset={charset}"}, UMLAUT.encode("latin-1")))
    response = network(prepared())
    response.encoding = charset or None

    with pytest.raises(NoJson):
        value_of(response)


def with_encoding(response: Response) -> Response:
    """Return the answer with its encoding, which the transport sets."""
    response.encoding = get_encoding_from_headers(response.headers)
    return response


def test_what_looks_whole_is_parsed_by_whoever_wants_it() -> None:
    response = JsonBody()(prepared(options=LATER), ScriptedTransport((200, {}, b' {"value": [1, 2,]}\n')))

    with pytest.raises(NoJson):
        value_of(response)


@pytest.mark.parametrize(("body", "value"), [(b"", {}), (b" \n", {}), (b"7", 7), (b'{"a": 1}', {"a": 1}), (b"[]", [])])
def test_every_value_that_json_has_may_be_parsed_later(body: bytes, value: object) -> None:
    assert value_of(JsonBody()(prepared(options=LATER), ScriptedTransport((200, {}, body)))) == value
