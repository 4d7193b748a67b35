"""The ways in which APIs page: by link, by cursor, by offset, by page number."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from requests.utils import requote_uri

from txo_core.exceptions import ApiOperationError, ValidationError
from txo_core.http.origins import address_of, resolved
from txo_core.paginators.ends import Paging, says_end
from txo_core.paginators.page_urls import parameter, with_parameters
from txo_core.paginators.pages import Page, at_path
from txo_core.paginators.places import Place
from txo_core.paginators.signs import flag_of, next_link, says_first, whole_number


@dataclass(frozen=True, slots=True)
class NextLink(Paging):
    """Each page names the next one: `@odata.nextLink`, `next`, `links.next`..., or a Link header (RFC 8288).

    `field` is the path of the link, if it has none of the usual names.
    """

    field: str | None = None

    def after(self, page: Page, place: Place) -> str | None:
        """Return where the page's link leads, resolved against the address that the page came from."""
        link = at_path(page.body, self.field) if self.field else next_link(page)
        return requote_uri(resolved(page.at, link)) if link and isinstance(link, str) else None


@dataclass(frozen=True, slots=True)
class Cursor(Paging):
    """Each page gives a text that asks for the next one: in the body at the path `field`, or in the header `field`."""

    field: str = "next_cursor"
    param: str = "cursor"

    def __post_init__(self) -> None:
        _require_texts(self, "field", "param")

    def after(self, page: Page, place: Place) -> str | None:
        """Return the URL with the page's cursor; None without one, or if the server says that this was all."""
        cursor = at_path(page.body, self.field)
        cursor = page.headers.get(self.field) if cursor is None else cursor
        if cursor in (None, "", False) or flag_of(page) is False or self.exhausted(page):
            return None
        if not isinstance(cursor, str | int):
            raise ApiOperationError(
                f"GET {address_of(page.url)} gives no text as cursor under {self.field!r}",
                code="no-cursor",
                **page.call.facts,
            )
        return with_parameters(page.url, {self.param: str(cursor)})

    def exhausted(self, page: Page) -> bool:
        """Tell whether the page is empty and its cursor leads to itself: some APIs end like that."""
        cursor = at_path(page.body, self.field)
        cursor = page.headers.get(self.field) if cursor is None else cursor
        return not page.rows and cursor is not None and str(cursor) == parameter(page.url, self.param)


@dataclass(frozen=True, slots=True)
class Offset(Paging):
    """The URL says how many rows to leave out: `offset` and `limit`, or `$skip` and `$top` (`Offset.odata()`).

    It goes on after the rows that came, not after those that were asked for, until a page is empty or the server says
    that it was the last. A page that is too much for the server (408, 413, 504, a time-out) is asked for in halves.
    """

    param: str = "offset"
    limit_param: str = "limit"
    size: int | None = None
    start: int = 0

    def __post_init__(self) -> None:
        _require_texts(self, "param", "limit_param")
        _require_numbers(self, size=1, start=0)

    @classmethod
    def odata(cls, size: int | None = None) -> Self:
        """Return paging by `$skip` and `$top`, for OData services that give no next link."""
        return cls("$skip", "$top", size)

    def begin(self, url: str) -> str:
        """Return the URL of the first page of the list; ValidationError for one that says otherwise already."""
        _require_same(url, self.param, self.start, "start")
        _require_same(url, self.limit_param, self.size, "size")
        url = with_parameters(url, {self.limit_param: self.size}) if self.size else url
        return with_parameters(url, {self.param: self.start})

    def after(self, page: Page, place: Place) -> str | None:
        """Return the URL that goes on after the rows that came; after an empty page, if more are promised."""
        seen = self.start + place.rows + len(page.rows)
        if says_end(page, place, self, seen, None):
            return None
        step = page.size or place.most
        if not step:
            raise ApiOperationError(
                f"GET {address_of(page.url)} gave no rows and speaks of more; name the size: Offset(size=100)",
                code="incomplete",
                **page.call.facts,
            )
        offset = (whole_number(parameter(page.url, self.param)) or 0) + step
        return with_parameters(page.url, {self.param: offset})

    @property
    def position(self) -> str:
        """The parameter with the number of rows to leave out."""
        return self.param

    def ahead(self, url: str, step: int) -> Iterator[str]:
        """Yield the URLs of the pages after that one."""
        offset = whole_number(parameter(url, self.param)) or 0
        return (with_parameters(url, {self.param: at}) for at in count(offset + step, step))

    def smaller(self, url: str) -> str | None:
        """Return the URL of the first half of the page."""
        size = self.asked(url) or 0
        return with_parameters(url, {self.limit_param: size // 2}) if size > 1 else None

    def asked(self, url: str) -> int | None:
        """Return the number of rows that the URL asks for."""
        return whole_number(parameter(url, self.limit_param))


@dataclass(frozen=True, slots=True)
class PageNumber(Paging):
    """The URL says which page: `page` and `per_page`; the pages are counted from `first` on, else from 1.

    Where nobody has said `first`, and nothing that comes tells whether page 1 is the first one, page 0 is looked at.
    A server whose pages are smaller than asked for is asked for its own size from page 2 on, so that no gap can
    come of it. A short page before the last is then an error, unless the server counts the rows, or `short_pages` says
    that this API leaves out rows of a page that the caller may not see. So is a first page that is none.
    """

    param: str = "page"
    size_param: str = "per_page"
    size: int | None = None
    first: int | None = None
    short_pages: bool = False

    def __post_init__(self) -> None:
        _require_texts(self, "param", "size_param")
        _require_numbers(self, size=1, first=0)

    def begin(self, url: str) -> str:
        """Return the URL of the first page of the list; ValidationError for one that says otherwise already."""
        _require_same(url, self.param, self.number, "first")
        _require_same(url, self.size_param, self.size, "size")
        url = with_parameters(url, {self.size_param: self.size}) if self.size else url
        return with_parameters(url, {self.param: self.number})

    @property
    def number(self) -> int:
        """The number of the first page that is read."""
        return 1 if self.first is None else self.first

    def after(self, page: Page, place: Place) -> str | None:
        """Return the URL of the next page by its number, and in the size that the server really gives."""
        number = whole_number(parameter(page.url, self.param)) or 0
        seen = place.rows + len(page.rows)
        if says_end(page, place, self, seen, number + 1 - min(self.number, 1)):
            return None
        url = page.url
        if place.pages == 0 and page.size and not self.short_pages and self.asked(url) not in (None, page.size):
            url = with_parameters(url, {self.size_param: page.size})
        return with_parameters(url, {self.param: number + 1})

    @property
    def position(self) -> str:
        """The parameter with the number of the page."""
        return self.param

    def ahead(self, url: str, step: int) -> Iterator[str]:
        """Yield the URLs of the pages after that one."""
        number = whole_number(parameter(url, self.param)) or 0
        return (with_parameters(url, {self.param: at}) for at in count(number + 1))

    def check(self, page: Page, place: Place) -> None:
        """Raise ApiOperationError for rows after a short page, where nothing tells whether some are missing."""
        if place.pages == 0 and self.number == 1 and says_first(page) is False:
            raise ApiOperationError(
                f"GET {address_of(page.url)} is not the first page of the list by the server's word; if the API counts"
                " its pages from 0, say PageNumber(first=0)",
                code="incomplete",
                **page.call.facts,
            )
        if page.rows and 0 < place.last < place.most and place.largest < 0 and not self.short_pages:
            raise ApiOperationError(
                f"GET {address_of(page.url)} gave {place.last} rows on page {place.pages} and {place.most} on another,"
                " and does not count them all; the list may have gaps. Page by Offset, or say short_pages=True if this"
                " API leaves out rows that you may not see",
                code="uneven-pages",
                **page.call.facts,
            )

    def asked(self, url: str) -> int | None:
        """Return the number of rows that the URL asks for."""
        return whole_number(parameter(url, self.size_param))


def _require_same(url: str, param: str, value: int | None, name: str) -> None:
    """Raise ValidationError if the URL has the parameter with another value."""
    there = parameter(url, param)
    if value is None or there is None or there == str(value):
        return
    example = f"paging=Offset({name}={there})" if name in ("start", "size") else f"paging=PageNumber({name}={there})"
    raise ValidationError(
        f"The address says {param}={there}, and the paging says {value}",
        f"Say it once, in the paging: {name}={there}. For the first rows only, stop reading: islice(rows, 50)",
        example,
    )


def _require_texts(paging: Paging, *names: str) -> None:
    for name in names:
        value = getattr(paging, name)
        if not isinstance(value, str) or not value:
            _refuse(paging, name, value, "Give the name as the API's documentation has it")


def _require_numbers(paging: Paging, **least: int) -> None:
    for name, lowest in least.items():
        value = getattr(paging, name)
        if name in ("size", "first") and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            _refuse(paging, name, value, f"Give a whole number from {lowest} on")


def _refuse(paging: Paging, name: str, value: Any, solution: str) -> None:
    kind = type(paging).__name__
    raise ValidationError(f"{value!r} is no {name} of {kind}", solution, 'Offset("offset", "limit", size=500)')
