"""The client as scripts use it, on real sockets, judged by what arrived at the server."""

import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.clients import connected
from tests.support.sandbox import CLIENT_SECRET, Sandbox
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import (
    ApiAuthenticationError,
    ApiError,
    ApiOperationError,
    ApiRateLimitError,
    ApiTimeoutError,
    ConfigurationError,
    EntityNotFoundError,
    ValidationError,
)
from txo_core.rest import CallOptions, RestClient


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        yield client


def fault(sandbox: Sandbox, path: str, kind: str, times: int = 1000) -> None:
    sandbox.faults([{"match": {"path": path}, "fault": kind, "times": times}])


def arrived(sandbox: Sandbox, call: str) -> int:
    return int(sandbox.stats()["requests"].get(call, 0))


NEW = {"no": "N0001", "name": "New", "city": "Oslo"}


def test_a_customer_is_made_read_changed_and_deleted(api: RestClient) -> None:
    created = api.post("customers", NEW)
    read = api.get("customers/N0001")
    changed = api.patch("/customers/N0001", {"city": "Bergen"}, etag=read["@odata.etag"])

    assert (created["no"], changed["city"]) == ("N0001", "Bergen")
    assert api.delete("customers/N0001", etag=changed["@odata.etag"]) == {}
    with pytest.raises(EntityNotFoundError):
        api.get("customers/N0001")


def test_an_old_etag_is_a_412(api: RestClient) -> None:
    with pytest.raises(ApiOperationError) as refused:
        api.patch("customers/C0001", {"city": "Bergen"}, etag='W/"old"')

    assert (refused.value.status_code, refused.value.retryable, refused.value.attempts) == (412, False, 1)


def test_parameters_and_headers_arrive_as_they_were_meant(api: RestClient, sandbox: Sandbox) -> None:
    echo = api.get(
        f"{sandbox.url}/echo", {"$filter": "name eq 'O''Brien & Söhne'", "$count": True}, headers={"X-Company": "c1"}
    )

    assert echo["query"] == [["$filter", "name eq 'O''Brien & Söhne'"], ["$count", "true"]]
    assert echo["headers"]["x-company"] == "c1"
    assert echo["headers"]["accept"] == "application/json"


def test_json_arrives_as_utf_8(api: RestClient, sandbox: Sandbox) -> None:
    echo = api.post(f"{sandbox.url}/echo", {"name": "Söhne"}, idempotency_key="k-1")

    assert echo["body"] == '{"name": "Söhne"}'
    assert echo["headers"]["content-type"] == "application/json"
    assert echo["headers"]["idempotency-key"] == "k-1"


@pytest.mark.parametrize("json", [{"since": datetime(2026, 1, 1, tzinfo=UTC)}, {"x": float("nan")}, {"x": {1, 2}}])
def test_what_has_no_json_form_is_refused_before_sending(api: RestClient, sandbox: Sandbox, json: Any) -> None:
    with pytest.raises(ValidationError, match="cannot be sent as JSON"):
        api.post("customers", json)

    assert sandbox.stats()["total"] == 0


def test_a_permanent_503_is_asked_for_four_times(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "status=503")

    with pytest.raises(ApiOperationError) as failed:
        api.get("customers", {"code": "hidden"})

    assert arrived(sandbox, "GET /api/v1/customers") == failed.value.attempts == 4
    assert failed.value.retryable
    assert "hidden" not in str(failed.value)


@pytest.mark.parametrize("kind", ["truncate", "reset-before", "reset-after", "close-before", "bad-gzip", "status=502"])
def test_a_read_survives_a_stumble(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "/api/v1/customers/C0001", kind, times=2)

    assert api.get("customers/C0001")["no"] == "C0001"
    assert arrived(sandbox, "GET /api/v1/customers({key})") == 3


@pytest.mark.parametrize(
    "kind", ["truncate", "reset-before", "reset-after", "hang-after=5", "status=503", "status-after=500"]
)
def test_a_write_that_may_have_been_done_is_sent_once(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "/api/v1/customers", kind)

    with pytest.raises(ApiError) as failed:
        api.post("customers", NEW)

    assert arrived(sandbox, "POST /api/v1/customers") == failed.value.attempts == 1
    assert not failed.value.retryable


@pytest.mark.parametrize("kind", ["status=429;retry-after=0.01", "status=503;retry-after=0.01"])
def test_a_write_that_was_turned_away_is_sent_again_and_done_once(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "/api/v1/customers", kind, times=2)

    api.post("customers", NEW)

    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


def test_an_idempotency_key_makes_a_write_repeatable(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "reset-after", times=1)

    api.post("customers", NEW, idempotency_key="made-up-key")

    assert arrived(sandbox, "POST /api/v1/customers") == 2
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


def test_a_server_that_is_too_slow_is_a_time_out(sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "slow-body=3")

    with connected(sandbox, max_retries=1, rest_timeout_seconds=0.2) as api, pytest.raises(ApiTimeoutError) as failed:
        api.get("customers")

    assert failed.value.attempts == 2


def test_the_whole_call_has_an_end(sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "hang=5")

    with connected(sandbox, max_retries=9, total_timeout_seconds=0.4) as api, pytest.raises(ApiTimeoutError):
        api.get("customers", timeout=0.15)

    assert 1 <= arrived(sandbox, "GET /api/v1/customers") <= 3


def test_a_long_pause_is_left_to_the_caller(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "status=429;retry-after=3600")

    with pytest.raises(ApiRateLimitError) as failed:
        api.get("customers")

    assert (failed.value.retry_after, failed.value.attempts) == (3600.0, 1)


@pytest.mark.parametrize("kind", ["content-type=text/html", "not-json"])
def test_a_page_for_people_is_an_error_and_not_a_result(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "/api/v1/customers", kind)

    with pytest.raises(ApiOperationError, match="that is no JSON") as failed:
        api.get("customers")

    assert (failed.value.code, failed.value.attempts) == ("no-json", 4)


@pytest.mark.parametrize("kind", ["content-type=text/html", "not-json"])
def test_a_read_whose_body_was_no_json_once_is_read_again(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, "/api/v1/customers/C0001", kind, times=2)

    assert api.get("customers/C0001")["no"] == "C0001"


def test_a_write_whose_answer_was_no_json_is_not_sent_again(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "not-json")

    with pytest.raises(ApiOperationError, match="that is no JSON") as failed:
        api.post("customers", NEW)

    assert arrived(sandbox, "POST /api/v1/customers") == failed.value.attempts == 1
    assert not failed.value.retryable


@pytest.mark.parametrize("kind", ["status=503;retry-after=0.01", "status=429;retry-after=0.01", "reset-before"])
def test_a_write_that_led_elsewhere_was_done_and_is_not_sent_again(
    api: RestClient, sandbox: Sandbox, kind: str
) -> None:
    """303: the write is done, and only the reading of its result stumbles."""
    fault(sandbox, "/api/v1/customers", kind)

    with pytest.raises(ApiOperationError, match="was done, but its result cannot be read") as failed:
        api.post("redirect?to=/api/v1/customers&status=303", NEW)

    assert arrived(sandbox, "POST /api/v1/redirect") == 1
    assert arrived(sandbox, "GET /api/v1/customers") == 4
    assert (failed.value.in_doubt, failed.value.retryable) == (True, False)


def test_a_result_that_is_gone_is_not_a_write_that_found_nothing(api: RestClient) -> None:
    with pytest.raises(ApiOperationError, match="was done") as failed:
        api.post("redirect?to=/api/v1/customers/C9999&status=303", NEW)

    assert (type(failed.value), failed.value.status_code) == (ApiOperationError, 404)


@pytest.mark.parametrize("status", [301, 302])
def test_a_write_that_may_have_been_done_elsewhere_is_in_doubt(api: RestClient, status: int) -> None:
    with pytest.raises(ApiOperationError, match="not sent to another place") as failed:
        api.post(f"redirect?to=/api/v1/customers&status={status}", NEW)

    assert failed.value.in_doubt


def test_a_write_that_led_to_a_stranger_was_done_all_the_same(api: RestClient, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="was done, but not followed"):
        api.post(f"redirect?to=http://localhost:{sandbox.port}/x&status=303", NEW)


@pytest.mark.parametrize("status", [307, 308])
def test_a_write_that_is_sent_on_is_repeated_by_its_own_rules(api: RestClient, sandbox: Sandbox, status: int) -> None:
    fault(sandbox, "/api/v1/customers", "status=429;retry-after=0.01", times=2)

    assert api.post(f"redirect?to=/api/v1/customers&status={status}", NEW)["no"] == "N0001"
    assert arrived(sandbox, "POST /api/v1/redirect") == 1
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


def test_in_an_outage_each_call_is_soon_sent_only_once(api: RestClient, sandbox: Sandbox) -> None:
    """A hundred repeats in vain are enough for all calls of a client together."""
    fault(sandbox, "/api/v1/customers", "status=503")

    def fails(_: int) -> bool:
        with pytest.raises(ApiOperationError):
            api.get("customers")
        return True

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(fails, range(200)))
    assert 300 <= arrived(sandbox, "GET /api/v1/customers") <= 310


@pytest.mark.parametrize("timeout", [0, -1, "5", True, (1, 0), (1, 2, 3), (1,)])
def test_a_time_out_that_is_none_is_refused(api: RestClient, sandbox: Sandbox, timeout: Any) -> None:
    with pytest.raises(ValidationError, match="is no time-out"):
        api.get("customers", timeout=timeout)

    assert sandbox.stats()["total"] == 0


@pytest.mark.parametrize("url", [None, 5, b"customers?sig=made-up-secret", "", "items/A#1", "ftp://u:made-up-secret@h"])
def test_an_address_that_is_none_is_refused(api: RestClient, sandbox: Sandbox, url: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        api.delete(url)

    assert "made-up-secret" not in str(refused.value)
    assert sandbox.stats()["total"] == 0


@pytest.mark.parametrize(
    "options",
    [
        {"headers": "X-A: b"},
        {"headers": {"X-A": 5}},
        {"headers": {"X-Ä": "b"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"content-length": "5"}},
        {"etag": ""},
        {"etag": " "},
        {"etag": 5},
        {"idempotent": "no"},
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(api: RestClient, sandbox: Sandbox, options: Any) -> None:
    with pytest.raises(ValidationError):
        api.patch("customers/C0001", {"city": "Bergen"}, **options)

    assert sandbox.stats()["total"] == 0


def test_a_header_of_the_caller_replaces_ours_in_any_spelling(api: RestClient, sandbox: Sandbox) -> None:
    echo = api.patch(f"{sandbox.url}/echo", {}, headers={"content-type": "application/merge-patch+json"})

    assert echo["headers"]["content-type"] == "application/merge-patch+json"


@pytest.mark.parametrize("tag", ["*", " * ", ""])
def test_a_precondition_that_is_none_makes_no_write_repeatable(api: RestClient, sandbox: Sandbox, tag: str) -> None:
    fault(sandbox, "/api/v1/customers/C0001", "status=503")

    with pytest.raises(ApiOperationError):
        api.patch("customers/C0001", {"city": "Bergen"}, headers={"If-Match": tag.strip()})

    assert arrived(sandbox, "PATCH /api/v1/customers({key})") == 1


def test_cookies_stay_with_the_thread_that_got_them(api: RestClient, sandbox: Sandbox) -> None:
    api.get(f"{sandbox.url}/cookie?set=made-up")
    seen = api.get(f"{sandbox.url}/echo")["headers"]
    with ThreadPoolExecutor(1) as other:
        elsewhere = other.submit(lambda: api.get(f"{sandbox.url}/echo")["headers"]).result()

    assert "cookie" in seen
    assert "cookie" not in elsewhere


def test_an_empty_body_is_an_empty_object(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "empty")

    assert api.get("customers") == {}


def test_an_expired_token_is_renewed_unseen(api: RestClient, sandbox: Sandbox) -> None:
    api.get("customers/C0001")
    sandbox.expire_tokens()

    assert api.get("customers/C0001")["no"] == "C0001"
    assert sandbox.stats()["tokens_issued"] == 2


def test_twenty_threads_share_a_client_and_one_new_token(api: RestClient, sandbox: Sandbox) -> None:
    api.get("customers/C0001")
    sandbox.expire_tokens()
    together, read = threading.Barrier(20), list[str]()

    def work() -> None:
        together.wait()
        read.append(api.get("customers/C0001")["no"])

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read == ["C0001"] * 20
    assert sandbox.stats()["tokens_issued"] == 2


def test_a_token_that_is_never_accepted_is_an_error(api: RestClient, sandbox: Sandbox) -> None:
    fault(sandbox, "/api/v1/customers", "expired-token")

    with pytest.raises(ApiAuthenticationError) as refused:
        api.get("customers")

    assert (refused.value.status_code, arrived(sandbox, "GET /api/v1/customers")) == (401, 2)


def test_a_long_operation_returns_its_result(api: RestClient, sandbox: Sandbox) -> None:
    result = api.post("exports?polls=2&retry_after=0.01", {"entity": "customers"}, headers={"X-Company": "c1"})

    assert result["rows"] > 0
    assert sandbox.stats()["exports"] == {"submitted": 1, "polled": 3}


@pytest.mark.parametrize("style", ["location", "relative", "operation-location", "azure-asyncoperation", "moving"])
@pytest.mark.parametrize("done", [200, 201, 204, 303])
def test_each_style_of_long_operation_ends(api: RestClient, sandbox: Sandbox, style: str, done: int) -> None:
    url = f"exports?polls=1&retry_after=0.01&style={style}&status_code_done={done}"
    result = api.post(url, {"entity": "customers"})

    assert result == {} if done == 204 else result["rows"] > 0
    assert sandbox.stats()["exports"]["submitted"] == 1


@pytest.mark.parametrize("style", ["location", "operation-location"])
def test_a_failed_operation_says_why(api: RestClient, style: str) -> None:
    with pytest.raises(ApiOperationError, match="ran out of disk space") as failed:
        api.post(f"exports?polls=1&retry_after=0.01&outcome=failed&style={style}", {"entity": "customers"})

    assert failed.value.code == "ExportFailed"


def test_a_stumbling_poll_never_submits_again(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults(
        [{"match": {"method": "GET", "path": "/api/v1/exports/export-1"}, "fault": "reset-before", "times": 2}]
    )

    assert api.post("exports?polls=1&retry_after=0.01", {"entity": "customers"})["rows"] > 0
    assert sandbox.stats()["exports"]["submitted"] == 1


def test_a_redirect_is_followed(api: RestClient, sandbox: Sandbox) -> None:
    assert api.get("redirect", {"to": "/api/v1/customers/C0001", "status": 302})["no"] == "C0001"


def test_credentials_stay_with_the_api(api: RestClient, sandbox: Sandbox) -> None:
    foreign = f"http://localhost:{sandbox.port}"
    for url in (f"{foreign}/echo", f"redirect?status=307&to={foreign}/echo", f"paging/foreign?to={foreign}/echo"):
        with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
            list(api.paginate(url))
    with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
        api.post(f"exports?style=foreign&retry_after=0.01&to={foreign}", {"entity": "customers"})

    assert f"localhost:{sandbox.port}" not in sandbox.stats()["credentials"]


def test_all_rows_of_all_pages_come(api: RestClient, sandbox: Sandbox) -> None:
    customers = list(api.paginate("customers", {"$select": "no"}))

    assert len({row["no"] for row in customers}) == len(customers) > 20
    assert len(list(api.paginate("paging/link", {"per_page": 500}))) > 1000


@pytest.mark.parametrize("page", ["self-link", "no-value", "fails-at/2"])
def test_an_incomplete_list_is_an_error(api: RestClient, page: str) -> None:
    with pytest.raises(ApiOperationError):
        list(api.paginate(f"paging/{page}"))


def test_a_server_that_is_not_there_is_named() -> None:
    behavior = {"api-timeouts": {"backoff-factor": 0.001}}
    config = TxoConfig("txo", "test", {"global": {"api-base-url": "http://127.0.0.1:9"}, "script-behavior": behavior})

    with create_rest_api(config, require_auth=False) as api, pytest.raises(ApiOperationError) as failed:
        api.get("customers")

    assert "nothing answers at http://127.0.0.1:9; is the server running?" in str(failed.value)
    assert pickle.loads(pickle.dumps(failed.value)).message == failed.value.message


def test_a_closed_client_says_so(sandbox: Sandbox) -> None:
    api = connected(sandbox)
    api.close()
    api.close()

    with pytest.raises(ConfigurationError, match="is closed"):
        api.get("customers")


def test_a_malformed_address_or_header_is_an_error_of_ours(api: RestClient) -> None:
    with pytest.raises(ApiOperationError, match="malformed"):
        api.get("http://[broken/")
    with pytest.raises(ApiOperationError, match="a header holds characters"):
        api.get("customers", headers={"X-Note": "two\nlines"})
    with pytest.raises(ValidationError, match="not plain text"):
        api.get("customers", headers={"X-Note": "Söhne"})


def test_nothing_secret_is_logged(api: RestClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        api.get("customers", {"code": "made-up-hidden"}, headers={"X-Key": "made-up-hidden"})

    lines = [record.getMessage() for record in caplog.records if record.name == "txo_core.http"]
    assert len(lines) == 2
    assert not any("made-up-hidden" in line or "Bearer" in line or CLIENT_SECRET in line for line in lines)


# Options


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda api: api.get("x", header={}), r"get\(\) takes no option 'header'.*mean 'headers'.*idempotency_key"),
        (lambda api: api.post("x", {}, timout=5), r"post\(\).*mean 'timeout'"),
        (lambda api: api.put("x", {}, sink=None), r"put\(\) takes no option 'sink'"),
        (lambda api: api.patch("x", {}, e_tag="y"), r"patch\(\).*mean 'etag'"),
        (lambda api: api.delete("x", data={}), r"delete\(\) takes no option 'data'"),
        (lambda api: api.paginate("x", filter="a eq 1"), r"paginate\(\).*mean 'odata_filter'"),
        (lambda api: api.paginate("x", page_size=10), r"paginate\(\).*mean 'paging'"),
        (lambda api: api.paginate("x", worker=2), r"paginate\(\).*mean 'workers'"),
        (lambda api: api.paginate("x", top=2), r"paginate\(\).*mean 'params'"),
        (lambda api: api.get_odata_entities("x", filter="a eq 1"), "mean 'odata_filter'"),
        (lambda api: api.get_odata_entities("x", top=1), "mean 'limit'"),
        (lambda api: api.get_odata_entities("x", resume="t"), "takes no option 'resume'"),
        (lambda api: api.create_or_update("x", {"no": 1}, "no", keys=1), r"create_or_update\(\)"),
        (lambda api: api.download("x", "y", parms={}), "mean 'params'"),
        (lambda api: api.upload("x", "y", contenttype="z"), "mean 'content_type'"),
        (lambda api: api.start("POST", "x", body={}), "mean 'json'"),
        (lambda api: api.delta("x", sinc="y"), "mean 'since'"),
        (lambda api: api.batch([], sizes=5), "mean 'size'"),
    ],
)
def test_an_unknown_option_is_told_at_once_with_the_nearest(
    api: RestClient, sandbox: Sandbox, call: Callable[[Any], Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=f"(?s){told}"):
        call(api)

    assert sandbox.stats()["total"] == 0


@pytest.mark.parametrize("name", ["get", "post", "put", "patch", "delete", "paginate", "get_odata_entities"])
def test_the_help_names_the_options(name: str) -> None:
    text = getattr(RestClient, name).__doc__

    assert not [option for option in CallOptions.__annotations__ if f"`{option}`" not in text]
