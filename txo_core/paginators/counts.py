"""Whether all rows of a list came, as far as its server tells."""

import logging
from dataclasses import replace

from txo_core.exceptions import ApiOperationError
from txo_core.http.origins import address_of
from txo_core.paginators.ends import ROUND, Paging
from txo_core.paginators.page_urls import parameter, with_parameters
from txo_core.paginators.pages import Page
from txo_core.paginators.places import Place
from txo_core.paginators.signs import Signs, cursor_behind, signs_of, whole_number
from txo_core.paginators.styles import Cursor, NextLink, Offset, PageNumber

logger = logging.getLogger(__name__)

STARTS = ("offset", "skip", "start", "page", "page[number]", "cursor", "after", "$skiptoken", "$deltatoken")
"""Parameters with which a caller begins somewhere behind the first row."""


def counted_url(url: str, paging: Paging) -> str:
    """Return the URL with `$count=true` if that is how its list is counted; an own `total` says that it is not."""
    odata = isinstance(paging, NextLink) or (isinstance(paging, Offset) and paging.param == "$skip")
    return with_parameters(url, {"$count": "true"}) if odata and paging.total is None else url


def with_count(place: Place, page: Page, paging: Paging) -> Place:
    """Return the place with what the page says of the number of all rows."""
    signs = signs_of(page, paging.total)
    if signs.total is None or not signs.certain:
        return place
    least = signs.total if place.least < 0 else min(place.least, signs.total)
    return replace(place, least=least, largest=max(place.largest, signs.total))


def refuse_incomplete(page: Page, done: Place, paging: Paging, url: str, check_count: bool) -> None:
    """Raise an error if the server speaks of rows that did not come; `done` is the place behind the last page.

    More rows than were counted are fine: some came while the list was read. Fewer are, if some were deleted
    meanwhile, so the smallest count is what has to come. Where rows are found by their position, a deletion moves
    others out of sight: then `check_count` asks for the largest.
    """
    linked = not paging.position
    counted = done.largest if check_count and not linked else done.least
    expected = _expected(counted, paging, url)
    if done.rows < expected:
        raise incomplete(page, f"brought {done.rows} of the {expected} rows that the server counts")
    signs = signs_of(page, paging.total)
    if linked and signs.more and not _was_all(signs, page, done, paging):
        raise incomplete(page, f"brought {done.rows} rows and, in {signs.way_on!r}, a way to more that is not taken")
    if _pages_missing(signs, page, done, paging) and not _in_the_middle(url):
        raise incomplete(page, f"brought {done.pages} of {signs.pages} pages, or its last one empty")
    if check_count and counted < 0 and not _fits(signs, done):
        raise ApiOperationError(
            f"GET {address_of(page.url)} does not say how many rows there are, so nothing can be checked. If it does,"
            " name the place: paging=NextLink(total='meta.total')",
            code="no-count",
            **page.call.facts,
        )
    _tell_doubts(signs, page, done, paging, expected, url)


def _was_all(signs: Signs, page: Page, done: Place, paging: Paging) -> bool:
    """Tell whether the way on leads nowhere: an exhausted cursor, or a scroll whose rows were all counted.

    A scroll has its id on every page, also where all rows are on it; a count that may be of the page proves nothing.
    """
    if isinstance(paging, Cursor) and paging.exhausted(page):
        return True
    scroll = "".join(filter(str.isalnum, signs.way_on)).casefold() == "scrollid"
    return scroll and signs.certain and not signs.at_least and signs.total is not None and done.rows >= signs.total


def _pages_missing(signs: Signs, page: Page, done: Place, paging: Paging) -> bool:
    """Tell whether the server has more pages; one more, if the last by its count is empty: it counts them from 0."""
    if signs.pages is None or isinstance(paging, Offset):
        return False
    if isinstance(paging, PageNumber):
        begun_there = paging.number > 1 or not done.rows
        return not begun_there and signs.pages >= done.pages + bool(page.size)
    return signs.pages > done.pages


def _fits(signs: Signs, done: Place) -> bool:
    """Tell whether a count that may be that of the page agrees; a round number may be its size."""
    return (
        signs.total == done.rows
        and not signs.at_least
        and (not done.rows or done.rows % ROUND > 0 or signs.more is False)
    )


def _tell_doubts(signs: Signs, page: Page, done: Place, paging: Paging, expected: int, url: str) -> None:
    """Warn of what is no error, since an honest server may do so: a count that changed, a round number of rows."""
    if paging.position and 0 <= expected <= done.rows < _expected(done.largest, paging, url):
        logger.warning(
            "GET %s: %d of up to %d rows came; their count changed while they were read, and rows behind what was"
            " deleted move out of sight. check_count=True makes an error of it",
            address_of(page.url),
            done.rows,
            done.largest,
        )
    unsaid = signs == Signs() and not signs.way_on and done.pages == 1 and isinstance(paging, NextLink)
    unsaid = unsaid and "value" not in page.body and not page.links and not _in_the_middle(url)
    if unsaid and done.rows and done.rows % ROUND == 0:
        logger.warning(
            "GET %s: the server does not say whether the %d rows are all; if it pages, say how: paging=Offset(),"
            " PageNumber()...",
            address_of(page.url),
            done.rows,
        )


def probe_url(page: Page, done: Place, paging: Paging, url: str) -> str | None:
    """Return where the row after the last page would be, if the list may have been cut in silence; else None.

    That is: OData, a round number of rows, no link, no count, and not what `$top` asked for; or a cursor behind the
    last row, which may lead to more.
    """
    rows = len(page.rows)
    cursor = cursor_behind(page) if rows and isinstance(paging, NextLink) else None
    if cursor:
        return with_parameters(page.url, {"after": cursor})
    silent = isinstance(paging, NextLink) and done.pages == 1 and done.largest < 0 and not _in_the_middle(url)
    if not silent or not rows or rows % ROUND or "value" not in page.body or parameter(url, "$apply"):
        return None
    if whole_number(parameter(url, "$top")) == rows:
        return None
    skip = whole_number(parameter(url, "$skip")) or 0
    return with_parameters(url, {"$skip": skip + rows, "$top": 1})


def _expected(counted: int, paging: Paging, url: str) -> int:
    """Return how many rows have to come; `$top` and `$skip` do not change an OData count (4.01, 11.2.6.5)."""
    if isinstance(paging, Offset):
        return counted - paging.start
    if isinstance(paging, PageNumber):
        return counted if paging.number <= 1 else 0
    if _in_the_middle(url):
        return 0
    counted -= whole_number(parameter(url, "$skip")) or 0
    top = whole_number(parameter(url, "$top"))
    return counted if top is None else min(counted, top)


def _in_the_middle(url: str) -> bool:
    """Tell whether the caller began somewhere behind the first page."""
    return any(parameter(url, name) not in (None, "", "0", "1") for name in STARTS)


def incomplete(page: Page, what: str) -> ApiOperationError:
    """Return the error of a list that lacks rows, with the ways to get them."""
    return ApiOperationError(
        f"GET {address_of(page.url)} {what}; the list is incomplete. If the API pages in another way, say so:"
        " paging=Offset(), PageNumber() (first=0 if it counts pages from 0), Cursor('next_cursor') or"
        " NextLink('links.next'); total='' believes no count",
        code="incomplete",
        **page.call.facts,
    )
