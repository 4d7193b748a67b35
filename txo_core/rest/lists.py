"""Lists of an API, read through a client: all pages of any list, and the entities of an OData service."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Unpack

from requests import Response

from txo_core.exceptions import ApiError
from txo_core.http.origins import credential_headers, origin_of
from txo_core.odata.conditions import Conditions
from txo_core.paginators import Paging, rows_of_pages
from txo_core.rest.arguments import checked_url
from txo_core.rest.caller import Caller, CallOptions, Params, parsed
from txo_core.rest.entities import entities_url, page_size_headers, with_filter, without_annotations
from txo_core.urls import join_url, with_query

Names = str | Iterable[str]


class PagingOptions(CallOptions, total=False):
    """How a list is read, what each of them means stands at `rows_of_pages`; and what goes with each request."""

    paging: Paging | None
    check_count: bool
    workers: int
    allow_repeats: bool


class ListOptions(PagingOptions, total=False):
    """What reading a list row by row takes: one that broke off can be gone on with."""

    resume: str | None


class EntityOptions(PagingOptions, total=False):
    """What reading entities takes: `orderby` and `expand` name properties, `annotations` keeps `@odata.etag`...

    There is no `resume`: it gives all or none, and who went on would get the tail only.
    """

    orderby: Names | None
    expand: Names | None
    annotations: bool


def paginate(
    caller: Caller,
    url: str,
    params: Params | None = None,
    odata_filter: Conditions | str | None = None,
    *,
    paging: Paging | None = None,
    resume: str | None = None,
    check_count: bool = False,
    workers: int = 1,
    allow_repeats: bool = False,
    **options: Unpack[CallOptions],
) -> Iterator[Any]:
    """Return the rows of the list, page by page as they are asked for; see `rows_of_pages`."""
    first = with_filter(with_query(join_url(caller.base_url, checked_url(url)), params), odata_filter)
    pages = _Pages(caller, first, options)
    return rows_of_pages(
        pages.fetch,
        first,
        paging=paging,
        resume=resume,
        check_count=check_count,
        workers=workers,
        allow_repeats=allow_repeats,
        begin=pages.begin,
    )


def get_odata_entities(
    caller: Caller,
    entity: str,
    odata_filter: Conditions | str | None = None,
    select: Names | None = None,
    page_size: int | None = None,
    limit: int | None = None,
    *,
    orderby: Names | None = None,
    expand: Names | None = None,
    annotations: bool = False,
    **options: Unpack[PagingOptions],
) -> list[Any]:
    """Return the entities, all of them or the first `limit`; see `RestClient.get_odata_entities`."""
    url = entities_url(entity, odata_filter, select, limit, orderby, expand)
    options["headers"] = page_size_headers(page_size, options.get("headers"))
    try:
        rows = list(islice(paginate(caller, url, **options), limit))
    except ApiError as error:
        error.resume_token = None  # the rows that came are thrown away
        raise
    return rows if annotations else [without_annotations(row) for row in rows]


@dataclass(frozen=True, slots=True)
class _Pages:
    """Reads the pages of a list; credentials among the caller's headers stay with the origin that he called."""

    caller: Caller
    first: str
    options: CallOptions

    def fetch(self, url: str) -> tuple[Any, Response]:
        """Return the page as JSON, and the answer it came in."""
        response = self.caller.send("GET", url, **self._sent(url))
        return parsed(response), response

    def begin(self, url: str, guess: bool) -> Callable[[], tuple[Any, Response]]:
        """Return what gives the page, which is here, but not parsed: the thread can send its next request.

        A guess is sent once, and its failure does not count.
        """
        response = self.caller.send("GET", url, guess=guess, parses_later=True, **self._sent(url))
        return lambda: (parsed(response), response)

    def _sent(self, url: str) -> CallOptions:
        if origin_of(url) == origin_of(self.first):
            return self.options
        everywhere = dict(self.options.get("headers") or {})
        for name in credential_headers(list(everywhere)):
            del everywhere[name]
        return {**self.options, "headers": everywhere}
