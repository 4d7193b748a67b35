"""Create or update: one entity for one key, however many threads write it and however many answers are lost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from requests import Response

from txo_core.exceptions import ApiError, ApiOperationError, EntityNotFoundError
from txo_core.http.origins import address_of, resolved
from txo_core.http.own_success import holds
from txo_core.odata import eq, filter_expression
from txo_core.odata.literals import key_segment
from txo_core.rest.caller import parsed
from txo_core.rest.entities import without_annotations
from txo_core.rest.entity_keys import (
    Entity,
    Key,
    control,
    guid_segments,
    json_fields,
    json_form,
    key_values,
    lock_for,
    shows_key,
    stranger,
)
from txo_core.results import ItemResult, Outcome

Send = Callable[..., Response]
"""Sends one call of a client: `Caller.send`."""

TRIES = 5
MOST_PAGES = 100
"""How many pages the search for one key reads; servers that filter while they scan give empty ones in front."""
READING = {"Accept": "application/json;odata.metadata=full"}
WRITING = {"Prefer": "return=representation"}
REFUSED = frozenset({400, 409, 412, 422})
"""What servers answer to a POST whose key is taken, among other things."""
NO_SUCH_ADDRESS = frozenset({400, 404, 405, 501})


def create_or_update(send: Send, url: str, entity: Entity, key: Key, **options: Any) -> ItemResult:
    """Return what came of it: `created`, `updated` or `unchanged`, with the entity as it is now as value.

    The value is without `@odata` annotations. Dates, Decimals, UUIDs and numpy's numbers are sent as JSON has them.

    Finds the entity in the list at the URL by its key fields; `key` names them, or gives their values. What is not
    there is created. Of what is there, only fields that differ are changed, if nobody has changed the entity since
    (If-Match); after a 412 it is read and compared again, five times at most, so that the last writer wins each field.

    A POST is never repeated blindly: where it was refused or its answer was lost, the key is looked for again. Threads
    of one process that write one key take turns; between processes only a server that keeps keys unique helps.

    Raises ValidationError for a key without a value, ApiOperationError (code `key-not-unique`) where more than one
    entity has the key, and nothing is written then; else what the client raises.
    """
    values = key_values(entity, key)
    fields = json_fields(entity)
    with lock_for(url, values):
        return Upsert(send, url, values, fields, options).run()


@dataclass(frozen=True)
class Upsert:
    """One create or update: `key` are the values it is found by, `fields` those that it shall have."""

    send: Send
    url: str
    key: Entity
    fields: Entity
    options: Mapping[str, Any]

    def run(self) -> ItemResult:
        """Find it, then change or create it; one that goes away in between is created anew."""
        found = self._find()
        if found is not None:
            try:
                return self._update(found)
            except EntityNotFoundError:
                if self._find() is not None:
                    raise
        return self._create()

    def _create(self) -> ItemResult:
        body = {**{name: json_form(value) for name, value in self.key.items()}, **self.fields}
        try:
            answer = self._json("POST", self.url, WRITING, json=body, **self._own_options())
        except ApiError as error:
            if not _may_be_there(error):
                raise
            return self._after(error)
        return self._result("created", answer if _is_entity(answer) else body)

    def _after(self, error: ApiError) -> ItemResult:
        """Return what the failed POST comes to: its answer was lost, or another has created the entity first."""
        found = self._look(error)
        if found is None:
            raise error
        entity, _ = self._own(found)
        if error.in_doubt and not self._changes(entity):
            return self._result("created", entity)
        return self._update(found)

    def _update(self, found: Entity) -> ItemResult:
        entity, address = self._own(found)
        outcome: Outcome = "unchanged"
        tries = 0
        while True:
            tries += 1
            changes = self._changes(entity)
            if not changes:
                return self._result(outcome, entity)
            etag = control(entity, "etag")
            try:
                answer = self._json("PATCH", address, WRITING, json=changes, etag=etag)
            except ApiError as error:
                if tries == TRIES or not (error.status_code == 412 or error.in_doubt):
                    raise
                if error.in_doubt or error.attempts > 1:
                    outcome = "updated"
                entity = self._read_after(error, address, etag)
            else:
                return self._result("updated", answer if _is_entity(answer) else {**_plain(entity), **changes})

    def _read_after(self, error: ApiError, address: str, etag: str | None) -> Entity:
        """Return the entity as others left it; raises the error again where nothing has changed."""
        try:
            entity = self._read(address)
        except EntityNotFoundError:
            raise
        except ApiError:
            raise error from None
        if control(entity, "etag") == etag and self._changes(entity):
            raise error
        return entity

    def _changes(self, entity: Entity) -> dict[str, Any]:
        """Return the fields that are not yet as they shall be; those of the key stay as they are."""
        names = [name for name in self.fields if name not in self.key and not name.startswith("@")]
        return {name: self.fields[name] for name in names if not holds(entity.get(name), self.fields[name])}

    def _find(self) -> Entity | None:
        """Return the row with the key, its address resolved; None if there is none."""
        condition = {name: eq(value) for name, value in self.key.items()}
        params = {"$filter": filter_expression(condition), "$top": 2}
        page = self._json("GET", self.url, READING, params=params)
        rows = self._first_rows(page)
        for row in rows:
            self._require_ours(row, whole=False)
        if len(rows) > 1:
            unsure = "" if all(shows_key(row, self.key) for row in rows) else ", or does not understand the filter"
            problem = f"finds more than one entity with this key{unsure}; nothing was written"
            raise self._error(problem, "key-not-unique")
        if not rows:
            return None
        base = resolved(self.url, str(control(page, "context") or ""))
        own = control(rows[0], "editLink") or control(rows[0], "id")
        return {**rows[0], "@odata.id": resolved(base, own) if own else None}

    def _first_rows(self, page: Any) -> list[Any]:
        """Return the rows of the page, and if that is less than two, of the pages behind it."""
        rows, link, seen = self._rows(page), control(page, "nextLink"), set[str]()
        while link and len(rows) < 2:
            if link in seen:
                raise self._error("names a next page that was already read; nothing was written", "repeated-page")
            if len(seen) == MOST_PAGES:
                raise self._error("gives ever more pages without a row; nothing was written", "endless-pages")
            seen.add(link)
            more = self._json("GET", resolved(self.url, link), READING)
            rows, link = [*rows, *self._rows(more)], control(more, "nextLink")
        return rows

    def _rows(self, page: Any) -> list[Any]:
        rows = page.get("value") if isinstance(page, Mapping) else page
        if not isinstance(rows, list):
            raise self._error("answered without a list of rows; is this the address of a list?", "no-rows")
        return rows

    def _look(self, error: ApiError) -> Entity | None:
        try:
            return self._find()
        except ApiError:
            raise error from None

    def _own(self, found: Entity) -> tuple[Entity, str]:
        """Return the whole entity and its own address."""
        address = control(found, "id")
        if address is None:
            return self._by_key(found)
        fields = [name for name in (*self.key, *self.fields) if not name.startswith("@")]
        if control(found, "etag") and all(name in found for name in fields):
            return found, address
        return self._read(address), address

    def _by_key(self, found: Entity) -> tuple[Entity, str]:
        """Return the entity and its address where the server does not name it: below its list, by one of its keys."""
        path, mark, query = self.url.partition("?")
        segments = [key_segment(self.key), *guid_segments(found.get("id"))]
        error: ApiError
        for segment in segments:
            address = f"{path.rstrip('/')}{segment}{mark}{query}"
            try:
                return self._read(address), address
            except ApiError as caught:
                if caught.status_code not in NO_SUCH_ADDRESS:
                    raise
                error = caught
        raise error

    def _read(self, address: str) -> Entity:
        entity = self._json("GET", address, READING)
        self._require_ours(entity)
        return dict(entity)

    def _require_ours(self, entity: Any, whole: bool = True) -> None:
        problem = stranger(entity, self.key, whole)
        if problem:
            raise self._error(f"{problem}; nothing was written", "wrong-entity")

    def _error(self, problem: str, code: str) -> ApiOperationError:
        fields = ", ".join(self.key)
        return ApiOperationError(f"GET {address_of(self.url)} by {fields} {problem}", code=code)

    def _result(self, outcome: Outcome, entity: Any) -> ItemResult:
        values = [str(json_form(value)) for value in self.key.values()]
        named = ",".join(f"{name}={value}" for name, value in zip(self.key, values, strict=True))
        return ItemResult(values[0] if len(values) == 1 else named, outcome, value=without_annotations(entity))

    def _json(self, method: str, url: str, defaults: Mapping[str, str], **arguments: Any) -> Any:
        """Send a request, the caller's headers on top of the defaults, and return the JSON of its answer."""
        headers = {**defaults, **(self.options.get("headers") or {})}
        return parsed(self.send(method, url, headers=headers, timeout=self.options.get("timeout"), **arguments))

    def _own_options(self) -> dict[str, Any]:
        """Return what the caller says about the POST alone, such as its idempotency key."""
        return {name: value for name, value in self.options.items() if name not in ("headers", "timeout")}


def _is_entity(answer: Any) -> bool:
    """Tell whether a write was answered with the entity; some servers send nothing."""
    return isinstance(answer, Mapping) and bool(_plain(answer))


def _plain(entity: Entity) -> dict[str, Any]:
    return {name: value for name, value in entity.items() if not name.startswith("@")}


def _may_be_there(error: ApiError) -> bool:
    return error.in_doubt or error.status_code in REFUSED
