"""Reading a list page by page, without ever taking a part for the whole."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from math import ceil
from typing import Any

from txo_core.exceptions import ApiError, ApiOperationError, TxoError, ValidationError
from txo_core.http.origins import address_of, refuse_downgrade
from txo_core.paginators.counts import counted_url, incomplete, probe_url, refuse_incomplete, with_count
from txo_core.paginators.pages import Fetch, Page, fingerprint, page_of, repeats_allowed
from txo_core.paginators.places import Place, place_of, resume_token
from txo_core.paginators.read_ahead import ReadAhead
from txo_core.paginators.signs import signs_of
from txo_core.paginators.styles import NextLink, Paging

logger = logging.getLogger(__name__)

MOST_WORKERS = 50
HALVINGS = 3
TOO_MUCH = frozenset({408, 413, 504})
TOO_MUCH_CODES = frozenset({"read-timeout", "body-too-large"})


def rows_of_pages(
    fetch: Fetch,
    url: str,
    *,
    paging: Paging | None = None,
    resume: str | None = None,
    check_count: bool = False,
    workers: int = 1,
    allow_repeats: bool = False,
) -> Iterator[Any]:
    """Return the rows of all pages, from the first URL on; a page is read only when its first row is asked for.

    `paging` is NextLink(), Cursor(), Offset() or PageNumber(). With `workers`, so many pages are read ahead in threads
    where their URLs are known (by offset and page number), else one; the rows come in order all the same.

    Raises ApiOperationError for a page without a list of rows or with an error among them; for a link to a page that
    was already read and for a page whose rows came before (unless `allow_repeats`), both with the code
    `repeated-page`; and with the code `incomplete` if fewer rows came than the server counts. `check_count` makes it
    count: `$count=true` is asked for where the list is OData, and no count at all is an error (`no-count`).

    The ApiError of a page that cannot be read has a `resume_token`. Given as `resume` with the same URL, the list goes
    on with that page: no row is left out and none comes twice. Raises ValidationError for a token of another list.
    """
    paging = NextLink() if paging is None else paging
    _require_sense(paging, workers)
    asked = counted_url(url, paging) if check_count else url
    place = Place(paging.begin(asked)) if resume is None else place_of(resume, url, _name(paging))
    return _Reading(fetch, url, asked, paging, check_count, workers, allow_repeats).rows(place)


class _Reading:
    """One list while it is read."""

    def __init__(
        self, fetch: Fetch, url: str, asked: str, paging: Paging, check_count: bool, workers: int, allow_repeats: bool
    ) -> None:
        self.fetch = fetch
        self.url = url
        self.asked = asked
        self.paging = paging
        self.check_count = check_count
        self.allow_repeats = allow_repeats
        self.ahead: ReadAhead[Page] = ReadAhead(self._read, workers)
        self.urls: set[int] = set()
        self.marks: dict[bytes, int] = {}
        self.first_row = b""

    def rows(self, start: Place) -> Iterator[Any]:
        """Yield the rows from the place on; if its URL was kept out of the token, the pages before are read again."""
        place: Place | None = start if start.url else Place(self.paging.begin(self.asked))
        self._begin(start)
        try:
            while place is not None:
                page, place = self._page(place, start)
                self._read_on(page, place)
                if place.pages >= start.pages:
                    yield from page.rows
                again = not start.url and place.pages < start.pages
                place = self._next(page, place)
                del page
                if again:
                    _require_unchanged(self.url, start, place)
        finally:
            self.ahead.close()

    def _begin(self, start: Place) -> None:
        if start.url and start.mark:
            self.marks[bytes.fromhex(start.mark)] = 0
        size = self.paging.asked(start.url)
        if self.ahead.workers > 1 and start.url and size:
            self.ahead.announce([start.url, *islice(self.paging.ahead(start.url, size), self.ahead.workers - 1)])

    def _read(self, url: str) -> Page:
        body, response = self.fetch(url)
        return page_of(url, body, response, self.paging.rows)

    def _page(self, place: Place, start: Place) -> tuple[Page, Place]:
        """Return the page at the place, in a smaller size if need be; its error knows how to go on."""
        for halvings in range(HALVINGS + 1):
            try:
                page = self.ahead.take(place.url)
                break
            except ApiError as error:
                smaller = self.paging.smaller(place.url) if _too_much(error) and halvings < HALVINGS else None
                if smaller is None:
                    at = max(place, start, key=lambda each: each.pages)
                    error.resume_token = resume_token(at, self.url, _name(self.paging))
                    raise
                logger.warning("%s; the page is asked for in halves", error)
                place = replace(place, url=smaller)
        self.urls.add(hash(place.url))
        self.paging.check(page, place)
        # Made here and not later: the rows will be the caller's, who may change them.
        mark = fingerprint(page.rows)
        self.first_row = self.first_row or fingerprint(page.rows[:1])
        self._refuse_repeat(page, mark)
        return page, replace(with_count(place, page, self.paging), mark=mark.hex())

    def _refuse_repeat(self, page: Page, mark: bytes) -> None:
        times = self.marks.get(mark, -1) + 1
        self.marks[mark] = times
        if times and not self.allow_repeats and times > repeats_allowed(page.rows):
            raise ApiOperationError(
                f"GET {address_of(page.url)} gave the same page again, {len(page.rows)} rows; the list would never end."
                " If its rows are alike by nature, select their key too, or say allow_repeats=True",
                code="repeated-page",
            )

    def _next(self, page: Page, place: Place) -> Place | None:
        """Return the place after the page; None after the last, if nothing is missing."""
        url = self.paging.after(page, place)
        done = replace(
            place,
            url=url or "",
            rows=place.rows + len(page.rows),
            pages=place.pages + 1,
            last=len(page.rows),
            most=max(place.most, len(page.rows)),
        )
        if url is None:
            refuse_incomplete(page, done, self.paging, self.asked, self.check_count)
            self._refuse_silent_cut(page, done)
            return None
        refuse_downgrade(page.url, url)
        if hash(url) in self.urls:
            raise ApiOperationError(
                f"GET {address_of(page.url)} names a next page that was already read; the list is incomplete",
                code="repeated-page",
            )
        return done

    def _refuse_silent_cut(self, page: Page, done: Place) -> None:
        """Raise an error if there is a row behind a page that looks like the whole list."""
        url = probe_url(page, done, self.paging, self.asked)
        if url is None:
            return
        try:
            row = self._read(url).rows[:1]
        except ApiError as error:
            logger.debug("Whether the list is complete cannot be told, it does not know $skip: %s", error)
            return
        if row and fingerprint(row) != self.first_row:
            raise incomplete(page, f"brought {done.rows} rows, with no word of more, but there are more behind them")

    def _read_on(self, page: Page, place: Place) -> None:
        """Begin to read what comes after the page, while its rows are used."""
        if self.ahead.workers == 1:
            return
        with suppress(TxoError):  # it is raised after the rows of this page
            url = self.paging.after(page, place)
            if url is not None and hash(url) not in self.urls:
                refuse_downgrade(page.url, url)
                further = islice(self.paging.ahead(url, len(page.rows)), self._window(page, place) - 1)
                self.ahead.announce([url, *further])

    def _window(self, page: Page, place: Place) -> int:
        """Return how many pages to read at once: one, while the pages are not of the size that was reckoned with."""
        step = len(page.rows)
        usual = place.last if place.pages else self.paging.asked(page.url) or step
        if not step or step != usual:
            return 1
        signs, left = signs_of(page, self.paging.total), [self.ahead.workers]
        if place.largest >= 0:
            left.append(ceil((place.largest - place.rows - step) / step))
        if signs.pages is not None:
            left.append(signs.pages - place.pages - 1)
        return max(1, min(left))


def _too_much(error: ApiError) -> bool:
    return error.status_code in TOO_MUCH or error.code in TOO_MUCH_CODES


def _name(paging: Paging) -> str:
    """Return what a token has to agree with: `Offset offset`."""
    return " ".join(filter(None, (type(paging).__name__, getattr(paging, "param", ""))))


def _require_unchanged(url: str, start: Place, place: Place | None) -> None:
    """Raise an error if pages that had to be read again are not the ones that were read before."""
    if place is None or (place.pages == start.pages and (place.rows, place.mark) != (start.rows, start.mark)):
        raise ApiOperationError(
            f"GET {address_of(url)} does not give the same pages as before; read the list from the beginning",
            code="changed",
        )


def _require_sense(paging: Any, workers: Any) -> None:
    example = "api.paginate('orders', paging=Offset(size=500), workers=8)"
    if not isinstance(paging, Paging):
        raise ValidationError(
            f"{paging!r} is no way of paging", "Give NextLink(), Cursor(), Offset() or PageNumber()", example
        )
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST_WORKERS:
        raise ValidationError(
            f"{workers!r} is no number of workers", f"Give a whole number from 1 to {MOST_WORKERS}", example
        )
