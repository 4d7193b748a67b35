import pickle
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from requests import PreparedRequest

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from tests.support.scripted import FakeTime, prepared
from txo_core.exceptions import ApiAuthenticationError, ConfigurationError
from txo_core.oauth import AccessToken, ApiKey, Basic, ClientCredentials, FixedToken, MsalTokens, SourceTokens
from txo_core.redaction import redact

HIDDEN = "made-up-hidden-value"


def provider(sandbox: Sandbox, secret: str = CLIENT_SECRET, scope: str | None = None) -> ClientCredentials:
    return ClientCredentials(sandbox.token_url, CLIENT_ID, secret, scope, sleep=lambda seconds: None)


def token_requests(sandbox: Sandbox) -> int:
    return int(sandbox.stats()["requests"].get("POST /oauth/token", 0))


@pytest.mark.parametrize("expires_in", ["integer", "string", "missing"])
def test_a_token_is_fetched_once_whatever_the_form_of_its_lifetime(sandbox: Sandbox, expires_in: str) -> None:
    sandbox.tokens(lifetime=3600, expires_in=expires_in)
    tokens = provider(sandbox)

    assert tokens.get_token() == tokens.get_token()
    assert token_requests(sandbox) == 1


def test_each_scope_has_its_token(sandbox: Sandbox) -> None:
    tokens = provider(sandbox, scope="read")

    assert tokens.get_token() == tokens.get_token("read")
    assert tokens.get_token("write") != tokens.get_token("read")
    assert token_requests(sandbox) == 2


@pytest.mark.parametrize("secret", [CLIENT_SECRET, "wrong-made-up-secret"])
def test_fifty_threads_make_one_token_request_failures_included(sandbox: Sandbox, secret: str) -> None:
    tokens, together = provider(sandbox, secret), threading.Barrier(50)
    outcomes: list[str] = []

    def work() -> None:
        together.wait()
        try:
            outcomes.append(tokens.get_token().token)
        except ApiAuthenticationError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(outcomes), len(set(outcomes)), token_requests(sandbox)) == (50, 1, 1)


def test_a_refusal_carries_the_providers_code_and_no_secret(sandbox: Sandbox) -> None:
    with pytest.raises(ApiAuthenticationError) as refused:
        provider(sandbox, "wrong-made-up-secret").get_token()

    assert (refused.value.code, refused.value.status_code, refused.value.retryable) == ("invalid_client", 401, False)
    said = f"No token for client {CLIENT_ID} from {sandbox.token_url}: it answered 401 (invalid_client); is the client"
    assert str(refused.value).startswith(said)
    assert "wrong-made-up-secret" not in str(refused.value)


@pytest.mark.parametrize("fault", ["status=503", "reset-before", "truncate"])
def test_a_stumbling_provider_is_asked_again(sandbox: Sandbox, fault: str) -> None:
    sandbox.faults([{"match": {"path": "/oauth/token"}, "fault": fault, "times": 2}])

    assert provider(sandbox).get_token().token
    assert token_requests(sandbox) == 3


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ("status=503", "Sandbox_503", True),
        ("content-type=text/html", "no-token", False),
        ("reset-after", "connection-lost", True),
    ],
)
def test_no_token_is_an_authentication_error(sandbox: Sandbox, fault: str, code: str, retryable: bool) -> None:
    sandbox.faults([{"match": {"path": "/oauth/token"}, "fault": fault}])

    with pytest.raises(ApiAuthenticationError) as refused:
        provider(sandbox).get_token()

    assert refused.value.retryable is retryable
    assert refused.value.code is None or code in refused.value.code or fault == "status=503"


def test_a_provider_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ApiAuthenticationError, match=r"nothing answers at http://127\.0\.0\.1:9; is the server running"
    ):
        ClientCredentials("http://127.0.0.1:9/token", "client", HIDDEN, max_retries=0).get_token()


def test_a_dropped_token_is_replaced(sandbox: Sandbox) -> None:
    tokens = provider(sandbox)
    first = tokens.get_token()

    tokens.drop(first.token)

    assert tokens.get_token() != first


def test_a_received_token_is_masked_from_then_on(sandbox: Sandbox) -> None:
    token = provider(sandbox).get_token().token

    assert token not in redact(f"the token is {token}")


@pytest.mark.parametrize(
    "holder",
    [
        AccessToken(HIDDEN),
        FixedToken(HIDDEN),
        ApiKey("X-Key", HIDDEN),
        Basic("user", HIDDEN),
        ClientCredentials("https://auth.example.com/token", "client", HIDDEN),
        SourceTokens(FixedToken(HIDDEN)),
        MsalTokens(SimpleNamespace(acquire_token_for_client=print)),
    ],
)
def test_a_holder_of_secrets_shows_none(holder: object) -> None:
    assert repr(holder) == f"{type(holder).__name__}(...)"
    with pytest.raises(TypeError, match="is not pickled") as refused:
        pickle.dumps(holder)
    assert HIDDEN not in str(refused.value)


@pytest.mark.parametrize(
    "value", ["made-up-token", " made-up-token\n", "Bearer made-up-token", "bearer  made-up-token "]
)
def test_a_fixed_token_is_what_was_copied_less_its_trimmings(value: str) -> None:
    assert FixedToken(value).get_token("any scope").token == "made-up-token"


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "hidden-ümlaut"])
def test_what_cannot_be_sent_in_a_header_is_refused_without_showing_it(value: str) -> None:
    for make in (FixedToken, lambda text: ApiKey("X-Key", text)):
        with pytest.raises(ConfigurationError) as refused:
            make(value)
        assert "hidden" not in str(refused.value)


def test_a_password_may_hold_any_character_but_control_characters() -> None:
    request: PreparedRequest = prepared()

    Basic("user", "pä:ss €").sign(request)

    assert request.headers["Authorization"] == "Basic dXNlcjpww6Q6c3Mg4oKs"


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedToken(None),  # type: ignore[arg-type]
        lambda: FixedToken(b"hidden"),  # type: ignore[arg-type]
        lambda: FixedToken("Bearer "),
        lambda: ApiKey("X Key", HIDDEN),
        lambda: ApiKey("X-Key: 1\r\nX", HIDDEN),
        lambda: ApiKey("", HIDDEN),
        lambda: ApiKey(None, HIDDEN),  # type: ignore[arg-type]
        lambda: ApiKey("X-Key", None),  # type: ignore[arg-type]
        lambda: Basic("us:er", HIDDEN),
        lambda: Basic("", HIDDEN),
        lambda: Basic("us\ner", HIDDEN),
        lambda: Basic("user", f"{HIDDEN}\n"),
        lambda: Basic("user", None),  # type: ignore[arg-type]
        lambda: Basic(None, HIDDEN),  # type: ignore[arg-type]
        lambda: ClientCredentials("auth.example.com/token", "client", HIDDEN),
        lambda: ClientCredentials("https://me:pw@auth.example.com/token", "client", HIDDEN),
        lambda: ClientCredentials(None, "client", HIDDEN),  # type: ignore[arg-type]
        lambda: ClientCredentials("https://auth.example.com/token", "", HIDDEN),
        lambda: ClientCredentials("https://auth.example.com/token", "client", ""),
        lambda: ClientCredentials("https://auth.example.com/token", "client", None),  # type: ignore[arg-type]
        lambda: ClientCredentials("https://auth.example.com/t", "c", HIDDEN, style="digest"),  # type: ignore[arg-type]
        lambda: ClientCredentials("https://auth.example.com/t", "c", HIDDEN, parameters={"scope": "x"}),
        lambda: ClientCredentials("https://auth.example.com/t", "c", HIDDEN, parameters={"n": 5}),  # type: ignore[dict-item]
        lambda: ClientCredentials("https://auth.example.com/t", "c", HIDDEN, ["a", "b"]),  # type: ignore[arg-type]
        lambda: MsalTokens("app"),
        lambda: SourceTokens(None),
        lambda: SourceTokens(FixedToken),
    ],
)
def test_what_nobody_can_sign_in_with_is_refused_helpfully(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        make()

    assert "hidden" not in str(refused.value)
    assert refused.value.how_to_fix


class Source:
    """Hands out what it was given."""

    def __init__(self, *given: object) -> None:
        self.given = list(given)

    def get_token(self, scope: str) -> object:
        given = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if isinstance(given, Exception):
            raise given
        return given


def given(token: object, expires_on: object) -> object:
    return SimpleNamespace(token=token, expires_on=expires_on)


@pytest.mark.parametrize(
    "expires_on",
    [5000, 5000.5, "5000", datetime.fromtimestamp(5000, UTC), datetime.fromtimestamp(5000, UTC).replace(tzinfo=None)],
)
def test_the_end_of_a_sources_token_is_understood_in_many_forms(expires_on: object) -> None:
    time = FakeTime()
    tokens = SourceTokens(Source(given("made-up-1", expires_on), given("made-up-2", 99999)), time.clock, time.clock)

    assert [tokens.get_token().token, tokens.get_token().token] == ["made-up-1"] * 2
    time.now = 4750.0
    assert tokens.get_token().token in ("made-up-1", "made-up-2")
    time.now = 4999.0
    assert tokens.get_token().token == "made-up-2"


@pytest.mark.parametrize("expires_on", [None, "soon", 0, True, float("nan"), float("inf"), -1])
def test_a_token_whose_end_is_not_said_is_asked_for_again_after_a_minute(expires_on: object) -> None:
    time = FakeTime()
    tokens = SourceTokens(Source(given("made-up-1", expires_on), given("made-up-2", expires_on)), time.clock)

    assert [tokens.get_token().token, tokens.get_token().token] == ["made-up-1"] * 2
    time.now += 60
    assert tokens.get_token().token == "made-up-2"


async def coroutine() -> object:
    return given("made-up-token", 99999)


@pytest.mark.parametrize(
    ("made", "code", "said"),
    [
        (lambda: None, "no-token", "nothing"),
        (lambda: "made-up-token", "no-token", "nothing"),
        (lambda: given(None, 99999), "no-token", "nothing"),
        (lambda: given("", 99999), "no-token", "nothing"),
        (lambda: given("hidden\nlines", 99999), "no-token", "what no header can carry"),
        (lambda: given(b"hidden", 99999), "no-token", "what no header can carry"),
        (lambda: given("hidden-token", 999), "expired-token", "has ended"),
        (coroutine, "async-source", "synchronous"),
        (lambda: ValueError("hidden"), "token-source", r"ValueError\); does it need a scope \(global\.oauth-scope\)"),
        (lambda: RuntimeError("AADSTS700016: hidden"), "token-source", "RuntimeError, AADSTS700016"),
    ],
)
def test_a_source_that_gives_no_token_is_an_authentication_error(
    made: Callable[[], object], code: str, said: str
) -> None:
    time = FakeTime()
    source = Source(made())

    with pytest.raises(ApiAuthenticationError, match=said) as refused:
        SourceTokens(source, time.clock, time.clock).get_token()

    assert refused.value.code == code
    assert "hidden" not in str(refused.value)
    assert "Source" in str(refused.value)
    assert refused.value.__context__ is None


def test_a_lost_connection_of_a_source_may_pass() -> None:
    with pytest.raises(ApiAuthenticationError) as refused:
        SourceTokens(Source(ConnectionError("hidden"))).get_token()

    assert refused.value.retryable


def test_a_helpful_error_of_a_source_stays_what_it_is_and_is_shared() -> None:
    source = Source(ConfigurationError("Sign in first", "az login"))
    tokens = SourceTokens(source)

    for _ in range(2):
        with pytest.raises(ConfigurationError, match="Sign in first"):
            tokens.get_token()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "invalid_client", "error_description": "AADSTS7000215: hidden"}, "invalid_client"),
        ({}, "no-token"),
        (None, "no-token"),
    ],
)
def test_an_error_of_msal_is_told_by_its_code(answer: object, code: str) -> None:
    application = SimpleNamespace(acquire_token_for_client=lambda scopes: answer)

    with pytest.raises(ApiAuthenticationError) as refused:
        MsalTokens(application).get_token("a b")

    assert refused.value.code == code
    assert "hidden" not in str(refused.value)
