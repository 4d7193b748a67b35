"""Create or update: one entity for one key, however many threads write it and however many answers are lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from txo_core.exceptions import ApiError, EntityNotFoundError
from txo_core.http.own_success import holds
from txo_core.http.scopes import looked_for
from txo_core.rest.entities import without_annotations
from txo_core.rest.entity_keys import (
    Changes,
    Entity,
    Key,
    before_and_after,
    control,
    json_fields,
    json_form,
    key_values,
    lock_for,
)
from txo_core.rest.entity_search import Requests, Search, Send
from txo_core.results import ItemResult, Outcome

TRIES = 5
WRITING = {"Prefer": "return=representation"}
REFUSED = frozenset({400, 409, 412, 422})
"""What servers answer to a POST whose key is taken, among other things."""


def create_or_update(
    send: Send, url: str, entity: Entity, key: Key, *, dry_run: bool = False, **options: Any
) -> ItemResult:
    """Return what came of it: `created`, `updated` or `unchanged`, with the entity as it is now as value.

    The value is without `@odata` annotations. Dates, Decimals, UUIDs and numpy's numbers are sent as JSON has them. The
    result's `changes` are the fields that were written, before and after. A `dry_run` looks and compares, and says
    `would be created` or `would be updated`.

    Finds the entity in the list at the URL by its key fields; `key` names them, or gives their values. What is not
    there is created. Of what is there, only fields that differ are changed, if nobody has changed the entity since
    (If-Match); after a 412 it is read and compared again, five times at most, so that the last writer wins each field.

    A POST is never repeated blindly: where it was refused or its answer was lost, the key is looked for again. Threads
    of one process that write one key take turns; between processes only a server that keeps keys unique helps.

    Raises ValidationError for a key without a value, ApiOperationError (code `key-not-unique`) where more than one
    entity has the key, and nothing is written then; else what the client raises. What an error tells (`attempts`,
    `details`, `in_doubt`) is of all its requests together.
    """
    values = key_values(entity, key)
    fields = json_fields(entity)
    requests = Requests(send, options)
    with lock_for(url, values), looked_for():
        try:
            return Upsert(Search(requests, url, values), fields, options, dry_run).run()
        except ApiError as error:
            vars(error).update(requests.facts)
            raise


@dataclass(frozen=True)
class Upsert:
    """One create or update: `search` finds it by its key, `fields` are those that it shall have."""

    search: Search
    fields: Entity
    options: Mapping[str, Any]
    dry_run: bool = False

    def run(self) -> ItemResult:
        """Find it, then change or create it; one that goes away in between is created anew."""
        found = self.search.find()
        if found is not None:
            try:
                return self._update(found)
            except EntityNotFoundError:
                if self.search.find() is not None:
                    raise
        return self._create()

    def _create(self) -> ItemResult:
        body = {**{name: json_form(value) for name, value in self.search.key.items()}, **self.fields}
        changes = before_and_after({}, body)
        if self.dry_run:
            return self._result("would be created", body, changes)
        try:
            answer = self.search.requests.json("POST", self.search.url, WRITING, json=body, **self._own_options())
        except ApiError as error:
            if not _may_be_there(error):
                raise
            return self._after(error, changes)
        return self._result("created", answer if _is_entity(answer) else body, changes)

    def _after(self, error: ApiError, changes: Changes) -> ItemResult:
        """Return what the failed POST comes to: its answer was lost, or another has created the entity first."""
        found = self._look(error)
        if found is None:
            raise error
        entity, _ = self.search.own(found, self.fields)
        if error.in_doubt and not self._changes(entity):
            return self._result("created", entity, changes)
        return self._update(found)

    def _update(self, found: Entity) -> ItemResult:
        entity, address = self.search.own(found, self.fields)
        outcome: Outcome = "unchanged"
        tries, written = 0, before_and_after({}, {})
        while True:
            tries += 1
            changes = self._changes(entity)
            if not changes:
                return self._result(outcome, entity, written)
            differing = before_and_after(entity, changes)
            if self.dry_run:
                return self._result("would be updated", {**entity, **changes}, differing)
            etag = control(entity, "etag")
            try:
                answer = self.search.requests.json("PATCH", address, WRITING, json=changes, etag=etag)
            except ApiError as error:
                if tries == TRIES or not (error.status_code == 412 or error.in_doubt):
                    raise
                if error.in_doubt or error.attempts > 1:
                    outcome, written = "updated", differing
                entity = self._read_after(error, address, etag)
            else:
                return self._result("updated", answer if _is_entity(answer) else {**entity, **changes}, differing)

    def _read_after(self, error: ApiError, address: str, etag: str | None) -> Entity:
        """Return the entity as others left it; raises the error again where nothing has changed."""
        try:
            entity = self.search.read(address)
        except EntityNotFoundError:
            raise
        except ApiError:
            raise error from None
        if control(entity, "etag") == etag and self._changes(entity):
            raise error
        return entity

    def _changes(self, entity: Entity) -> dict[str, Any]:
        """Return the fields that are not yet as they shall be; those of the key stay as they are."""
        names = [name for name in self.fields if name not in self.search.key and not name.startswith("@")]
        return {name: self.fields[name] for name in names if not holds(entity.get(name), self.fields[name])}

    def _look(self, error: ApiError) -> Entity | None:
        try:
            return self.search.find()
        except ApiError:
            raise error from None

    def _result(self, outcome: Outcome, entity: Any, changes: Changes) -> ItemResult:
        values = [str(json_form(value)) for value in self.search.key.values()]
        named = ",".join(f"{name}={value}" for name, value in zip(self.search.key, values, strict=True))
        key = values[0] if len(values) == 1 else named
        return ItemResult(key, outcome, value=without_annotations(entity), changes=changes)

    def _own_options(self) -> dict[str, Any]:
        """Return what the caller says about the POST alone, such as its idempotency key."""
        return {name: value for name, value in self.options.items() if name not in ("headers", "timeout")}


def _is_entity(answer: Any) -> bool:
    """Tell whether a write was answered with the entity; some servers send nothing."""
    return isinstance(answer, Mapping) and not all(name.startswith("@") for name in answer)


def _may_be_there(error: ApiError) -> bool:
    return error.in_doubt or error.status_code in REFUSED
