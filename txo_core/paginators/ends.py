"""What a way of paging is, and whether a page is the last one."""

from collections.abc import Iterator
from dataclasses import dataclass

from txo_core.paginators.pages import Page
from txo_core.paginators.places import Place
from txo_core.paginators.signs import Signs, signs_of

ROUND = 50
"""Caps of page sizes are round numbers."""
STOPS_COUNTING = frozenset({5000, 10000})
"""Totals at which Dataverse and Elasticsearch stop counting: there may be more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How a list is paged. `rows` is the path of the rows in a page, `total` that of the server's count of them.

    Both are found under their usual names. `total` may name a header; an empty text lets no count be believed.
    """

    rows: str | None = None
    total: str | None = None

    def begin(self, url: str) -> str:
        """Return the URL of the first page of the list."""
        return url

    def after(self, page: Page, place: Place) -> str | None:
        """Return the URL of the page after this one, which was read at the place; None after the last."""
        raise NotImplementedError

    def ahead(self, url: str, step: int) -> Iterator[str]:
        """Yield the URLs of the pages after that one, if they can be known before it is read and has `step` rows."""
        return iter(())

    def check(self, page: Page, place: Place) -> None:
        """Raise ApiOperationError for a page that shows that rows were left out before it."""

    def smaller(self, url: str) -> str | None:
        """Return the URL of the same page with fewer rows, for a server that cannot give so many; None if none is."""
        return None

    def asked(self, url: str) -> int | None:
        """Return the number of rows that the URL asks for."""
        return None

    @property
    def position(self) -> str:
        """The parameter that finds a page by its position in the list; empty where pages lead to each other."""
        return ""


def says_end(page: Page, place: Place, paging: Paging, reached: int, pages: int | None) -> bool:
    """Tell whether this was the last page by the server's own word; where that may mean something else, it was not.

    An empty page is, unless more is promised. A count that may be that of this page or of what is left, and a `pages`
    or `has_more` that is made of a page size which the server does not keep to, do not count alone; the price is one
    more page, an empty one.
    """
    signs = signs_of(page, paging.total)
    total = signs.total if signs.total is not None else place.largest
    if not page.size:
        promised = signs.more or (pages is not None and signs.pages is not None and pages < signs.pages)
        return not promised or (signs.certain and 0 <= total <= reached and not signs.at_least)
    if signs.more:
        return False
    counted = 0 <= total <= reached and total not in STOPS_COUNTING and not signs.at_least
    by_word = signs.more is False or (signs.pages is not None and pages is not None and pages >= signs.pages)
    kept_to = max(place.most, page.size) >= (paging.asked(page.url) or 0)
    return counted if _believed(signs, page, place, paging, reached) else by_word and (counted or kept_to)


def _believed(signs: Signs, page: Page, place: Place, paging: Paging, reached: int) -> bool:
    """Tell whether the count can only be that of all rows.

    One that falls from page to page may be of what is left, one that is passed or as large as the only page, of this.
    """
    if signs.total is None:
        return place.largest >= 0
    if paging.total:
        return True
    asked = paging.asked(page.url)
    full = page.size % ROUND == 0 or (asked is not None and page.size >= asked)
    of_page = reached > signs.total or (place.pages == 0 and signs.total == page.size and full)
    return signs.certain and not of_page and signs.total >= place.largest
