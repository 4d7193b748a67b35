from dataclasses import dataclass

import pytest
from requests import PreparedRequest, Response

from tests.support.scripted import FakeTime, ScriptedTransport, prepared
from txo_core.exceptions import ConfigurationError
from txo_core.http.origins import TrustedOrigins
from txo_core.http.policy import Send, compose
from txo_core.http.renewal import Renewal
from txo_core.http.sign import Bearer, Sign, Unsigned
from txo_core.http.token_source import SourceTokens
from txo_core.oauth import ApiKey, Basic, FixedToken

TRUSTED = TrustedOrigins(["https://api.example.com"])


@dataclass(frozen=True)
class Token:
    token: str
    expires_on: float = 0


class Rotating:
    """Hands out the next token whenever the last one was dropped."""

    def __init__(self) -> None:
        self.number = 1
        self.scopes: list[str] = []

    def get_token(self, scope: str) -> Token:
        self.scopes.append(scope)
        return Token(f"made-up-{self.number}")

    def drop(self, token: str) -> None:
        if token == f"made-up-{self.number}":
            self.number += 1


def test_each_attempt_is_signed_afresh_and_the_callers_request_stays_clean() -> None:
    tokens, request = Rotating(), prepared()
    transport = ScriptedTransport(200, 200)
    send = compose([Sign(Bearer(tokens, "scope"), TRUSTED)], transport)

    send(request)
    tokens.drop("made-up-1")
    send(request)

    assert [sent.headers["Authorization"] for sent in transport.requests] == ["Bearer made-up-1", "Bearer made-up-2"]
    assert "Authorization" not in request.headers
    assert tokens.scopes == ["scope", "scope"]


@pytest.mark.parametrize(
    ("signer", "header", "value"),
    [
        (Bearer(FixedToken("made-up")), "Authorization", "Bearer made-up"),
        (ApiKey("X-Key", "made-up"), "X-Key", "made-up"),
        (Basic("user", "pä:ss"), "Authorization", "Basic dXNlcjpww6Q6c3M="),
    ],
)
def test_the_ways_to_sign(signer: Bearer | ApiKey | Basic, header: str, value: str) -> None:
    transport = ScriptedTransport(200)

    compose([Sign(signer, TRUSTED)], transport)(prepared())

    assert transport.requests[0].headers[header] == value


@pytest.mark.parametrize("signer", [Bearer(FixedToken("made-up")), Unsigned()])
def test_nothing_is_sent_to_a_foreign_origin(signer: Bearer | Unsigned) -> None:
    transport = ScriptedTransport()

    with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
        compose([Sign(signer, TRUSTED)], transport)(prepared("POST", "https://evil.example/x", json={"a": 1}))

    assert transport.requests == []


def renewed(signer: Bearer | ApiKey, *script: int) -> list[str]:
    transport = ScriptedTransport(*script)
    compose([Renewal(signer), Sign(signer, TRUSTED)], transport)(prepared("POST", json={}))
    return [request.headers["Authorization"] for request in transport.requests]


def test_a_rejected_token_is_replaced_once() -> None:
    assert renewed(Bearer(Rotating()), 401, 200) == ["Bearer made-up-1", "Bearer made-up-2"]
    assert renewed(Bearer(Rotating()), 401, 401) == ["Bearer made-up-1", "Bearer made-up-2"]


def test_a_token_that_nobody_renews_is_not_sent_twice() -> None:
    assert renewed(Bearer(FixedToken("made-up")), 401) == ["Bearer made-up"]


def test_a_403_is_not_a_matter_of_the_token() -> None:
    assert renewed(Bearer(Rotating()), 403) == ["Bearer made-up-1"]


def test_a_token_that_another_thread_has_replaced_is_not_dropped_again() -> None:
    tokens = Rotating()
    signer = Bearer(tokens)
    rejected = prepared(headers={"Authorization": "Bearer made-up-1"})

    assert signer.renew(rejected)
    assert signer.renew(rejected)
    assert tokens.number == 2


def test_a_token_that_ends_while_the_call_waits_for_its_slot_is_not_sent() -> None:
    source, time, network = Rotating(), FakeTime(), ScriptedTransport(200, 200)
    vars(source)["get_token"] = lambda scope: Token(f"made-up-{len(network.requests) + 1}", time.now + 30)
    tokens = SourceTokens(source, clock=time.clock, now=time.clock)

    def slot(request: PreparedRequest, send: Send) -> Response:
        time.sleep(60)
        return send(request)

    send = compose([slot, Sign(Bearer(tokens), TRUSTED)], network)
    for _ in range(2):
        send(prepared())

    assert [sent.headers["Authorization"] for sent in network.requests] == ["Bearer made-up-1", "Bearer made-up-2"]


def test_the_provider_hears_how_its_new_token_fared() -> None:
    heard: list[tuple[str, bool]] = []
    tokens = Rotating()
    vars(tokens)["judge"] = lambda token, accepted: heard.append((token, accepted))

    renewed(Bearer(tokens), 401, 200)
    renewed(Bearer(tokens), 401, 401)
    renewed(Bearer(tokens), 200)

    assert heard == [("made-up-2", True), ("made-up-3", False)]
