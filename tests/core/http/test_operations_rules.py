"""What the answers of long-running operations mean: which begin one, which end it, and where the result lies."""

import json
from typing import Any

import pytest

from tests.support.operations import Run, resumed
from tests.support.scripted import Answer
from txo_core.exceptions import ApiOperationError, EntityNotFoundError
from txo_core.http.policy import Options

STARTED: Answer = (202, {"Location": "/v1/operations/1"})
MONITORED: Answer = (202, {"Operation-Location": "/v1/operations/1"})
RESULT: Answer = (200, {}, {"rows": 3})
DONE: Answer = (200, {}, {"status": "Succeeded"})
ORDER = {"no": "O1", "customer": "C1", "amount": 12}


def provisioning(state: str, **more: Any) -> dict[str, Any]:
    return {"id": "x", "name": "x", "properties": {"provisioningState": state, **more}}


# What goes on


@pytest.mark.parametrize("word", ["Running", "inProgress", "NOTSTARTED", "in_progress", "In Progress", "Queued"])
def test_a_status_behind_a_location_says_that_it_goes_on(word: str) -> None:
    assert Run(STARTED, (200, {}, {"status": word}), RESULT).result == {"rows": 3}


@pytest.mark.parametrize("word", ["Reticulating", "Exploded", "Validating input", "実行中"])
def test_a_status_page_counts_unknown_words_as_going_on(word: str) -> None:
    run = Run(MONITORED, (200, {}, {"status": word}), (200, {}, {"status": "SUCCEEDED"}))

    assert run.result == {"status": "SUCCEEDED"}


@pytest.mark.parametrize("name", ["state", "runtimeStatus"])
def test_a_status_page_may_give_its_status_another_name(name: str) -> None:
    assert Run(MONITORED, (200, {}, {name: "Running"}), (200, {}, {name: "Completed"})).result == {name: "Completed"}


def test_a_result_behind_a_location_may_have_a_state_that_nobody_knows() -> None:
    assert Run(STARTED, (200, {}, provisioning("Creating")), (200, {}, provisioning("Ready"))).result["name"] == "x"


def test_a_status_page_tells_by_its_body_whatever_its_code() -> None:
    accepted: Answer = (202, {}, {"status": "Succeeded"})

    assert Run(MONITORED, (202, {}, {"status": "Running"}), accepted).result == {"status": "Succeeded"}


# What ends it


@pytest.mark.parametrize("word", ["Succeeded", "SUCCEEDED", "succeeded", "Completed", "done"])
def test_success_is_known_in_any_case(word: str) -> None:
    assert Run(MONITORED, (200, {}, {"status": word})).result == {"status": word}


@pytest.mark.parametrize("answer", [(200, {}, {"no": "O1", "status": "Released"}), (201, {}, {"no": "O1"})])
def test_a_result_may_have_a_status_of_its_own(answer: Answer) -> None:
    assert Run(STARTED, answer).result["no"] == "O1"


@pytest.mark.parametrize("answer", [200, 201, 204])
def test_an_empty_answer_behind_a_location_ends_it_as_well(answer: Answer) -> None:
    assert Run(STARTED, answer).result == {}


@pytest.mark.parametrize("body", [b"", b" \n", {}, [], None, {"status": None}, {"status": ""}, {"state": None}])
@pytest.mark.parametrize("name", ["Operation-Location", "Azure-AsyncOperation"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_status_page_that_tells_no_status_is_an_error_and_no_success(name: str, body: object, method: str) -> None:
    run = Run((202, {name: "/v1/op?sig=made-up"}), (200, {}, body), method=method)

    assert type(run.error) is ApiOperationError
    assert (run.failure.code, run.failure.status_code, run.failure.retryable) == ("no-status", 200, False)
    assert f"{method} https://api.example.com/v1/exports was accepted" in str(run.error)
    assert "https://api.example.com/v1/op" in str(run.error)
    assert "made-up" not in str(run.error)
    assert run.network.calls == [f"{method} /exports", "GET /op?sig=made-up"]
    resuming = resumed(run.failure.resume_token, (200, {}, {"status": "Running"}), DONE, RESULT)
    assert resuming.network.calls[:2] == ["GET /op?sig=made-up"] * 2


@pytest.mark.parametrize("body", [{"rows": 3}, [{"rows": 3}], {"id": "1", "error": None}, {"status": ["x"]}, "done", 0])
def test_a_status_page_may_hold_the_result_instead(body: object) -> None:
    assert Run(MONITORED, (200, {"Content-Type": "application/json"}, json.dumps(body))).result == body


def test_a_204_ends_it_behind_a_status_page_too() -> None:
    assert Run(MONITORED, 204).result == {}


def test_a_receipt_instead_of_a_status_says_that_it_goes_on() -> None:
    assert Run(MONITORED, 202, (202, {}, {"status": None}), DONE).result == {"status": "Succeeded"}


@pytest.mark.parametrize("started", [STARTED, MONITORED])
@pytest.mark.parametrize("word", ["Failed", "canceled", "CANCELLED", "Aborted"])
def test_a_failed_operation_raises_its_own_code_and_message(started: Answer, word: str) -> None:
    body = {"status": word, "error": {"code": "DiskFull", "message": "No space"}}
    error = Run(started, (200, {"x-ms-request-id": "r-1"}, body)).failure

    assert type(error) is ApiOperationError
    assert (error.code, error.request_id, error.resume_token) == ("DiskFull", "r-1", None)
    assert (
        str(error)
        == f"POST https://api.example.com/v1/exports was accepted, but then {word.lower()}: DiskFull: No space"
    )


def test_a_failure_that_comes_as_a_202_is_one() -> None:
    assert Run(STARTED, (202, {}, {"status": "Failed"})).failure.code == "failed"


def test_a_failed_operation_without_a_reason_is_an_error_as_well() -> None:
    assert Run(STARTED, (200, {}, provisioning("Failed"))).failure.code == "failed"


# Where the result lies


@pytest.mark.parametrize(
    ("method", "first", "status", "read"),
    [
        ("POST", {"Operation-Location": "op"}, {"resourceLocation": "/v1/things/1"}, "GET /things/1"),
        ("POST", {"Operation-Location": "op"}, {"resourceLocation": "things/1"}, "GET /things/1"),
        ("POST", {"Operation-Location": "op", "Location": "/v1/things/2"}, {}, "GET /things/2"),
        ("PUT", {"Azure-AsyncOperation": "op", "Location": "/v1/things/3"}, {}, "GET /exports?a=1"),
        ("PUT", {"Azure-AsyncOperation": "op"}, {"resourceLocation": "/v1/things/4"}, "GET /things/4"),
        ("PATCH", {"Azure-AsyncOperation": "op"}, {}, "GET /exports?a=1"),
        ("GET", {"Operation-Location": "op"}, {}, "GET /exports?a=1"),
    ],
)
def test_the_result_of_a_status_page_is_read_where_it_lies(
    method: str, first: dict[str, str], status: dict[str, str], read: str
) -> None:
    run = Run((202, first), (200, {}, {"status": "Succeeded", **status}), RESULT, method=method, path="/exports?a=1")

    assert run.result == {"rows": 3}
    assert run.network.calls == [f"{method} /exports?a=1", "GET /op", read]


def test_a_status_page_may_name_the_place_of_the_result_late() -> None:
    run = Run(MONITORED, (200, {"Location": "/v1/things/5"}, {"status": "Running"}), DONE, RESULT)

    assert run.network.calls[-1] == "GET /things/5"


def test_a_result_named_behind_a_location_is_read() -> None:
    run = Run(STARTED, (200, {}, {"status": "Succeeded", "resourceLocation": "/v1/things/1"}), RESULT)

    assert run.network.calls[-1] == "GET /things/1"


def test_a_link_of_the_result_itself_is_not_followed() -> None:
    thing = {"no": "T1", "resourceLocation": "/v1/things/1"}

    assert Run(STARTED, (200, {}, thing)).result == thing


def test_a_201_without_a_body_names_what_was_created() -> None:
    assert Run(STARTED, (201, {"Location": "/v1/things/1"}), RESULT).network.calls[-1] == "GET /things/1"


def test_a_put_whose_operation_ends_without_a_body_is_read_at_its_own_url() -> None:
    assert Run(STARTED, 204, RESULT, method="PUT").network.calls[-1] == "GET /exports"


def test_who_polls_himself_is_answered_with_the_end() -> None:
    assert Run((202, {}), (202, {}), RESULT, method="GET").network.calls == ["GET /exports"] * 3


# What begins it, beside a 202


@pytest.mark.parametrize("name", ["Operation-Location", "Azure-AsyncOperation"])
@pytest.mark.parametrize(("method", "code"), [("PUT", 201), ("PUT", 200), ("PATCH", 200)])
def test_a_200_or_201_with_a_status_page_is_an_operation(name: str, method: str, code: int) -> None:
    run = Run((code, {name: "op"}, ORDER), (200, {}, {"status": "InProgress"}), DONE, RESULT, method=method)

    assert run.network.calls == [f"{method} /exports", "GET /op", "GET /op", "GET /exports"]
    assert run.result == {"rows": 3}


@pytest.mark.parametrize(("method", "code"), [("PUT", 201), ("PUT", 200), ("PATCH", 200), ("PATCH", 202)])
@pytest.mark.parametrize("word", ["Creating", "updating", "Accepted", "Replicating"])
def test_a_provisioning_state_that_has_not_ended_is_polled_at_its_own_url(method: str, code: int, word: str) -> None:
    run = Run(
        (code, {"Retry-After": "2"}, provisioning(word)),
        (200, {}, provisioning(word)),
        (200, {}, provisioning("Succeeded") | {"status": "Running"}),
        method=method,
        path="/envs/1?api-version=1",
    )

    assert run.network.calls == [f"{method} /envs/1?api-version=1"] + ["GET /envs/1?api-version=1"] * 2
    assert run.time.slept == [2.0, 5.0]
    assert run.result["properties"] == {"provisioningState": "Succeeded"}


def test_a_provisioning_that_fails_raises_its_own_code_and_message() -> None:
    failed = provisioning("Failed", error={"code": "QuotaExceeded", "message": "No room"})
    error = Run((201, {}, provisioning("Creating")), (200, {}, failed), method="PUT").failure

    assert (error.code, "QuotaExceeded: No room" in str(error)) == ("QuotaExceeded", True)


@pytest.mark.parametrize("state", ["Succeeded", "succeeded"])
def test_a_provisioning_state_that_has_ended_is_the_result(state: str) -> None:
    assert Run((200, {}, provisioning(state)), method="PUT").network.calls == ["PUT /exports"]


def test_what_a_post_creates_and_provisions_is_polled_at_its_location() -> None:
    run = Run((201, {"Location": "/v1/envs/1"}, provisioning("Creating")), (200, {}, provisioning("Succeeded")))

    assert run.network.calls == ["POST /exports", "GET /envs/1"]


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({"Retry-After": "5"}, ORDER | {"status": "Pending"}, None),
        ({}, {"status": "Running"}, None),
        ({}, {"id": "1", "status": "InProgress"}, None),
        ({}, ORDER | {"status": "Running", "percentComplete": 10}, None),
        ({}, ORDER | {"status": "Creating"}, None),
        ({}, ORDER | {"status": "Pending"}, True),
    ],
)
@pytest.mark.parametrize(("method", "code"), [("PUT", 201), ("PATCH", 200)])
def test_a_status_that_has_not_ended_is_polled_where_a_sign_says_that_it_is_an_operation(
    method: str, code: int, headers: dict[str, str], body: dict[str, Any], said: bool | None
) -> None:
    ready: Answer = (200, {}, {"status": "Active"})
    run = Run((code, headers, body), (200, {}, body), ready, method=method, options=Options(long_running=said))

    assert run.network.calls == [f"{method} /exports"] + ["GET /exports"] * 2
    assert run.result == {"status": "Active"}


@pytest.mark.parametrize(
    "word", ["Pending", "Running", "Open", "In Progress", "Accepted", "Queued", "Failed", "Canceled"]
)
@pytest.mark.parametrize(("method", "code"), [("PUT", 201), ("PATCH", 200), ("POST", 201)])
def test_an_order_that_is_pending_is_the_result_of_its_change(method: str, code: int, word: str) -> None:
    run = Run((code, {"Location": "/v1/orders/1"}, ORDER | {"status": word}), method=method, json={"city": "Oslo"})

    assert run.network.calls == [f"{method} /exports"]
    assert run.result["status"] == word


@pytest.mark.parametrize("body", [{"id": "1", "status": "Pending"}, ORDER | {"status": "Updating"}])
def test_a_status_that_the_caller_has_set_is_no_operation(body: dict[str, Any]) -> None:
    assert Run((200, {}, body), method="PATCH", json={"status": body["status"]}).result == body


def test_a_read_that_shows_an_operation_is_no_operation_of_ours() -> None:
    headers = {"Operation-Location": "op", "Retry-After": "5"}

    assert Run((200, headers, provisioning("Creating")), method="GET").network.calls == ["GET /exports"]


def test_a_caller_can_say_that_the_first_answer_is_all() -> None:
    run = Run((201, {}, provisioning("Creating")), method="PUT", options=Options(long_running=False))

    assert run.network.calls == ["PUT /exports"]


# Deleting


@pytest.mark.parametrize(
    ("started", "end"), [(STARTED, 204), (STARTED, 200), (STARTED, DONE), (MONITORED, 204), (MONITORED, DONE)]
)
def test_a_deletion_ends_with_its_status_and_reads_nothing_that_is_gone(started: Answer, end: Answer) -> None:
    run = Run(started, (202, {}), end, method="DELETE")

    assert run.error is None
    assert run.network.calls == ["DELETE /exports"] + ["GET /operations/1"] * 2


@pytest.mark.parametrize("gone", [404, 410])
def test_a_status_page_that_goes_with_what_was_deleted_is_a_success(gone: int) -> None:
    run = Run(MONITORED, (gone, {}, {"error": "unknown"}), 404, method="DELETE")

    assert run.result == {}
    assert run.network.calls == ["DELETE /exports", "GET /operations/1", "GET /exports"]


def test_a_status_page_that_goes_while_the_thing_is_still_there_is_an_error() -> None:
    run = Run(MONITORED, 404, RESULT, method="DELETE")

    assert not isinstance(run.error, EntityNotFoundError)
    assert run.failure.status_code == 404
    assert run.failure.resume_token
