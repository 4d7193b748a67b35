"""Many requests in one: each part judged on its own, repeated where that helps and does no harm, none lost."""

import json
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from requests import PreparedRequest, Response

from tests.support.clients import connected
from tests.support.sandbox import Sandbox
from tests.support.scripted import API, FakeTime, response_of
from txo_core.exceptions import (
    ApiAuthenticationError,
    ApiError,
    ApiOperationError,
    ApiRateLimitError,
    CircuitOpenError,
    ConfigurationError,
    EntityNotFoundError,
    HelpfulError,
    ValidationError,
)
from txo_core.http.errors import ErrorMapping
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.json_body import JsonBody
from txo_core.http.policy import Policy
from txo_core.http.retry import Retry
from txo_core.http.retry_budget import RetryBudget
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter
from txo_core.rest import RestClient
from txo_core.rest.batch import BatchAnswer, BatchRequest, BatchResult
from txo_core.rest.batch_parts import relative_url

BATCH = "POST /api/v1/$batch"


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        yield client


def fault(sandbox: Sandbox, path: str, kind: str, times: int = 1000, **match: Any) -> None:
    sandbox.faults([{"match": {"path": path, **match}, "fault": kind, "times": times}])


def batches(sandbox: Sandbox) -> int:
    return int(sandbox.stats()["requests"].get(BATCH, 0))


def reads(*numbers: int) -> list[BatchRequest]:
    return [BatchRequest("GET", f"customers/C{number:04d}") for number in numbers]


def new(number: int) -> dict[str, Any]:
    return {"externalId": f"X-{number}", "customerNo": "C0001"}


def error_of(answer: BatchAnswer) -> ApiError:
    assert isinstance(answer.error, ApiError)
    return answer.error


# On real sockets


def test_many_requests_are_one_and_the_answers_keep_their_order(api: RestClient, sandbox: Sandbox) -> None:
    etag = api.get("customers/C0002")["@odata.etag"]

    result = api.batch(
        [
            BatchRequest("PATCH", "customers/C0002", json={"city": "Oslo"}, etag=etag),
            ("GET", "customers('C0002')"),
            {"method": "get", "url": "orders", "params": {"$top": 1, "$filter": "customerNo eq 'C0002'"}},
            BatchRequest("DELETE", f"{sandbox.api_url}/customers/C0003"),
        ]
    )

    assert [answer.status for answer in result] == [200, 200, 200, 204]
    assert (result[1].body["city"], result[2].body["value"][0]["customerNo"], result[3].body) == ("Oslo", "C0002", {})
    assert (result.ok, result.failed, batches(sandbox)) == (True, [], 1)
    assert result.require_ok() is result


def test_a_part_fails_with_the_error_that_the_call_alone_would_have_raised(api: RestClient) -> None:
    result = api.batch([("GET", "customers/C9999"), ("GET", "customers/C0001")])
    with pytest.raises(EntityNotFoundError) as alone:
        api.get("customers/C9999")

    error = error_of(result[0])
    assert (type(error), error.message) == (type(alone.value), alone.value.message)
    assert (error.status_code, error.code, error.attempts) == (404, "BadRequest_NotFound", 1)
    assert [answer.request.url for answer in result.failed] == ["customers/C9999"]
    with pytest.raises(EntityNotFoundError):
        result.require_ok()


def test_an_old_etag_is_the_412_of_its_part_alone(api: RestClient, sandbox: Sandbox) -> None:
    parts = [
        BatchRequest("PATCH", f"customers/C000{n}", {"city": "Oslo"}, etag=etag) for n, etag in ((1, "*"), (2, "x"))
    ]

    result = api.batch(parts)

    assert [answer.status for answer in result] == [200, 412]
    assert sandbox.stats()["writes"]["customers"] == {"PATCH C0001": 1}


@pytest.mark.parametrize(("size", "expected"), [(20, 2), (100, 1), (1, 40), (7, 6)])
def test_what_does_not_fit_into_one_batch_goes_in_several(
    api: RestClient, sandbox: Sandbox, size: int, expected: int
) -> None:
    result = api.batch(reads(*(1 + n % 5 for n in range(40))), size=size)

    assert [answer.body["no"] for answer in result] == [f"C{1 + n % 5:04d}" for n in range(40)]
    assert (batches(sandbox), sandbox.stats()["batch_parts"]) == (expected, 40)


def test_only_the_parts_that_failed_are_sent_again(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "C0002", "status=503", times=2)
    fault(sandbox, "C0004", "status=429;retry-after=0.02", times=1)

    result = api.batch(reads(1, 2, 3, 4, 5))

    assert result.ok
    assert (batches(sandbox), sandbox.stats()["batch_parts"]) == (3, 5 + 2 + 1)


def test_a_part_that_never_gets_better_is_attempted_four_times(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "C0002", "status=500")

    result = api.batch(reads(1, 2))

    error = error_of(result[1])
    assert (error.attempts, len(error.details), error.status_code, error.retryable) == (4, 4, 500, True)
    assert (result[0].ok, batches(sandbox), sandbox.stats()["batch_parts"]) == (True, 4, 5)


def test_a_write_that_was_throttled_is_repeated_and_one_that_broke_is_not(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/orders$", "status=429", times=1)
    fault(sandbox, "/orders$", "status=500", times=1)
    fault(sandbox, "/orders$", "status=503;retry-after=0.01", times=1)

    result = api.batch([BatchRequest("POST", "orders", new(n)) for n in range(4)])

    assert [answer.status for answer in result] == [201, 500, 201, 201]
    assert not error_of(result[1]).retryable
    assert sandbox.stats()["creates"]["orders"] == {"X-0": 1, "X-2": 1, "X-3": 1}


@pytest.mark.parametrize("safe", [{"idempotent": True}, {"idempotency_key": "X-0"}])
def test_a_write_that_may_be_repeated_is(api: RestClient, sandbox: Sandbox, safe: dict[str, Any]) -> None:
    fault(sandbox, "/orders$", "status=500", times=1)

    assert api.batch([BatchRequest("POST", "orders", new(0), **safe)]).ok


@pytest.mark.parametrize("kind", ["reset-after", "status=502", "not-json", "hang=3"])
def test_a_batch_of_reads_survives_a_stumble(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "batch", kind, times=2)

    assert api.batch(reads(1, 2)).ok
    assert batches(sandbox) == 3


@pytest.mark.parametrize("kind", ["status=500", "reset-before"])
def test_a_batch_that_never_works_is_sent_four_times(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "batch", kind)

    result = api.batch(reads(1, 2))

    assert batches(sandbox) == 4
    assert [(error_of(answer).attempts, error_of(answer).retryable) for answer in result] == [(1, True)] * 2


@pytest.mark.parametrize("kind", ["reset-after", "close-after", "status-after=500", "not-json", "truncate"])
def test_writes_whose_answer_was_lost_are_reported_as_perhaps_done_and_the_rest_is_sent_again(
    api: RestClient, sandbox: Sandbox, kind: str
) -> None:
    fault(sandbox, "batch", kind, times=1)

    result = api.batch([("POST", "orders", new(1)), *reads(1), ("POST", "orders", new(2))])

    assert [answer.ok for answer in result] == [False, True, False]
    for answer in result.failed:
        error = error_of(answer)
        assert "may have done it all the same, so it was not sent again" in error.message
        assert error.message.count("may have done") == 1
        assert (error.retryable, error.attempts) == (False, 1)
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 1, "X-2": 1}
    assert batches(sandbox) == 2


def test_keys_by_configuration_make_the_writes_of_a_lost_batch_repeatable(sandbox: Sandbox) -> None:
    fault(sandbox, "batch", "reset-after", times=1)

    with connected(sandbox, "Idempotency-Key") as api:
        result = api.batch([("POST", "orders", new(n)) for n in (1, 1, 2)])

    assert [answer.status for answer in result] == [201, 201, 201]
    assert result[0].body["no"] != result[1].body["no"]
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 2, "X-2": 1}


def test_a_deletion_whose_answer_was_lost_is_a_success(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "batch", "reset-after", times=1)

    result = api.batch([("POST", "orders", new(1)), ("DELETE", "customers/C0005")])

    assert [answer.status for answer in result] == [None, 204]


def test_a_change_whose_answer_was_lost_is_a_success_if_it_is_there(api: RestClient, sandbox: Sandbox) -> None:
    """The server answers 412 to the repeat: by our own first attempt the entity is another one."""
    etag = api.get("customers/C0001")["@odata.etag"]
    fault(sandbox, "batch", "reset-after", times=1)

    result = api.batch(
        [("POST", "orders", new(1)), BatchRequest("PATCH", "customers/C0001", {"city": "Oslo"}, etag=etag)]
    )

    assert (result[1].status, result[1].body["city"]) == (200, "Oslo")
    assert sandbox.stats()["writes"]["customers"] == {"PATCH C0001": 1}


def test_a_change_that_somebody_else_made_meanwhile_stays_a_412(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "batch", "reset-after", times=1)

    result = api.batch(
        [("POST", "orders", new(1)), BatchRequest("PATCH", "customers/C0001", {"city": "Oslo"}, etag='W/"old"')]
    )

    assert result[1].status == 412


def test_a_batch_that_was_refused_did_nothing(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "batch", "status=400")

    result = api.batch([("POST", "orders", new(1))])

    assert "may have" not in error_of(result[0]).message
    assert (error_of(result[0]).status_code, batches(sandbox)) == (400, 1)


def test_a_batch_that_was_throttled_is_repeated_with_its_writes(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "batch", "status=429;retry-after=0.01", times=2)

    assert api.batch([("POST", "orders", new(1))]).ok
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 1}


def test_after_a_failed_batch_the_next_one_is_sent(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "batch", "reset-after", times=1, nth=[2])

    result = api.batch([("POST", "orders", new(n)) for n in range(3)], size=1)

    assert [answer.ok for answer in result] == [True, False, True]


@pytest.mark.parametrize(("kind", "sent"), [("status=401", 2), ("status=403", 1), ("status=404", 1), ("status=400", 2)])
def test_where_it_is_hopeless_the_rest_is_not_sent(sandbox: Sandbox, api: RestClient, kind: str, sent: int) -> None:
    fault(sandbox, "batch", kind)

    result = api.batch((request for request in reads(1, 2, 3, 4)), size=1)

    assert batches(sandbox) == sent
    assert len(result.failed) == len(result) == 4
    assert "was not sent, since the batch before it failed" in error_of(result[-1]).message
    assert error_of(result[-1]).attempts == 0


@pytest.mark.parametrize("atomic", [True, False])
def test_a_change_set_is_done_whole_or_not_at_all(api: RestClient, sandbox: Sandbox, atomic: bool) -> None:
    parts = [("POST", "orders", new(1)), ("PATCH", "customers/C9999", {"city": "Oslo"}), ("POST", "orders", new(2))]
    asked = parts if atomic else [BatchRequest(*part, group="one") for part in parts]

    result = api.batch(asked, atomic=atomic)

    culprit, first = error_of(result[1]), error_of(result[0])
    assert [answer.status for answer in result] == [424, 404, 424]
    assert isinstance(culprit, EntityNotFoundError)
    assert (first.code, first.retryable) == ("failed-dependency", False)
    assert "customers/C9999 answered 404" in first.message
    assert (sandbox.stats()["creates"], batches(sandbox)) == ({}, 1)


def test_a_change_set_that_was_throttled_is_repeated_as_a_whole(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/orders$", "status=429", times=1, nth=[2])

    result = api.batch([*reads(1), *(BatchRequest("POST", "orders", new(n), group="g") for n in (1, 2))])

    assert result.ok
    assert sandbox.stats()["creates"]["orders"] == {"X-1": 1, "X-2": 1}
    assert batches(sandbox) == 2


def test_a_change_set_that_broke_is_not_repeated(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/orders$", "status=500", times=1, nth=[2])

    result = api.batch([("POST", "orders", new(n)) for n in (1, 2)], atomic=True)

    assert [answer.status for answer in result] == [424, 500]
    assert (batches(sandbox), sandbox.stats()["creates"]) == (1, {})


def test_change_sets_are_never_split(api: RestClient, sandbox: Sandbox) -> None:
    parts = [BatchRequest("POST", "orders", new(n), group=f"g{n // 3}") for n in range(9)]

    assert api.batch(parts, size=5).ok
    assert batches(sandbox) == 3


def test_a_foreign_part_is_refused_before_anything_is_sent(api: RestClient, sandbox: Sandbox) -> None:
    for url in (
        "https://evil.example.com/steal",
        "HTTP://127.0.0.1:1/api/v1/x",
        f"http://x@127.0.0.1:{sandbox.port}/x",
    ):
        with pytest.raises(ConfigurationError, match=r"Part 2 .* leads to"):
            api.batch([*reads(1), ("GET", url)], size=1)

    assert sandbox.stats()["total"] == 0


def test_a_generator_is_read_batch_by_batch(api: RestClient, sandbox: Sandbox) -> None:
    seen: list[int] = []

    def parts() -> Iterator[BatchRequest]:
        for number in range(1, 7):
            seen.append(batches(sandbox))
            yield reads(number)[0]

    assert len(api.batch(parts(), size=2)) == 6
    assert seen == [0, 0, 1, 1, 2, 2]


def test_what_a_generator_gives_later_and_cannot_be_sent_is_an_error_of_that_part(
    api: RestClient, sandbox: Sandbox
) -> None:
    parts: list[Any] = [*reads(1), ("GET", "https://evil.example.com/"), *reads(2)]

    result = api.batch(iter(parts), size=1)

    assert [answer.ok for answer in result] == [True, False, True]
    assert isinstance(result[1].error, ConfigurationError)


def test_a_generator_that_breaks_says_how_many_were_answered(api: RestClient) -> None:
    def parts() -> Iterator[BatchRequest]:
        yield from reads(1, 2, 3)
        raise KeyError("source")

    with pytest.raises(KeyError) as broken:
        api.batch(parts(), size=1)

    assert broken.value.__notes__ == ["3 requests of the batch had been answered before"]


BAD: list[tuple[Any, dict[str, Any]]] = [
    ([("GET",)], {}),
    ([("FETCH", "x")], {}),
    ([("GET", "")], {}),
    ([("GET", "x")], {"size": 0}),
    ([BatchRequest("POST", "x", {}, group=1)], {}),  # type: ignore[arg-type]
    ([("GET", 7)], {}),
    ([None], {}),
    ([{"method": "GET", "url": "x", "colour": 1}], {}),
    ([("POST", "x", {"a": {1, 2}})], {}),
    ([("POST", "x", {"a": float("nan")})], {}),
    ([BatchRequest("GET", "x", headers={"X-A": "ä"})], {}),
    ([BatchRequest("GET", "x", headers={"X-A": "a\r\nb"})], {}),
    ([BatchRequest("GET", "x", headers={"Host": "evil.example.com"})], {}),
    ([BatchRequest("GET", "x", headers={"X-A": 1})], {}),  # type: ignore[dict-item]
    ([BatchRequest("PATCH", "x", {}, etag=7)], {}),  # type: ignore[arg-type]
    ([BatchRequest("POST", "x", {}, idempotency_key="")], {}),
    ([("GET", "ftp://x/y")], {}),
    ([("GET", "http://[bad/")], {}),
    (None, {}),
    (7, {}),
    ("GET", {}),
    (BatchRequest("GET", "x"), {}),
    ({"method": "GET", "url": "x"}, {}),
    ([("GET", "x")], {"size": 1001}),
    ([("GET", "x")], {"size": True}),
    ([("GET", "x")], {"size": "20"}),
    ([("GET", "x")] * 21, {"atomic": True}),
]


@pytest.mark.parametrize(("parts", "options"), BAD, ids=repr)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    api: RestClient, sandbox: Sandbox, parts: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(HelpfulError) as refused:
        api.batch(parts, **options)

    assert refused.value.how_to_fix
    assert sandbox.stats()["total"] == 0


def test_nothing_is_a_result_too(api: RestClient, sandbox: Sandbox) -> None:
    assert api.batch([]) == BatchResult()
    assert sandbox.stats()["total"] == 0


def test_a_closed_client_sends_no_batch(api: RestClient) -> None:
    api.close()

    with pytest.raises(ConfigurationError, match="closed"):
        api.batch(reads(1))


# On a scripted network

Say = Callable[[dict[str, Any]], Any]


class Server(Policy):
    """Answers batches with what the script says for each, round by round: a value, an error, or a function of it."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.batches: list[dict[str, Any]] = []
        self.headers: list[Any] = []

    def __call__(self, request: PreparedRequest, send: Any) -> Response:
        body = json.loads(request.body or b"")
        self.batches.append(body)
        self.headers.append(request.headers)
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        status = answer if isinstance(answer, int) else 200
        return response_of(request, status, {}, answer if not isinstance(answer, int) else {})

    def sent(self) -> list[list[str]]:
        return [[part["url"] for part in batch["requests"]] for batch in self.batches]


def client(server: Server, time: FakeTime | None = None, **retry: Any) -> RestClient:
    time = time or FakeTime()
    policy = Retry(backoff=1.0, jitter=(1, 1), sleep=time.sleep, clock=time.clock, **retry)
    adapter = PolicyAdapter([ErrorMapping(), policy, ExchangeLog(), server], clock=time.clock)
    return RestClient(Sessions(adapter), API)


def answers(*parts: Any) -> dict[str, Any]:
    """Return the answer to a batch: statuses, or entries, in order."""
    entries = [part if isinstance(part, dict) else {"status": part} for part in parts]
    return {"responses": [{"id": str(number), **entry} for number, entry in enumerate(entries, start=1)]}


def throttle(seconds: Any) -> dict[str, Any]:
    return {"status": 429, "headers": {"Retry-After": str(seconds)}}


def test_on_the_wire_a_part_is_relative_to_the_service() -> None:
    server = Server(answers(*[200] * 5))

    client(server).batch(
        [
            ("GET", "/users/1?$select=a b"),
            ("GET", f"{API}/users/ä#top"),
            ("GET", "https://api.example.com/v2/users"),
            ("GET", "events(2026-01-01T00:00:00Z)/x:y"),
            ("POST", "users", {}),
        ]
    )

    assert server.sent() == [
        [
            "users/1?$select=a%20b",
            "users/%C3%A4",
            "https://api.example.com/v2/users",
            "events(2026-01-01T00%3A00%3A00Z)/x:y",
            "users",
        ]
    ]
    assert server.batches[0]["requests"][4] == {
        "id": "5",
        "method": "POST",
        "url": "users",
        "headers": {"Content-Type": "application/json"},
        "body": {},
    }


@pytest.mark.parametrize("url", ["https://api.example.com/v1/", "https://api.example.com/v10/users"])
def test_what_is_not_below_the_service_stays_absolute(url: str) -> None:
    assert relative_url(url, f"{API}/") == url


def test_a_batch_may_have_another_address_than_the_base() -> None:
    server = Server(answers(200))

    client(server).batch([("GET", "users/1")], url="https://api.example.com/$batch")

    assert server.sent() == [["v1/users/1"]]


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(HelpfulError) as refused:
        client(Server()).batch([("GET", "https://me:sesame@api.example.com/v2/users")])

    assert "sesame" not in str(refused.value)


def test_the_server_is_asked_to_go_on_after_an_error_unless_it_is_a_change_set() -> None:
    server = Server(answers(200), answers(200, 200), answers(200))
    api = client(server)

    api.batch([("GET", "a")])
    api.batch([("GET", "a"), ("GET", "b")], atomic=True)
    api.batch([("GET", "a")], headers={"Prefer": "respond-async"})

    assert [headers.get("Prefer") for headers in server.headers] == ["odata.continue-on-error", None, "respond-async"]


def test_with_isolation_the_whole_batch_is_the_change_set() -> None:
    server = Server(answers(200, 400))

    result = client(server).batch([("GET", "a"), ("GET", "b")], atomic=True, headers={"Isolation": "snapshot"})

    assert "atomicityGroup" not in server.batches[0]["requests"][0]
    assert [answer.status for answer in result] == [424, 400]
    assert "was answered 200, but should have been undone" in str(result[0].error)


def test_the_longest_wait_of_the_parts_is_kept() -> None:
    time = FakeTime()
    server = Server(answers(throttle(3), throttle("7.5"), 200, 503), answers(200, 200, 200))

    assert client(server, time).batch([("GET", name) for name in "abcd"]).ok
    assert time.slept == [7.5]
    assert server.sent() == [["a", "b", "c", "d"], ["a", "b", "d"]]


@pytest.mark.parametrize("wait", ["", "soon", "-1"])
def test_a_wait_that_is_none_is_our_own(wait: str) -> None:
    time = FakeTime()

    assert client(Server(answers(throttle(wait)), answers(200)), time).batch([("GET", "a")]).ok
    assert time.slept == [1.0]


def test_a_part_that_asks_for_too_long_a_wait_is_told_so_and_the_others_do_not_wait_for_it() -> None:
    time = FakeTime()

    result = client(Server(answers(throttle(3600), throttle(2)), answers(200)), time).batch(
        [("GET", "a"), ("GET", "b")]
    )

    assert time.slept == [2.0]
    assert isinstance(result[0].error, ApiRateLimitError)
    assert (error_of(result[0]).retry_after, error_of(result[0]).retryable, result[1].ok) == (3600.0, True, True)


def test_the_total_time_of_a_batch_ends_its_repeats() -> None:
    time = FakeTime()
    api = client(Server(*[answers(throttle(100))] * 9), time, max_retries=9, retry_after_cap=120.0)

    result = api.batch([("GET", "a")])

    assert time.slept == [100.0, 100.0]
    assert error_of(result[0]).attempts == 3


def test_parts_that_are_left_out_are_errors_and_not_silence() -> None:
    server = Server(answers(200), answers(*[]), answers(*[]), answers(*[]))

    result = client(server).batch([("GET", "a"), ("POST", "b", {}), ("GET", "c")])

    assert [answer.status for answer in result] == [200, None, None]
    write, read = error_of(result[1]), error_of(result[2])
    assert "was left out in the answer to the batch; the server may have done it" in write.message
    assert (write.code, write.retryable, write.attempts) == ("no-part-answer", False, 1)
    assert (write.in_doubt, read.in_doubt) == (True, False)
    assert (read.code, read.retryable, read.attempts) == ("no-part-answer", True, 4)


def test_a_part_that_was_left_out_once_is_asked_for_again() -> None:
    assert client(Server(answers(200), answers(200))).batch([("GET", "a"), ("GET", "b")]).ok


@pytest.mark.parametrize(
    "entries",
    [
        [{"id": "1", "status": 200}, {"id": "1", "status": 500}],
        [{"id": "1"}],
        [{"id": "1", "status": None}],
        [{"id": "1", "status": "OK"}],
        [{"id": "1", "status": 20000}],
        ["200"],
        [None],
    ],
)
def test_an_answer_that_says_nothing_clear_is_an_error(entries: Any) -> None:
    result = client(Server({"responses": entries})).batch([("POST", "a", {})])

    assert error_of(result[0]).code == "no-part-answer"


def test_unknown_ids_are_ignored_and_numbers_and_other_orders_understood() -> None:
    entries = [{"id": 2, "status": "201"}, {"id": "9", "status": 500}, {"id": 1, "status": 200, "body": "text"}]

    result = client(Server({"responses": entries})).batch([("GET", "a"), ("POST", "b", {})])

    assert [(answer.status, answer.body) for answer in result] == [(200, "text"), (201, {})]


@pytest.mark.parametrize("body", [{}, {"responses": None}, {"responses": {}}, [], {"value": []}])
def test_an_answer_that_is_no_batch_is_an_error_of_each_part(body: Any) -> None:
    result = client(Server(body)).batch([("POST", "a", {}), ("POST", "b", {})])

    assert [error_of(answer).code for answer in result] == ["no-batch"] * 2
    assert "is this the address of a batch?" in error_of(result[0]).message
    assert "may have done it all the same" in error_of(result[0]).message


def test_parts_that_are_not_let_in_are_errors_of_their_own() -> None:
    result = client(
        Server(answers(401, {"status": 403, "body": {"error": {"code": "No", "message": "Not you"}}}))
    ).batch([("GET", "a"), ("GET", "b")])

    assert [type(answer.error) for answer in result] == [ApiAuthenticationError] * 2
    assert "No: Not you" in str(result[1].error)


def test_the_headers_of_a_part_are_found_in_any_case() -> None:
    entry = {"status": 202, "headers": {"location": "https://api.example.com/v1/op/1"}}

    assert client(Server(answers(entry))).batch([("POST", "a", {})])[0].headers["Location"].endswith("/op/1")


def test_the_error_of_a_part_carries_what_the_part_says() -> None:
    entry = {
        "status": 409,
        "headers": {"request-id": "r-1"},
        "body": {"error": {"code": "Exists", "message": "token=h1dden-42 https://x/y?z=h1dden-42"}},
    }

    error = error_of(client(Server(answers(entry))).batch([("POST", "a?code=h1dden-42", {})])[0])

    assert (error.code, error.request_id, error.retryable) == ("Exists", "r-1", False)
    assert "h1dden" not in str(error)


def test_a_circuit_that_opens_between_batches_leaves_the_rest_unsent() -> None:
    server = Server(answers(200), CircuitOpenError("It is down", retry_after=30.0, retryable=True))

    result = client(server).batch([("POST", name, {}) for name in "abcd"], size=1)

    assert [type(answer.error) for answer in result] == [type(None), *[CircuitOpenError] * 3]
    assert all(error_of(answer).retryable and error_of(answer).retry_after == 30.0 for answer in result[1:])
    assert len(server.batches) == 2


def test_a_missing_answer_to_a_change_set_that_failed_is_that_of_the_whole() -> None:
    result = client(Server(answers(400))).batch([("POST", "a", {}), ("POST", "b", {})], atomic=True)

    assert [answer.status for answer in result] == [400, 424]


def test_a_change_set_that_the_server_did_not_keep_whole_is_not_repeated() -> None:
    server = Server(answers(201, throttle(1)))

    result = client(server).batch([("POST", "a", {}), ("POST", "b", {})], atomic=True)

    assert "was answered 201, but should have been undone" in str(result[0].error)
    assert (error_of(result[0]).retryable, len(server.batches)) == (False, 1)


def test_a_change_set_without_any_answer_may_have_been_done() -> None:
    result = client(Server(answers())).batch([("POST", "a", {}), ("POST", "b", {})], atomic=True)

    assert ["may have done it" in str(answer.error) for answer in result] == [True, True]


def test_the_group_has_one_name_and_other_groups_have_others() -> None:
    server = Server(answers(*[200] * 5))
    groups = ["a", "a", None, "a", "a"]

    client(server).batch([BatchRequest("POST", "x", {}, group=group) for group in groups])

    assert [part.get("atomicityGroup") for part in server.batches[0]["requests"]] == ["g1", "g1", None, "g4", "g4"]


def test_an_outage_of_parts_uses_up_the_budget_of_repeats() -> None:
    time = FakeTime()
    budget = RetryBudget(size=5.0, per_second=0.0, clock=time.clock)
    server = Server(*[answers(503)] * 40)
    api = client(server, time, budget=budget)

    for _ in range(10):
        api.batch([("GET", "a")])

    # The batches themselves went well, which gives a tenth back each.
    assert len(server.batches) == 10 + 5 + 1


def test_repeats_that_help_cost_no_budget() -> None:
    time = FakeTime()
    budget = RetryBudget(size=5.0, per_second=0.0, clock=time.clock)
    api = client(Server(*[answers(503), answers(200)] * 20), time, budget=budget)

    assert all(api.batch([("GET", "a")]).ok for _ in range(20))


class World(Policy):
    """A server that does what it wants, and remembers what it did."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.done: Counter[str] = Counter()

    def __call__(self, request: PreparedRequest, send: Any) -> Response:
        parts = json.loads(request.body or b"")["requests"]
        mood = self.random.choice(["fine", "fine", "fine", "lost before", "lost after", "500", "429", "503", "half"])
        if mood in ("429", "503"):
            return response_of(request, int(mood), {"Retry-After": "1"})
        if mood == "lost before":
            raise ConnectionResetError
        entries = [entry for part in parts for entry in self.work(part)]
        if mood == "lost after":
            raise ConnectionResetError
        if mood == "500":
            return response_of(request, 500)
        return response_of(request, 200, {}, '{"respon' if mood == "half" else {"responses": entries})

    def work(self, part: dict[str, Any]) -> list[dict[str, Any]]:
        status = self.random.choice([201, 201, 201, 201, 429, 500, 409, None])
        if status not in (429, 409) and (status == 201 or self.random.random() < 0.5):
            self.done[part["url"]] += 1
        return [{"id": part["id"], "status": status}] if status else []


@pytest.mark.parametrize("seed", range(150))
def test_whatever_a_server_does_no_write_is_done_twice_and_no_answer_is_untrue(seed: int) -> None:
    world = World(Random(seed))
    time = FakeTime()
    policy = Retry(backoff=1.0, jitter=(1, 1), sleep=time.sleep, clock=time.clock)
    adapter = PolicyAdapter([ErrorMapping(), policy, JsonBody(), ExchangeLog(), world], clock=time.clock)
    asked: list[tuple[str, str, Any]] = [("POST", f"orders/{number}", {}) for number in range(12)]

    result = RestClient(Sessions(adapter), API).batch(asked, size=5)

    assert [answer.request.url for answer in result] == [url for _, url, _ in asked]
    for answer in result:
        times = world.done[answer.request.url]
        told = str(answer.error)
        assert times <= 1
        if answer.ok:
            assert times == 1
        elif "may have done it" not in told and "answered 500" not in told:
            assert times == 0


def test_results_pickle_with_their_errors() -> None:
    result = client(Server(answers(200, 404))).batch([("GET", "a"), ("GET", "b")])

    copy = pickle.loads(pickle.dumps(result))

    assert [answer.status for answer in copy] == [200, 404]
    assert str(copy[1].error) == str(result[1].error)


def test_failures_are_in_the_log_even_if_nobody_looks_at_the_result(caplog: pytest.LogCaptureFixture) -> None:
    client(Server(answers(200, 404))).batch([("GET", "a"), ("GET", "b")])

    assert (
        "1 of 2 requests of the batch failed, the first: GET https://api.example.com/v1/b answered 404" in caplog.text
    )


def test_errors_name_what_a_person_can_do() -> None:
    with pytest.raises(ValidationError, match="fit into a batch of 2"):
        client(Server()).batch([("GET", "a")] * 3, size=2, atomic=True)
    with pytest.raises(ApiOperationError):
        client(Server(400)).batch([("GET", "a")]).require_ok()
