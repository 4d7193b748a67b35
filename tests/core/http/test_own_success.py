"""A failure that our own earlier attempt has caused is a success; every other failure stays one."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests import PreparedRequest, Response
from requests import exceptions as network

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from tests.support.scripted import API, Answer, FakeTime, ScriptedTransport, prepared
from txo_core.exceptions import ApiError, EntityNotFoundError
from txo_core.http.errors import ErrorMapping
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.origins import TrustedOrigins
from txo_core.http.own_success import OwnSuccess, holds
from txo_core.http.policy import Options, Policy, compose
from txo_core.http.redirects import Redirects
from txo_core.http.retry import Retry
from txo_core.http.sessions import Sessions
from txo_core.http.sign import Bearer, Sign
from txo_core.http.transport import PolicyAdapter
from txo_core.oauth import ClientCredentials, FixedToken
from txo_core.rest import RestClient

LOST = network.ConnectionError("connection reset by peer")
TOO_LATE = network.ReadTimeout("late")
NOT_SENT = network.ConnectTimeout("no connection")
SENT: dict[str, Any] = {"city": "Oslo", "limit": 12.5, "address": {"zip": "0150"}, "since": "2026-01-31T08:00:00Z"}
THERE: dict[str, Any] = {
    "@odata.etag": 'W/"2"',
    "no": "C1",
    **SENT,
    "address": {"zip": "0150", "street": "Karl Johans gate"},
    "since": "2026-01-31T09:00:00.000+01:00",
}


def outcome(request: PreparedRequest, *script: Answer, retries: int = 3) -> tuple[Response, ScriptedTransport]:
    """Return the answer that a caller gets, and what was sent."""
    transport, time = ScriptedTransport(*script), FakeTime()
    policies: list[Policy] = [
        ErrorMapping(),
        OwnSuccess(),
        Retry(retries, sleep=time.sleep, clock=time.clock),
        ExchangeLog(),
    ]
    return compose(policies, transport)(request), transport


def changing(method: str = "PATCH", json: Any = None, **headers: str) -> PreparedRequest:
    return prepared(method, "/customers(1)", json=SENT if json is None else json, headers=headers)


def with_etag(method: str = "PATCH", json: Any = None) -> PreparedRequest:
    return changing(method, json, **{"If-Match": 'W/"1"', "Prefer": "return=minimal", "X-Company": "c1"})


# ---- deleting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [LOST, TOO_LATE, 500, 502, 504, 408])
@pytest.mark.parametrize("status", [404, 410])
def test_what_a_lost_delete_has_deleted_is_deleted(first: Answer, status: int) -> None:
    response, transport = outcome(prepared("DELETE", "/customers(1)"), first, status)

    assert (response.status_code, response.content, response.url) == (204, b"", f"{API}/customers(1)")
    assert transport.calls == ["DELETE /customers(1)"] * 2


def test_a_delete_of_nothing_is_an_error() -> None:
    with pytest.raises(EntityNotFoundError):
        outcome(prepared("DELETE", "/customers(1)"), 404)


@pytest.mark.parametrize("first", [NOT_SENT, 429])
def test_a_delete_that_was_not_acted_on_deletes_nothing(first: Answer) -> None:
    with pytest.raises(EntityNotFoundError):
        outcome(prepared("DELETE", "/customers(1)"), first, 404)


def test_one_lost_attempt_among_others_is_enough() -> None:
    assert outcome(prepared("DELETE", "/customers(1)"), NOT_SENT, LOST, NOT_SENT, 404)[0].status_code == 204


def test_a_read_that_ends_in_a_404_is_an_error_after_any_number_of_attempts() -> None:
    with pytest.raises(EntityNotFoundError):
        outcome(prepared("GET", "/customers(1)"), LOST, 503, 404)


def test_a_delete_whose_precondition_fails_is_done_if_nothing_is_there() -> None:
    request = prepared("DELETE", "/customers(1)", headers={"If-Match": 'W/"1"'})

    response, transport = outcome(request, LOST, 412, 404)

    assert response.status_code == 204
    assert transport.calls == ["DELETE /customers(1)", "DELETE /customers(1)", "GET /customers(1)"]


def test_a_delete_whose_precondition_fails_because_somebody_has_changed_it_is_an_error() -> None:
    with pytest.raises(ApiError, match="412"):
        outcome(prepared("DELETE", "/customers(1)", headers={"If-Match": 'W/"1"'}), LOST, 412, (200, {}, THERE))


# ---- changing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("first", [LOST, TOO_LATE, 503])
def test_a_change_that_a_lost_attempt_has_made_is_made(method: str, first: Answer) -> None:
    """Numbers, nested objects and points in time are compared as values; what else is there does not matter."""
    response, transport = outcome(with_etag(method), first, 412, (200, {"ETag": 'W/"2"'}, THERE))

    assert response.json() == THERE
    assert transport.calls == [f"{method} /customers(1)"] * 2 + ["GET /customers(1)"]


def test_the_reading_goes_without_the_headers_of_the_write() -> None:
    _, transport = outcome(with_etag(), LOST, 412, (200, {}, THERE))

    reading = transport.requests[-1]
    assert reading.body is None
    assert reading.headers["X-Company"] == "c1"
    assert not {"If-Match", "Prefer", "Content-Type", "Content-Length"} & set(reading.headers)


def test_the_reading_is_repeated_like_any_other() -> None:
    response, transport = outcome(with_etag(), LOST, 412, 503, LOST, (200, {}, THERE))

    assert response.status_code == 200
    assert transport.calls[2:] == ["GET /customers(1)"] * 3


@pytest.mark.parametrize(
    "there",
    [
        {**THERE, "city": "Bergen"},
        {**THERE, "limit": 12},
        {**THERE, "limit": "12.5"},
        {**THERE, "address": {"zip": "0151"}},
        {name: value for name, value in THERE.items() if name != "city"},
        [THERE],
        "no JSON",
    ],
)
def test_a_change_of_somebody_else_stays_a_412(there: Any) -> None:
    with pytest.raises(ApiError) as refused:
        outcome(with_etag(), LOST, 412, (200, {}, there))

    assert refused.value.status_code == 412


@pytest.mark.parametrize("reading", [(404,), (403,), (500, 500), (LOST, LOST), (LOST, 429)])
def test_what_cannot_be_read_stays_a_412(reading: tuple[Answer, ...]) -> None:
    with pytest.raises(ApiError) as refused:
        outcome(with_etag(), LOST, 412, *reading, retries=1)

    assert refused.value.status_code == 412


@pytest.mark.parametrize("first", [(), (NOT_SENT,), (429,)])
def test_a_412_of_the_first_real_attempt_is_not_asked_about(first: tuple[Answer, ...]) -> None:
    with pytest.raises(ApiError) as refused:
        outcome(with_etag(), *first, 412)

    assert (refused.value.status_code, refused.value.attempts) == (412, len(first) + 1)


def test_a_put_of_something_new_that_is_there_now_is_made() -> None:
    request = changing("PUT", **{"If-None-Match": "*"})

    assert outcome(request, LOST, 412, (200, {}, THERE))[0].json() == THERE


@pytest.mark.parametrize("body", [b"rows of a file", b"[1, 2]", b"{}", b"\xff"])
def test_a_body_that_is_no_object_cannot_be_compared(body: bytes) -> None:
    request = with_etag("PUT")
    request.body = body

    with pytest.raises(ApiError, match="412"):
        outcome(request, LOST, 412)


def test_a_post_is_left_alone() -> None:
    request = prepared("POST", json={}, options=Options(idempotent=True))

    with pytest.raises(ApiError, match="412"):
        outcome(request, LOST, 412)


def test_only_the_attempts_of_this_call_count() -> None:
    """A follow-up shares the history of the call that it follows from."""
    request = prepared("DELETE", "/customers(1)")
    transport = ScriptedTransport(503, 200, 404)
    send = compose([ExchangeLog()], transport)
    send(request)
    send(request)

    assert compose([OwnSuccess(), ExchangeLog()], transport)(request).status_code == 404


def test_the_deadline_of_the_call_holds_for_the_reading() -> None:
    seen: list[float] = []

    class Watching(ScriptedTransport):
        def __call__(self, request: PreparedRequest) -> requests.Response:
            seen.append(vars(request)["txo_call"].deadline)
            return super().__call__(request)

    request = prepared("PUT", "/x", json=SENT, headers={"If-Match": '"1"'}, deadline=5000.0)
    time = FakeTime()
    policies: list[Policy] = [OwnSuccess(), Retry(sleep=time.sleep, clock=time.clock), ExchangeLog()]
    compose(policies, Watching(503, 412, (200, {}, THERE)))(request)

    assert seen == [5000.0] * 3


# ---- on real sockets -------------------------------------------------------------------------------------------------


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    trusted, signer = TrustedOrigins([sandbox.url]), Bearer(FixedToken(token_of(sandbox)))
    policies: list[Policy] = [
        ErrorMapping(), OwnSuccess(), Retry(3, 0.01), Redirects(trusted), Sign(signer, trusted), ExchangeLog(),
    ]  # fmt: skip
    with RestClient(Sessions(PolicyAdapter(policies, timeout=0.5)), sandbox.api_url) as client:
        yield client


def token_of(sandbox: Sandbox) -> str:
    return ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET).get_token("").token


@pytest.mark.parametrize("kind", ["reset-after", "close-after", "truncate", "hang-after=2", "status-after=502"])
def test_a_delete_is_done_once_and_well(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.faults([{"match": {"method": "DELETE"}, "fault": kind, "times": 1}])

    assert api.delete("customers/C0001") == {}

    assert sandbox.stats()["writes"]["customers"] == {"DELETE C0001": 1}
    with pytest.raises(EntityNotFoundError):
        api.delete("customers/C0001")


@pytest.mark.parametrize("kind", ["reset-after", "close-after", "hang-after=2", "status-after=502"])
def test_a_change_is_made_once_and_well(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    etag = api.get("customers/C0001")["@odata.etag"]
    sandbox.faults([{"match": {"method": "PATCH"}, "fault": kind, "times": 1}])

    changed = api.patch("customers/C0001", {"city": "Oslo"}, etag=etag)

    assert (changed["no"], changed["city"], changed["@odata.etag"] != etag) == ("C0001", "Oslo", True)
    assert sandbox.stats()["writes"]["customers"] == {"PATCH C0001": 1}


def test_a_change_that_somebody_else_has_overtaken_is_not_called_ours(api: RestClient, sandbox: Sandbox) -> None:
    etag = api.get("customers/C0001")["@odata.etag"]
    api.patch("customers/C0001", {"city": "Bergen"})
    sandbox.faults([{"match": {"method": "PATCH"}, "fault": "reset-before", "times": 1}])

    with pytest.raises(ApiError) as refused:
        api.patch("customers/C0001", {"city": "Oslo"}, etag=etag)

    assert (refused.value.status_code, refused.value.attempts) == (412, 3)
    assert api.get("customers/C0001")["city"] == "Bergen"


# ---- comparing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "sent", "held"),
    [
        (1, 1.0, True),
        (1, True, False),
        (False, 0, False),
        ([1, {"a": 1, "b": 2}], [1, {"a": 1}], True),
        ([1], [1, 2], False),
        (None, None, True),
        ({}, {"a": None}, True),
        ({"a": 1}, {"a": 1, "@odata.type": "#Sales.Customer"}, True),
        (None, {"a": 1}, False),
        ("2026-01-31T08:00:00", "2026-01-31T08:00:00Z", False),
        ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00.0Z", True),
        ("2026-13-31T08:00:00Z", "2026-01-31T08:00:00Z", False),
    ],
)
def test_all_that_was_sent_has_to_be_there(there: Any, sent: Any, held: bool) -> None:
    assert holds(there, sent) is held
