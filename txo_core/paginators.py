"""Reading a list page by page, without ever taking a part for the whole."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from requests import Response
from requests.utils import requote_uri

from txo_core.exceptions import ApiOperationError
from txo_core.http.origins import address_of, refuse_downgrade

Fetch = Callable[[str], tuple[Any, Response]]
"""Reads the page at a URL: its JSON, and the answer it came in."""

LINK_KEYS = ("@odata.nextLink", "odata.nextLink", "nextLink", "@nextLink")
ROW_KEYS = ("value", "items", "results", "data")


def rows_of_pages(fetch: Fetch, url: str) -> Iterator[Any]:
    """Yield the rows of all pages, from the first URL on, reading a page only when its first row is asked for.

    The next page is where `@odata.nextLink` (OData 4), `odata.nextLink` (OData 3), `nextLink` or a Link header with
    `rel="next"` (RFC 8288) point to. Raises ApiOperationError for a page without a list of rows, and for a link to a
    page that was already read; what the fetch raises ends the rows as well.
    """
    seen = {hash(requote_uri(url))}
    while True:
        page, response = fetch(url)
        yield from rows_of(page, url)
        link = next_link(page, response)
        if link is None:
            return
        source, url = url, requote_uri(urljoin(response.url or url, link))
        refuse_downgrade(source, url)
        if hash(url) in seen:
            raise ApiOperationError(
                f"GET {address_of(source)} names a next page that was already read; the list is incomplete",
                code="repeated-page",
            )
        seen.add(hash(url))


def rows_of(page: Any, url: str) -> list[Any]:
    """Return the rows of one page: the page itself, or the list under `value`, `items`, `results` or `data`."""
    if isinstance(page, list):
        return page
    for key in ROW_KEYS:
        if isinstance(page, Mapping) and isinstance(page.get(key), list):
            rows: list[Any] = page[key]
            return rows
    raise ApiOperationError(
        f"GET {address_of(url)} answered without a list of rows; is this the address of a list?", code="no-rows"
    )


def next_link(page: Any, response: Response) -> str | None:
    """Return the address of the next page, absolute or relative; None after the last one."""
    if isinstance(page, Mapping):
        for key in LINK_KEYS:
            if isinstance(page.get(key), str) and page[key]:
                return str(page[key])
    link = response.links.get("next", {}).get("url")
    return str(link) if link else None
