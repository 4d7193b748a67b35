import logging

import pytest
from requests import exceptions as network

from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared
from txo_core.http.exchange_log import SHOWN_HEADERS, SHOWN_PARAMETERS, ExchangeLog, shown_headers, shown_query
from txo_core.http.policy import call_of, compose

PATH = "/customers?$top=5&$filter=name eq 'hidden'&code=hidden"
HEADERS = {"Authorization": "Bearer hidden", "X-Key": "hidden", "Accept": "application/json"}
ANSWER: Answer = (200, {"Set-Cookie": "session=hidden", "request-id": "r-1", "Content-Type": "application/json"}, "{}")


def test_an_attempt_is_one_line_without_anything_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "txo_core.http"):
        compose([ExchangeLog(lambda: 0.0)], ScriptedTransport(ANSWER))(prepared(path=PATH, headers=HEADERS))

    assert [record.getMessage() for record in caplog.records] == [
        (
            "GET https://api.example.com/v1/customers?$top=5&$filter=***&code=*** {Accept: application/json} -> 200"
            " in 0.000 s {request-id: r-1, Content-Type: application/json}"
        )
    ]


def test_a_failed_attempt_is_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "txo_core.http"), pytest.raises(network.ReadTimeout):
        compose([ExchangeLog(lambda: 0.0)], ScriptedTransport(network.ReadTimeout("hidden")))(prepared())

    assert [record.getMessage() for record in caplog.records] == [
        "GET https://api.example.com/v1/customers {} -> read-timeout in 0.000 s {}"
    ]


def test_the_call_remembers_its_attempts() -> None:
    time, request = FakeTime(), prepared()
    call_of(request).waited = 2.0

    compose([ExchangeLog(time.clock)], ScriptedTransport(503))(request)

    assert [(attempt.outcome, attempt.waited) for attempt in call_of(request).history] == [("503", 2.0)]
    assert call_of(request).waited == 0.0


def test_without_debug_nothing_is_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "txo_core.http"):
        compose([ExchangeLog()], ScriptedTransport(ANSWER))(prepared())

    assert caplog.records == []


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Api-Key", "Ocp-Apim-Subscription-Key", "X-Anything"])
def test_a_header_that_is_not_on_the_list_is_not_shown(name: str) -> None:
    """S8: neither its value nor its name, whatever it is called."""
    assert shown_headers({name: "Zx81-value", "Accept": "application/json"}) == "{Accept: application/json}"


@pytest.mark.parametrize("name", ["token", "sig", "code", "X-Anything", "$filter", "$skiptoken"])
def test_of_a_parameter_that_is_not_on_the_list_only_the_name_is_shown(name: str) -> None:
    """S8: a filter holds customers' data, a link of a server anything."""
    query = shown_query(f"https://api.example.com/x?{name}=Zx81-value&$top=5")

    assert query == f"?{name}=***&$top=5"


def test_a_key_that_stands_without_a_name_is_not_taken_for_one() -> None:
    """S8: `https://hooks.example.com/x?<key>`."""
    key = "Zx81Qv7mTnR4Zx81Qv7mTnR4"

    assert shown_query(f"https://api.example.com/x?{key}") == "?***=***"
    assert shown_query("https://api.example.com/x?includeDeletedCustomers=1") == "?includeDeletedCustomers=***"


def test_the_lists_name_nothing_that_could_hold_a_secret() -> None:
    """S8: whoever adds to them thinks twice."""
    telling = ("auth", "cookie", "key", "token", "secret", "sig", "session", "password", "filter")

    assert [name for name in SHOWN_HEADERS | SHOWN_PARAMETERS if any(word in name.lower() for word in telling)] == []
