"""Lists of an API, read through a client: all pages of any list, and the entities of an OData service."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypedDict, Unpack

from requests import Response

from txo_core.http.origins import credential_headers, origin_of
from txo_core.odata.conditions import Conditions
from txo_core.paginators import Fetch, Paging, rows_of_pages
from txo_core.rest.caller import Caller, CallOptions, Params, parsed
from txo_core.rest.entities import entities_url, page_size_headers, without_annotations
from txo_core.urls import join_url, with_query

Names = str | Iterable[str]


class PagingOptions(TypedDict, total=False):
    """How a list is read; what each of them means stands at `rows_of_pages`."""

    paging: Paging | None
    resume: str | None
    check_count: bool
    workers: int
    allow_repeats: bool


class ListOptions(PagingOptions, CallOptions, total=False):
    """What reading a list takes: how it is paged, and what goes with the request for each page."""


class EntityOptions(ListOptions, total=False):
    """What reading entities takes: `orderby` and `expand` name properties, `annotations` keeps `@odata.etag`..."""

    orderby: Names | None
    expand: Names | None
    annotations: bool


def paginate(
    caller: Caller,
    url: str,
    params: Params | None = None,
    *,
    paging: Paging | None = None,
    resume: str | None = None,
    check_count: bool = False,
    workers: int = 1,
    allow_repeats: bool = False,
    **options: Unpack[CallOptions],
) -> Iterator[Any]:
    """Return the rows of the list, page by page as they are asked for; see `rows_of_pages`."""
    first = with_query(join_url(caller.base_url, url), params)
    return rows_of_pages(
        _fetch(caller, first, options),
        first,
        paging=paging,
        resume=resume,
        check_count=check_count,
        workers=workers,
        allow_repeats=allow_repeats,
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
    **options: Unpack[ListOptions],
) -> list[Any]:
    """Return the entities, all of them or the first `limit`; see `RestClient.get_odata_entities`."""
    url = entities_url(entity, odata_filter, select, limit, orderby, expand)
    options["headers"] = page_size_headers(page_size, options.get("headers"))
    rows = islice(paginate(caller, url, **options), limit)
    return list(rows) if annotations else [without_annotations(row) for row in rows]


def _fetch(caller: Caller, first: str, options: CallOptions) -> Fetch:
    """Return what reads a page. Credentials among the caller's headers stay with the origin that he called."""
    everywhere = dict(options.get("headers") or {})
    for name in credential_headers(list(everywhere)):
        del everywhere[name]

    def fetch(url: str) -> tuple[Any, Response]:
        at_home = origin_of(url) == origin_of(first)
        sent: CallOptions = options if at_home else {**options, "headers": everywhere}
        response = caller.send("GET", url, **sent)
        return parsed(response), response

    return fetch
