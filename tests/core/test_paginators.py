from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest
from requests import Response

from tests.support.scripted import API, prepared, response_of
from txo_core.exceptions import ApiOperationError, ConfigurationError
from txo_core.paginators import rows_of_pages

Page = tuple[Any, Mapping[str, str]]


class Pages:
    """A list on a server: what stands at each path."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages
        self.read: list[str] = []

    def fetch(self, url: str) -> tuple[Any, Response]:
        name = url.removeprefix(f"{API}/")
        self.read.append(name)
        page, headers = self.pages[name] if isinstance(self.pages[name], tuple) else (self.pages[name], {})
        return page, response_of(prepared(path=url), 200, headers, page)

    def rows(self) -> list[Any]:
        return list(rows_of_pages(self.fetch, f"{API}/p1"))


@pytest.mark.parametrize("key", ["@odata.nextLink", "odata.nextLink", "nextLink"])
@pytest.mark.parametrize("link", ["p2", "/v1/p2", f"{API}/p2"])
def test_the_link_in_the_page_is_followed(key: str, link: str) -> None:
    assert Pages(p1={"value": [1, 2], key: link}, p2={"value": [3]}).rows() == [1, 2, 3]


def test_the_link_header_is_followed() -> None:
    header = {"Link": f'<{API}/p0>; rel="prev", </v1/p2>; rel="next"'}

    assert Pages(p1=([1], header), p2=[2]).rows() == [1, 2]


@pytest.mark.parametrize("page", [{"value": []}, [], {"items": []}, {"results": []}, {"data": [], "nextLink": None}])
def test_an_empty_list_is_a_list(page: Any) -> None:
    assert Pages(p1=page).rows() == []


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
def test_a_page_that_was_read_before_ends_in_an_error(pages: dict[str, Any]) -> None:
    with pytest.raises(ApiOperationError, match="already read"):
        Pages(**pages).rows()


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
