"""Whether a list that is read by page number was begun with its first page: some APIs count from 1, others from 0."""

import logging
from collections.abc import Callable
from typing import Any

from txo_core.exceptions import ApiError, ApiOperationError
from txo_core.http.origins import address_of
from txo_core.paginators.ends import Paging
from txo_core.paginators.page_urls import with_parameters
from txo_core.paginators.pages import Page
from txo_core.paginators.repeats import identities, keys_of
from txo_core.paginators.signs import says_first, signs_of
from txo_core.paginators.styles import PageNumber

logger = logging.getLogger(__name__)

SURE = "if its pages are counted from 1, say so: PageNumber(first=1)"


def refuse_wrong_start(begin: Callable[[str, bool], Callable[[], Page]], page: Page, paging: Paging) -> None:
    """Raise ApiOperationError if there are rows before the page that was read first; `begin` reads it as a guess.

    A server that counts from 1 has no page 0, or gives its first page for that, as it is or with more rows.
    """
    number = other_start(page, paging)
    if number is None or not isinstance(paging, PageNumber):
        return
    try:
        rows = begin(with_parameters(page.url, {paging.param: number}), True)().rows
    except ApiError as error:
        if error.code != "no-rows" and not 400 <= (error.status_code or 0) < 500:
            logger.warning("Whether there is a page 0 of %s cannot be told (%s); %s", address_of(page.url), error, SURE)
        return
    if rows and not _begins_like(rows, page.rows):
        raise ApiOperationError(
            f"GET {address_of(page.url)} is not the first page of the list, page {number} has other rows; if the API"
            f" counts its pages from {number}, say PageNumber(first={number}){'' if number else f', and {SURE}'}",
            code="incomplete",
            **page.call.facts,
        )


def _begins_like(rows: list[Any], first: list[Any]) -> bool:
    """Tell whether rows begin where the first page does; without a key, all rows of that page have to be there."""
    if keys_of(first)[1] is None:
        return bool(first) and rows[: len(first)] == first
    return identities(rows[:1]) <= identities(first)


def other_start(page: Page, paging: Paging) -> int | None:
    """Return the number of the page that may be the first one in the place of this; None if there is no doubt.

    There is none where the server says that this is the first page, or where it counts the rows, or the pages of a list
    that has some: then it is noticed in the end if some have not come.
    """
    if not isinstance(paging, PageNumber):
        return None
    if paging.first == 0:
        return None if page.size else 1
    signs = signs_of(page, paging.total)
    counted = signs.total is not None and signs.certain and not signs.at_least
    counted = counted or (signs.pages is not None and page.size > 0)
    return 0 if paging.first is None and not counted and says_first(page) is None else None
