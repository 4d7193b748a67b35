"""Long-running operations of a real server, judged by what arrived there: what the original of this client lost."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import connected
from tests.support.programs import REPOSITORY
from tests.support.sandbox import API_KEY, CLIENT_SECRET, Sandbox
from txo_core.exceptions import (
    ApiError,
    ApiOperationError,
    ApiTimeoutError,
    ConfigurationError,
    EntityNotFoundError,
    ValidationError,
)
from txo_core.rest import RestClient

ORDERS = {"entity": "orders"}
RESULT = {"id": "export-1", "entity": "orders", "rows": 3000}
STATUS_STYLES = ["operation-location", "azure-asyncoperation"]
LOCATION_STYLES = ["location", "relative", "moving"]


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        yield client


def submitted(sandbox: Sandbox) -> int:
    return int(sandbox.stats()["exports"]["submitted"])


def operations(sandbox: Sandbox) -> Any:
    with urllib.request.urlopen(f"{sandbox.url}/stats/operations", timeout=5) as answer:
        return json.load(answer)


def strike_polls(sandbox: Sandbox, fault: str, times: int = 1000) -> None:
    match = {"method": "GET", "path": "/api/v1/exports/export-1"}
    sandbox.faults([{"match": match, "fault": fault, "times": times}])


@pytest.mark.parametrize("style", LOCATION_STYLES + STATUS_STYLES)
@pytest.mark.parametrize("running", [200, 202])
def test_the_result_comes_in_each_style_and_with_each_code(
    api: RestClient, sandbox: Sandbox, style: str, running: int
) -> None:
    url = f"exports?polls=2&retry_after=none&style={style}&status_code_running={running}"

    assert api.post(url, ORDERS) == RESULT
    assert sandbox.stats()["exports"] == {"submitted": 1, "polled": 3}


@pytest.mark.parametrize("done", [201, 204, 303])
@pytest.mark.parametrize("style", ["location", "operation-location"])
def test_an_operation_may_end_with_another_code(api: RestClient, style: str, done: int) -> None:
    result = api.post(f"exports?polls=1&retry_after=none&style={style}&status_code_done={done}", ORDERS)

    assert result == ({} if done == 204 else RESULT)


@pytest.mark.parametrize("value", ["0", "-5", "soon", "0.1", "none", pytest.param("date", marks=pytest.mark.slow)])
def test_whatever_retry_after_says_the_server_is_asked_no_more_often_than_needed(
    api: RestClient, sandbox: Sandbox, value: str
) -> None:
    assert api.post(f"exports?polls=2&retry_after={value}", ORDERS) == RESULT
    assert sandbox.stats()["exports"] == {"submitted": 1, "polled": 3}


def test_a_retry_after_of_zero_is_not_a_busy_loop(sandbox: Sandbox) -> None:
    with connected(sandbox, async_poll_interval=0.2, async_max_wait=1) as api, pytest.raises(ApiTimeoutError):
        api.post("exports?polls=1000&retry_after=0", ORDERS)

    assert 1 <= sandbox.stats()["exports"]["polled"] <= 5


@pytest.mark.parametrize("style", ["location", "operation-location"])
def test_the_longest_wait_holds_against_a_retry_after_of_an_hour(sandbox: Sandbox, style: str) -> None:
    with connected(sandbox, async_max_wait=10) as api, pytest.raises(ApiTimeoutError) as gave_up:
        api.post(f"exports?retry_after=3600&style={style}", ORDERS)

    assert (gave_up.value.code, gave_up.value.retry_after) == ("operation-timeout", 3600.0)
    assert sandbox.stats()["exports"] == {"submitted": 1, "polled": 0}


def test_the_longest_wait_holds_against_a_poll_that_hangs(sandbox: Sandbox) -> None:
    strike_polls(sandbox, "hang=20")

    with (
        connected(sandbox, async_max_wait=1, rest_timeout_seconds=30) as api,
        pytest.raises(ApiTimeoutError) as gave_up,
    ):
        api.post("exports?retry_after=none", ORDERS)

    assert gave_up.value.code == "operation-timeout"
    assert submitted(sandbox) == 1


@pytest.mark.parametrize("style", ["location", "operation-location"])
@pytest.mark.parametrize(("outcome", "code"), [("failed", "ExportFailed"), ("canceled", "canceled")])
def test_a_failed_operation_is_an_error_with_its_own_code(
    api: RestClient, sandbox: Sandbox, style: str, outcome: str, code: str
) -> None:
    with pytest.raises(ApiOperationError) as failed:
        api.post(f"exports?polls=1&retry_after=none&outcome={outcome}&style={style}", ORDERS)

    assert (failed.value.code, failed.value.resume_token, submitted(sandbox)) == (code, None, 1)


def test_an_unknown_word_on_a_status_page_is_waited_for_and_behind_a_location_it_is_the_result(
    sandbox: Sandbox,
) -> None:
    with connected(sandbox, async_max_wait=0.5) as api:
        with pytest.raises(ApiTimeoutError):
            api.post("exports?polls=0&outcome=weird&retry_after=none&style=operation-location", ORDERS)
        assert api.post("exports?polls=0&outcome=weird&retry_after=none", ORDERS)["status"] == "Exploded"


def test_a_receipt_without_an_address_is_an_error_that_helps(api: RestClient, sandbox: Sandbox) -> None:
    with pytest.raises(ApiOperationError, match="not where to ask for the result") as failed:
        api.post("exports?style=none&retry_after=none", ORDERS)

    assert (failed.value.code, submitted(sandbox)) == ("no-status-url", 1)
    assert api.post("exports?style=none&retry_after=none", ORDERS, long_running=False)["status"] == "Running"


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "status=503", "hang=1", "truncate", "not-json"])
@pytest.mark.parametrize("style", ["location", "operation-location"])
def test_a_poll_that_stumbles_twice_never_submits_again(
    api: RestClient, sandbox: Sandbox, style: str, fault: str
) -> None:
    strike_polls(sandbox, fault, times=2)

    # A broken page counts as running or as broken: both are asked for again.
    assert api.post(f"exports?polls=1&retry_after=none&style={style}&status_code_running=200", ORDERS) == RESULT
    assert submitted(sandbox) == 1


@pytest.mark.parametrize("style", ["location", "operation-location"])
@pytest.mark.parametrize("fault", ["status=404", "status=500", "not-json", "content-type=text/html", "reset-before"])
def test_a_poll_that_fails_for_good_hands_out_the_token_and_never_submits_again(
    api: RestClient, sandbox: Sandbox, style: str, fault: str
) -> None:
    strike_polls(sandbox, fault)

    with pytest.raises(ApiError) as failed:
        api.post(f"exports?polls=1&retry_after=none&style={style}&status_code_running=200", ORDERS)
    sandbox.clear_faults()

    assert not isinstance(failed.value, EntityNotFoundError)
    assert not failed.value.retryable
    assert f"POST {sandbox.api_url}/exports had been accepted" in str(failed.value)
    assert api.resume(failed.value.resume_token or "") == RESULT
    assert submitted(sandbox) == 1


def test_the_callers_headers_arrive_with_each_poll_and_no_key_of_the_first_request(
    api: RestClient, sandbox: Sandbox
) -> None:
    api.post("exports?polls=2&retry_after=none", ORDERS, headers={"X-Company": "c1"}, idempotency_key="k-1")

    polls = operations(sandbox)[0]["poll_headers"]
    assert [poll.get("x-company") for poll in polls] == ["c1"] * 3
    assert all(poll["authorization"].startswith("bearer sha256:") for poll in polls)
    assert not any({"idempotency-key", "content-type", "content-length"} & poll.keys() for poll in polls)


def test_the_cookie_of_a_receipt_goes_with_the_polls(api: RestClient, sandbox: Sandbox) -> None:
    assert api.post("exports?polls=1&retry_after=none&sticky=yes", ORDERS) == RESULT


def test_a_status_on_a_foreign_server_is_not_asked_for(sandbox: Sandbox) -> None:
    foreign = f"http://localhost:{sandbox.port}"

    with connected(sandbox) as api, pytest.raises(ConfigurationError, match=r"global\.trusted-origins") as refused:
        api.post(f"exports?style=foreign&retry_after=none&to={foreign}", ORDERS)

    assert "was accepted before" in refused.value.what_went_wrong
    assert f"localhost:{sandbox.port}" not in sandbox.stats()["credentials"]
    assert sandbox.stats()["exports"] == {"submitted": 1, "polled": 0}


@pytest.mark.parametrize(("done", "expected"), [(200, RESULT), (201, RESULT)])
def test_a_file_that_is_only_accepted_is_saved_when_it_is_there(
    api: RestClient, tmp_path: Path, done: int, expected: dict[str, Any]
) -> None:
    api.start("POST", f"exports?polls=1&retry_after=none&status_code_done={done}", ORDERS)

    saved = api.download("exports/export-1", tmp_path / "export.json")

    assert json.loads(saved.read_text(encoding="utf-8")) == expected


def test_a_file_that_comes_behind_a_location_is_saved(api: RestClient, tmp_path: Path) -> None:
    api.start("POST", "exports?polls=1&retry_after=none&outcome=weird", ORDERS)

    saved = api.download("exports/export-1", tmp_path / "export.json")

    assert json.loads(saved.read_text(encoding="utf-8"))["status"] == "Exploded"


# In the manner of ARM: the thing itself tells


@pytest.mark.parametrize("style", ["provisioning-state", "status", *STATUS_STYLES])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_thing_that_is_not_ready_is_waited_for(api: RestClient, sandbox: Sandbox, style: str, method: str) -> None:
    if method == "patch":
        api.put("provisioned/env-1?polls=0", {})
    ready = getattr(api, method)(f"provisioned/env-1?polls=2&style={style}", {"size": 2})

    state = ready["status"] if style == "status" else ready["properties"]["provisioningState"]
    assert state == "Succeeded"
    assert sandbox.stats()["writes"]["provisioned"][f"{method.upper()} env-1"] == 1


@pytest.mark.parametrize("style", ["provisioning-state", "status", *STATUS_STYLES])
def test_a_thing_that_cannot_be_made_says_why(api: RestClient, style: str) -> None:
    with pytest.raises(ApiOperationError, match="There is no room for another one") as failed:
        api.put(f"provisioned/env-1?polls=1&style={style}&outcome=failed", {})

    assert failed.value.code == "QuotaExceeded"
    assert failed.value.in_doubt


def test_an_order_that_is_pending_is_not_waited_for(api: RestClient, sandbox: Sandbox) -> None:
    assert api.put("provisioned/order-1?style=order", {"city": "Oslo"})["status"] == "Pending"
    assert api.patch("provisioned/order-1?style=order", {"city": "Bergen"})["status"] == "Pending"
    assert "GET /api/v1/provisioned/{id}" not in sandbox.stats()["requests"]


def test_a_put_that_is_accepted_is_read_at_its_own_url(api: RestClient) -> None:
    made = api.put("provisioned/env-1?polls=1&style=location&status_code=202", {})

    assert made["properties"] == {"provisioningState": "Succeeded"}


@pytest.mark.parametrize("style", ["location", *STATUS_STYLES])
@pytest.mark.parametrize("page", ["stays", "vanishes"])
def test_a_deletion_is_waited_for_even_if_its_status_page_goes_with_it(
    api: RestClient, sandbox: Sandbox, style: str, page: str
) -> None:
    api.put("provisioned/env-1?polls=0", {})

    api.delete(f"provisioned/env-1?polls=1&style={style}&page={page}")

    with pytest.raises(EntityNotFoundError):
        api.get("provisioned/env-1")
    assert sandbox.stats()["requests"]["DELETE /api/v1/provisioned/{id}"] == 1


def test_a_deletion_that_has_not_happened_is_an_error_even_if_its_status_page_has_gone(api: RestClient) -> None:
    api.put("provisioned/env-1?polls=0", {})

    with pytest.raises(ApiOperationError, match="had been accepted"):
        api.delete("provisioned/env-1?polls=1&style=operation-location&page=vanishes-early")


# Begun here, waited for elsewhere


def test_an_operation_is_begun_without_waiting_and_waited_for_later(api: RestClient, sandbox: Sandbox) -> None:
    operation = api.start("POST", "exports?polls=1&retry_after=none", ORDERS, headers={"X-Company": "c1"})

    assert (operation.done, sandbox.stats()["exports"]["polled"]) == (False, 0)
    assert operation.result() == RESULT
    assert [poll["x-company"] for poll in operations(sandbox)[0]["poll_headers"]] == ["c1", "c1"]
    assert submitted(sandbox) == 1


def test_what_is_done_at_once_needs_no_waiting(api: RestClient) -> None:
    operation = api.start("PATCH", "customers/C0001", {"city": "Bergen"})

    assert (operation.done, operation.token, operation.result()["city"]) == (True, None, "Bergen")


def test_a_beginning_that_fails_is_an_error_at_once(api: RestClient) -> None:
    with pytest.raises(EntityNotFoundError):
        api.start("POST", "exports", {"entity": "moons"})
    with pytest.raises(ValidationError, match="begins no operation"):
        api.start("post", "exports", ORDERS)


@pytest.mark.parametrize("style", ["location", "operation-location"])
def test_another_process_goes_on_waiting_with_the_token_alone(sandbox: Sandbox, style: str) -> None:
    code = (
        "import sys, os; from tests.support.sandbox import Sandbox\n"
        "from tests.core.test_operations_live import ORDERS, connected\n"
        "sandbox = Sandbox(); sandbox.url = sys.argv[1]\n"
        "api = connected(sandbox)\n"
        f"print(api.start('POST', 'exports?polls=2&retry_after=none&style={style}', ORDERS).token, flush=True)\n"
        "os._exit(9)\n"
    )
    crashed = subprocess.run(
        [sys.executable, "-c", code, sandbox.url],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    token = crashed.stdout.strip()
    assert crashed.returncode == 9, crashed.stderr

    with connected(sandbox) as api:
        assert api.resume(token, headers={"X-Company": "c2"}) == RESULT
        assert api.resume(token) == RESULT

    assert submitted(sandbox) == 1
    assert operations(sandbox)[0]["poll_headers"][0]["x-company"] == "c2"
    assert not any(secret in token for secret in (CLIENT_SECRET, API_KEY, "Bearer", "uthorization"))
    assert len(token) < 500


def test_a_wait_that_took_too_long_is_gone_on_with(sandbox: Sandbox) -> None:
    with connected(sandbox, async_max_wait=0.2) as api, pytest.raises(ApiTimeoutError) as gave_up:
        api.post("exports?polls=25&retry_after=none", ORDERS)

    with connected(sandbox) as api:
        assert api.resume(gave_up.value.resume_token or "") == RESULT
    assert submitted(sandbox) == 1


def test_a_token_that_was_changed_leads_to_no_other_server(sandbox: Sandbox) -> None:
    with connected(sandbox) as api:
        token = api.start("POST", "exports?retry_after=none", ORDERS).token or ""
        with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
            api.resume(token.replace("127.0.0.1", "localhost"))
        with pytest.raises(ConfigurationError):
            api.resume(token.replace('"status-url":"http://127.0.0.1', '"status-url":"http://127.0.0.1:1@localhost'))
        with pytest.raises(ValidationError, match="is not readable"):
            api.resume(token[:-2])

    assert sandbox.stats()["exports"]["polled"] == 0
    assert f"localhost:{sandbox.port}" not in sandbox.stats()["credentials"]
