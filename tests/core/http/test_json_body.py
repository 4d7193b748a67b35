"""Where the body of an answer is parsed, and what is noticed of one that nobody has parsed yet."""

import pytest

from tests.support.scripted import ScriptedTransport, prepared
from txo_core.http.json_body import JsonBody, NoJson, value_of
from txo_core.http.policy import Options

LATER = Options(expects_json=True, parses_later=True)


@pytest.mark.parametrize("body", [b"<html></html>", b'{"value": [1, 2', b"[1, 2", b'{"value": 1]', b"null and void"])
def test_half_a_document_and_a_page_for_people_are_noticed_before_they_are_parsed(body: bytes) -> None:
    with pytest.raises(NoJson):
        JsonBody()(prepared(options=LATER), ScriptedTransport((200, {}, body)))


def test_what_looks_whole_is_parsed_by_whoever_wants_it() -> None:
    response = JsonBody()(prepared(options=LATER), ScriptedTransport((200, {}, b' {"value": [1, 2,]}\n')))

    with pytest.raises(NoJson):
        value_of(response)


@pytest.mark.parametrize(("body", "value"), [(b"", {}), (b" \n", {}), (b"7", 7), (b'{"a": 1}', {"a": 1}), (b"[]", [])])
def test_every_value_that_json_has_may_be_parsed_later(body: bytes, value: object) -> None:
    assert value_of(JsonBody()(prepared(options=LATER), ScriptedTransport((200, {}, body)))) == value
