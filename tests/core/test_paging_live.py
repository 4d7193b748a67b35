"""Lists read through a client on real sockets, judged by the rows that came and by what arrived at the server."""

import logging
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pytest

from tests.support.sandbox import API_KEY, CLIENT_ID, CLIENT_SECRET, Sandbox
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiError, ApiOperationError, ConfigurationError, ValidationError
from txo_core.oauth import ClientCredentials
from txo_core.odata import build_odata_filter, ge
from txo_core.paginators import Cursor, Offset, PageNumber, Paging
from txo_core.rest import RestClient

ORDERS = [f"SO{100001 + number}" for number in range(3000)]


def connected(sandbox: Sandbox, behavior: dict[str, Any] | None = None, **more: Any) -> RestClient:
    timeouts = {"rest-timeout-seconds": 5, "backoff-factor": 0.01, "max-retries": 1}
    behavior = {"api-timeouts": timeouts, **(behavior or {})}
    data = {"global": {"api-base-url": sandbox.api_url, **more}, "script-behavior": behavior}
    tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET)
    return create_rest_api(TxoConfig("txo", "test", data), tokens=tokens)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        yield client


def numbers(rows: Iterable[Any]) -> list[str]:
    return [row["no"] for row in rows]


def arrived(sandbox: Sandbox, path: str) -> int:
    return int(sandbox.stats()["requests"].get(f"GET /api/v1/{path}", 0))


def collect(rows: Iterable[Any], into: list[Any]) -> None:
    """Keep each row as it comes, also those before an error."""
    for row in rows:
        into.append(row)


def failed(rows: Iterable[Any], code: str) -> ApiError:
    with pytest.raises(ApiOperationError) as error:
        list(rows)
    assert error.value.code == code
    return error.value


# What the original did with paging (evidence 2.7), row by row


def test_a_server_that_caps_pages_and_links_to_the_next_gives_all_rows(api: RestClient, sandbox: Sandbox) -> None:
    """The original: 300 of 2500 rows, no error."""
    rows = api.get_odata_entities("orders", page_size=1000, limit=2500)

    assert numbers(rows) == ORDERS[:2500]
    assert arrived(sandbox, "orders") == 5
    assert numbers(api.paginate("orders", {"$top": 2500})) == ORDERS[:2500]


def test_a_server_that_caps_pages_and_does_not_say_so_gives_all_rows_or_an_error(api: RestClient) -> None:
    """The original: 100 of 2500 rows, no error."""
    assert numbers(api.paginate("paging/capped", paging=Offset.odata(1000))) == ORDERS
    assert numbers(api.paginate("paging/capped", paging=Offset.odata(1000), check_count=True)) == ORDERS
    assert "100 of the 3000" in str(failed(api.paginate("paging/capped", check_count=True), "incomplete"))
    failed(api.paginate("paging/capped", {"$top": 1000}), "incomplete")
    failed(api.paginate("paging/capped"), "incomplete")


def test_a_skiptoken_is_followed_and_no_row_comes_twice(api: RestClient, sandbox: Sandbox) -> None:
    """The original: the first page 20 times, 10,000 rows of which 500 differ."""
    rows = numbers(api.paginate("orders", headers={"Prefer": "odata.maxpagesize=500"}))

    assert len(rows) == len(set(rows)) == 3000
    assert arrived(sandbox, "orders") == 6


def test_a_server_that_ignores_skip_is_found_out_at_once(api: RestClient, sandbox: Sandbox) -> None:
    """The original: still running after 1484 requests."""
    failed(api.paginate("paging/ignores-skip", paging=Offset.odata(50)), "repeated-page")

    assert arrived(sandbox, "paging/ignores-skip") == 2


def test_a_page_that_fails_is_an_error_and_no_short_list(api: RestClient) -> None:
    """The original: 1000 of 2500 rows as a success."""
    got: list[Any] = []
    with pytest.raises(ApiOperationError) as error:
        collect(api.paginate("paging/fails-at/3"), got)

    assert (error.value.status_code, error.value.attempts, len(got)) == (500, 2, 200)
    with pytest.raises(ApiOperationError):
        list(api.paginate("paging/fails-at/3", resume=error.value.resume_token))


def test_an_answer_without_value_is_an_error(api: RestClient) -> None:
    """The original: an empty list as a success."""
    failed(api.paginate("paging/no-value"), "no-rows")
    with pytest.raises(ApiOperationError, match="without a list of rows"):
        api.get_odata_entities("paging/no-value")


def test_twenty_pages_are_twenty_requests(api: RestClient, sandbox: Sandbox) -> None:
    """The original: one request more, and a pause of half a second after each."""
    assert len(api.get_odata_entities("orders", page_size=10, limit=200)) == 200
    assert arrived(sandbox, "orders") == 20


def test_a_page_size_need_not_be_given(api: RestClient) -> None:
    """The original: KeyError."""
    assert len(api.get_odata_entities("customers")) == 42


# Every style


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize(
    ("path", "paging"),
    [
        ("paging/link?per_page=500", None),
        ("paging/cursor?limit=500", Cursor()),
        ("paging/offset", Offset(size=500)),
        ("paging/offset", Offset(size=5000)),
        ("paging/offset?limit=250", Offset()),
        ("paging/page", PageNumber(size=500)),
        ("paging/page", PageNumber(size=5000)),
        ("paging/gaps", PageNumber(size=500)),
        ("paging/capped", Offset.odata(500)),
        ("orders", None),
        ("orders?fault=relative-links", None),
    ],
)
def test_all_rows_come_once_and_in_order(api: RestClient, path: str, paging: Paging | None, workers: int) -> None:
    assert numbers(api.paginate(path, paging=paging, workers=workers)) == ORDERS


@pytest.mark.parametrize("path", ["paging/offset", "paging/page", "paging/cursor"])
def test_a_style_that_was_not_named_is_an_error_and_not_one_page(api: RestClient, path: str) -> None:
    failed(api.paginate(path), "incomplete")


@pytest.mark.parametrize("path", ["self-link", "repeat"])
def test_a_loop_ends(api: RestClient, sandbox: Sandbox, path: str) -> None:
    failed(api.paginate(f"paging/{path}"), "repeated-page")

    assert arrived(sandbox, f"paging/{path}") <= 3


def test_a_foreign_link_is_not_followed_and_takes_no_credentials_along(api: RestClient) -> None:
    with Sandbox(second_origin=True) as other:
        rows = api.paginate("paging/foreign", {"to": f"{other.url}/api/v1/orders"})
        assert len(list(islice(rows, 100))) == 100
        with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
            next(rows)
        assert other.stats()["total"] == 0


def test_headers_with_credentials_stay_with_the_origin_that_was_called(sandbox: Sandbox) -> None:
    with Sandbox() as other, connected(sandbox, None, **{"trusted-origins": [other.url]}) as api:
        headers = {"X-Api-Key": API_KEY, "X-Company": "c1"}
        with pytest.raises(ApiError):  # the other sandbox does not know the token
            list(api.paginate("paging/foreign", {"to": f"{other.url}/api/v1/orders"}, headers=headers))
        list(islice(api.paginate("orders", headers=headers), 1))

        kinds = {kind for seen in other.stats()["credentials"].values() for kind in seen}
        assert "api-key" not in kinds
        assert kinds
        assert any("api-key" in seen for seen in sandbox.stats()["credentials"].values())


def test_an_error_in_the_midst_of_a_page_is_an_error(api: RestClient) -> None:
    rows = api.paginate("paging/error-at/3")

    assert len(list(islice(rows, 200))) == 200
    with pytest.raises(ApiOperationError, match="connection to the database was lost") as error:
        next(rows)
    assert (error.value.code, error.value.status_code) == ("Internal_ServerError", 200)
    assert error.value.resume_token


# Going on


@pytest.mark.parametrize("kind", ["status=500", "reset-after", "truncate", "not-json", "html-error=502"])
@pytest.mark.parametrize(
    ("path", "paging", "workers"),
    [("orders", None, 1), ("paging/offset", Offset(size=100), 1), ("paging/page", PageNumber(size=100), 4)],
)
def test_a_list_goes_on_with_the_page_that_failed(
    api: RestClient, sandbox: Sandbox, kind: str, path: str, paging: Paging | None, workers: int
) -> None:
    sandbox.faults([{"match": {"path": f"/api/v1/{path}", "from": 12}, "fault": kind}])
    first: list[Any] = []
    with pytest.raises(ApiError) as error:
        collect(api.paginate(path, paging=paging, workers=workers), first)
    sandbox.clear_faults()
    token = pickle.loads(pickle.dumps(error.value)).resume_token

    rest = list(api.paginate(path, paging=paging, workers=workers, resume=token))

    assert numbers(first + rest) == ORDERS
    assert 0 < len(first) <= 1100


def test_a_token_holds_no_credential_and_leads_nowhere_else(
    api: RestClient, caplog: pytest.LogCaptureFixture, sandbox: Sandbox
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ApiError) as error:
        list(api.paginate("paging/fails-at/2", headers={"X-Api-Key": API_KEY}))
    token = error.value.resume_token or ""

    assert API_KEY not in token
    assert CLIENT_SECRET not in token
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("txo_core")]
    assert ours
    assert not [text for text in (*ours, str(error.value)) if "skiptoken=2" in text]
    with pytest.raises(ValidationError, match="damaged"):
        api.paginate("paging/fails-at/2", resume=token.replace(f":{sandbox.port}", ":1"))
    with pytest.raises(ValidationError, match="another list"):
        api.paginate("orders", resume=token)


# Reading ahead


@pytest.mark.parametrize("paging", [Offset(size=75), PageNumber(size=75)])
def test_forty_pages_with_eight_workers_are_forty_requests(api: RestClient, sandbox: Sandbox, paging: Paging) -> None:
    path = "paging/offset" if isinstance(paging, Offset) else "paging/page"

    assert numbers(api.paginate(path, paging=paging, workers=8)) == ORDERS
    assert arrived(sandbox, path) == 40
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("txo-read-ahead")]


def test_eight_workers_have_eight_requests_under_way(api: RestClient, sandbox: Sandbox) -> None:
    """While the first answer is held back, the others are asked for, and no more than that."""
    sandbox.faults([{"match": {"path": "/api/v1/paging/offset"}, "fault": "delay=0.4"}])

    rows = api.paginate("paging/offset", paging=Offset(size=75), workers=8)

    assert next(rows)["no"] == ORDERS[0]
    assert 8 <= arrived(sandbox, "paging/offset") <= 16
    rows.close()  # type: ignore[attr-defined]
    assert arrived(sandbox, "paging/offset") <= 16


def test_pages_are_asked_for_as_they_are_needed(api: RestClient, sandbox: Sandbox) -> None:
    rows = api.paginate("orders")
    assert arrived(sandbox, "orders") == 0

    assert len(list(islice(rows, 100))) == 100
    assert arrived(sandbox, "orders") == 1
    next(rows)
    assert arrived(sandbox, "orders") == 2


# Entities


def test_entities_come_filtered_chosen_and_ordered(api: RestClient) -> None:
    rows = api.get_odata_entities(
        "customers", {"no": ge("C0040")}, select=["no", "city"], orderby="no desc", page_size=1, check_count=True
    )

    assert numbers(rows) == ["C0042", "C0041", "C0040"]
    assert {tuple(row) for row in rows} == {("no", "city")}


@pytest.mark.parametrize(
    "odata_filter",
    [
        "no ge 'C0040'",
        "$filter=no ge 'C0040'",
        "?$filter=no%20ge%20'C0040'",
        build_odata_filter({"no": ge("C0040")}),
        {"no": "ge 'C0040'"},
    ],
)
def test_a_filter_may_be_conditions_or_a_text(api: RestClient, odata_filter: Any) -> None:
    assert len(api.get_odata_entities("customers", odata_filter)) == 3


def test_data_in_a_filter_cannot_break_the_address(api: RestClient) -> None:
    assert api.get_odata_entities("customers", {"name": "Tom & Jerry #1"}) == []
    rows = api.get_odata_entities("customers", {"name": "O'Brien & Söhne GmbH"}, "name")
    assert rows == [{"name": "O'Brien & Söhne GmbH"}]
    assert len(api.get_odata_entities("customers", "name eq 'O''Brien & Söhne GmbH'")) == 1


def test_annotations_are_taken_off_or_kept(api: RestClient) -> None:
    bare, whole = (api.get_odata_entities("customers", limit=1, annotations=keep)[0] for keep in (False, True))

    assert not [name for name in bare if "@" in name]
    assert whole["@odata.etag"]


@pytest.mark.parametrize(("limit", "requests"), [(1, 1), (20, 1), (21, 2), (42, 3), (43, 3)])
def test_a_limit_is_what_comes_at_most(api: RestClient, sandbox: Sandbox, limit: int, requests: int) -> None:
    assert len(api.get_odata_entities("customers", limit=limit)) == min(limit, 42)
    assert arrived(sandbox, "customers") == requests


def test_the_page_size_is_a_wish_beside_those_of_the_caller(api: RestClient, sandbox: Sandbox) -> None:
    assert len(api.get_odata_entities("customers", page_size=21, headers={"prefer": "return=minimal"})) == 42
    assert arrived(sandbox, "customers") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"entity": ""},
        {"entity": "/"},
        {"entity": None},
        {"page_size": 0},
        {"page_size": True},
        {"page_size": "100"},
        {"limit": 0},
        {"limit": -1},
        {"limit": 2.5},
        {"select": []},
        {"select": [1]},
        {"orderby": 7},
        {"expand": ""},
        {"odata_filter": 7},
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_sending(
    api: RestClient, sandbox: Sandbox, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        api.get_odata_entities(**{"entity": "customers", **arguments})

    assert sandbox.stats()["total"] == 0


def test_a_wrong_name_is_the_servers_error(api: RestClient) -> None:
    with pytest.raises(ApiOperationError, match="nope") as error:
        api.get_odata_entities("customers", select="nope")
    assert error.value.status_code == 400


@pytest.mark.parametrize(
    "odata_filter", [{"no": ge("C0040")}, "no ge 'C0040'", build_odata_filter({"no": ge("C0040")})]
)
def test_a_list_takes_a_filter_in_each_of_its_forms(api: RestClient, odata_filter: Any) -> None:
    rows = api.paginate("customers", {"$select": "no"}, odata_filter=odata_filter)

    assert sorted(numbers(rows)) == ["C0040", "C0041", "C0042"]


def test_two_filters_are_refused(api: RestClient) -> None:
    with pytest.raises(ValidationError, match="two filters"):
        api.paginate("customers", {"$filter": "no eq 'C0001'"}, odata_filter="no ge 'C0040'")


@pytest.mark.parametrize("url", [None, 5, ""])
def test_a_list_without_an_address_is_refused_at_once(api: RestClient, url: Any) -> None:
    with pytest.raises(ValidationError, match="is no address"):
        api.paginate(url)


def test_entities_that_broke_off_cannot_be_gone_on_with(api: RestClient) -> None:
    """All or none: who went on would get the tail, and take it for all."""
    with pytest.raises(ApiOperationError) as error:
        api.get_odata_entities("paging/fails-at/3")

    assert error.value.resume_token is None


# Guesses


def test_what_is_read_ahead_in_vain_does_not_open_the_circuit(sandbox: Sandbox) -> None:
    """Behind its last row the server answers 500; the list is whole all the same, and the next call goes through."""
    sandbox.faults([{"match": {"path": "/api/v1/paging/offset", "from": 31}, "fault": "status=500", "times": 1000}])
    behavior = {"enable-circuit-breaker": True, "circuit-breaker-threshold": 3}
    with connected(sandbox, behavior=behavior) as api:
        rows = api.paginate("paging/offset", {"total": "no"}, paging=Offset(size=100), workers=8)
        assert len(list(islice(rows, 2400))) == 2400
        rows.close()  # type: ignore[attr-defined]
        assert api.get("customers/C0001")["no"] == "C0001"


HANGING = """
import sys, threading
from txo_core.paginators import Offset, rows_of_pages
def fetch(url):
    if "offset=0" not in url:
        sys.stdout.write("hangs\\n"); sys.stdout.flush()
        threading.Event().wait(300)
    from requests import Response
    response = Response(); response.status_code = 200; response.url = url
    return [{"no": number} for number in range(10)], response
for row in rows_of_pages(fetch, "https://api.example.com/v1/items", paging=Offset(size=10), workers=8):
    if row["no"] == 5 and len(sys.argv) > 1:
        break
"""


@pytest.mark.parametrize("stops", ["interrupted", "by itself"])
def test_threads_that_hang_do_not_keep_the_program_from_ending(stops: str) -> None:
    arguments = [] if stops == "interrupted" else ["break"]
    program = subprocess.Popen(
        [sys.executable, "-c", HANGING.replace("\\\\n", "\\n"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline().strip() == b"hangs"
        if stops == "interrupted":
            program.send_signal(signal.SIGINT)
        assert (program.wait(30) == 0) == (stops == "by itself")
    finally:
        program.kill()
        program.communicate()
