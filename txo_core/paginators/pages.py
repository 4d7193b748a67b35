"""One page of a list: its rows, an error that hides among them, and what tells it from another page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from requests import Response

from txo_core.exceptions import ApiOperationError
from txo_core.http.error_body import problem_in, request_id_of
from txo_core.http.origins import address_of
from txo_core.http.policy import call_of

Fetch = Callable[[str], tuple[Any, Response]]
"""Reads the page at a URL: its JSON, and the answer it came in."""

ROW_KEYS = ("value", "items", "results", "data", "d")
ERROR_KEYS = ("error", "@odata.error", "odata.error", "@error", "errors")
IDENTITY_KEYS = frozenset({"@odata.id", "@odata.etag", "key", "no", "number", "uuid", "guid", "code"})
SAMPLES = 8
EVIDENT = 5
SAME_PAGES = 10
EMPTY_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """What came from a URL: the rows, and what stands around them. `at` is where the answer came from in the end."""

    url: str
    rows: list[Any]
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    at: str = ""


def page_of(url: str, body: Any, response: Response, rows_path: str | None = None) -> Page:
    """Return the page; raises ApiOperationError if it has no list of rows, or an error in the place of some."""
    rows = rows_of(body, rows_path)
    around = body if isinstance(body, Mapping) else {}
    error = _error_in(around, rows or [])
    if error is not None:
        raise _error_of_page(url, error, response)
    if rows is None:
        where = f" under {rows_path!r}" if rows_path else ""
        raise ApiOperationError(
            f"GET {address_of(url)} answered without a list of rows{where}; is this the address of a list?",
            status_code=response.status_code,
            code="no-rows",
            request_id=request_id_of(response),
        )
    # The response itself is let go: it holds the bytes of the page a second time.
    return Page(url, rows, around, response.headers, response.links, response.url or url)


def rows_of(body: Any, path: str | None = None) -> list[Any] | None:
    """Return the rows: the body itself, or the list at the path; without a path, at one of the usual names."""
    if path:
        found = at_path(body, path)
        return found if isinstance(found, list) else None
    if isinstance(body, list):
        return body
    if not isinstance(body, Mapping):
        return None
    for key in ROW_KEYS:
        if isinstance(body.get(key), list):
            rows: list[Any] = body[key]
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


def fingerprint(rows: list[Any]) -> bytes:
    """Return 16 bytes that tell the page from others: of its length and of some rows, evenly spread.

    A sample, since all rows would cost as much as reading them from JSON did.
    """
    step = max(1, len(rows) // SAMPLES)
    sample = [len(rows), *rows[::step], *rows[-1:]]
    return blake2b(repr(sample).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def repeats_allowed(rows: list[Any]) -> int:
    """Return how often a page with just these rows may come again before that is a loop and not a coincidence.

    Never, if all its rows differ and carry a key, or are five and more. Rows that are alike, as `$select=city` gives
    them, may fill ten further pages; empty pages with a way on are usual with some servers.
    """
    if not rows:
        return EMPTY_PAGES
    if len({repr(row) for row in rows}) < len(rows):
        return SAME_PAGES
    return 0 if len(rows) >= EVIDENT or any(map(_has_key, rows)) else SAME_PAGES


def _has_key(row: Any) -> bool:
    names = row if isinstance(row, Mapping) else ()
    return any(name.casefold() in IDENTITY_KEYS or name.casefold().endswith("id") for name in names)


def _error_in(body: Mapping[str, Any], rows: list[Any]) -> Any:
    """Return the error that a server put into a page it had already begun with a 200, or None."""
    for key in ERROR_KEYS:
        if isinstance(body.get(key), Mapping | str | list) and body[key]:
            return body[key]
    last = rows[-1] if rows else None
    if not isinstance(last, Mapping) or len(last) != 1 or (len(rows) > 1 and _names(rows[-2]) == _names(last)):
        return None
    error = next((last[key] for key in ERROR_KEYS if isinstance(last.get(key), Mapping)), None)
    return error if error and ("code" in error or "message" in error) else None


def _names(row: Any) -> set[str]:
    return set(row) if isinstance(row, Mapping) else set()


def _error_of_page(url: str, error: Any, response: Response) -> ApiOperationError:
    first = error[0] if isinstance(error, list) else error
    problem = problem_in({"error": first if isinstance(first, Mapping | str) else str(first)})
    call = call_of(response.request)
    return ApiOperationError(
        f"GET {address_of(url)} answered {response.status_code} with an error among the rows: {problem}",
        status_code=response.status_code,
        code=problem.code or "error-in-page",
        attempts=call.attempts,
        retryable=True,
        request_id=request_id_of(response),
        details=call.details,
    )
