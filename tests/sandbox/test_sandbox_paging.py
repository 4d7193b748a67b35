"""Other paging styles of the sandbox, and servers that page badly."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from tests.support.sandbox_caller import Caller


def numbers(rows: Iterable[dict[str, Any]]) -> list[Any]:
    return [row["no"] for row in rows]


@pytest.fixture
def all_orders(call: Caller) -> list[str]:
    return [f"SO{100001 + number}" for number in range(3000)]


def test_link_headers_lead_through_all_orders(call: Caller, all_orders: list[str]) -> None:
    seen: list[str] = []
    answer = call.get("paging/link?per_page=500")
    while True:
        seen += numbers(answer.json())
        if "next" not in answer.links:
            break
        answer = call.get(answer.links["next"]["url"])
    assert seen == all_orders


def test_cursors_lead_through_all_orders(call: Caller, all_orders: list[str]) -> None:
    seen: list[str] = []
    page = call.get("paging/cursor?limit=500").json()
    while page["next_cursor"]:
        seen += numbers(page["data"])
        page = call.get("paging/cursor", params={"limit": 500, "cursor": page["next_cursor"]}).json()
    assert seen + numbers(page["data"]) == all_orders


def test_offsets_and_page_numbers_lead_through_all_orders(call: Caller, all_orders: list[str]) -> None:
    by_offset = [call.get(f"paging/offset?offset={at}&limit=500").json() for at in range(0, 3000, 500)]
    by_page = [call.get(f"paging/page?page={page}&per_page=500").json() for page in range(1, 7)]
    assert numbers(row for page in by_offset for row in page["data"]) == all_orders
    assert numbers(row for page in by_page for row in page["data"]) == all_orders
    assert (by_offset[0]["total"], by_page[0]["pages"]) == (3000, 6)
    assert call.get("paging/offset?offset=3000").json()["data"] == []


def test_a_link_to_itself(call: Caller) -> None:
    page = call.get("paging/self-link").json()
    assert call.get(page["@odata.nextLink"]).json() == page


def test_a_second_page_that_repeats_for_ever_under_new_tokens(call: Caller) -> None:
    first = call.get("paging/repeat").json()
    second = call.get(first["@odata.nextLink"]).json()
    third = call.get(second["@odata.nextLink"]).json()
    assert numbers(first["value"]) != numbers(second["value"]) == numbers(third["value"])
    assert second["@odata.nextLink"] != third["@odata.nextLink"]


def test_a_next_link_on_another_origin(call: Caller, erp: Sandbox) -> None:
    to = f"{erp.second_url}/api/v1/orders"
    assert call.get("paging/foreign", params={"to": to}).json()["@odata.nextLink"] == to
    assert call.get("paging/foreign").status_code == 400


def test_a_server_that_ignores_skip(call: Caller) -> None:
    pages = [call.get(f"paging/ignores-skip?$top=50&$skip={skip}").json() for skip in (0, 50)]
    assert pages[0] == pages[1]
    assert len(pages[0]["value"]) == 50


def test_a_page_that_always_fails(call: Caller) -> None:
    first = call.get("paging/fails-at/3").json()
    second = call.get(first["@odata.nextLink"]).json()
    assert [call.get(second["@odata.nextLink"]).status_code for _ in range(2)] == [500, 500]


def test_pages_capped_in_silence(call: Caller) -> None:
    page = call.get("paging/capped?$top=1000&$skip=100&$count=true").json()
    assert (len(page["value"]), page["value"][0]["no"], page["@odata.count"]) == (100, "SO100101", 3000)
    assert "@odata.nextLink" not in page


def test_page_numbers_with_gaps(call: Caller) -> None:
    pages = [call.get(f"paging/gaps?page={page}&per_page=500").json()["data"] for page in (1, 2, 7)]
    assert [len(rows) for rows in pages] == [100, 100, 0]
    assert pages[1][0]["no"] == "SO100501"
    assert numbers(call.get("paging/gaps?page=2&per_page=50").json()["data"])[0] == "SO100051"


def test_a_page_that_breaks_off_with_an_error(call: Caller) -> None:
    first = call.get("paging/error-at/2").json()
    second = call.get(first["@odata.nextLink"])
    assert (second.status_code, len(second.json()["value"])) == (200, 50)
    assert second.json()["error"]["code"] == "Internal_ServerError"


def test_an_answer_without_value(call: Caller) -> None:
    assert "value" not in call.get("paging/no-value").json()


@pytest.mark.parametrize("path", ["cursor?cursor=forged", "cursor?cursor=%C3%A4", "offset?offset=x", "page?page=-1"])
def test_a_bad_position_is_a_400(call: Caller, path: str) -> None:
    assert call.get(f"paging/{path}").status_code == 400
