"""What a page says about the rest of its list: a link, a cursor, a count. Each API has its own names for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from txo_core.paginators.pages import Page, at_path

LINK_KEYS = ("@odata.nextLink", "odata.nextLink", "nextLink", "@nextLink", "__next")
BOXES = (
    "meta", "metadata", "_metadata", "pagination", "paging", "page", "pageInfo", "page_info", "pages",
    "response_metadata", "info", "cursors", "hits", "links", "_links", "d",
)  # fmt: skip
"""Objects of a page in which APIs keep what they say about paging."""

# Names are compared in small letters, without @, _, - and dots.
CERTAIN_TOTALS = frozenset(
    {"odatacount", "totalcount", "totalelements", "totalitems", "totalrecords", "totalresults", "totalrows"}
)
LIKELY_TOTALS = frozenset({"total", "count"})
TOTALS = CERTAIN_TOTALS | LIKELY_TOTALS
TOTAL_HEADERS = ("X-Total-Count", "X-Total", "Total-Count", "Pagination-Count")
PAGE_COUNTS = frozenset({"pages", "totalpages", "lastpage", "pagecount", "numpages"})
PAGE_COUNT_HEADERS = ("X-Total-Pages", "X-Pages")
MORE_FLAGS = frozenset(
    {
        "more", "hasmore", "hasnext", "hasnextpage", "moreresults", "morerecords", "morerows", "istruncated",
        "hasmoreresults", "hasmorerecords", "hasmoreitems", "microsoftdynamicscrmmorerecords",
    }
)  # fmt: skip
LAST_FLAGS = frozenset({"last", "islast", "islastpage"})
FIRST_FLAGS = frozenset({"first", "isfirst", "isfirstpage"})
BEFORE_FLAGS = frozenset({"hasprevious", "hasprev", "haspreviouspage", "hasprevpage"})
WAYS_BACK = frozenset(
    {
        "prev", "previous", "prevpage", "previouspage", "prevlink", "previouslink", "prevurl", "previousurl",
        "prevpageurl", "previouspageurl",
    }
)  # fmt: skip
SPOKEN = {"true": True, "false": False}
WAYS_ON = frozenset(
    {
        "next", "nextlink", "odatanextlink", "nexturl", "nextpage", "nextcursor", "nextpagetoken", "nexttoken",
        "nextmarker", "continuationtoken", "nextpagekey", "scrollid",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signs:
    """What a page says about its list; None where it says nothing.

    `total` counts rows and `pages` pages. `certain`: it is the total, not perhaps the number of rows of this page;
    `at_least`: there may be more, the server has stopped counting.
    `more` is the server's word that there are further rows, `way_on` the name under which it says so.
    """

    total: int | None = None
    certain: bool = False
    at_least: bool = False
    pages: int | None = None
    more: bool | None = None
    way_on: str = ""


def signs_of(page: Page, total_path: str | None = None) -> Signs:
    """Return what the page says. The path of the total may also name a header; an empty one: none is believed."""
    total, certain, at_least = _total(page, total_path)
    if total == 0 and page.rows:
        total = None  # some servers say 0 where they did not count
    more, way_on = _more(page)
    return Signs(total, certain, at_least, _pages(page), more, way_on)


def next_link(page: Page) -> str | None:
    """Return the address of the next page, absolute or relative, from the body or the Link header (RFC 8288)."""
    for box in _boxes(page.body):
        for key in LINK_KEYS:
            if isinstance(box.get(key), str) and box[key]:
                return str(box[key])
        link = _address(box.get("next"))
        if link:
            return link
    return page.links.get("next", {}).get("url") or None


def flag_of(page: Page) -> bool | None:
    """Return what `has_more`, `hasNext`, `last` or another flag says: whether there are more rows."""
    return _flag(page, MORE_FLAGS, LAST_FLAGS)


def says_first(page: Page) -> bool | None:
    """Return whether this is the first page, as `first`, `hasPrevious` or a link to the page before it says.

    A link that is there and empty says that there is no such page; a number of 0 is none that is empty.
    """
    flag = _flag(page, FIRST_FLAGS, BEFORE_FLAGS)
    if flag is not None:
        return flag
    if page.links.keys() & {"prev", "previous"}:
        return False
    back = [value for name, _, value in _facts(page.body) if name in WAYS_BACK]
    return all(value in (None, "", False, {}) and value != 0 for value in back) if back else None


def cursor_behind(page: Page) -> str | None:
    """Return `paging.cursors.after`, which the Graph API gives even where nothing comes after it."""
    after = at_path(page.body, "paging.cursors.after")
    return str(after) if isinstance(after, str | int) and after else None


def whole_number(value: Any) -> int | None:
    """Return a number of 0 and more, which may also be written as a text; None for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 19:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value >= 0 and value == value // 1 else None


def _flag(page: Page, yes: frozenset[str], no: frozenset[str]) -> bool | None:
    for name, _, value in _facts(page.body):
        if name in yes or name in no:
            spoken = SPOKEN.get(value.casefold()) if isinstance(value, str) else value
            if isinstance(spoken, bool):
                return spoken if name in yes else not spoken
    return None


def _address(value: Any) -> str | None:
    """Return the link that `next` gives as a text or an object; a cursor or a page number is none."""
    if isinstance(value, Mapping):
        value = value.get("href") or value.get("link") or value.get("url")
    is_link = isinstance(value, str) and value.startswith(("http://", "https://", "/", "?", "./"))
    return value if is_link else None


def _boxes(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield body
    for name in BOXES:
        box = body.get(name)
        if isinstance(box, Mapping):
            yield box
            for inner in BOXES:
                if isinstance(box.get(inner), Mapping):
                    yield box[inner]


def _facts(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield the small values around the rows: name as compared, name as written, value."""
    for box in _boxes(body):
        for name, value in box.items():
            if not isinstance(value, list):
                yield _plain(name), name, value


@lru_cache(1024)
def _plain(name: str) -> str:
    name = name.casefold()
    if name.startswith("@") and "." not in name:
        name = f"odata{name}"  # OData 4.01 may leave out `odata.`
    return "".join(character for character in name if character.isalnum())


def _total(page: Page, path: str | None) -> tuple[int | None, bool, bool]:
    """Return the number of all rows, and the two things that `Signs` says of it."""
    if path is not None:
        found = at_path(page.body, path) if path else None
        return _counted(page.headers.get(path) if found is None else found, certain=True)
    likely: tuple[int | None, bool, bool] = None, False, False
    for name, _, value in _facts(page.body):
        if name not in TOTALS:
            continue
        counted = _counted(value, certain=name in CERTAIN_TOTALS)
        if counted[0] is not None and counted[1]:
            return counted
        likely = counted if likely[0] is None else likely
    for header in TOTAL_HEADERS:
        number = whole_number(page.headers.get(header))
        if number is not None:
            return number, True, False
    # More than the rows of this page is more than the page can mean by itself.
    return likely[0], likely[0] is not None and likely[0] > page.size, likely[2]


def _counted(value: Any, certain: bool) -> tuple[int | None, bool, bool]:
    """Return a count; Elasticsearch writes it as `{"value": 10000, "relation": "gte"}`, which is that of all rows."""
    if isinstance(value, Mapping):
        relation = value.get("relation")
        return whole_number(value.get("value")), certain or relation is not None, relation == "gte"
    return whole_number(value), certain, False


def _pages(page: Page) -> int | None:
    named = [value for name, _, value in _facts(page.body) if name in PAGE_COUNTS]
    numbers = map(whole_number, [*named, *map(page.headers.get, PAGE_COUNT_HEADERS)])
    return next((number for number in numbers if number), None)


def _more(page: Page) -> tuple[bool | None, str]:
    """Return whether the server says that there are more rows: by a flag, or else by any way on that is not empty."""
    more: bool | None = None
    flag = flag_of(page)
    if flag is not None:
        return flag, "has_more" if flag else ""
    for name, written, value in _facts(page.body):
        if name in WAYS_ON:
            if value:
                return True, written
            more = False
    if page.links.get("next"):
        return True, "Link"
    return (False if {"prev", "first", "last"} & set(page.links) else more), ""
