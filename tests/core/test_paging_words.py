"""The words of real APIs for how a list goes on: followed, or the list is refused; none is cut in silence."""

import json
from typing import Any

import pytest

from tests.support.paged import Pages, Query, Server, failed, keyed, span
from txo_core.paginators import NextLink, Offset, PageNumber
from txo_core.paginators.pages import Page
from txo_core.paginators.signs import signs_of

ROWS = keyed(0, 10)
NEXT = "/v1/p2?x=1"


@pytest.mark.parametrize(
    ("rows", "around"),
    [
        pytest.param("items", {"hasMore": True, "links": [{"rel": "self", "href": "/v1/p1"},
                               {"rel": "next", "href": NEXT}]}, id="NetSuite, Oracle"),
        pytest.param("data", {"current_page": 1, "next_page_url": NEXT, "prev_page_url": None}, id="Laravel"),
        pytest.param("records", {"totalSize": 20, "done": False, "nextRecordsUrl": NEXT}, id="Salesforce"),
        pytest.param("messages", {"page": 0, "next_page_uri": NEXT, "end": 9}, id="Twilio"),
        pytest.param("tickets", {"next_page": f"https://api.example.com{NEXT}", "count": 20}, id="Zendesk"),
        pytest.param("envelopes", {"totalSetSize": "20", "nextUri": NEXT}, id="DocuSign"),
        pytest.param("tasks", {"next_page": {"offset": "e", "path": "/x", "uri": NEXT}}, id="Asana"),
        pytest.param("results", {"paging": {"next": {"after": "1", "link": NEXT}}}, id="HubSpot"),
        pytest.param("data", {"pagination": {"next_url": NEXT}}, id="next_url in a box"),
        pytest.param("data", {"nextPageUrl": NEXT}, id="nextPageUrl"),
        pytest.param("data", {"_pagination": {"nextHref": NEXT}}, id="a box with a line before it"),
    ],
)  # fmt: skip
def test_the_address_of_the_next_page_is_followed(rows: str, around: dict[str, Any]) -> None:
    server = Pages(p1={rows: ROWS, **around}, p2={rows: keyed(10, 20)})

    assert server.rows(paging=NextLink(rows=rows)) == keyed(0, 20)


@pytest.mark.parametrize(
    "around",
    [
        pytest.param({"additional_data": {"pagination": {"more_items_in_collection": True}}}, id="Pipedrive"),
        pytest.param({"MetaInformation": {"@TotalResources": 20, "@TotalPages": 2, "@CurrentPage": 1}}, id="Fortnox"),
        pytest.param({"fullResultSize": 20, "from": 0, "count": 10}, id="Tripletex"),
        pytest.param({"pagination": {"page": 1, "pageCount": 2, "itemCount": 20}}, id="Xero"),
        pytest.param({"totalRecords": 20, "count": 10, "$skipToken": "x"}, id="Azure Resource Graph"),
        pytest.param({"NextContinuationToken": "x"}, id="S3"),
        pytest.param({"LastEvaluatedKey": {"id": 9}}, id="DynamoDB"),
        pytest.param({"nextLink": ["/v1/p2"]}, id="a list of links"),
        pytest.param({"next": 2}, id="a number"),
        pytest.param({"hasMorePages": True}, id="hasMorePages"),
    ],
)
def test_a_word_for_more_without_an_address_is_no_whole_list(around: dict[str, Any]) -> None:
    failed(Pages(p1={"data": ROWS, **around}), "incomplete")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-ms-continuationtoken": "abc"}, id="Azure DevOps"),
        pytest.param({"x-ms-continuation-NextPartitionKey": "1!8!YWJj"}, id="Azure tables"),
        pytest.param({"x-ms-continuation": "abc"}, id="Cosmos DB"),
        pytest.param({"X-Next-Page": "2", "X-Page": "1", "X-Per-Page": "10"}, id="GitLab"),
        pytest.param({"X-WP-Total": "20", "X-WP-TotalPages": "2"}, id="WordPress"),
        pytest.param({"Fiken-Api-Page-Count": "2", "Fiken-Api-Result-Count": "20"}, id="Fiken"),
        pytest.param({"X-Pagination": '{"TotalCount": 20, "HasNext": true}'}, id="ASP.NET"),
        pytest.param({"Content-Range": "items 0-9/20"}, id="RFC 9110"),
        pytest.param({"X-Has-More": "true"}, id="X-Has-More"),
        pytest.param({"X-Total-Pages": "2"}, id="X-Total-Pages"),
    ],
)
@pytest.mark.parametrize("body", [ROWS, {"data": ROWS, "count": 10}])
def test_headers_speak_of_more_too(body: Any, headers: dict[str, str]) -> None:
    failed(Pages(p1=(body, headers)), "incomplete")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Next-Page": "", "X-Page": "1"},
        {"X-WP-Total": "10", "X-WP-TotalPages": "1"},
        {"X-Pagination": '{"TotalCount": 10, "HasNext": false, "NextPageLink": null}'},
        {"X-Pagination": "page 1 of many"},
        {"Content-Range": "items 0-9/10"},
        {"Content-Range": "items 0-9/*"},
        {"X-RateLimit-Total": "5000", "X-RateLimit-Remaining": "20", "X-Request-Count": "77", "ETag": '"more"'},
        {"X-Frame-Options": "next", "X-Message-Count": "3", "X-Cache-Pages": "12"},
    ],
)
def test_headers_that_say_that_this_was_all_or_speak_of_something_else(headers: dict[str, str]) -> None:
    assert Pages(p1=(ROWS, headers)).rows() == ROWS


def test_headers_spare_the_page_behind_the_last() -> None:
    def answer(query: Query) -> Any:
        page, rows = int(query["page"]), span(query, 20, name="page", first=1)
        return rows, {"X-Total": "20", "X-Total-Pages": "2", "X-Next-Page": "" if page == 2 else "2"}

    server = Server(answer)

    assert server.rows(paging=PageNumber(size=10)) == keyed(0, 20)
    assert server.asked("page") == ["1", "2"]


def test_a_list_by_offset_is_read_on_while_a_word_for_more_says_so() -> None:
    def answer(query: Query) -> Any:
        more = int(query["offset"]) < 20
        pagination = {"start": int(query["offset"]), "more_items_in_collection": more}
        return {"data": span(query, 30), "additional_data": {"pagination": pagination}}

    assert Server(answer).rows(paging=Offset(size=10)) == keyed(0, 30)


def test_what_stands_in_the_rows_says_nothing_of_the_list() -> None:
    around = {"hasMore": True, "next": "/v1/p9", "links": [{"rel": "next", "href": "/v1/p9"}]}
    rows = [{"no": number, **around} for number in (1, 2)]

    assert Pages(p1={"value": rows}).rows() == rows


def test_a_header_box_is_read_as_json_and_nothing_else_is() -> None:
    body, headers = {"data": ROWS}, {"X-Pagination": json.dumps({"TotalCount": 30, "TotalPages": 3})}

    signs = signs_of(Page("https://api.example.com/v1/p1", ROWS, body, headers))

    assert (signs.total, signs.certain, signs.pages) == (30, True, 3)
    assert signs_of(Page("https://api.example.com/v1/p1", ROWS, body, {"X-Pagination": "[" * 100_000})).total is None
