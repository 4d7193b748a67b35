"""Paging on a list that is made up by the test: every style, every lie, every way to go on."""

import json
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import count, islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from requests import Response

from tests.support.paged import LIST, Pages, Query, Server, collect, failed, keyed
from tests.support.scripted import API, prepared, response_of
from txo_core.exceptions import ApiError, ApiOperationError, ApiTimeoutError, ConfigurationError, ValidationError
from txo_core.paginators import Cursor, NextLink, Offset, PageNumber, Paging, rows_of_pages
from txo_core.redaction import register_secret


def by_offset(rows: int, cap: int = 1000, **around: Any) -> Server:
    """A list of so many rows; it gives as many as asked for, up to its cap."""

    def answer(query: Query) -> Any:
        start, size = int(query["offset"]), min(cap, int(query.get("limit", cap)))
        return {"data": keyed(start, min(rows, start + size)), **around}

    return Server(answer)


def by_page(total: int, cap: int = 1000, gaps: bool = False, tells: tuple[str, ...] = ()) -> Server:
    """A list in numbered pages; with gaps, they begin where the size that was asked for says."""

    def answer(query: Query) -> Any:
        asked = int(query.get("per_page", cap))
        size = min(cap, asked)
        start = (int(query["page"]) - 1) * (asked if gaps else size)
        told = {"total": total, "pages": -(-total // (asked if gaps else size))}
        rows = keyed(start, min(total, start + size)) if start >= 0 else []
        return {"data": rows, **{name: told[name] for name in tells}}

    return Server(answer)


# By link


@pytest.mark.parametrize("key", ["@odata.nextLink", "odata.nextLink", "nextLink", "@nextLink"])
@pytest.mark.parametrize("link", ["p2", "/v1/p2", f"{API}/p2", "p2?$skiptoken=abc", "p2?page=x"])
def test_the_link_in_the_page_is_followed(key: str, link: str) -> None:
    assert Pages(p1={"value": [1, 2], key: link}, p2={"value": [3]}).rows() == [1, 2, 3]


@pytest.mark.parametrize(
    "around",
    [
        {"next": f"{API}/p2"},
        {"links": {"next": "/v1/p2"}},
        {"_links": {"next": {"href": "/v1/p2"}, "self": {"href": "/v1/p1"}}},
        {"paging": {"next": {"link": f"{API}/p2", "after": "x"}}},
    ],
)
def test_the_link_is_found_under_its_other_names(around: dict[str, Any]) -> None:
    assert Pages(p1={"data": [1], **around}, p2={"data": [2]}).rows() == [1, 2]


def test_lists_of_older_odata_versions_are_read() -> None:
    pages = Pages(p1={"d": {"results": [1], "__next": f"{API}/p2", "__count": "3"}}, p2={"d": [2, 3]})

    assert pages.rows() == [1, 2, 3]


def test_paths_of_rows_and_link_can_be_given() -> None:
    pages = Pages(p1={"a": {"b": [1]}, "c": {"more.at": "p2"}}, p2={"a": {"b": [2]}})

    assert pages.rows(paging=NextLink("c.more.at", rows="a.b")) == [1, 2]


def test_the_link_header_is_followed() -> None:
    header = {"Link": f'<{API}/p0>; rel="prev", </v1/p2>; rel="next"'}

    assert Pages(p1=([1], header), p2=[2]).rows() == [1, 2]


def test_a_relative_link_is_resolved_against_where_the_answer_came_from() -> None:
    pages = Pages(p1={"value": [1], "nextLink": "p2"}, p2={"value": [2]})

    def moved(url: str) -> tuple[Any, Response]:
        body, response = pages.fetch(url.replace("/old/", "/"))
        response.url = url.replace("/old/", "/")
        return body, response

    assert list(rows_of_pages(moved, f"{API}/old/p1")) == [1, 2]
    assert pages.read == ["p1", "p2"]


@pytest.mark.parametrize("page", [{"value": []}, [], {"items": []}, {"results": []}, {"data": [], "nextLink": None}])
def test_an_empty_list_is_a_list(page: Any) -> None:
    assert Pages(p1=page).rows() == []


def test_empty_pages_on_the_way_are_no_end() -> None:
    assert Pages(p1={"value": [], "nextLink": "p2"}, p2={"value": [], "nextLink": "p3"}, p3=[1]).rows() == [1]


def test_empty_pages_without_end_are_an_error() -> None:
    numbers = count(1)
    server = Server(lambda query: {"value": [], "nextLink": f"items?$skiptoken={next(numbers)}"})

    failed(server, "repeated-page")


@pytest.mark.parametrize("page", [{}, {"value": None}, {"value": {"a": 1}}, {"message": "Hello"}, "text", None])
def test_a_page_without_rows_is_an_error_and_not_an_empty_list(page: Any) -> None:
    with pytest.raises(ApiOperationError, match="without a list of rows"):
        Pages(p1=page).rows()


@pytest.mark.parametrize(
    "pages",
    [
        {"p1": {"value": [1], "nextLink": "p1"}},
        {"p1": {"value": [1], "nextLink": "p2"}, "p2": {"value": [2], "nextLink": "p1"}},
        {"p1": {"value": [1], "nextLink": "p2"}, "p2": {"value": [2], "nextLink": "p2"}},
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_page_that_was_read_before_ends_in_an_error(pages: dict[str, Any], workers: int) -> None:
    server = Pages(**pages)
    with pytest.raises(ApiOperationError, match="already read"):
        server.rows(workers=workers)

    assert len(server.read) == len(pages)


def test_a_step_down_to_http_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not encrypted"):
        Pages(p1={"value": [1], "nextLink": "http://api.example.com/v1/p2"}).rows()


def test_a_page_is_read_only_when_its_rows_are_wanted() -> None:
    pages = Pages(p1={"value": [1, 2], "nextLink": "p2"}, p2={"value": [3, 4], "nextLink": "p3"})
    rows = rows_of_pages(pages.fetch, f"{API}/p1")

    assert pages.read == []
    assert list(islice(rows, 2)) == [1, 2]
    assert pages.read == ["p1"]
    assert next(rows) == 3
    assert pages.read == ["p1", "p2"]


@pytest.mark.parametrize("workers", [1, 4])
def test_memory_does_not_grow_with_the_pages(workers: int) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    class Rows(list[Any]):
        __hash__ = object.__hash__  # type: ignore[assignment]

    def answer(query: Query) -> Any:
        start = int(query["offset"])
        rows = Rows(keyed(start, min(2000, start + 10)))
        alive.add(rows)
        return {"data": rows, "total": 2000}

    for _ in rows_of_pages(Server(answer).fetch, LIST, paging=Offset(size=10), workers=workers):
        most = max(most, len(alive))

    assert most <= 2 * workers + 2


# By cursor


def by_cursor(query: Query, cursors: tuple[str | None, ...] = ("a+/=", "b", None)) -> Any:
    at = (None, *cursors).index(query.get("cursor"))
    return {"data": keyed(at * 2, at * 2 + 2), "meta": {"next_cursor": cursors[at]}, "next_cursor": cursors[at]}


@pytest.mark.parametrize("field", ["next_cursor", "meta.next_cursor"])
def test_cursors_lead_through_the_list(field: str) -> None:
    server = Server(by_cursor)

    assert server.rows(f"{LIST}?sort=no", paging=Cursor(field)) == keyed(0, 6)
    assert server.asked("cursor") == [None, "a+/=", "b"]
    assert server.asked("sort") == ["no"] * 3


def test_a_cursor_may_be_in_a_header() -> None:
    pages = {None: ([1], {"X-Next": "two"}), "two": ([2], {})}

    def fetch(url: str) -> tuple[Any, Response]:
        body, headers = pages[dict(parse_qs(urlsplit(url).query)).get("after", [None])[0]]
        return body, response_of(prepared(path=url), 200, headers, body)

    assert list(rows_of_pages(fetch, LIST, paging=Cursor("X-Next", "after"))) == [1, 2]


def test_a_cursor_that_comes_again_is_an_error() -> None:
    numbers = count()
    server = Server(lambda query: {"data": keyed(n := next(numbers) * 5, n + 5), "next_cursor": "same"})

    failed(server, "repeated-page", paging=Cursor())
    assert len(server.queries) == 2


def test_a_cursor_behind_which_there_is_nothing_by_the_servers_word_is_not_followed() -> None:
    server = Server(lambda query: {"data": [1], "next_cursor": "x", "has_more": False})

    assert server.rows(paging=Cursor()) == [1]
    assert len(server.queries) == 1


@pytest.mark.parametrize("field", ["cursor", "meta.cursor"])
def test_a_misnamed_cursor_is_an_error_and_not_the_end(field: str) -> None:
    failed(Server(by_cursor), "incomplete", paging=Cursor(field))


def test_a_cursor_that_is_no_text_is_an_error() -> None:
    failed(Server(lambda query: {"data": [1], "next_cursor": {"at": 1}}), "no-cursor", paging=Cursor())


# By offset


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("around", [{}, {"total": 95}, {"count": 95}, {"meta": {"totalCount": "95"}}])
@pytest.mark.parametrize(("size", "cap"), [(10, 100), (1000, 10), (None, 10), (95, 1000), (1000, 1000)])
def test_offsets_lead_through_the_list(workers: int, around: dict[str, Any], size: int | None, cap: int) -> None:
    assert by_offset(95, cap, **around).rows(paging=Offset(size=size), workers=workers) == keyed(0, 95)


def test_it_goes_on_after_the_rows_that_came_until_there_are_none() -> None:
    """The original took a page shorter than it had asked for as the last, and lost 88 % of the rows."""
    server = by_offset(25, cap=10)

    assert server.rows(paging=Offset(size=1000)) == keyed(0, 25)
    assert server.asked("offset") == ["0", "10", "20", "25"]
    assert server.asked("limit") == ["1000"] * 4


@pytest.mark.parametrize("around", [{"total": 20}, {"count": 20}, {"@odata.count": 20}, {"meta": {"total": "20"}}])
def test_a_total_spares_the_empty_page(around: dict[str, Any]) -> None:
    server = by_offset(20, **around)

    assert len(server.rows(paging=Offset(size=10))) == 20
    assert server.asked("offset") == ["0", "10"]


def test_a_header_can_tell_the_total() -> None:
    server = by_offset(20)
    server.headers = {"X-Total-Count": "20"}

    assert len(server.rows(paging=Offset(size=10))) == len(server.queries) * 10 == 20


def test_a_count_that_may_be_that_of_the_page_is_not_taken_for_the_total() -> None:
    def answer(query: Query) -> Any:
        rows = keyed(int(query["offset"]), min(25, int(query["offset"]) + 10))
        return {"data": rows, "count": len(rows), "total": len(rows)}

    assert Server(answer).rows(paging=Offset(size=100)) == keyed(0, 25)


def test_a_count_of_nothing_beside_rows_is_no_count() -> None:
    assert by_offset(25, totalCount=0).rows(paging=Offset(size=10)) == keyed(0, 25)


def test_has_more_reckoned_with_a_size_that_is_not_given_is_not_believed() -> None:
    def answer(query: Query) -> Any:
        start = int(query["offset"])
        return {"data": keyed(start, min(25, start + 10)), "has_more": start + int(query["limit"]) < 25}

    assert Server(answer).rows(paging=Offset(size=100)) == keyed(0, 25)


def test_has_more_of_a_server_that_keeps_to_the_size_is_believed() -> None:
    def answer(query: Query) -> Any:
        start = int(query["offset"])
        return {"data": keyed(start, min(25, start + 10)), "has_more": start + int(query["limit"]) < 25}

    server = Server(answer)

    assert server.rows(paging=Offset(size=10)) == keyed(0, 25)
    assert len(server.queries) == 3


def test_a_total_at_which_servers_stop_counting_is_no_end() -> None:
    assert len(by_offset(5003, 1000, **{"@odata.count": 5000}).rows(paging=Offset(size=1000))) == 5003


def test_the_offset_form_of_odata_and_a_start() -> None:
    server = Server(lambda query: {"value": keyed(int(query["$skip"]), min(7, int(query["$skip"]) + 3))})

    assert server.rows(paging=Offset("$skip", "$top", 3, start=2)) == keyed(2, 7)
    assert server.asked("$skip") == ["2", "5", "7"]
    assert server.rows(paging=Offset.odata(3)) == keyed(0, 7)


def test_a_server_that_ignores_the_offset_is_found_out_on_the_second_page() -> None:
    server = Server(lambda query: {"data": keyed(0, 10)})

    failed(server, "repeated-page", paging=Offset(size=10))
    assert len(server.queries) == 2


def test_fewer_rows_than_the_server_counts_are_an_error_with_both_numbers() -> None:
    error = failed(by_offset(15, total=20), "incomplete", paging=Offset(size=10))

    assert "15 of the 20 rows" in str(error)
    assert error.resume_token is None


def test_a_page_that_is_too_much_for_the_server_is_asked_for_in_halves() -> None:
    def answer(query: Query) -> Any:
        start, size = int(query["offset"]), int(query["limit"])
        if size > 25 and start >= 100:
            return ApiTimeoutError("too slow", status_code=504)
        return {"data": keyed(start, min(150, start + size)), "total": 150}

    server = Server(answer)

    assert server.rows(paging=Offset(size=100)) == keyed(0, 150)
    assert server.asked("limit") == ["100", "100", "50", "25", "25"]


def test_halving_ends() -> None:
    server = Server(lambda query: ApiOperationError("too large", status_code=413))

    with pytest.raises(ApiOperationError, match="too large") as error:
        server.rows(paging=Offset(size=1000))
    assert server.asked("limit") == ["1000", "500", "250", "125"]
    assert error.value.resume_token


# By page number


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("tells", [(), ("total",), ("pages",), ("total", "pages")])
@pytest.mark.parametrize(("size", "cap"), [(10, 100), (500, 10), (None, 10), (95, 1000), (1000, 1000)])
@pytest.mark.parametrize("gaps", [False, True])
def test_page_numbers_lead_through_the_list(
    workers: int, tells: tuple[str, ...], size: int | None, cap: int, gaps: bool
) -> None:
    assert by_page(95, cap, gaps, tells).rows(paging=PageNumber(size=size), workers=workers) == keyed(0, 95)


def test_a_smaller_size_than_asked_for_is_taken_over() -> None:
    server = by_page(25, cap=10, gaps=True)

    assert server.rows(paging=PageNumber(size=500)) == keyed(0, 25)
    assert server.asked("page") == ["1", "0", "2", "3", "4"]
    assert server.asked("per_page") == ["500", "500", "10", "10", "10"]


def test_pages_are_counted_from_the_number_that_the_api_begins_with() -> None:
    server = Server(lambda query: {"items": keyed(int(query["p"]) * 5, min(12, int(query["p"]) * 5 + 5))})

    assert server.rows(paging=PageNumber("p", first=0)) == keyed(0, 12)
    assert server.asked("p") == ["0", "1", "2", "3"]


@pytest.mark.parametrize("tells", [("pages",), ("total",)])
def test_what_the_server_tells_spares_the_page_behind_the_last(tells: tuple[str, ...]) -> None:
    server = by_page(20, tells=tells)

    assert len(server.rows(paging=PageNumber(size=10))) == 20
    assert server.asked("page") == ["1", "2"]


def test_the_one_page_of_a_short_list_is_enough_if_two_signs_say_so() -> None:
    server = by_page(7, tells=("total", "pages"))

    assert len(server.rows(paging=PageNumber(size=10))) == 7
    assert len(server.queries) == 1


def uneven(query: Query, **around: Any) -> Any:
    sizes = {"1": (0, 10), "2": (10, 17), "3": (20, 25)}
    return {"data": keyed(*sizes.get(query["page"], (0, 0))), **around}


def test_rows_behind_a_short_page_are_an_error_if_nothing_tells_whether_some_are_missing() -> None:
    failed(Server(uneven), "uneven-pages", paging=PageNumber(size=10))


def test_short_pages_can_be_what_the_api_means() -> None:
    assert len(Server(uneven).rows(paging=PageNumber(size=10, short_pages=True))) == 22
    assert len(Server(lambda query: uneven(query, total=22)).rows(paging=PageNumber(size=10))) == 22
    failed(Server(lambda query: uneven(query, total=25)), "incomplete", paging=PageNumber(size=10))


# More than was given


@pytest.mark.parametrize(
    "around",
    [
        {"@odata.count": 11},
        {"@count": "11"},
        {"total": 11},
        {"count": 11},
        {"page": {"totalElements": 11}},
        {"pages": 2},
        {"has_more": True},
        {"hasMore": True},
        {"next_cursor": "x"},
        {"meta": {"nextPageToken": "x"}},
        {"next": 2},
        {"last": False},
    ],
)
def test_a_list_that_ends_while_the_server_speaks_of_more_is_an_error(around: dict[str, Any]) -> None:
    """Whoever follows links at an API that pages in another way would get one page, and never know."""
    failed(Pages(p1={"items": keyed(0, 10), **around}), "incomplete")


@pytest.mark.parametrize("header", ["X-Total-Count", "X-Total"])
def test_a_bare_list_whose_header_counts_more_is_an_error(header: str) -> None:
    failed(Pages(p1=(keyed(0, 10), {header: "11"})), "incomplete")


@pytest.mark.parametrize(
    "around",
    [
        {"@odata.count": 10}, {"total": 10}, {"count": 3}, {"pages": 1}, {"has_more": False}, {"next_cursor": None},
        {"next": None}, {"last": True}, {"count": "many"}, {"total": -1}, {"total": 12.5}, {"total": True},
    ],
)  # fmt: skip
def test_a_list_that_is_whole_is_whole(around: dict[str, Any]) -> None:
    assert Pages(p1={"items": keyed(0, 10), **around}).rows() == keyed(0, 10)


def test_a_count_can_be_left_unbelieved() -> None:
    assert Pages(p1={"items": [1], "total": 99}).rows(paging=NextLink(total="")) == [1]


@pytest.mark.parametrize("query", ["$top=10", "$skip=90", "$skip=85&$top=10", "page=7", "$skiptoken=abc"])
def test_what_the_caller_left_out_is_not_missing(query: str) -> None:
    server = Server(lambda _: {"value": keyed(0, 10), "@odata.count": 100})

    assert len(server.rows(f"{LIST}?{query}")) == 10


@pytest.mark.parametrize("query", ["$top=11", "$skip=89", "page=1"])
def test_what_the_caller_asked_for_has_to_come(query: str) -> None:
    failed(Server(lambda _: {"value": keyed(0, 10), "@odata.count": 100}), "incomplete", url=f"{LIST}?{query}")


def silent(query: Query, total: int, cap: int = 100, knows_skip: bool = True) -> Any:
    if not knows_skip and "$skip" in query:
        return ApiOperationError("unknown option", status_code=400)
    start = int(query.get("$skip", 0))
    return {"value": keyed(start, min(total, start + min(cap, int(query.get("$top", cap)))))}


@pytest.mark.parametrize("query", ["", "?$top=1000", "?$skip=100"])
def test_a_round_number_of_rows_without_a_word_is_looked_behind(query: str) -> None:
    """A server that cuts at 100 rows and gives no link looks like a list of 100 rows."""
    failed(Server(lambda query: silent(query, 2500)), "incomplete", url=LIST + query)


@pytest.mark.parametrize("total", [100, 99, 0])
def test_a_list_that_ends_by_chance_at_a_round_number_is_whole(total: int) -> None:
    assert len(Server(lambda query: silent(query, total)).rows()) == total


def test_a_server_that_cannot_be_asked_is_believed() -> None:
    server = Server(lambda query: silent(query, 100, knows_skip=False))

    assert len(server.rows()) == 100
    assert len(server.queries) == 2


def test_who_asked_for_just_so_many_is_not_told_of_more() -> None:
    server = Server(lambda query: silent(query, 2500))

    assert len(server.rows(f"{LIST}?$top=100")) == len(server.queries) * 100 == 100


# The count check


def counting(rows: int, *counts: int) -> Server:
    """Pages of ten rows with links, of which each tells its count if it was asked for."""

    def answer(query: Query) -> Any:
        at = int(query.get("$skiptoken", 0))
        kept = "$count=true&" if "$count" in query else ""
        link = {"@odata.nextLink": f"items?{kept}$skiptoken={at + 1}"} if (at + 1) * 10 < rows else {}
        told = {"@odata.count": counts[min(at, len(counts) - 1)]} if counts and query.get("$count") == "true" else {}
        return {"value": keyed(at * 10, min(rows, at * 10 + 10)), **link, **told}

    return Server(answer)


def test_the_count_is_asked_for_and_compared() -> None:
    server = counting(25, 25)

    assert server.rows(f"{LIST}?$filter=a eq 1", check_count=True) == keyed(0, 25)
    assert (server.asked("$count")[0], server.asked("$filter")[0]) == ("true", "a eq 1")
    assert "25 of the 30 rows" in str(failed(counting(25, 30), "incomplete", check_count=True))


def test_it_is_not_asked_for_without_being_wanted() -> None:
    server = counting(25, 30)

    assert len(server.rows()) == 25
    assert server.asked("$count")[0] is None


@pytest.mark.parametrize("counts", [(24, 24, 25), (25, 26, 26), (26, 26, 25), (20,)])
def test_rows_that_come_and_go_while_the_list_is_read_are_no_error(counts: tuple[int, ...]) -> None:
    assert len(counting(25, *counts).rows(check_count=True)) == 25


def test_rows_that_go_are_an_error_where_the_others_move_out_of_sight() -> None:
    totals = iter([30, 29, 29, 29])

    def answer(query: Query) -> Any:
        start = int(query["offset"])
        return {"data": keyed(start, min(29, start + 10)), "total": next(totals)}

    error = failed(Server(answer), "incomplete", paging=Offset(size=10), check_count=True)
    assert "29 of the 30" in str(error)


def test_a_check_without_a_count_is_an_error() -> None:
    failed(Pages(p1=[1]), "no-count", check_count=True)


def test_the_place_of_the_count_can_be_named() -> None:
    pages = Pages(p1={"items": [1, 2], "info": {"all": 3}})

    assert pages.rows() == [1, 2]
    failed(pages, "incomplete", check_count=True, paging=NextLink(total="info.all"))
    failed(Pages(p1=([1], {"X-Rows": "2"})), "incomplete", paging=NextLink(total="X-Rows"))


# Errors among the rows


@pytest.mark.parametrize(
    "page",
    [
        {"value": [1, 2], "error": {"code": "E1", "message": "The database was lost"}},
        {"value": [1, 2], "@odata.error": {"code": "E1", "message": "The database was lost"}},
        {"value": [], "odata.error": {"code": "E1", "message": {"lang": "en", "value": "The database was lost"}}},
        {"value": [{"no": 1}, {"error": {"code": "E1", "message": "The database was lost"}}]},
        {"data": None, "errors": [{"code": "E1", "message": "The database was lost"}]},
        {"error": {"code": "E1", "message": "The database was lost"}},
    ],
)
def test_an_error_among_the_rows_is_an_error(page: Any) -> None:
    pages = Pages(p1={"value": [0], "nextLink": "p2"}, p2=page)
    rows = rows_of_pages(pages.fetch, f"{API}/p1")

    assert next(rows) == 0
    with pytest.raises(ApiOperationError, match="The database was lost") as error:
        next(rows)
    assert (error.value.code, error.value.status_code, error.value.retryable) == ("E1", 200, True)
    assert error.value.resume_token


@pytest.mark.parametrize(
    "page",
    [
        {"value": [1], "error": None},
        {"value": [1], "errors": []},
        {"value": [1], "error": {}},
        {"value": [1], "error": False},
    ],
)
def test_no_error_is_no_error(page: Any) -> None:
    assert Pages(p1=page).rows() == [1]


def test_rows_that_are_about_errors_are_rows() -> None:
    rows = [{"error": {"code": "E1"}}, {"error": {"code": "E2"}}]

    assert Pages(p1={"value": rows}).rows() == rows


# Repeated pages


def endless(rows: list[Any], pages: int = 1000, size: int = 0) -> Server:
    """The same rows on each page, each time under a new token."""

    def answer(query: Query) -> Any:
        at = int(query.get("$skiptoken", 0))
        return {"value": rows, **({"nextLink": f"items?$skiptoken={at + 1}"} if at + 1 < pages else {})}

    return Server(answer)


@pytest.mark.parametrize(
    "rows", [keyed(0, 100), keyed(0, 1), [{"customerId": 1}], [{"city": name} for name in "abcde"]]
)
def test_rows_with_a_key_that_come_again_are_an_error(rows: list[Any]) -> None:
    server = endless(rows)

    failed(server, "repeated-page")
    assert len(server.queries) == 2


def test_pages_that_come_in_turns_are_an_error() -> None:
    def answer(query: Query) -> Any:
        at = int(query.get("$skiptoken", 0))
        return {"value": keyed(at % 3 * 10, at % 3 * 10 + 10), "nextLink": f"items?$skiptoken={at + 1}"}

    server = Server(answer)

    failed(server, "repeated-page")
    assert len(server.queries) == 4


@pytest.mark.parametrize("rows", [[{"city": "Oslo"}] * 20, [{"city": "Oslo"}], [{"city": "Oslo"}, {"city": "Rome"}]])
def test_rows_that_are_alike_may_fill_several_pages(rows: list[Any]) -> None:
    """`$select=city` gives such pages, and nobody can tell them from a loop at once; after ten it is one."""
    assert len(endless(rows, pages=11).rows()) == 11 * len(rows)
    failed(endless(rows), "repeated-page")


def test_the_caller_may_allow_repeats() -> None:
    weekdays = [{"weekday": day} for day in ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")]

    assert len(endless(weekdays, pages=52).rows(allow_repeats=True)) == 364


def test_a_repeat_is_seen_even_if_the_caller_has_changed_the_rows() -> None:
    rows = rows_of_pages(Server(lambda query: {"data": keyed(0, 10)}).fetch, LIST, paging=Offset(size=10))

    with pytest.raises(ApiOperationError, match="the same page again"):
        collect((row.clear() for row in rows), [])


# Going on


class Broken(Server):
    """A server of which one page fails until it is mended."""

    def __init__(self, answer: Callable[[Query], Any], fails: Callable[[Query], bool]) -> None:
        super().__init__(lambda query: self.error if self.broken and fails(query) else answer(query))
        self.error: Any = ApiOperationError("GET items answered 500", status_code=500)
        self.broken = True


STYLES: list[tuple[Paging, Callable[[Query], Any], Callable[[Query], bool]]] = [
    (NextLink(), lambda query: counting(30).answer(query), lambda query: query.get("$skiptoken") == "2"),
    (Cursor(), by_cursor, lambda query: query.get("cursor") == "b"),
    (Offset(size=10), by_offset(30, total=30).answer, lambda query: query["offset"] == "20"),
    (Offset(size=500), by_offset(30, cap=10).answer, lambda query: query["offset"] == "20"),
    (PageNumber(size=10), by_page(30).answer, lambda query: query["page"] == "3"),
    (PageNumber(size=500), by_page(30, cap=10, gaps=True).answer, lambda query: query["page"] == "3"),
]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("paging", "answer", "fails"), STYLES)
def test_a_list_that_broke_off_goes_on_without_loss_and_without_double_rows(
    paging: Paging, answer: Callable[[Query], Any], fails: Callable[[Query], bool], workers: int
) -> None:
    server, first = Broken(answer, fails), list[Any]()
    with pytest.raises(ApiOperationError) as error:
        collect(rows_of_pages(server.fetch, f"{LIST}?sort=no", paging=paging, workers=workers), first)
    token = pickle.loads(pickle.dumps(error.value)).resume_token
    server.broken, server.queries = False, []

    rest = server.rows(f"{LIST}?sort=no", paging=paging, resume=token, workers=workers)

    whole = server.rows(f"{LIST}?sort=no", paging=paging)
    assert first + rest == whole
    assert len(first) == len(whole) // 3 * 2
    assert token not in str(error.value)


@pytest.mark.parametrize(
    "error", [ApiTimeoutError("no answer", code="connect-timeout"), ApiOperationError("x", code="refused")]
)
def test_every_failure_of_a_page_gives_a_token(error: ApiError) -> None:
    pages = Pages(p1={"value": [1], "nextLink": "p2"}, p2=error)

    with pytest.raises(type(error)) as caught:
        pages.rows()
    assert json.loads(caught.value.resume_token or "")["at"]["rows"] == 1


def test_the_first_page_can_be_gone_on_with_too() -> None:
    pages = Pages(p1=ApiOperationError("x"))
    with pytest.raises(ApiOperationError) as error:
        pages.rows()
    pages.pages["p1"] = [1]

    assert pages.rows(resume=error.value.resume_token) == [1]


def broken_token(link: str = "p2") -> str:
    with pytest.raises(ApiOperationError) as error:
        Pages(p1={"value": keyed(0, 3), "nextLink": link}, p2=ApiOperationError("x")).rows()
    return error.value.resume_token or ""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: "{}",
        lambda token: "[]",
        lambda token: None,
        lambda token: 7,
        lambda token: token[:-5],
        lambda token: token.replace("p2", "p3"),
        lambda token: token.replace("api.example.com", "evil.example.org"),
        lambda token: token.replace('"rows": 3', '"rows": 0'),
        lambda token: token.replace('"rows": 3', '"rows": "3"'),
        lambda token: token.replace('"version": 1', '"version": 2'),
        lambda token: json.dumps({"operation": "x", "url": f"{API}/p2"}),
        lambda token: "[" * 100_000,
    ],
)
def test_a_token_that_was_tampered_with_is_refused_before_anything_is_read(spoil: Callable[[str], Any]) -> None:
    pages = Pages(p1=[], p2=[])

    if spoil(broken_token()) is None:
        assert pages.rows(resume=None) == []
        return
    with pytest.raises(ValidationError, match="token"):
        rows_of_pages(pages.fetch, f"{API}/p1", resume=spoil(broken_token()))
    assert pages.read == []


def test_a_token_of_another_list_is_refused() -> None:
    token = broken_token()
    for url, paging in ((f"{API}/p9", None), (f"{API}/p1?$filter=x", None), (f"{API}/p1", Offset(size=5))):
        with pytest.raises(ValidationError, match="resume token"):
            rows_of_pages(Pages().fetch, url, resume=token, paging=paging)


@pytest.mark.parametrize("link", ["p2?sig=made-up-value", "p2?access_token=made-up", "p2?after=made-up-known-secret"])
def test_a_credential_in_the_next_link_stays_out_of_the_token(link: str) -> None:
    register_secret("made-up-known-secret")
    token = broken_token(link)
    pages = Pages(p1={"value": keyed(0, 3), "nextLink": link}, p2=keyed(3, 5))

    assert "made-up" not in token
    assert pages.rows(resume=token) == keyed(3, 5)
    assert pages.read == ["p1", "p2"]


@pytest.mark.parametrize("link", ["p2?$skiptoken=eyJvIjoyMH0", "p2?pageToken=abc", "p2?continuationToken=abc"])
def test_a_paging_token_in_the_next_link_is_no_credential(link: str) -> None:
    pages = Pages(p2=keyed(3, 5))

    assert pages.rows(resume=broken_token(link)) == keyed(3, 5)


def test_a_list_that_has_changed_cannot_be_gone_on_with_by_reading_again() -> None:
    token = broken_token("p2?sig=made-up-value")

    for now in (keyed(7, 10), keyed(0, 4)):
        failed(Pages(p1={"value": now, "nextLink": "p2"}, p2=[]), "changed", resume=token)
    failed(Pages(p1=[]), "changed", resume=token)


def test_a_failure_while_reading_again_does_not_lose_the_place() -> None:
    link = "p3?sig=made-up-value"
    pages = Pages(p1={"value": [1], "nextLink": "p2"}, p2={"value": [2], "nextLink": link}, p3=ApiOperationError("x"))
    with pytest.raises(ApiOperationError) as first:
        pages.rows()
    second, pages.pages["p2"] = pages.pages["p2"], ApiOperationError("y")
    with pytest.raises(ApiOperationError, match="y") as again:
        pages.rows(resume=first.value.resume_token)
    pages.pages |= {"p2": second, "p3": [3]}

    assert pages.rows(resume=again.value.resume_token) == [3]


def test_a_resumed_list_that_repeats_the_last_page_is_an_error() -> None:
    failed(Pages(p2=keyed(0, 3)), "repeated-page", resume=broken_token())


# Reading ahead


def test_pages_are_read_at_the_same_time_and_come_in_order() -> None:
    together = threading.Barrier(4, timeout=10)
    server = by_offset(40, total=40)
    answer = server.answer

    def slow(query: Query) -> Any:
        together.wait()
        return answer(query)

    server.answer = slow

    assert server.rows(paging=Offset(size=10), workers=4) == keyed(0, 40)
    assert sorted(server.asked("offset"), key=str) == ["0", "10", "20", "30"]


@pytest.mark.parametrize("paging", [Offset(size=10), PageNumber("page", "limit", size=10, first=1)])
def test_no_more_pages_are_read_ahead_than_there_are_workers(paging: Paging) -> None:
    def answer(query: Query) -> Any:
        start = int(query["offset"]) if "offset" in query else int(query["page"]) * 10 - 10
        return {"data": keyed(start, start + 10)}

    server = Server(answer)
    rows = rows_of_pages(server.fetch, LIST, paging=paging, workers=4)

    assert next(rows) == {"no": 0}
    wait_until(lambda: len(server.queries) == 5)
    assert list(islice(rows, 10))[-1] == {"no": 10}
    wait_until(lambda: len(server.queries) == 6)
    rows.close()  # type: ignore[attr-defined]
    assert threads() == []
    assert len(server.queries) == 6


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("txo-read-ahead")]


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_what_is_known_of_the_total_is_not_read_beyond() -> None:
    server = by_offset(1000, total=1000)

    assert len(server.rows(paging=Offset(size=100), workers=8)) == 1000
    assert len(server.queries) == 10


def test_a_page_of_another_size_costs_at_most_what_was_under_way() -> None:
    server = by_offset(1000, cap=100)

    assert server.rows(paging=Offset(size=500), workers=4) == keyed(0, 1000)
    assert len(server.queries) <= 11 + 3 + 4


@pytest.mark.parametrize("workers", [2, 8])
def test_the_first_error_in_order_is_raised_with_the_rows_before_it(workers: int) -> None:
    def answer(query: Query) -> Any:
        start = int(query["offset"])
        if start == 50:
            threading.Event().wait(0.05)
        return ApiOperationError(f"failed at {start}") if start >= 50 else {"data": keyed(start, start + 10)}

    got: list[Any] = []
    with pytest.raises(ApiOperationError, match="failed at 50") as error:
        collect(rows_of_pages(Server(answer).fetch, LIST, paging=Offset(size=10), workers=workers), got)

    assert got == keyed(0, 50)
    assert json.loads(error.value.resume_token or "")["at"]["rows"] == 50
    assert threads() == []


def test_the_threads_know_the_context_of_the_caller() -> None:
    context: ContextVar[str] = ContextVar("context", default="none")
    seen: list[str] = []

    def answer(query: Query) -> Any:
        seen.append(context.get())
        return {"data": keyed(int(query["offset"]), int(query["offset"]) + 5), "total": 20}

    context.set("of the caller")
    assert Server(answer).rows(paging=Offset(size=5), workers=3)
    assert set(seen) == {"of the caller"}


def test_an_error_in_the_callers_loop_leaves_no_thread_behind() -> None:
    def stop_at(rows: Iterator[Any]) -> None:
        for row in rows:
            if row["no"] == 15:
                raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="own"):
        stop_at(rows_of_pages(by_offset(10_000).fetch, LIST, paging=Offset(size=10), workers=4))
    wait_until(lambda: threads() == [])


def test_linked_pages_are_read_one_ahead_while_the_rows_are_used() -> None:
    server = counting(50)
    rows = rows_of_pages(server.fetch, LIST, workers=4)

    assert next(rows) == {"no": 0}
    wait_until(lambda: len(server.queries) == 2)
    assert [*rows] == keyed(1, 50)
    assert len(server.queries) == 5
    assert threads() == []


# Bad input


@pytest.mark.parametrize("workers", [0, -1, 51, 1.5, True, "8", None])
def test_a_number_of_workers_that_is_none_is_refused(workers: Any) -> None:
    with pytest.raises(ValidationError, match="no number of workers"):
        rows_of_pages(Pages().fetch, LIST, workers=workers)


@pytest.mark.parametrize("paging", ["offset", Offset, 7, {}])
def test_a_way_of_paging_that_is_none_is_refused(paging: Any) -> None:
    with pytest.raises(ValidationError, match="no way of paging"):
        rows_of_pages(Pages().fetch, LIST, paging=paging)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Offset(size=0),
        lambda: Offset(size=-5),
        lambda: Offset(size=True),
        lambda: Offset(size="10"),  # type: ignore[arg-type]
        lambda: Offset(""),
        lambda: Offset(start=-1),
        lambda: PageNumber(first=-1),
        lambda: PageNumber(size_param=""),
        lambda: Cursor(""),
        lambda: Cursor(param=None),  # type: ignore[arg-type]
    ],
)
def test_a_style_that_makes_no_sense_is_refused(make: Callable[[], Paging]) -> None:
    with pytest.raises(ValidationError, match=r"is no (size|param|start|first|size_param|field) of"):
        make()


def test_the_rest_of_the_query_stays_as_it_is() -> None:
    read: list[str] = []

    def fetch(url: str) -> tuple[Any, Response]:
        read.append(url)
        return [], response_of(prepared(path=url), 200, {}, [])

    list(rows_of_pages(fetch, f"{LIST}?$filter=a%20eq%20'x%26y'&limit=5&tag=1&tag=2#part", paging=Offset(size=5)))

    assert read == [f"{LIST}?$filter=a%20eq%20'x%26y'&limit=5&tag=1&tag=2&offset=0#part"]
