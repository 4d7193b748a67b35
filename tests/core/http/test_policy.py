from requests import PreparedRequest, Response

from tests.support.scripted import ScriptedTransport, prepared
from txo_core.http.policy import Attempt, Options, Policy, Send, call_of, compose, derive


def test_the_first_policy_is_the_outermost() -> None:
    seen: list[str] = []

    def noting(name: str) -> Policy:
        def policy(request: PreparedRequest, send: Send) -> Response:
            seen.append(f"{name} in")
            response = send(request)
            seen.append(f"{name} out")
            return response

        return policy

    compose([noting("a"), noting("b")], ScriptedTransport(200))(prepared())

    assert seen == ["a in", "b in", "b out", "a out"]


def test_a_copy_belongs_to_the_same_call_and_has_headers_of_its_own() -> None:
    request = prepared(options=Options(idempotent=True))

    copied = derive(request)
    copied.headers["Authorization"] = "Bearer made-up"

    assert call_of(copied) is call_of(request)
    assert "Authorization" not in request.headers


def test_a_request_from_elsewhere_gets_a_call_without_a_deadline() -> None:
    request = PreparedRequest()

    assert call_of(request).deadline == float("inf")
    assert call_of(request) is call_of(request)


def test_an_attempt_reads_as_a_sentence() -> None:
    attempt = Attempt("GET", "https://api.example.com/v1/customers", "503", 0.25, waited=2.0)

    assert str(attempt) == "after a wait of 2.0 s: GET https://api.example.com/v1/customers: 503 in 0.25 s"
