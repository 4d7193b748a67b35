"""Finding the one entity that has a key, and reading it; and what all requests for it have come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from requests import Response

from txo_core.exceptions import ApiError, ApiOperationError
from txo_core.http.failures import READS
from txo_core.http.origins import address_of, resolved
from txo_core.http.policy import Call, Facts, call_of
from txo_core.odata import eq, filter_expression
from txo_core.odata.literals import key_segment
from txo_core.rest.caller import parsed
from txo_core.rest.entity_keys import Entity, control, guid_segments, shows_key, stranger

Send = Callable[..., Response]
"""Sends one call of a client: `Caller.send`."""

MOST_PAGES = 100
"""How many pages the search for one key reads; servers that filter while they scan give empty ones in front."""
READING = {"Accept": "application/json;odata.metadata=full"}
NO_SUCH_ADDRESS = frozenset({400, 404, 405, 501})


@dataclass(slots=True)
class Requests:
    """The requests for one entity: sends them with the caller's options, and remembers what became of each.

    `wrote`: one of them may have changed something.
    """

    send: Send
    options: Mapping[str, Any]
    ended: list[Call | ApiError] = field(default_factory=list)
    wrote: bool = False

    def json(self, method: str, url: str, defaults: Mapping[str, str], **arguments: Any) -> Any:
        """Send a request, the caller's headers on top of the defaults, and return the JSON of its answer."""
        headers = {**defaults, **(self.options.get("headers") or {})}
        try:
            response = self.send(method, url, headers=headers, timeout=self.options.get("timeout"), **arguments)
            value = parsed(response)
        except ApiError as error:
            self._note(method, error, error.in_doubt)
            raise
        self._note(method, call_of(response.request), True)
        return value

    def _note(self, method: str, ended: Call | ApiError, done: bool) -> None:
        self.ended.append(ended)
        self.wrote = self.wrote or (done and method not in READS)

    @property
    def facts(self) -> Facts:
        """What an error tells of all of them together."""
        details = [each.details if isinstance(each, ApiError) else each.facts["details"] for each in self.ended]
        return {
            "attempts": sum(each.attempts for each in self.ended),
            "details": tuple(detail for some in details for detail in some),
            "in_doubt": any(each.in_doubt for each in self.ended),
        }


@dataclass(frozen=True)
class Search:
    """The list at a URL, as far as one key goes."""

    requests: Requests
    url: str
    key: Entity

    def find(self) -> Entity | None:
        """Return the row with the key, its address resolved; None if there is none."""
        condition = {name: eq(value) for name, value in self.key.items()}
        params = {"$filter": filter_expression(condition), "$top": 2}
        page = self.requests.json("GET", self.url, READING, params=params)
        rows = self._first_rows(page)
        for row in rows:
            self._require_ours(row, whole=False)
        if len(rows) > 1:
            unsure = "" if all(shows_key(row, self.key) for row in rows) else ", or does not understand the filter"
            raise self._error(f"finds more than one entity with this key{unsure}", "key-not-unique")
        if not rows:
            return None
        base = resolved(self.url, str(control(page, "context") or ""))
        own = control(rows[0], "editLink") or control(rows[0], "id")
        return {**rows[0], "@odata.id": resolved(base, own) if own else None}

    def own(self, found: Entity, fields: Entity) -> tuple[Entity, str]:
        """Return the entity with all of these fields, and its own address."""
        address = control(found, "id")
        if address is None:
            return self._by_key(found)
        wanted = [name for name in (*self.key, *fields) if not name.startswith("@")]
        if control(found, "etag") and all(name in found for name in wanted):
            return found, address
        return self.read(address), address

    def read(self, address: str) -> Entity:
        """Return the entity at the address; raises ApiOperationError if it is another one."""
        entity = self.requests.json("GET", address, READING)
        self._require_ours(entity)
        return dict(entity)

    def _first_rows(self, page: Any) -> list[Any]:
        """Return the rows of the page, and if that is less than two, of the pages behind it."""
        rows, link, seen = self._rows(page), control(page, "nextLink"), set[str]()
        while link and len(rows) < 2:
            if link in seen:
                raise self._error("names a next page that was already read", "repeated-page")
            if len(seen) == MOST_PAGES:
                raise self._error("gives ever more pages without a row", "endless-pages")
            seen.add(link)
            more = self.requests.json("GET", resolved(self.url, link), READING)
            rows, link = [*rows, *self._rows(more)], control(more, "nextLink")
        return rows

    def _rows(self, page: Any) -> list[Any]:
        rows = page.get("value") if isinstance(page, Mapping) else page
        if not isinstance(rows, list):
            raise self._error("answered without a list of rows; is this the address of a list?", "no-rows")
        return rows

    def _by_key(self, found: Entity) -> tuple[Entity, str]:
        """Return the entity and its address where the server does not name it: below its list, by one of its keys."""
        path, mark, query = self.url.partition("?")
        segments = [key_segment(self.key), *guid_segments(found.get("id"))]
        error: ApiError
        for segment in segments:
            address = f"{path.rstrip('/')}{segment}{mark}{query}"
            try:
                return self.read(address), address
            except ApiError as caught:
                if caught.status_code not in NO_SUCH_ADDRESS:
                    raise
                error = caught
        raise error

    def _require_ours(self, entity: Any, whole: bool = True) -> None:
        problem = stranger(entity, self.key, whole)
        if problem:
            raise self._error(problem, "wrong-entity")

    def _error(self, problem: str, code: str) -> ApiOperationError:
        fields, end = ", ".join(self.key), "" if self.requests.wrote else "; nothing was written"
        return ApiOperationError(f"GET {address_of(self.url)} by {fields} {problem}{end}", code=code)
