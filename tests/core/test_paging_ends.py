"""Where a list ends: what servers say about it, what they mean, and what they leave unsaid."""

import logging
from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest

from tests.support.paged import LIST, Pages, Query, Server, failed, keyed, span
from txo_core.exceptions import ApiOperationError, EntityNotFoundError, ValidationError
from txo_core.paginators import Cursor, NextLink, Offset, PageNumber, Paging

BY_OFFSET, BY_PAGE = Offset(size=10), PageNumber(size=10)
GONE = EntityNotFoundError("GET items answered 404", status_code=404)


def warned(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return any(text in record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)


def hole(query: Query, paging: Paging) -> list[Any]:
    """Thirty rows in pages of ten, of which the caller may not see those of the second page."""
    start = int(query["offset"]) if isinstance(paging, Offset) else int(query["page"]) * 10 - 10
    return [] if start in (10, -10) else keyed(start, max(start, min(30, start + 10)))


# An empty page


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("paging", [BY_OFFSET, BY_PAGE])
@pytest.mark.parametrize(
    "more", [{"has_more": True}, {"nextLink": "items?at=2"}, {"has_more": "true"}, {"meta": {"next_page": 3}}]
)
def test_an_empty_page_is_no_end_while_the_server_speaks_of_more(
    paging: Paging, more: dict[str, Any], workers: int
) -> None:
    def answer(query: Query) -> Any:
        rows = hole(query, paging)
        last = int(query.get("offset", 0)) >= 20 or int(query.get("page", 0)) >= 3
        return {"data": rows, **({} if last else more)}

    assert Server(answer).rows(paging=paging, workers=workers) == [*keyed(0, 10), *keyed(20, 30)]


def test_an_empty_page_is_no_end_while_pages_are_left() -> None:
    server = Server(lambda query: {"data": hole(query, BY_PAGE), "pages": 3})

    assert server.rows(paging=BY_PAGE) == [*keyed(0, 10), *keyed(20, 30)]


@pytest.mark.parametrize("paging", [BY_OFFSET, BY_PAGE])
def test_empty_pages_that_speak_of_more_without_end_are_an_error(paging: Paging) -> None:
    name = "offset" if paging is BY_OFFSET else "page"
    server = Server(lambda query: {"data": span(query, 20, name=name, first=int(paging is BY_PAGE)), "has_more": True})

    failed(server, "incomplete", paging=paging)
    assert len(server.queries) < 20


def test_an_empty_first_page_that_speaks_of_more_is_an_error_where_nothing_says_how_far_to_go() -> None:
    failed(Server(lambda query: {"data": [], "has_more": True}), "incomplete", paging=Offset())


# Pages counted from 0


@pytest.mark.parametrize(
    "around",
    [
        lambda at: {"totalPages": 3, "number": at, "last": at == 2},
        lambda at: {"totalPages": 3, "number": at},
        lambda at: {"page": {"number": at, "size": 10, "totalPages": 3}},
        lambda at: {"number": at, "first": at == 0},
        lambda at: {"pageInfo": {"hasPreviousPage": at > 0}},
    ],
)
def test_a_first_page_that_is_the_servers_second_is_not_lost(around: Any) -> None:
    """Spring counts its pages from 0: whoever begins with 1 would never see the first ten rows."""

    def answer(query: Query) -> Any:
        return {"content": span(query, 30, name="page"), **around(int(query["page"]))}

    error = failed(Server(answer), "incomplete", paging=PageNumber(size=10, rows="content"))
    assert "first=0" in str(error)
    assert Server(answer).rows(paging=PageNumber(size=10, first=0, rows="content")) == keyed(0, 30)


@pytest.mark.parametrize("around", [{"pages": 1}, {"last_page": 1, "first": True}, {"totalPages": 0}, {"total": 0}])
def test_an_empty_list_with_a_page_count_is_an_empty_list(around: dict[str, Any]) -> None:
    assert Server(lambda query: {"data": [], **around}).rows(paging=BY_PAGE) == []


def test_who_begins_in_the_middle_is_not_told_of_the_pages_before() -> None:
    server = Server(lambda query: {"data": span(query, 30, name="page", first=1), "pages": 3, "total": 30})

    assert server.rows(paging=PageNumber(size=10, first=2)) == keyed(10, 30)
    assert server.asked("page") == ["2", "3", "4"]


# Words for more


@pytest.mark.parametrize(
    "around",
    [
        {"info": {"more_records": True}},
        {"@Microsoft.Dynamics.CRM.morerecords": True},
        {"more": True},
        {"has_more": "true"},
        {"isLast": "false"},
        {"_scroll_id": "made-up"},
        {"meta": {"cursors": {"next": "x"}}},
        {"_scroll_id": "made-up", "total": 10},
        {"_scroll_id": "made-up", "total": {"value": 10, "relation": "gte"}},
        {"scrollId": "made-up", "count": 10},
    ],
)
def test_each_word_for_more_is_understood(around: dict[str, Any]) -> None:
    failed(Pages(p1={"items": keyed(0, 10), **around}), "incomplete")


@pytest.mark.parametrize(
    "around",
    [
        *({"info": {"more_records": False}}, {"more": False}, {"has_more": "false"}),
        *({"_scroll_id": "x", "total": {"value": 10, "relation": "eq"}}, {"scrollId": "x", "totalCount": 10}),
    ],
)
def test_the_same_words_can_say_that_this_was_all(around: dict[str, Any]) -> None:
    assert Pages(p1={"items": keyed(0, 10), **around}).rows() == keyed(0, 10)


@pytest.mark.parametrize("rel", ['rel="Next"', 'rel="next last"', "rel=NEXT", 'Rel="last next"', "rel=next"])
def test_relations_of_a_link_header_are_read_as_the_rfc_says(rel: str) -> None:
    """RFC 8288, 3.3: several with spaces between them, in any case."""
    assert Pages(p1=([1], {"Link": f"</v1/p2>; {rel}"}), p2=[2]).rows() == [1, 2]


def after_cursor(query: Query, total: int = 20, knows_after: bool = True) -> Any:
    at = int(query.get("after", 0)) if knows_after else 0
    rows = keyed(at, max(at, min(total, at + 10)))
    return {"data": rows, "paging": {"cursors": {"before": str(at), "after": str(at + len(rows))}}}


def test_a_cursor_behind_the_last_row_is_looked_behind() -> None:
    """The Graph API gives it on every page, and `paging.next` only where there are more."""
    failed(Server(after_cursor), "incomplete")
    failed(Server(lambda query: after_cursor(query, knows_after=False)), "incomplete")
    assert Server(lambda query: after_cursor(query, 10)).rows() == keyed(0, 10)
    assert Server(after_cursor).rows(paging=Cursor("paging.cursors.after", "after")) == keyed(0, 20)


# Counts that mean something else


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("name", ["totalCount", "total"])
def test_a_count_of_what_is_left_is_not_taken_for_the_total(name: str, workers: int) -> None:
    def answer(query: Query) -> Any:
        return {"data": span(query, 30), name: max(0, 30 - int(query["offset"]))}

    assert Server(answer).rows(paging=BY_OFFSET, workers=workers) == keyed(0, 30)


@pytest.mark.parametrize("size", [10, 500, None])
def test_a_count_of_this_page_is_not_taken_for_the_total(size: int | None) -> None:
    def answer(query: Query) -> Any:
        rows = span(query, 130, cap=50 if size != 10 else 10)
        return {"data": rows, "totalCount": len(rows)}

    assert Server(answer).rows(paging=Offset(size=size)) == keyed(0, 130)


def test_a_list_as_long_as_a_page_that_ignores_the_offset_is_whole_by_its_count() -> None:
    server = Server(lambda query: {"data": keyed(0, 50), "totalCount": 50})

    assert server.rows(paging=Offset()) == keyed(0, 50)
    assert len(server.queries) == 2


def test_a_count_that_is_only_a_least_one_ends_no_list() -> None:
    """Elasticsearch stops counting where `track_total_hits` says."""

    def answer(query: Query) -> Any:
        return {"hits": {"total": {"value": 20, "relation": "gte"}, "hits": span(query, 50)}}

    paging = Offset(size=10, rows="hits.hits")
    assert Server(answer).rows(paging=paging) == keyed(0, 50)
    assert Server(answer).rows(paging=Offset(size=10, rows="hits.hits", total="hits.total")) == keyed(0, 50)
    failed(Server(answer), "incomplete", paging=NextLink(rows="hits.hits"))


def test_a_count_that_falls_while_rows_are_found_by_position_is_told(caplog: pytest.LogCaptureFixture) -> None:
    totals = iter([30, 29, 29, 29, 29])

    def answer(query: Query) -> Any:
        start = int(query["offset"])
        return {"data": keyed(start, max(start, min(29, start + 10))), "total": next(totals)}

    assert len(Server(answer).rows(paging=BY_OFFSET)) == 29
    assert warned(caplog, "29 of up to 30 rows")


# The count check of a list of one page


@pytest.mark.parametrize("around", [{"total": 49}, {"count": 49}, {"totalCount": 49}, {"meta": {"total": "49"}}])
@pytest.mark.parametrize("paging", [None, Offset(size=50), PageNumber(size=50)])
def test_a_list_of_one_page_can_be_checked_by_any_count(around: dict[str, Any], paging: Paging | None) -> None:
    def answer(query: Query) -> Any:
        behind = query.get("offset", "0") != "0" or query.get("page", "1") != "1"
        return {"data": [] if behind else keyed(0, 49), **around}

    assert Server(answer).rows(paging=paging, check_count=True) == keyed(0, 49)


@pytest.mark.parametrize("name", ["total", "count", "totalCount"])
def test_an_empty_list_can_be_checked(name: str) -> None:
    assert Pages(p1={"data": [], name: 0}).rows(check_count=True) == []


def test_a_round_number_that_may_be_the_size_of_the_page_checks_nothing() -> None:
    failed(Pages(p1={"data": keyed(0, 50), "count": 50}), "no-count", check_count=True)
    assert Pages(p1={"data": keyed(0, 50), "count": 50, "has_more": False}).rows(check_count=True)
    assert Pages(p1={"data": keyed(0, 50), "count": 50}).rows(paging=NextLink(total="count"), check_count=True)


# Behind the last page


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("total", [20, 25])
@pytest.mark.parametrize("paging", [BY_OFFSET, BY_PAGE])
@pytest.mark.parametrize("behind", [{}, {"data": None}, None, GONE, {"data": []}])
def test_an_empty_answer_or_a_404_behind_the_last_page_is_the_end(
    paging: Paging, behind: Any, total: int, workers: int
) -> None:
    def answer(query: Query) -> Any:
        rows = span(query, total, name="offset" if paging is BY_OFFSET else "page", first=int(paging is BY_PAGE))
        return {"data": rows} if rows else behind

    assert Server(answer).rows(paging=paging, workers=workers) == keyed(0, total)


@pytest.mark.parametrize("behind", [{}, {"data": None}, GONE])
@pytest.mark.parametrize("around", [{"has_more": True}, {"total": 25}])
def test_it_is_no_end_where_more_was_promised(behind: Any, around: dict[str, Any]) -> None:
    def answer(query: Query) -> Any:
        return {"data": span(query, 25), **around} if int(query["offset"]) < 20 else behind

    with pytest.raises((ApiOperationError, EntityNotFoundError)):
        Server(answer).rows(paging=BY_OFFSET)


@pytest.mark.parametrize("first", [{}, {"data": None}, None])
def test_a_first_page_without_rows_is_still_an_error(first: Any) -> None:
    failed(Server(lambda query: first), "no-rows", paging=BY_OFFSET)
    with pytest.raises(EntityNotFoundError):
        Server(lambda query: GONE).rows(paging=BY_OFFSET)


def test_words_in_the_place_of_rows_are_an_error_on_any_page() -> None:
    server = Server(lambda query: {"data": span(query, 20)} if query["offset"] == "0" else {"message": "Sorry"})

    failed(server, "no-rows", paging=BY_OFFSET)


@pytest.mark.parametrize("total", [20, 25])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_server_that_gives_its_last_page_again_has_come_to_its_end(
    total: int, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    last = -(-total // 10)

    def answer(query: Query) -> Any:
        page = max(1, min(last, int(query["page"])))
        return {"data": keyed(page * 10 - 10, min(total, page * 10))}

    assert Server(answer).rows(paging=BY_PAGE, workers=workers) == keyed(0, total)
    assert warned(caplog, "its last page again") == (total == 20)


def test_a_last_page_that_comes_again_is_no_end_where_rows_are_missing() -> None:
    server = Server(lambda query: {"data": keyed(min(10, int(query["offset"])), 20), "total": 30})

    failed(server, "incomplete", paging=BY_OFFSET)


def test_an_exhausted_cursor_may_lead_to_itself() -> None:
    server = Server(lambda query: {"data": [] if "cursor" in query else keyed(0, 10), "next_cursor": "abc"})

    assert server.rows(paging=Cursor()) == keyed(0, 10)
    assert len(server.queries) == 2


# What the caller's address says already


@pytest.mark.parametrize(
    ("query", "paging", "told"),
    [
        ("$top=50", Offset.odata(100), r"\$top"),
        ("offset=200", Offset(size=100), r"start=200"),
        ("$skip=5", Offset.odata(), r"start=5"),
        ("limit=3", Offset(size=5), "limit"),
        ("page=2", PageNumber(), r"first=2"),
        ("per_page=20", PageNumber(size=100), "per_page"),
    ],
)
def test_an_address_that_says_otherwise_than_the_paging_is_refused(query: str, paging: Paging, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Server(lambda _: []).rows(f"{LIST}?{query}", paging=paging)


@pytest.mark.parametrize(
    ("query", "paging"),
    [("offset=0", Offset()), ("limit=5", Offset(size=5)), ("limit=5", Offset()), ("offset=20", Offset(start=20)),
     ("page=1", PageNumber()), ("cursor=abc", Cursor())],
)  # fmt: skip
def test_an_address_that_says_the_same_is_fine(query: str, paging: Paging) -> None:
    assert Server(lambda _: []).rows(f"{LIST}?{query}", paging=paging) == []


# Which list, and what is no error


@pytest.mark.parametrize(
    "error", [{"code": 0, "message": "OK"}, {"code": "0"}, {"code": 200, "message": ""}, {"code": "Success"}, "None"]
)
def test_an_error_that_says_all_is_well_is_none(error: Any) -> None:
    assert Pages(p1={"value": keyed(0, 3), "error": error}).rows() == keyed(0, 3)


def test_the_list_of_objects_is_taken_and_not_the_names_beside_it() -> None:
    assert Pages(p1={"items": ["facet"], "results": keyed(0, 3)}).rows() == keyed(0, 3)
    assert Pages(p1={"items": ["facet"], "results": []}).rows() == []
    assert Pages(p1={"results": [{"facet": 1}], "value": keyed(0, 3)}).rows() == keyed(0, 3)


def test_two_lists_that_may_be_meant_are_an_error_that_says_how_to_choose() -> None:
    page = {"items": [{"facet": 1}], "results": keyed(0, 3)}

    assert "rows='results'" in str(failed(Pages(p1=page), "ambiguous-rows"))
    assert Pages(p1=page).rows(paging=NextLink(rows="results")) == keyed(0, 3)


# A list without any sign


def rows_of(body: Any) -> Iterable[Any]:
    return Pages(p1=body).rows()


@pytest.mark.parametrize(("rows", "told"), [(100, True), (150, True), (99, False), (0, False)])
def test_a_round_number_of_rows_without_any_sign_is_told(
    rows: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(list(rows_of(keyed(0, rows)))) == rows
    assert warned(caplog, "does not say whether") == told


def test_a_round_number_of_rows_with_a_sign_is_not(caplog: pytest.LogCaptureFixture) -> None:
    for around in ({"has_more": False}, {"total": 100}, {"next": None}):
        assert len(list(rows_of({"data": keyed(0, 100), **around}))) == 100
    assert not caplog.records


def test_a_key_is_no_word_that_ends_like_one() -> None:
    """A page of one row, `{"paid": true}`, is not the same row again."""
    left = count()
    server = Server(lambda query: {"data": [{"paid": True}] if next(left) < 3 else []})

    assert len(server.rows(paging=Offset(size=1))) == 3
