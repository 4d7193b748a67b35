"""Lists that a test makes up, read without a network."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from requests import Response

from tests.support.scripted import API, prepared, response_of
from txo_core.exceptions import ApiError, ApiOperationError
from txo_core.paginators import rows_of_pages

LIST = f"{API}/items"
Query = dict[str, str]


class Pages:
    """A list on a server: what stands at each path."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages
        self.read: list[str] = []

    def fetch(self, url: str) -> tuple[Any, Response]:
        name = url.removeprefix(f"{API}/").partition("?")[0]
        self.read.append(name)
        page, headers = self.pages[name] if isinstance(self.pages[name], tuple) else (self.pages[name], {})
        if isinstance(page, BaseException):
            raise page
        return page, response_of(prepared(path=url), 200, headers, page)

    def rows(self, **options: Any) -> list[Any]:
        return list(rows_of_pages(self.fetch, f"{API}/p1", **options))


class Server:
    """A server that makes its pages from the query; what it was asked is in `queries`."""

    def __init__(self, answer: Callable[[Query], Any], headers: Mapping[str, str] | None = None) -> None:
        self.answer = answer
        self.headers = headers
        self.queries: list[Query] = []
        self.lock = threading.Lock()

    def fetch(self, url: str) -> tuple[Any, Response]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        with self.lock:
            self.queries.append(query)
        page = self.answer(query)
        if isinstance(page, BaseException):
            raise page
        page, headers = page if isinstance(page, tuple) else (page, self.headers)
        return page, response_of(prepared(path=url), 200, headers, page)

    def rows(self, url: str = LIST, **options: Any) -> list[Any]:
        return list(rows_of_pages(self.fetch, url, **options))

    def asked(self, name: str) -> list[str | None]:
        return [query.get(name) for query in self.queries]


def keyed(start: int, stop: int) -> list[dict[str, int]]:
    return [{"no": number} for number in range(start, stop)]


def span(query: Query, total: int, cap: int = 10, name: str = "offset", first: int = 0) -> list[Any]:
    """Return the rows of an honest server: by offset, or by page number if the name is that of the page."""
    at, size = int(query.get(name, first)), min(cap, int(query.get("limit", query.get("per_page", cap))))
    start = at if name in ("offset", "$skip") else (at - first) * size
    if start < 0:
        return []
    return keyed(start, max(start, min(total, start + size)))


def collect(rows: Iterable[Any], into: list[Any]) -> None:
    """Keep each row as it comes, also those before an error."""
    for row in rows:
        into.append(row)


def failed(server: Server | Pages, code: str, **options: Any) -> ApiError:
    with pytest.raises(ApiOperationError) as error:
        server.rows(**options)
    assert error.value.code == code
    return error.value
