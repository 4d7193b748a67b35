"""Delta links: what has changed in a list since it was last read (OData 4.01, 11.3)."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Unpack
from urllib.parse import unquote, urlsplit

from requests import Response
from requests.utils import requote_uri

from txo_core.exceptions import ApiError, ApiOperationError, ValidationError
from txo_core.http.origins import address_of, refuse_downgrade, resolved
from txo_core.paginators.pages import Fetch, Page, page_of
from txo_core.paginators.signs import next_link
from txo_core.rest.arguments import checked_url
from txo_core.rest.caller import Caller, CallOptions, Params, parsed
from txo_core.rest.removals import Removal, Removals
from txo_core.urls import join_url, with_query

PREFERENCE = "odata.track-changes"
DELTA_KEYS = ("@odata.deltaLink", "@deltaLink", "odata.deltaLink", "deltaLink")
OF_DELTA = re.compile(r"\$?(?:delta|deltalink|changes|sync)(?:\(.*\))?$")
EVIDENT, MOST_SMALL_PAGES, MOST_EMPTY_PAGES = 5, 10, 1000
FORGOTTEN = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired", "expiredversionstamp"})
EXAMPLE = """changes = api.delta("customers", since=link)
for row in changes:
    ...
link = changes.link"""


class Changes:
    """The rows of a list that are new or changed, read page by page as they are asked for, once.

    After the last row `removed` says which rows went, and `link` is what to give as `since` the next time. Keep it
    where the run's files are, when the rows are safely stored: it is a text without credentials.
    """

    def __init__(self, pages: Callable[[], Iterator[Page]]) -> None:
        self._pages = pages
        self._begun = False
        self._ended = False
        self._link: str | None = None
        self._removals = Removals()

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows; ValidationError the second time, when there would be none."""
        if self._begun:
            raise ValidationError(
                "These changes were read before, and can be read once only",
                "Keep the rows in a list, or ask for the changes again",
                "rows = list(api.delta(url, since=link))",
            )
        self._begun = True
        return self._rows()

    @property
    def link(self) -> str:
        """The address of the changes after these ones."""
        self._require_end("The link to the next changes")
        if self._link is None:
            raise ApiOperationError(
                "The API gave no delta link after the last page, so it does not track the changes of this list;"
                " read the list with paginate",
                code="no-delta-link",
            )
        return self._link

    @property
    def removed(self) -> list[Removal]:
        """The rows that are no longer in the list; one that was removed and came back is not among them."""
        self._require_end("What was removed")
        return self._removals.all()

    def _require_end(self, what: str) -> None:
        if not self._ended:
            raise ValidationError(f"{what} is known after the last row only", "Read all rows first", EXAMPLE)

    def _rows(self) -> Iterator[Any]:
        for page in self._pages():
            base = _base_of(page)
            yield from (row for row in page.rows if not self._removals.take(row, base))
            self._link = _delta_link(page)
        self._ended = True


def changes_of(
    caller: Caller, url: str, params: Params | None = None, since: str | None = None, **options: Unpack[CallOptions]
) -> Changes:
    """Return the rows behind the URL, or what has changed since the link was given, which holds the parameters, too.

    Raises ValidationError for a link that is none, or whose path is that of another list.
    """
    whole = join_url(caller.base_url, checked_url(url))
    if since is None:
        start = with_query(whole, params)
        options["headers"] = track_changes(options.get("headers"))
    elif isinstance(since, str) and since.strip():
        start = join_url(caller.base_url, since)
        _refuse_other_list(whole, start)
    else:
        raise ValidationError("`since` is no delta link", "Give `link` of the last changes, or leave it out", EXAMPLE)

    def fetch(page_url: str) -> tuple[Any, Response]:
        response = caller.send("GET", page_url, **options)
        return parsed(response), response

    return Changes(lambda: _pages(fetch, start))


def track_changes(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers with the wish for a delta link added to what the caller prefers (RFC 7240)."""
    own = dict(headers or {})
    name = next((name for name in own if name.lower() == "prefer"), "Prefer")
    own[name] = f"{own[name]}, {PREFERENCE}" if own.get(name) else PREFERENCE
    return own


def _refuse_other_list(url: str, link: str) -> None:
    """Refuse a link with the path of another list, whose rows would be taken for those of this one.

    Paths are one list's if one goes on where the other ends, or both end in one name; the steps before it have to be
    the same where they are as many. Gateways and `me` of Microsoft Graph write one path in several ways.
    """
    ours, theirs = _steps(url), _steps(link)
    shared = min(len(ours), len(theirs))
    if ours[:shared] == theirs[:shared]:
        return
    differ = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1] and "me" not in pair]
    if ours[-1] != theirs[-1] or (len(ours) == len(theirs) and differ):
        raise ValidationError(
            f"The delta link belongs to {address_of(link)}, and not to {address_of(url)}",
            "Keep a link of its own for each list; if the API names the list in two ways, give the path of the link",
            EXAMPLE,
        )


def _steps(url: str) -> list[str]:
    """Return the steps of the path in small letters, without a `delta` at its end."""
    steps = [step for step in unquote(urlsplit(url).path).casefold().split("/") if step]
    while steps and OF_DELTA.match(steps[-1]):
        steps.pop()
    return steps


def _pages(fetch: Fetch, url: str) -> Iterator[Page]:
    """Yield the pages; an error ends what goes round in a circle, by its addresses or by the rows themselves."""
    seen, rows_seen = set(), Counter[bytes]()
    while True:
        seen.add(hash(url))
        page = _page(fetch, url)
        rows = blake2b(repr(page.rows).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        rows_seen[rows] += 1
        if rows_seen[rows] > _times(page.rows):
            raise _repeated(page, "gives the same page again")
        yield page
        link = next_link(page)
        if link is None:
            return
        source, url = url, requote_uri(resolved(page.at, link))
        refuse_downgrade(source, url)
        if hash(url) in seen:
            raise _repeated(page, "names a next page that was already read")


def _times(rows: list[Any]) -> int:
    """Return how often a page with just these rows may come: a row that changes twice may be told of twice."""
    if not rows:
        return MOST_EMPTY_PAGES
    return 1 if len(rows) >= EVIDENT else MOST_SMALL_PAGES


def _repeated(page: Page, problem: str) -> ApiOperationError:
    sentence = f"GET {address_of(page.url)} {problem}; the changes are incomplete"
    return ApiOperationError(sentence, code="repeated-page", **page.call.facts)


def _page(fetch: Fetch, url: str) -> Page:
    """Return the page; an error says so where the server has forgotten up to where the changes were read."""
    try:
        return page_of(url, *fetch(url))
    except ApiError as caught:
        error = caught
    if error.status_code != 410 and (error.code or "").casefold() not in FORGOTTEN:
        raise error
    raise ApiOperationError(
        f"{error.message}; the link to the changes is no longer known: read the list afresh, without `since`,"
        " and take away what is not in it",
        status_code=error.status_code,
        code="delta-link-expired",
        attempts=error.attempts,
        request_id=error.request_id,
        details=error.details,
    )


def _delta_link(page: Page) -> str | None:
    for key in DELTA_KEYS:
        link = page.body.get(key)
        if isinstance(link, str) and link:
            link = requote_uri(resolved(page.at, link))
            refuse_downgrade(page.at, link)
            return link
    return None


def _base_of(page: Page) -> str:
    """Return the address to which those of the rows are relative (OData JSON Format 4.01, 4.6.1)."""
    context = page.body.get("@odata.context", page.body.get("@context"))
    return resolved(page.at, context) if isinstance(context, str) else page.at
