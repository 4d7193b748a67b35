"""Rows that come twice: pages that repeat in disguise, and pages that overlap because the list moves."""

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from tests.support.paged import LIST, Query, Server, failed, keyed, span
from txo_core.exceptions import ApiOperationError
from txo_core.paginators import NextLink, Offset, PageNumber, Paging, rows_of_pages

BY_OFFSET, BY_PAGE = Offset(size=10), PageNumber(size=10)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# The same page in disguise


@pytest.mark.parametrize("paging", [BY_OFFSET, BY_PAGE, NextLink()])
@pytest.mark.parametrize("around", [{}, {"total": 100}])
@pytest.mark.parametrize("name", ["no", "id", "@odata.id", "Id", "ID", "number", "uuid"])
def test_the_same_rows_with_a_field_that_changes_are_the_same_page(
    name: str, around: dict[str, Any], paging: Paging
) -> None:
    ticks = count()

    def answer(query: Query) -> Any:
        rows = [{name: f"k{number}", "url": f"https://example.com/?sig={next(ticks)}"} for number in range(10)]
        return {"data": rows, **around, **({"nextLink": f"?t={next(ticks)}"} if paging == NextLink() else {})}

    server = Server(answer)

    failed(server, "repeated-page", paging=paging)
    assert len([query for query in server.queries if query.get("page") != "0"]) == 2


def test_the_same_rows_in_another_order_are_the_same_page() -> None:
    server = Server(lambda query: {"data": random.sample(keyed(0, 10), 10), "total": 100})

    failed(server, "repeated-page", paging=BY_OFFSET)


def test_codes_and_foreign_keys_do_not_make_pages_the_same() -> None:
    """Rates of one currency a row, one day a page; and orders of the same customers."""
    rates = Server(
        lambda query: {
            "data": [{"code": code, "day": query["offset"]} for code in ("EUR", "NOK", "SEK", "DKK", "USD")]
            if int(query["offset"]) < 25
            else []
        }
    )
    orders = Server(
        lambda query: {
            "data": [{"customerId": at, "sum": int(query["offset"]) + at} for at in range(6)]
            if int(query["offset"]) < 30
            else []
        }
    )

    assert len(rates.rows(paging=Offset(size=5))) == 25
    assert len(orders.rows(paging=Offset(size=6))) == 30


def test_repeats_that_are_allowed_have_an_end_too() -> None:
    server = Server(lambda query: {"data": keyed(0, 100)})

    failed(server, "repeated-page", paging=Offset(size=100), allow_repeats=True)
    assert len(server.queries) < 1100


@pytest.mark.parametrize(
    ("paging", "told"),
    [(Offset(size=10), "ignores `offset`"), (PageNumber(size=10), "ignores `page`"), (Offset.odata(10), "`$skip`")],
)
def test_a_server_that_ignores_the_position_is_named_with_a_way_out(paging: Paging, told: str) -> None:
    message = str(failed(Server(lambda query: {"value": keyed(0, 10)}), "repeated-page", paging=paging))

    assert told in message
    assert "leave `paging` out" in message
    assert ("Offset.odata()" in message) == (paging == Offset(size=10))
    assert "allow_repeats" not in message


# The silent cut


@pytest.mark.parametrize(
    "rows",
    [
        lambda: random.sample(keyed(0, 50), 50),
        lambda: [{"no": number, "age": random.random()} for number in range(50)],
        lambda: random.sample([{"name": f"n{number}"} for number in range(50)], 50),
    ],
)
def test_a_whole_list_of_a_server_that_ignores_skip_is_no_cut(rows: Callable[[], list[Any]]) -> None:
    server = Server(lambda query: {"value": rows()})

    assert len(server.rows()) == 50
    assert len(server.queries) == 2


# Pages that overlap


class Moving:
    """A list of a hundred rows that changes before its third page is read."""

    def __init__(self, change: Callable[[list[Any]], Any], counted: bool) -> None:
        self.rows = keyed(0, 100)
        self.change = change
        self.counted = counted
        self.asked = 0

    def __call__(self, query: Query) -> Any:
        self.asked += 1
        if self.asked == 3:
            self.change(self.rows)
        start = int(query["offset"]) if "offset" in query else int(query["page"]) * 10 - 10
        return {"data": self.rows[start : start + 10], **({"total": len(self.rows)} if self.counted else {})}


@pytest.mark.parametrize("paging", [BY_OFFSET, BY_PAGE])
@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("new", [1, 3])
def test_rows_pushed_onto_the_next_page_come_once(
    paging: Paging, counted: bool, new: int, caplog: pytest.LogCaptureFixture
) -> None:
    def insert(rows: list[Any]) -> None:
        rows[:0] = keyed(-new, 0)

    assert Server(Moving(insert, counted)).rows(paging=paging) == keyed(0, 100)
    assert f"{new} rows were the last of the page before" in warnings(caplog)[0]


@pytest.mark.parametrize("around", [{}, {"total": 30}])
def test_an_offset_that_the_api_counts_from_1_loses_nothing(around: dict[str, Any]) -> None:
    def answer(query: Query) -> Any:
        start = max(0, int(query["offset"]) - 1)
        return {"data": keyed(start, max(start, min(30, start + 10))), **around}

    assert Server(answer).rows(paging=BY_OFFSET) == keyed(0, 30)


def test_a_server_that_trims_its_pages_gives_each_row_once() -> None:
    """It leaves out every tenth row after paging, so that the next offset is too small."""
    server = Server(lambda query: {"data": [row for row in span(query, 30) if row["no"] % 10]})

    assert server.rows(paging=BY_OFFSET) == [row for row in keyed(0, 30) if row["no"] % 10]


def test_rows_that_only_look_alike_are_not_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Item numbers of a ledger: neighbours may have the same, and be different entries."""
    numbers = ["7", "3", "9", "1", "5", "5", "8", "2", "6", "4"]

    def answer(query: Query) -> Any:
        start = int(query["offset"])
        return {"data": [{"no": number} for number in numbers[start : start + 5]]}

    assert len(Server(answer).rows(paging=Offset(size=5))) == 10
    assert not warnings(caplog)


def test_rows_with_a_key_that_come_again_in_the_midst_are_told(caplog: pytest.LogCaptureFixture) -> None:
    pages = {0: [1, 2, 3, 4, 5, 6], 6: [10, 2, 11, 4, 12, 13]}

    def answer(query: Query) -> Any:
        return {"data": [{"id": number} for number in pages.get(int(query["offset"]), [])]}

    assert len(Server(answer).rows(paging=Offset(size=6))) == 12
    assert "2 rows" in warnings(caplog)[0]
    assert "order" in warnings(caplog)[0]


def test_repeats_that_are_allowed_are_not_left_out() -> None:
    server = Server(lambda query: {"data": keyed(max(0, int(query["offset"]) - 1), 20)[:10]})

    assert len(server.rows(paging=BY_OFFSET, allow_repeats=True)) > 20


def test_what_the_caller_does_to_the_rows_changes_nothing() -> None:
    def answer(query: Query) -> Any:
        start = max(0, int(query["offset"]) - 1)
        return {"data": keyed(start, max(start, min(30, start + 10)))}

    seen = []
    for row in rows_of_pages(Server(answer).fetch, LIST, paging=BY_OFFSET):
        seen.append(row.pop("no"))
    assert seen == list(range(30))


# Reading ahead is guessing


@pytest.mark.parametrize("sure", [{}, {"total": 40}])
def test_pages_that_nobody_has_promised_are_read_as_guesses(sure: dict[str, Any]) -> None:
    server, guessed = Server(lambda query: {"data": span(query, 40), **sure}), list[str]()

    def begin(url: str, guess: bool) -> Callable[[], Any]:
        guessed.extend([url] if guess else [])
        return partial(server.fetch, url)

    rows = rows_of_pages(server.fetch, LIST, paging=BY_OFFSET, workers=4, begin=begin)

    assert list(rows) == keyed(0, 40)
    assert guessed
    assert not [url for url in guessed if url.endswith("offset=0")]


def test_a_guess_that_fails_is_asked_for_again_once_the_page_is_wanted() -> None:
    server = Server(lambda query: {"data": span(query, 40)})

    def begin(url: str, guess: bool) -> Callable[[], Any]:
        if guess:
            raise ApiOperationError("GET items answered 500", status_code=500, retryable=True)
        return partial(server.fetch, url)

    assert list(rows_of_pages(server.fetch, LIST, paging=BY_OFFSET, workers=4, begin=begin)) == keyed(0, 40)
    assert server.asked("offset") == ["0", "10", "20", "30", "40"]


def test_a_guess_that_is_not_wanted_may_fail() -> None:
    server = Server(lambda query: {"data": span(query, 40), "has_more": int(query["offset"]) < 30})

    def begin(url: str, guess: bool) -> Callable[[], Any]:
        if int(url.rpartition("=")[2]) >= 40:
            raise ApiOperationError("GET items answered 500", status_code=500, retryable=True)
        return partial(server.fetch, url)

    assert list(rows_of_pages(server.fetch, LIST, paging=BY_OFFSET, workers=8, begin=begin)) == keyed(0, 40)


def test_the_look_behind_a_round_number_is_a_guess() -> None:
    server, guessed = Server(lambda query: {"value": keyed(0, 50)}), list[str]()

    def begin(url: str, guess: bool) -> Callable[[], Any]:
        guessed.extend([url] if guess else [])
        raise ApiOperationError("GET items answered 500", status_code=500, retryable=True)

    assert len(list(rows_of_pages(server.fetch, LIST, begin=begin))) == 50
    assert (len(guessed), len(server.queries)) == (1, 1)


def test_a_page_read_ahead_that_turns_out_to_be_no_json_is_read_again() -> None:
    server = Server(lambda query: {"data": span(query, 40), "total": 40})

    def begin(url: str, guess: bool) -> Callable[[], Any]:
        def parse() -> Any:
            raise ApiOperationError("GET items answered 200 with text/html that is no JSON", code="no-json")

        return parse

    assert list(rows_of_pages(server.fetch, LIST, paging=BY_OFFSET, workers=4, begin=begin)) == keyed(0, 40)
    assert server.asked("offset") == ["0", "10", "20", "30"]


def test_pages_that_are_sure_to_come_wait_for_a_thread_and_not_the_threads_for_them() -> None:
    server, begun = Server(lambda query: {"data": span(query, 100), "total": 100}), list[str]()

    def begin(url: str, guess: bool) -> Callable[[], Any]:
        begun.append(url)
        return partial(server.fetch, url)

    rows = rows_of_pages(server.fetch, LIST, paging=BY_OFFSET, workers=2, begin=begin)
    next(rows)
    for _ in range(500):
        if len(begun) < 5:
            time.sleep(0.01)

    assert sorted(begun) == [f"{LIST}?limit=10&offset={offset}" for offset in (0, 10, 20, 30, 40)]
