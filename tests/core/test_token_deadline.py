"""A token request takes no longer than the call that asks for it may, and who gives up leaves the others alone."""

import json
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.crowd import crowd
from tests.support.recorder import Received, Recorder, Reply
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiError, ApiTimeoutError
from txo_core.oauth import AccessToken, ClientCredentials
from txo_core.rest import RestClient

PATIENT, HASTY = 60.0, 0.3
JSON = {"Content-Type": "application/json"}


class Provider:
    """An API beside a token endpoint that answers as soon as it is `released`; `asked` when somebody waits there."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()
        self.rejects = ""
        self.server = Recorder(self.answer)

    def answer(self, received: Received) -> Reply:
        if received.path != "/token":
            rejected = self.rejects and self.rejects in received.headers["Authorization"]
            return (401, {}, b"") if rejected else (200, JSON, b'{"no": "C0001"}')
        self.asked.set()
        self.released.wait(PATIENT)
        return 200, JSON, json.dumps({"access_token": f"made-up-{self.requests}", "expires_in": 3600}).encode()

    @property
    def requests(self) -> int:
        return self.server.calls.count("POST /token")

    @property
    def url(self) -> str:
        return f"{self.server.url}/token"

    def tokens(self) -> ClientCredentials:
        return ClientCredentials(self.url, "client", "made-up-secret")

    def client(self, tokens: Any, seconds: float) -> RestClient:
        return create_rest_api(self.config(seconds), tokens=tokens)

    def config(self, seconds: float) -> TxoConfig:
        data = {
            "global": {"api-base-url": self.server.url, "client-id": "client"},
            "endpoints": {"auth": self.url},
            "script-behavior": {"api-timeouts": {"total-timeout-seconds": seconds}},
        }
        return TxoConfig("txo", "test", data)


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    with provider.server:
        yield provider
        provider.released.set()


class Wrapped:
    """A token source of a script's own, around one of ours."""

    def __init__(self, tokens: ClientCredentials) -> None:
        self.tokens = tokens

    def get_token(self, scope: str) -> AccessToken:
        return self.tokens.get_token(scope)


class Foreign:
    """A token source that hangs, and knows nothing of us."""

    def __init__(self, released: threading.Event) -> None:
        self.released = released

    def get_token(self, *scopes: str) -> AccessToken:
        self.released.wait(PATIENT)
        return AccessToken("made-up-foreign")


SOURCES: dict[str, Callable[[Provider], Any]] = {
    "of a script": lambda provider: provider.tokens(),
    "wrapped": lambda provider: Wrapped(provider.tokens()),
    "foreign": lambda provider: Foreign(provider.released),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_call_does_not_wait_for_a_token_beyond_its_own_time(provider: Provider, source: str) -> None:
    with provider.client(SOURCES[source](provider), HASTY) as api, pytest.raises(ApiTimeoutError) as late:
        api.get("customers/C0001")

    assert (late.value.code, late.value.attempts, late.value.in_doubt) == ("total-timeout", 0, False)
    assert "the time for the whole call was over before there was a token" in str(late.value)
    assert "GET /customers/C0001" not in provider.server.calls


def test_the_token_of_the_configuration_keeps_to_the_time_of_the_call(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = types.SimpleNamespace(client_secret=SecretStr("made-up-secret"))
    module = types.ModuleType("txo_core.credentials")
    vars(module)["load"] = lambda org_id, env_type: block
    monkeypatch.setitem(sys.modules, "txo_core.credentials", module)
    monkeypatch.setattr("txo_core.credentials", module, raising=False)
    forget_shared()

    with create_rest_api(provider.config(HASTY)) as api, pytest.raises(ApiTimeoutError):
        api.get("customers/C0001")

    forget_shared()


def test_a_write_that_had_to_wait_for_its_token_too_long_was_not_sent(provider: Provider) -> None:
    with provider.client(provider.tokens(), HASTY) as api, pytest.raises(ApiTimeoutError) as late:
        api.post("orders", {"no": "1"})

    assert (late.value.retryable, late.value.in_doubt) == (True, False)
    assert "POST /orders" not in provider.server.calls


def test_who_waits_for_the_request_of_another_thread_gives_up_in_its_own_time(provider: Provider) -> None:
    tokens = provider.tokens()
    with provider.client(tokens, PATIENT) as patient, provider.client(tokens, HASTY) as hasty:
        rows: list[Any] = []
        first = threading.Thread(target=lambda: rows.append(patient.get("customers/C0001")))
        first.start()
        provider.asked.wait(PATIENT)

        outcomes = crowd(10, lambda: hasty.get("customers/C0001"))
        assert {type(outcome) for outcome in outcomes} == {ApiTimeoutError}

        provider.released.set()
        first.join()
    assert (rows, provider.requests) == ([{"no": "C0001"}], 1)


def test_the_thread_that_gives_up_leaves_its_request_to_those_who_wait_on(provider: Provider) -> None:
    tokens = provider.tokens()
    with provider.client(tokens, PATIENT) as patient, provider.client(tokens, HASTY) as hasty:
        outcomes: list[Any] = []
        first = threading.Thread(target=lambda: outcomes.append(_error(hasty)))
        first.start()
        provider.asked.wait(PATIENT)
        others = threading.Thread(target=lambda: outcomes.extend(crowd(10, lambda: patient.get("customers/C0001"))))
        others.start()
        first.join()

        assert isinstance(outcomes[0], ApiTimeoutError)
        provider.released.set()
        others.join()
    assert (outcomes[1:], provider.requests) == ([{"no": "C0001"}] * 10, 1)


def _error(api: RestClient) -> ApiError:
    with pytest.raises(ApiError) as error:
        api.get("customers/C0001")
    return error.value


def test_a_request_that_came_too_late_for_one_call_serves_the_next(provider: Provider) -> None:
    with provider.client(provider.tokens(), HASTY) as api:
        _error(api)
        provider.released.set()

        assert api.get("customers/C0001") == {"no": "C0001"}
    assert provider.requests == 1


def test_the_renewal_after_a_401_keeps_to_the_time_of_the_call(provider: Provider) -> None:
    provider.released.set()
    with provider.client(provider.tokens(), HASTY) as api:
        api.get("customers/C0001")
        provider.released.clear()
        provider.rejects = "made-up-1"

        late = _error(api)

    assert isinstance(late, ApiTimeoutError)
    assert (late.attempts, late.code) == (1, "total-timeout")
    assert "GET" in late.details[0]
