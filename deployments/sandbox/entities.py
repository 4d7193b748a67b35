"""The OData resources: entity sets and their entities, read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.routing import Route

from . import constants
from .entity_path import EntityPath, parse_entity_path
from .errors import ApiProblem, bad_request, not_found
from .exchange import Answer, Exchange, json_answer, text_answer
from .query import delta_of, page_of, read_options, read_preferences, select_rows
from .routing import EVERY_METHOD, route
from .schema import Row
from .state import SandboxState
from .store import EntitySet, detail, writable
from .values import require_kinds

ODATA = {"OData-Version": "4.0", "Content-Type": "application/json; odata.metadata=minimal; charset=utf-8"}


class EntityResources:
    """`/api/v1/{set}` and `/api/v1/{set}('{key}')`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """The routes, to be asked after all others under /api/v1."""
        return [
            route("/api/v1", self.service_document),
            route("/api/v1/", self.service_document),
            route("/api/v1/{rest:path}", self.resource, *EVERY_METHOD),
        ]

    def service_document(self, exchange: Exchange) -> Answer:
        """The entity sets there are."""
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in self.state.store.sets]
        context = f"{exchange.origin}{constants.API_PREFIX}/$metadata"
        return json_answer(200, {"@odata.context": context, "value": sets}, ODATA)

    def resource(self, exchange: Exchange, rest: str) -> Answer:
        """Whatever the path names, by the method."""
        path = parse_entity_path(exchange.scope.get("raw_path", exchange.path.encode()))
        entity_set = self.state.store.entity_set(path.set_name)
        handler = self._handlers(path).get(exchange.method)
        if handler is None:
            raise ApiProblem(405, "BadRequest_MethodNotAllowed", f"{exchange.method} is not supported here.")
        return handler(exchange, entity_set, path)

    def _handlers(self, path: EntityPath) -> Mapping[str, Callable[[Exchange, EntitySet, EntityPath], Answer]]:
        if path.is_count:
            return {"GET": self.count}
        if path.key is None:
            return {"GET": self.list, "HEAD": self.list, "POST": self.create}
        reads = {"GET": self.read, "HEAD": self.read}
        return {**reads, "PATCH": self.merge, "PUT": self.replace, "DELETE": self.delete}

    def list(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """One page of the set, or its changes since a delta link."""
        options = read_options(exchange.query, entity_set.schema)
        relative = "relative-links" in exchange.notes
        headers = dict(ODATA)
        applied = read_preferences(exchange.headers.get("prefer", ""))
        if applied.page_size:
            headers["Preference-Applied"] = f"odata.maxpagesize={applied.page_size}"
        if options.deltatoken is not None:
            return json_answer(200, delta_of(exchange, entity_set, options, relative), headers)
        is_customers = path.set_name == "customers"
        size = (
            min(constants.CUSTOMERS_PAGE_SIZE, self.state.options.page_size)
            if is_customers
            else self.state.options.page_size
        )
        page = page_of(exchange, entity_set, options, size, relative)
        if wants_links(exchange):
            page["value"] = [{**own_links(exchange, entity_set, row), **row} for row in page["value"]]
        return json_answer(200, page, headers)

    def count(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """The number of rows, as text."""
        rows = select_rows(entity_set, read_options(exchange.query, entity_set.schema))
        return text_answer(200, str(len(rows)), "text/plain")

    def read(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """The whole entity, or 304 if the caller has it already."""
        key = self._existing(entity_set, path)
        etag = entity_set.etag(key)
        if matches(exchange.headers.get("if-none-match"), etag):
            return Answer(304, ((b"etag", etag.encode()),))
        options = read_options(exchange.query, entity_set.schema)
        entity = detail(entity_set, key)
        if options.select is not None:
            entity = {"@odata.etag": etag, **{name: entity.get(name) for name in options.select}}
        if wants_links(exchange):
            entity = {**own_links(exchange, entity_set, entity_set.rows[key]), **entity}
        return json_answer(200, entity, {**ODATA, "ETag": etag})

    def create(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """A new entity: 201, or 409 if its key is taken."""
        values = exchange.json_object()
        require_kinds(entity_set.schema, values)
        key = values.get(entity_set.schema.key) or entity_set.next_key()
        if entity_set.has(key):
            message = f"The record already exists: {path.set_name}, {entity_set.schema.key}='{key}'."
            raise ApiProblem(409, "Internal_EntityWithSameKeyExists", message, entity_set.schema.key)
        empty: Row = dict.fromkeys(entity_set.schema.properties)
        return self._created(exchange, entity_set, key, {**empty, **writable(entity_set.schema, values)})

    def merge(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """The entity with the given properties changed."""
        key = self._existing(entity_set, path)
        require_unchanged(exchange, entity_set, key)
        values = self._new_values(exchange, entity_set, key)
        entity_set.put(key, {**entity_set.rows[key], **values})
        self.state.stats.wrote(path.set_name, "PATCH", key)
        return self._entity(entity_set, key, 200)

    def replace(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """The entity with all properties replaced, or a new one of that key."""
        key = path.key or ""
        is_new = not entity_set.has(key)
        if is_new and exchange.headers.get("if-match") is not None:
            raise precondition_failed()
        if not is_new:
            require_unchanged(exchange, entity_set, key)
        empty: Row = dict.fromkeys(entity_set.schema.properties)
        values = {**empty, **self._new_values(exchange, entity_set, key)}
        if is_new:
            return self._created(exchange, entity_set, key, values, "PUT")
        entity_set.put(key, values)
        self.state.stats.wrote(path.set_name, "PUT", key)
        return self._entity(entity_set, key, 200)

    def delete(self, exchange: Exchange, entity_set: EntitySet, path: EntityPath) -> Answer:
        """Takes the entity away: 204, or 404 if it is not there."""
        key = self._existing(entity_set, path)
        require_unchanged(exchange, entity_set, key)
        entity_set.remove(key)
        self.state.stats.wrote(path.set_name, "DELETE", key)
        return Answer(204)

    def _new_values(self, exchange: Exchange, entity_set: EntitySet, key: str) -> dict[str, Any]:
        values = exchange.json_object()
        require_kinds(entity_set.schema, values)
        if values.get(entity_set.schema.key, key) != key:
            raise bad_request("The key of an entity cannot be changed.", entity_set.schema.key)
        return writable(entity_set.schema, values)

    def _created(self, exchange: Exchange, entity_set: EntitySet, key: str, values: Row, verb: str = "POST") -> Answer:
        name = entity_set.schema.name
        entity_set.put(key, values)
        self.state.stats.wrote(name, verb, key)
        natural = values.get("externalId") or values.get("name") or values.get("description") or key
        self.state.stats.created(name, str(natural))
        url = entity_url(exchange, entity_set, key)
        return self._entity(entity_set, key, 201).with_header("Location", url)

    def _entity(self, entity_set: EntitySet, key: str, status: int) -> Answer:
        return json_answer(status, detail(entity_set, key), {**ODATA, "ETag": entity_set.etag(key)})

    def _existing(self, entity_set: EntitySet, path: EntityPath) -> str:
        if path.key is None or not entity_set.has(path.key):
            raise not_found(f"The record in table {path.set_name} with key '{path.key}' does not exist.", path.set_name)
        return path.key


def wants_links(exchange: Exchange) -> bool:
    """Whether the caller asks for full metadata, in which each entity says where it is."""
    return "odata.metadata=full" in exchange.headers.get("accept", "").replace(" ", "")


def own_links(exchange: Exchange, entity_set: EntitySet, row: Row) -> Row:
    """The address of an entity, as its id and as where to change it; nothing for a row that does not show its key."""
    key = row.get(entity_set.schema.key)
    url = None if key is None else entity_url(exchange, entity_set, key)
    return {} if url is None else {"@odata.id": url, "@odata.editLink": url}


def entity_url(exchange: Exchange, entity_set: EntitySet, key: str) -> str:
    """The address of an entity, by the host that the caller addressed."""
    predicate = quote(key.replace("'", "''"), safe="")
    return f"{exchange.origin}{constants.API_PREFIX}/{entity_set.schema.name}('{predicate}')"


def require_unchanged(exchange: Exchange, entity_set: EntitySet, key: str) -> None:
    """Raises ApiProblem 412 if the caller's If-Match names another version."""
    wanted = exchange.headers.get("if-match")
    if wanted is not None and not matches(wanted, entity_set.etag(key)):
        raise precondition_failed()


def precondition_failed() -> ApiProblem:
    """The 412 of a stale ETag."""
    message = "The record was changed by another user since it was read. Read it again and repeat the change."
    return ApiProblem(412, "Request_EntityChanged", message)


def matches(header: str | None, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header covers the ETag; weak and strong count the same."""
    if header is None:
        return False
    candidates = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in candidates or etag.removeprefix("W/") in candidates
