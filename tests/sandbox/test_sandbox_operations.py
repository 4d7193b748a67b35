"""Long-running operations of the sandbox, in the styles that real servers have."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.support.sandbox import Sandbox
from tests.support.sandbox_caller import Caller

ORDERS = {"entity": "orders"}
NOW = "retry_after=0"


def follow(call: Any, url: str, most: int = 10) -> tuple[list[int], requests.Response]:
    """Polls until the answer is no longer pending; the status codes seen, and the last answer."""
    seen: list[int] = []
    while len(seen) < most:
        answer = call.get(url)
        seen.append(answer.status_code)
        if answer.status_code != 202 and not (answer.content and answer.json().get("status") == "Running"):
            return seen, answer
    raise AssertionError(f"still pending after {seen}")


def test_an_export_is_polled_to_its_result(call: Caller, erp: Sandbox) -> None:
    submitted = call.post(f"exports?{NOW}", json=ORDERS)
    assert (submitted.status_code, submitted.headers["Retry-After"]) == (202, "0")
    seen, done = follow(call, submitted.headers["Location"])
    assert seen == [202, 202, 202, 200]
    assert done.json()["status"] == "Succeeded"
    assert call.get(done.json()["resourceLocation"]).json() == {"id": "export-1", "entity": "orders", "rows": 3000}
    assert erp.stats()["exports"] == {"submitted": 1, "polled": 4}


@pytest.mark.parametrize(
    ("style", "header", "start"),
    [
        ("location", "Location", "http://"),
        ("relative", "Location", "/api/v1/exports/"),
        ("operation-location", "Operation-Location", "http://"),
        ("azure-asyncoperation", "Azure-AsyncOperation", "http://"),
    ],
)
def test_each_style_names_the_status_in_its_own_header(call: Caller, style: str, header: str, start: str) -> None:
    submitted = call.post(f"exports?style={style}&polls=1&{NOW}", json=ORDERS)
    assert submitted.headers[header].startswith(start)
    seen, _ = follow(call, submitted.headers[header])
    assert seen == ([202, 200] if header == "Location" else [200, 200])


def test_a_202_can_come_without_any_header(call: Caller) -> None:
    headers = call.post("exports?style=none&retry_after=none", json=ORDERS).headers
    assert {"Location", "Operation-Location", "Azure-AsyncOperation", "Retry-After"}.isdisjoint(headers)


def test_the_status_can_be_on_another_origin(call: Caller, erp: Sandbox) -> None:
    submitted = call.post(f"exports?style=foreign&to={erp.second_url}", json=ORDERS)
    assert submitted.headers["Location"].startswith(erp.second_url)


def test_the_status_can_move_with_each_poll(call: Caller) -> None:
    submitted = call.post(f"exports?style=moving&{NOW}", json=ORDERS)
    first = call.get(submitted.headers["Location"])
    assert first.headers["Location"] != submitted.headers["Location"]


@pytest.mark.parametrize(("outcome", "word"), [("failed", "Failed"), ("canceled", "Canceled"), ("weird", "Exploded")])
def test_an_export_can_end_badly_behind_a_200(call: Caller, outcome: str, word: str) -> None:
    submitted = call.post(f"exports?outcome={outcome}&polls=0", json=ORDERS)
    done = call.get(submitted.headers["Location"])
    assert (done.status_code, done.json()["status"]) == (200, word)
    assert ("error" in done.json()) is (word == "Failed")
    assert call.get("exports/export-1/result").status_code == 404


@pytest.mark.parametrize("code", [200, 201, 204, 303])
def test_an_export_can_end_with_another_code(call: Caller, code: int) -> None:
    submitted = call.post(f"exports?polls=0&status_code_done={code}", json=ORDERS)
    done = call.get(submitted.headers["Location"])
    assert done.status_code == code
    if code in (201, 303):
        assert call.get(done.headers["Location"]).json()["rows"] == 3000


@pytest.mark.parametrize("value", ["1", "0", "1.5", "3600", "soon", "-5"])
def test_retry_after_is_sent_as_asked(call: Caller, value: str) -> None:
    assert call.post(f"exports?retry_after={value}", json=ORDERS).headers["Retry-After"] == value


def test_retry_after_can_be_a_date(call: Caller) -> None:
    value = call.post("exports?retry_after=date", json=ORDERS).headers["Retry-After"]
    assert isinstance(parsedate_to_datetime(value), datetime)


def test_a_running_export_can_be_canceled(call: Caller) -> None:
    location = call.post("exports", json=ORDERS).headers["Location"]
    assert call("DELETE", location).status_code == 204
    assert call.get(location).json()["status"] == "Canceled"


def test_each_poll_is_recorded_with_its_headers_but_no_secret(call: Caller) -> None:
    location = call.post("exports", json=ORDERS).headers["Location"]
    call.get(location, headers={"X-Correlation": "abc"})
    operation = call.get("/stats/operations").json()[0]
    headers = operation["poll_headers"][0]
    assert headers["x-correlation"] == "abc"
    assert headers["x-api-key"].startswith("api-key sha256:")


def test_an_idempotency_key_submits_once(call: Caller, erp: Sandbox) -> None:
    for _ in range(2):
        call.post("exports", json=ORDERS, headers={"Idempotency-Key": "k"})
    assert erp.stats()["exports"]["submitted"] == 1


@pytest.mark.parametrize(
    "query", ["style=pigeon", "polls=-1", "polls=x", "outcome=fine", "status_code_done=418", "retry_after=%0d%0aX:1"]
)
def test_a_bad_wish_is_a_400(call: Caller, erp: Sandbox, query: str) -> None:
    assert call.post(f"exports?{query}", json=ORDERS).status_code == 400
    assert erp.stats()["exports"]["submitted"] == 0


def test_an_export_needs_an_entity_that_exists(call: Caller) -> None:
    assert call.post("exports", json={}).status_code == 400
    assert call.post("exports", json={"entity": "moons"}).status_code == 404
    assert call.get("exports/export-99").status_code == 404


def test_a_provisioned_resource_says_in_its_body_how_far_it_is(call: Caller) -> None:
    created = call("PUT", "provisioned/env-1", json={})
    assert created.status_code == 201
    states = [call.get("provisioned/env-1").json()["properties"]["provisioningState"] for _ in range(3)]
    assert [created.json()["properties"]["provisioningState"], *states] == [
        "Creating", "Creating", "Creating", "Succeeded",
    ]  # fmt: skip
    assert call.get("provisioned/env-2").status_code == 404


@pytest.mark.parametrize(
    ("style", "header"),
    [("operation-location", "Operation-Location"), ("azure-asyncoperation", "Azure-AsyncOperation")],
)
def test_a_provisioned_resource_can_have_a_status_page(call: Caller, style: str, header: str) -> None:
    page = call("PUT", f"provisioned/env-1?polls=1&style={style}", json={}).headers[header]
    assert [call.get(page).json() for _ in range(2)] == [{"status": "InProgress"}, {"status": "Succeeded"}]
    assert call.get("provisioned/env-1").json()["properties"]["provisioningState"] == "Succeeded"


def test_a_provisioned_resource_can_tell_in_its_status_and_can_fail(call: Caller) -> None:
    created = call("PUT", "provisioned/env-1?polls=0&style=status&outcome=failed&retry_after=2", json={})
    assert (created.json()["status"], created.headers["Retry-After"]) == ("Creating", "2")
    assert call.get("provisioned/env-1").json()["error"]["code"] == "QuotaExceeded"


def test_an_order_has_a_status_that_never_changes(call: Caller) -> None:
    assert call("PUT", "provisioned/o-1?style=order", json={}).json()["status"] == "Pending"
    changed = call("PATCH", "provisioned/o-1?style=order", json={})
    assert (changed.status_code, changed.json()["status"]) == (200, "Pending")
    assert call("PATCH", "provisioned/o-2", json={}).status_code == 404


@pytest.mark.parametrize(("page", "end"), [("stays", 204), ("vanishes", 404)])
def test_a_deletion_takes_a_while_and_its_status_page_may_go_with_it(call: Caller, page: str, end: int) -> None:
    call("PUT", "provisioned/env-1?polls=0", json={})
    accepted = call("DELETE", f"provisioned/env-1?polls=1&page={page}")
    assert accepted.status_code == 202
    assert [call.get(accepted.headers["Location"]).status_code for _ in range(2)] == [202, end]
    assert call.get("provisioned/env-1").status_code == 404


def test_a_status_page_may_go_while_the_resource_stays(call: Caller) -> None:
    call("PUT", "provisioned/env-1?polls=0", json={})
    page = call("DELETE", "provisioned/env-1?polls=0&page=vanishes-early").headers["Location"]
    assert call.get(page).status_code == 404
    assert call.get("provisioned/env-1").status_code == 200


def test_a_sticky_export_is_known_to_one_server_of_the_farm_only(call: Caller) -> None:
    submitted = call.post(f"exports?sticky=yes&{NOW}", json=ORDERS)
    location = submitted.headers["Location"]
    assert submitted.headers["Set-Cookie"] == "node=export-1"
    call.session.cookies.clear()
    assert call.get(location).status_code == 404
    assert call.get(location, headers={"Cookie": "node=export-1"}).status_code == 202


@pytest.mark.parametrize(
    "query", ["style=pigeon", "polls=x", "outcome=fine", "retry_after=%0d%0aX:1", "status_code=418"]
)
def test_a_bad_wish_for_a_provisioned_resource_is_a_400(call: Caller, query: str) -> None:
    assert call("PUT", f"provisioned/env-1?{query}", json={}).status_code == 400
