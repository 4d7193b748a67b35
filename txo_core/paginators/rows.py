"""Reading a list page by page, without ever taking a part for the whole."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from math import ceil
from typing import Any

from txo_core.exceptions import ApiError, ApiOperationError, EntityNotFoundError, TxoError, ValidationError
from txo_core.http.origins import address_of, refuse_downgrade
from txo_core.paginators.counts import counted_url, incomplete, probe_url, refuse_incomplete, with_count
from txo_core.paginators.ends import Paging
from txo_core.paginators.pages import Begin, Fetch, Page, at_once, beginner, reader
from txo_core.paginators.places import Place, place_of, resume_token
from txo_core.paginators.read_ahead import LONGEST_GOODBYE, ReadAhead
from txo_core.paginators.repeats import identities
from txo_core.paginators.signs import cursor_behind, signs_of
from txo_core.paginators.starts import refuse_wrong_start
from txo_core.paginators.styles import NextLink
from txo_core.paginators.watch import Watch

logger = logging.getLogger(__name__)

MOST_WORKERS = 50
HALVINGS = 3
QUEUED = 2
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
    begin: Begin | None = None,
) -> Iterator[Any]:
    """Return the rows of all pages, from the first URL on; a page is read only when its first row is asked for.

    `paging` is NextLink(), Cursor(), Offset() or PageNumber(). With `workers`, so many pages are read ahead in threads
    where their URLs are known (by offset and page number), else one; the rows come in order all the same. `begin` reads
    them there, told whether the page is a guess: its failures mean nothing until the page is wanted.

    Raises ApiOperationError for a page without a list of rows or with an error among them; for a link to a page that
    was already read and for a page whose rows came before (unless `allow_repeats`), both with the code
    `repeated-page`; and with the code `incomplete` if fewer rows came than the server counts or promises. What an
    honest server may do is only logged as a warning: a count that changed, a round number of rows without any sign of
    whether that was all. `check_count` makes it count: `$count=true` is asked for where the list is OData, and no count
    at all is an error (`no-count`), as is a round number that may be the size of the page.

    By position, behind the last page, an answer without content, a 404 and the last page again are the end, unless more
    was promised; and rows that moved onto the next page, since others were put in before them, come once.

    The ApiError of a page that cannot be read has a `resume_token`. Given as `resume` with the same URL, the list goes
    on with that page: no row is left out and none comes twice. Raises ValidationError for a token of another list.
    """
    paging = NextLink() if paging is None else paging
    _require_sense(paging, workers)
    asked = counted_url(url, paging) if check_count else url
    place = Place(paging.begin(asked)) if resume is None else place_of(resume, url, _name(paging))
    ahead = ReadAhead(reader(fetch, paging.rows), workers, beginner(begin or at_once(fetch), paging.rows))
    watch = Watch(paging, allow_repeats, place.mark if place.url else "")
    return _Reading(ahead, watch, url, asked, paging, check_count).rows(place)


class _Reading:
    """One list while it is read."""

    def __init__(
        self, ahead: ReadAhead[Page], watch: Watch, url: str, asked: str, paging: Paging, check_count: bool
    ) -> None:
        self.ahead = ahead
        self.url = url
        self.asked = asked
        self.paging = paging
        self.check_count = check_count
        self.watch = watch
        self.urls: set[int] = set()
        self.first_rows: frozenset[Any] = frozenset()
        self.promised = False

    def rows(self, start: Place) -> Iterator[Any]:
        """Yield the rows from the place on; if its URL was kept out of the token, the pages before are read again."""
        place: Place | None = start if start.url else Place(self.paging.begin(self.asked))
        self._begin(start)
        patience = LONGEST_GOODBYE
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
        except KeyboardInterrupt:
            patience = 0.0
            raise
        finally:
            self.ahead.close(patience)

    def _begin(self, start: Place) -> None:
        size = self.paging.asked(start.url)
        if self.ahead.workers > 1 and start.url and size:
            self.ahead.announce([start.url], islice(self.paging.ahead(start.url, size), self.ahead.workers - 1))

    def _page(self, place: Place, start: Place) -> tuple[Page, Place]:
        """Return the page at the place, in a smaller size if need be; its error knows how to go on."""
        for halvings in range(HALVINGS + 1):
            try:
                page = self.ahead.take(place.url)
                break
            except ApiError as error:
                if self._behind_the_end(place) and isinstance(error, EntityNotFoundError) and error.status_code != 410:
                    page = Page(place.url, [])
                    break
                smaller = self.paging.smaller(place.url) if _too_much(error) and halvings < HALVINGS else None
                if smaller is None:
                    error.resume_token = self._token(place, start)
                    raise
                logger.warning("%s; the page is asked for in halves", error)
                place = replace(place, url=smaller)
        if page.blank and not self._behind_the_end(place):
            page.blank.resume_token = self._token(place, start)
            raise page.blank
        self.urls.add(hash(place.url))
        page, place = self.watch.passed(page, with_count(place, page, self.paging))
        self.paging.check(page, place)
        if not place.pages:
            refuse_wrong_start(self.ahead.begin, page, self.paging)
            if probe_url(page, _done(page, place), self.paging, self.asked):
                self.first_rows = identities(page.rows)
        return page, place

    def _token(self, place: Place, start: Place) -> str:
        return resume_token(max(place, start, key=lambda each: each.pages), self.url, _name(self.paging))

    def _behind_the_end(self, place: Place) -> bool:
        """Tell whether the page may not exist: it was found by position, and nothing before it speaks of it."""
        return bool(self.paging.position) and place.pages > 0 and not self.promised

    def _next(self, page: Page, place: Place) -> Place | None:
        """Return the place after the page; None after the last, if nothing is missing."""
        url = self.paging.after(page, place)
        done = _done(page, place, url or "")
        signs = signs_of(page, self.paging.total)
        self.promised = bool(signs.more) or (signs.pages or 0) > done.pages
        if url is None:
            refuse_incomplete(page, done, self.paging, self.asked, self.check_count)
            self._refuse_silent_cut(page, done)
            return None
        refuse_downgrade(page.url, url)
        if hash(url) in self.urls:
            raise ApiOperationError(
                f"GET {address_of(page.url)} names a next page that was already read; the list is incomplete",
                code="repeated-page",
                **page.call.facts,
            )
        return done

    def _refuse_silent_cut(self, page: Page, done: Place) -> None:
        """Raise an error if there is a row behind a page that looks like the whole list."""
        url = probe_url(page, done, self.paging, self.asked)
        if url is None:
            return
        try:
            rows = self.ahead.begin(url, True)().rows
        except ApiError as error:
            logger.debug("Whether the list is complete cannot be told: %s", error)
            return
        if rows and (cursor_behind(page) or not identities(rows[:1]) <= self.first_rows):
            raise incomplete(page, f"brought {done.rows} rows, with no word of more, but there are more behind them")

    def _read_on(self, page: Page, place: Place) -> None:
        """Begin to read what comes after the page, while its rows are used."""
        if self.ahead.workers == 1:
            return
        with suppress(TxoError):  # it is raised after the rows of this page
            url = self.paging.after(page, place)
            if url is not None and hash(url) not in self.urls:
                refuse_downgrade(page.url, url)
                window, known = self._window(page, place)
                further = list(islice(self.paging.ahead(url, page.size), window - 1))
                self.ahead.announce([url, *further] if known else [url], further)

    def _window(self, page: Page, place: Place) -> tuple[int, bool]:
        """Return how many pages to begin to read, and whether the server's counts speak of all of them.

        One, while the pages are not of the size that was reckoned with. Of pages that are sure to be there some wait
        for a thread, so that none waits for us.
        """
        step = page.size
        usual = place.last if place.pages else self.paging.asked(page.url) or step
        if not step or step != usual:
            return 1, True
        signs, left = signs_of(page, self.paging.total), list[int]()
        if place.largest >= 0:
            left.append(ceil((place.largest - place.rows - step) / step))
        if signs.pages is not None:
            left.append(signs.pages - place.pages - 1)
        most = self.ahead.workers * (QUEUED if left else 1)
        return max(1, min([*left, most])), bool(left)


def _done(page: Page, place: Place, url: str = "") -> Place:
    """Return the place after the page."""
    rows, most = place.rows + len(page.rows), max(place.most, page.size)
    return replace(place, url=url, rows=rows, pages=place.pages + 1, last=page.size, most=most)


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
    example = "api.paginate('paging/offset', paging=Offset(size=500), workers=8)"
    if not isinstance(paging, Paging):
        raise ValidationError(
            f"{paging!r} is no way of paging", "Give NextLink(), Cursor(), Offset() or PageNumber()", example
        )
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST_WORKERS:
        raise ValidationError(
            f"{workers!r} is no number of workers", f"Give a whole number from 1 to {MOST_WORKERS}", example
        )
