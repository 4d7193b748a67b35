"""Delta links: what has changed in a list since it was last read (OData 4.01, 11.3)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

from requests import Response
from requests.utils import requote_uri

from txo_core.exceptions import ApiError, ApiOperationError, ValidationError
from txo_core.http.origins import address_of, refuse_downgrade, resolved
from txo_core.paginators.pages import Fetch, Page, page_of
from txo_core.paginators.signs import next_link
from txo_core.rest.caller import Caller, CallOptions, Params, parsed
from txo_core.urls import join_url, with_query

PREFERENCE = "odata.track-changes"
DELTA_KEYS = ("@odata.deltaLink", "@deltaLink", "odata.deltaLink", "deltaLink")
REMOVED_KEYS = ("@removed", "@odata.removed")
FORGOTTEN = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired", "expiredversionstamp"})
EXAMPLE = """changes = api.delta("customers", since=link)
for row in changes:
    ...
link = changes.link"""


@dataclass(frozen=True)
class Removal:
    """A row that is no longer in the list: its key, and why.

    The key is a text, or a dictionary where it has several properties. The reason is `deleted`, or `changed` for a row
    that the list's filter no longer lets through.
    """

    key: Any
    reason: str = "deleted"


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
        self._removed: dict[tuple[Any, ...], Removal] = {}
        self._key_names: set[tuple[str, ...]] = set()

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
        return list(self._removed.values())

    def _require_end(self, what: str) -> None:
        if not self._ended:
            raise ValidationError(f"{what} is known after the last row only", "Read all rows first", EXAMPLE)

    def _rows(self) -> Iterator[Any]:
        for page in self._pages():
            for row in page.rows:
                removal = _removal(row)
                if removal is None:
                    self._came_back(row)
                    yield row
                else:
                    names, values = removal
                    self._key_names.add(names)
                    self._removed[_identity(names, values)] = _removed(row, names, values)
            self._link = _delta_link(page)
        self._ended = True

    def _came_back(self, row: Any) -> None:
        for names in self._key_names if isinstance(row, Mapping) else ():
            self._removed.pop(_identity(names, tuple(row.get(name) for name in names)), None)


def changes_of(
    caller: Caller, url: str, params: Params | None = None, since: str | None = None, **options: Unpack[CallOptions]
) -> Changes:
    """Return the rows behind the URL, or what has changed since the link was given, which holds the parameters, too."""
    if since is None:
        start = with_query(join_url(caller.base_url, url), params)
        options["headers"] = track_changes(options.get("headers"))
    elif isinstance(since, str) and since.strip():
        start = join_url(caller.base_url, since)
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


def _pages(fetch: Fetch, url: str) -> Iterator[Page]:
    seen = set()
    while True:
        seen.add(hash(url))
        page = _page(fetch, url)
        yield page
        link = next_link(page)
        if link is None:
            return
        source, url = url, requote_uri(resolved(page.at, link))
        refuse_downgrade(source, url)
        if hash(url) in seen:
            raise ApiOperationError(
                f"GET {address_of(source)} names a next page that was already read; the changes are incomplete",
                code="repeated-page",
            )


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


def _removal(row: Any) -> tuple[tuple[str, ...], tuple[Any, ...]] | None:
    """Return the names and values of the key if the row tells of a removal.

    In OData 4.01 that is a row with `@removed`, in 4.0 an entry whose context ends in `$deletedEntity`.
    """
    if not isinstance(row, Mapping):
        return None
    is_removed = any(key in row for key in REMOVED_KEYS)
    if not is_removed and not str(row.get("@odata.context", row.get("@context"))).endswith("/$deletedEntity"):
        return None
    names = tuple(name for name in row if not name.startswith("@") and (is_removed or name != "reason"))
    if not names:
        names = tuple(name for name in row if name in ("@odata.id", "@id"))
    return names, tuple(row[name] for name in names)


def _removed(row: Mapping[str, Any], names: tuple[str, ...], values: tuple[Any, ...]) -> Removal:
    told = next((row[key] for key in REMOVED_KEYS if key in row), row)
    reason = told.get("reason") if isinstance(told, Mapping) else None
    key = values[0] if len(values) == 1 else dict(zip(names, values, strict=True))
    return Removal(key, str(reason or "deleted"))


def _identity(names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    return (names, repr(values))
