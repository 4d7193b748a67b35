"""Watching over the pages of a list: one that comes again, and rows that come twice."""

import logging
from dataclasses import replace

from txo_core.exceptions import ApiOperationError
from txo_core.http.origins import address_of
from txo_core.paginators.counts import incomplete
from txo_core.paginators.ends import Paging
from txo_core.paginators.pages import Page
from txo_core.paginators.places import Place
from txo_core.paginators.repeats import (
    EMPTY_PAGES,
    EVIDENT,
    SAME_PAGES,
    Marks,
    has_key,
    marks_of,
    overlap,
    repeats_allowed,
)

logger = logging.getLogger(__name__)


class Watch:
    """Lets pages pass, in their order; `mark` is that of the page before, where a list is gone on with."""

    def __init__(self, paging: Paging, allow_repeats: bool, mark: str = "") -> None:
        self.paging = paging
        self.allow_repeats = allow_repeats
        self.seen = {bytes.fromhex(mark): 0} if mark else dict[bytes, int]()
        self.before = Marks(b"")
        self.told = False

    def passed(self, page: Page, place: Place) -> tuple[Page, Place]:
        """Return the page without rows that came before, and the place with its mark; raises ApiOperationError.

        Marks are made now and not later: the rows will be the caller's, who may change them.
        """
        marks = marks_of(page.rows)
        last_again = bool(self.paging.position and page.rows) and place.pages > 1 and marks.page.hex() == place.mark
        last_again = last_again and not repeats_allowed(page.rows)
        counted = bool(self.paging.position) and 0 <= place.largest <= place.rows
        if self._repeats(marks.page, page, counted or last_again):
            raise self._repeated(page, place)
        if self.seen[marks.page] and (counted or last_again) and not self.allow_repeats:
            if not counted and page.size == place.most:
                logger.warning("GET %s gave its last page again; that is taken as the end", address_of(page.url))
            page = replace(page, rows=[])
        elif self.paging.position and not self.allow_repeats:
            page = self._without_doubled(page, marks)
        self.before = marks
        return page, replace(place, mark=marks.page.hex())

    def _without_doubled(self, page: Page, marks: Marks) -> Page:
        shifted, scattered = overlap(self.before, marks, page.rows)
        if (shifted or scattered) and not self.told:
            self.told = True
            again = "were the last of the page before and come once" if shifted else "were on the page before, too"
            logger.warning(
                "GET %s: %d rows %s; rows were put in while the list was read, its order changes, or the API counts"
                " otherwise than the paging. To be sure, ask for an order",
                address_of(page.url),
                shifted or scattered,
                again,
            )
        return replace(page, rows=page.rows[shifted:], doubled=shifted) if shifted else page

    def _repeats(self, mark: bytes, page: Page, end: bool) -> bool:
        """Note the page; True if it came so often that the list would never end."""
        times = self.seen.get(mark, -1) + 1
        self.seen[mark] = times
        allowed = EMPTY_PAGES if self.allow_repeats else repeats_allowed(page.rows) if times and not end else SAME_PAGES
        if self.paging.position and not page.rows:
            allowed = SAME_PAGES
        return times > allowed

    def _repeated(self, page: Page, place: Place) -> ApiOperationError:
        position = self.paging.position
        if position and not page.rows:
            return incomplete(page, f"gave {SAME_PAGES} empty pages after {place.rows} rows, and speaks of more")
        problem = f"GET {address_of(page.url)} gave the same page again, {page.size} rows"
        if position and place.pages == 1 and (has_key(page.rows[0]) or page.size >= EVIDENT):
            other = " or try Offset.odata()" if position == "offset" else ""
            why = f": this server ignores `{position}`. If it gives links, leave `paging` out{other}"
        else:
            why = "; the list would never end. If its rows are alike by nature, select their key too, or say"
            why += " allow_repeats=True"
        return ApiOperationError(problem + why, code="repeated-page", **page.call.facts)
