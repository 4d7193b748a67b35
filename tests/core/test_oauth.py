import pickle
import threading

import pytest
from requests import PreparedRequest

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from tests.support.scripted import prepared
from txo_core.exceptions import ApiAuthenticationError, ConfigurationError
from txo_core.oauth import AccessToken, ApiKey, Basic, ClientCredentials, FixedToken
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
    assert (
        str(refused.value)
        == f"No token for client {CLIENT_ID} from {sandbox.token_url}: it answered 401 (invalid_client)"
    )


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
    ],
)
def test_a_holder_of_secrets_shows_none(holder: object) -> None:
    assert repr(holder) == f"{type(holder).__name__}(...)"
    with pytest.raises(TypeError, match="is not pickled") as refused:
        pickle.dumps(holder)
    assert HIDDEN not in str(refused.value)


@pytest.mark.parametrize("value", ["made-up-token", " made-up-token\n", "Bearer made-up-token"])
def test_a_fixed_token_is_what_was_copied_less_its_trimmings(value: str) -> None:
    assert FixedToken(value).get_token("any scope").token == "made-up-token"


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "hidden-ümlaut"])
def test_what_cannot_be_sent_in_a_header_is_refused_without_showing_it(value: str) -> None:
    for make in (FixedToken, lambda text: ApiKey("X-Key", text)):
        with pytest.raises(ConfigurationError) as refused:
            make(value)
        assert "hidden" not in str(refused.value)


def test_a_password_may_hold_any_character() -> None:
    request: PreparedRequest = prepared()

    Basic("user", "pä:ss\n").sign(request)

    assert request.headers["Authorization"] == "Basic dXNlcjpww6Q6c3MK"
