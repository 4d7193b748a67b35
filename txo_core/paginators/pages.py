"""One page of a list: its rows, and an error that hides among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from requests import Response

from txo_core.exceptions import ApiOperationError
from txo_core.http.error_body import problem_in, told_by
from txo_core.http.origins import address_of
from txo_core.http.policy import Call, call_of

Fetch = Callable[[str], tuple[Any, Response]]
"""Reads the page at a URL: its JSON, and the answer it came in."""

Begin = Callable[[str, bool], Callable[[], tuple[Any, Response]]]
"""Reads the page at a URL, perhaps a mere guess; what it returns gives the same as a Fetch, as soon as it is wanted."""

ROW_KEYS = ("value", "items", "results", "data", "d")
ERROR_KEYS = ("error", "@odata.error", "odata.error", "@error", "errors")
ALL_WELL = frozenset({"", "0", "200", "ok", "none", "null", "false", "success", "no error"})
"""What some APIs write in the place of an error where there is none."""


@dataclass(frozen=True, slots=True)
class Page:
    """What came from a URL: the rows, and what stands around them. `at` is where the answer came from in the end.

    `doubled` rows were taken from its beginning, since they came before. `blank` is the error that an answer without
    any content is, unless it stands behind the last page. `call` is the one that brought the page, for errors.
    """

    url: str
    rows: list[Any]
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    at: str = ""
    doubled: int = 0
    blank: ApiOperationError | None = None
    call: Call = field(default_factory=Call)

    @property
    def size(self) -> int:
        """How many rows the server gave."""
        return len(self.rows) + self.doubled


def reader(fetch: Fetch, rows_path: str | None) -> Callable[[str], Page]:
    """Return what reads the page at a URL."""
    return lambda url: page_of(url, *fetch(url), rows_path)


def beginner(begin: Begin, rows_path: str | None) -> Callable[[str, bool], Callable[[], Page]]:
    """Return what reads the page at a URL without looking into it; the page is what this gives when it is called."""

    def read(url: str, guess: bool) -> Callable[[], Page]:
        answer = begin(url, guess)
        return lambda: page_of(url, *answer(), rows_path)

    return read


def at_once(fetch: Fetch) -> Begin:
    """Return a Begin of a Fetch, which parses where it reads."""

    def begin(url: str, guess: bool) -> Callable[[], tuple[Any, Response]]:
        answer = fetch(url)
        return lambda: answer

    return begin


def page_of(url: str, body: Any, response: Response, rows_path: str | None = None) -> Page:
    """Return the page; raises ApiOperationError if it has no list of rows, or an error in the place of some."""
    rows = rows_of(body, rows_path)
    around = body if isinstance(body, Mapping) else {}
    error = _error_in(around, rows or [])
    if error is not None:
        raise _error_of_page(url, error, response)
    blank = None
    if rows is None:
        where = f" under {rows_path!r}" if rows_path else ""
        blank = _odd(url, response, f"without a list of rows{where}; is this the address of a list?", "no-rows")
        if not _is_blank(body, rows_path):
            raise blank
    elif not rows_path:
        _refuse_choice(url, around, response)
    # The response itself is let go: it holds the bytes of the page a second time.
    at, call = response.url or url, call_of(response.request)
    return Page(url, rows or [], around, response.headers, _links(response), at, blank=blank, call=call)


def rows_of(body: Any, path: str | None = None) -> list[Any] | None:
    """Return the rows: the body itself, or the list at the path; without a path, at one of the usual names."""
    if path:
        found = at_path(body, path)
        return found if isinstance(found, list) else None
    if isinstance(body, list):
        return body
    if not isinstance(body, Mapping):
        return None
    lists = _lists(body)
    if lists:
        rows: list[Any] = body[lists[0]]
        return rows
    older = body.get("d")
    return rows_of(older) if isinstance(older, Mapping) else None


def at_path(body: Any, path: str) -> Any:
    """Return what is at a path such as `meta.total`; names with dots in them, `@odata.count`, are found too."""
    if not isinstance(body, Mapping):
        return None
    if path in body:
        return body[path]
    parts = path.split(".")
    for cut in range(1, len(parts)):
        inner = body.get(".".join(parts[:cut]))
        found = at_path(inner, ".".join(parts[cut:]))
        if found is not None:
            return found
    return None


def _lists(body: Mapping[str, Any]) -> list[str]:
    """Return the names under which rows may be; lists of texts and numbers, such as facets, only where no other is."""
    if isinstance(body.get("value"), list):
        return ["value"]
    names = [key for key in ROW_KEYS if isinstance(body.get(key), list)]
    if len(names) < 2:
        return names
    return [key for key in names if not body[key] or isinstance(body[key][0], Mapping)] or names


def _refuse_choice(url: str, body: Mapping[str, Any], response: Response) -> None:
    names = _lists(body)
    if len(names) > 1:
        raise _odd(
            url,
            response,
            f"with lists under {names[0]!r} and {names[1]!r}, and nothing says which one is meant. Name it:"
            f" paging=NextLink(rows={names[1]!r}), or rows={names[0]!r}",
            "ambiguous-rows",
        )


def _is_blank(body: Any, rows_path: str | None) -> bool:
    """Tell whether the answer has no content at all, as some servers give it behind the last page."""
    if body is None or body in ({}, ""):
        return True
    if not isinstance(body, Mapping):
        return False
    keys = [rows_path] if rows_path else [key for key in ROW_KEYS if key in body]
    return any(key in body and body[key] is None for key in keys)


def _links(response: Response) -> Mapping[str, Mapping[str, str]]:
    """Return the links of the header by relation; one may have several, in any case (RFC 8288, 3.3)."""
    links: dict[str, dict[str, str]] = {}
    for key, link in response.links.items() if "Link" in response.headers else ():
        plain = {name.casefold(): value for name, value in link.items()}
        for relation in plain.get("rel", key).casefold().split():
            links.setdefault(relation, plain)
    return links


def _odd(url: str, response: Response, what: str, code: str) -> ApiOperationError:
    return ApiOperationError(
        f"GET {address_of(url)} answered {what}",
        code=code,
        **told_by(response),
        **call_of(response.request).facts,
    )


def _error_in(body: Mapping[str, Any], rows: list[Any]) -> Any:
    """Return the error that a server put into a page it had already begun with a 200, or None."""
    for key in ERROR_KEYS:
        if isinstance(body.get(key), Mapping | str | list) and body[key] and not _all_well(body[key]):
            return body[key]
    last = rows[-1] if rows else None
    if not isinstance(last, Mapping) or len(last) != 1 or (len(rows) > 1 and _names(rows[-2]) == _names(last)):
        return None
    error = next((last[key] for key in ERROR_KEYS if isinstance(last.get(key), Mapping)), None)
    return error if error and ("code" in error or "message" in error) else None


def _all_well(error: Any) -> bool:
    said = error.get("code") if isinstance(error, Mapping) else error
    return isinstance(said, str | int) and not isinstance(said, bool) and str(said).casefold() in ALL_WELL


def _names(row: Any) -> set[str]:
    return set(row) if isinstance(row, Mapping) else set()


def _error_of_page(url: str, error: Any, response: Response) -> ApiOperationError:
    first = error[0] if isinstance(error, list) else error
    problem = problem_in({"error": first if isinstance(first, Mapping | str) else str(first)})
    return ApiOperationError(
        f"GET {address_of(url)} answered {response.status_code} with an error among the rows: {problem}",
        code=problem.code or "error-in-page",
        retryable=True,
        **told_by(response),
        **call_of(response.request).facts,
    )
