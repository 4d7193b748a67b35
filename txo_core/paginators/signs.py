"""What a page says about the rest of its list: a link, a cursor, a count. Each API has its own names for it."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from txo_core.paginators.pages import Page, at_path
from txo_core.paginators.words import (
    BEFORE_FLAGS,
    BOXES,
    CERTAIN_TOTALS,
    FIRST_FLAGS,
    HEADER_BOXES,
    LAST_FLAGS,
    LINKS,
    MORE_FLAGS,
    PAGE_COUNTS,
    TOTALS,
    WAYS_BACK,
    WAYS_ON,
    plain,
    word_of_header,
)

LINK_KEYS = ("@odata.nextLink", "odata.nextLink", "nextLink", "@nextLink", "__next")
SPOKEN = {"true": True, "false": False}
_RANGE = re.compile(r"/(\d{1,18})\s*\Z", re.ASCII)


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
    for box in _boxes(page):
        for key in LINK_KEYS:
            if isinstance(box.get(key), str) and box[key]:
                return str(box[key])
    for name, _, value in _facts(page):
        address = _address(value) if name in LINKS else None
        if address:
            return address
    return _related(page.body) or page.links.get("next", {}).get("url") or None


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
    back = [value for name, _, value in _facts(page) if name in WAYS_BACK]
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
    for name, _, value in _facts(page):
        if name in yes or name in no:
            spoken = SPOKEN.get(value.casefold()) if isinstance(value, str) else value
            if isinstance(spoken, bool):
                return spoken if name in yes else not spoken
    return None


def _address(value: Any) -> str | None:
    """Return the link that `next` gives as a text or an object; a cursor or a page number is none."""
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("href", "link", "url", "uri") if value.get(name)), None)
    is_link = isinstance(value, str) and value.startswith(("http://", "https://", "/", "?", "./"))
    return value if is_link else None


def _related(body: Mapping[str, Any]) -> str | None:
    """Return the address in a list of links, `[{"rel": "next", "href": ...}]`, as Oracle and NetSuite have it."""
    for name in ("links", "_links", "link"):
        links = body.get(name)
        for link in links if isinstance(links, list) else ():
            if isinstance(link, Mapping) and str(link.get("rel")).casefold() == "next" and link.get("href"):
                return str(link["href"])
    return None


def _boxes(page: Page) -> Iterator[Mapping[str, Any]]:
    yield page.body
    yield from _inner(page.body)
    for name in HEADER_BOXES:
        if name in page.headers:
            with suppress(ValueError, RecursionError):
                box = json.loads(page.headers[name])
                if isinstance(box, Mapping):
                    yield box


def _inner(body: Mapping[str, Any], depth: int = 2) -> Iterator[Mapping[str, Any]]:
    for name, value in body.items():
        if isinstance(value, Mapping) and plain(name) in BOXES:
            yield value
            if depth > 1:
                yield from _inner(value, depth - 1)


def _facts(page: Page) -> Iterator[tuple[str, str, Any]]:
    """Yield the small values around the rows, and what headers say: name as compared, name as written, value."""
    for box in _boxes(page):
        for name, value in box.items():
            word = plain(name)
            if not isinstance(value, list) or word in WAYS_ON:
                yield word, name, value
    for name, value in page.headers.items():
        word = word_of_header(name)
        if word:
            yield word, name, value
    counted = _RANGE.search(page.headers.get("Content-Range", ""))
    if counted:
        yield "totalcount", "Content-Range", counted[1]


def _total(page: Page, path: str | None) -> tuple[int | None, bool, bool]:
    """Return the number of all rows, and the two things that `Signs` says of it."""
    if path is not None:
        found = at_path(page.body, path) if path else None
        return _counted(page.headers.get(path) if found is None else found, certain=True)
    likely: tuple[int | None, bool, bool] = None, False, False
    for name, _, value in _facts(page):
        if name not in TOTALS:
            continue
        counted = _counted(value, certain=name in CERTAIN_TOTALS)
        if counted[0] is not None and counted[1]:
            return counted
        likely = counted if likely[0] is None else likely
    # More than the rows of this page is more than the page can mean by itself.
    return likely[0], likely[0] is not None and likely[0] > page.size, likely[2]


def _counted(value: Any, certain: bool) -> tuple[int | None, bool, bool]:
    """Return a count; Elasticsearch writes it as `{"value": 10000, "relation": "gte"}`, which is that of all rows."""
    if isinstance(value, Mapping):
        relation = value.get("relation")
        return whole_number(value.get("value")), certain or relation is not None, relation == "gte"
    return whole_number(value), certain, False


def _pages(page: Page) -> int | None:
    named = [value for name, _, value in _facts(page) if name in PAGE_COUNTS]
    return next((number for number in map(whole_number, named) if number), None)


def _more(page: Page) -> tuple[bool | None, str]:
    """Return whether the server says that there are more rows: by a flag, or else by any way on that is not empty."""
    more: bool | None = None
    flag = flag_of(page)
    if flag is not None:
        return flag, "has_more" if flag else ""
    for name, written, value in _facts(page):
        if name in WAYS_ON:
            if value:
                return True, written
            more = False
    if page.links.get("next") or _related(page.body):
        return True, "Link" if page.links.get("next") else "links"
    return (False if {"prev", "first", "last"} & set(page.links) else more), ""
