"""Page numbers: an API that counts from another number than the script is found out, and no row is lost in silence."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.clients import connected
from tests.support.paged import Query, Server, failed, keyed
from tests.support.sandbox import Sandbox
from txo_core.exceptions import ApiOperationError, ApiTimeoutError, EntityNotFoundError
from txo_core.paginators import PageNumber

BAD_REQUEST = ApiOperationError("GET items answered 400", status_code=400)
NOT_FOUND = EntityNotFoundError("GET items answered 404", status_code=404)

Around = Callable[[int], dict[str, Any]]


def listed(total: int, first: int, around: Around = lambda number: {}, before: Any = None) -> Server:
    """A list in pages of ten, counted from `first` on; `before` is what the page before the first answers, else []."""

    def answer(query: Query) -> Any:
        number = int(query["page"])
        if number < first:
            return {"data": []} if before is None else before
        start = (number - first) * 10
        return {"data": keyed(start, max(start, min(total, start + 10))), **around(number)}

    return Server(answer)


def warned(caplog: pytest.LogCaptureFixture) -> bool:
    return any("cannot be told" in record.getMessage() for record in caplog.records)


# The API counts from 0, and the script from 1


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("total", [3, 10, 11, 35])
@pytest.mark.parametrize(
    "around",
    [
        lambda number: {},
        lambda number: {"number": number},
        lambda number: {"page": number, "per_page": 10},
        lambda number: {"has_more": number < 3},
        lambda number: {"meta": {"total": None}},
    ],
)
def test_rows_on_a_page_before_the_first_are_not_lost(around: Around, total: int, workers: int) -> None:
    """Of three rows, none would come; of thirty-five, the first ten would be missing."""
    paging = PageNumber(size=10)

    error = failed(listed(total, 0, around), "incomplete", paging=paging, workers=workers)

    assert "PageNumber(first=0)" in str(error)
    assert "PageNumber(first=1)" in str(error)
    assert listed(total, 0, around).rows(paging=PageNumber(size=10, first=0), workers=workers) == keyed(0, total)


@pytest.mark.parametrize("second", [["Rome"], ["Oslo", "Rome"], []])
def test_rows_without_a_key_are_not_lost_either(second: list[str]) -> None:
    pages = {"0": ["Oslo", "Bergen"], "1": second}

    failed(Server(lambda query: pages.get(query["page"], [])), "incomplete", paging=PageNumber())


@pytest.mark.parametrize("around", [{"pages": 1}, {"totalPages": 1, "number": 1}, {"total": 0}])
def test_a_count_on_an_empty_page_proves_nothing(around: dict[str, Any]) -> None:
    """All rows are on page 0."""
    failed(listed(3, 0, lambda number: around), "incomplete", paging=PageNumber(size=10))


def test_pages_that_overlap_are_not_taken_for_the_same() -> None:
    """A server that gives more rows than it is asked for, and finds them by the size that was asked for."""
    server = Server(lambda query: {"data": keyed(int(query["page"]) * 10, 40)})

    failed(server, "incomplete", paging=PageNumber(size=10))


@pytest.mark.parametrize(
    "around",
    [
        lambda number: {"previous": None if number == 0 else f"?page={number - 1}"},
        lambda number: {"links": {"prev": {"href": f"?page={number - 1}"}}},
        lambda number: {"meta": {"prev_page": None if number == 0 else number - 1}},
        lambda number: {"hasPrevious": number > 0},
    ],
)
def test_where_the_server_tells_nobody_has_to_look(around: Around) -> None:
    server = listed(35, 0, around)

    failed(server, "incomplete", paging=PageNumber(size=10))
    assert server.asked("page") == ["1"]


def test_a_link_header_tells_too() -> None:
    server = listed(35, 0)
    server.headers = {"Link": '<https://api.example.com/v1/items?page=0>; rel="prev"'}

    failed(server, "incomplete", paging=PageNumber(size=10))
    assert server.asked("page") == ["1"]


# The API counts from 1, like the script


@pytest.mark.parametrize("total", [0, 3, 10, 35])
@pytest.mark.parametrize(
    "before",
    [
        *(BAD_REQUEST, NOT_FOUND, {"data": []}, {}, {"message": "pages begin with 1"}),
        {"data": keyed(0, 10)},
        {"data": keyed(0, 35)},
    ],
)
def test_an_api_without_a_page_before_the_first_gives_its_list(
    before: Any, total: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It refuses page 0, gives nothing, its first page once more, or all rows at once."""
    if total == 0 and isinstance(before, dict) and before.get("data"):
        before = {"data": []}
    server = listed(total, 1, before=before)

    assert server.rows(paging=PageNumber(size=10)) == keyed(0, total)
    assert server.asked("page").count("0") == 1
    assert not warned(caplog)


@pytest.mark.parametrize("broken", [ApiOperationError("500", status_code=500), ApiTimeoutError("no answer")])
def test_what_cannot_be_told_is_logged(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert listed(35, 1, before=broken).rows(paging=PageNumber(size=10)) == keyed(0, 35)
    assert warned(caplog)
    assert "PageNumber(first=1)" in caplog.text


@pytest.mark.parametrize(
    "around",
    [
        lambda number: {"total": 35},
        lambda number: {"pages": 4},
        lambda number: {"first": number == 1},
        lambda number: {"previous": None if number == 1 else f"?page={number - 1}"},
    ],
)
def test_a_list_that_says_where_it_begins_costs_no_further_request(around: Around) -> None:
    server = listed(35, 1, around)

    assert server.rows(paging=PageNumber(size=10)) == keyed(0, 35)
    assert "0" not in server.asked("page")


def test_who_says_that_pages_are_counted_from_1_is_believed() -> None:
    server = listed(35, 1, before={"data": keyed(90, 100)})

    assert server.rows(paging=PageNumber(size=10, first=1)) == keyed(0, 35)
    assert "0" not in server.asked("page")


def test_the_first_page_is_looked_for_once_and_not_when_a_list_is_gone_on_with() -> None:
    broken = [True]

    def answer(query: Query) -> Any:
        number = int(query["page"])
        if number == 3 and broken:
            return ApiOperationError("GET items answered 500", status_code=500)
        return {"data": keyed(number * 10 - 10, min(35, number * 10)) if number else []}

    server = Server(answer)
    with pytest.raises(ApiOperationError) as error:
        server.rows(paging=PageNumber(size=10))
    broken.clear()

    assert server.rows(paging=PageNumber(size=10), resume=error.value.resume_token) == keyed(20, 35)
    assert server.asked("page").count("0") == 1


# The API counts from 1, and the script from 0


def test_a_list_whose_page_0_is_empty_may_begin_with_page_1() -> None:
    error = failed(listed(35, 1), "incomplete", paging=PageNumber(size=10, first=0))

    assert "say PageNumber(first=1)" in str(error)


def test_an_empty_list_is_an_empty_list_from_0_on() -> None:
    assert listed(0, 0).rows(paging=PageNumber(size=10, first=0)) == []
    assert listed(0, 1).rows(paging=PageNumber(size=10, first=0)) == []


def test_page_numbers_of_the_sandbox_begin_with_1(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), connected(sandbox) as api:
        rows = list(api.paginate("paging/page", paging=PageNumber(size=500)))

    assert len({row["no"] for row in rows}) == len(rows) == 3000
    assert not caplog.records
