"""The rows as they are now: versions, ETags and a log of changes, all in memory."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .constants import GONE_CUSTOMER
from .data import build_rows, timestamp
from .errors import ApiProblem
from .schema import COMPUTED, SCHEMAS, EntitySchema, Row

FIRST_CHANGE_MINUTE = 10_000


@dataclass
class EntitySet:
    """One entity set: rows by key in order of creation, and what happened to them; `gone` are listed but not there."""

    schema: EntitySchema
    rows: dict[str, Row]
    versions: dict[str, int] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def has(self, key: str | None) -> bool:
        """Whether there is an entity of that key."""
        return key in self.rows and key not in self.gone

    def etag(self, key: str) -> str:
        """The weak ETag of the row as it is now."""
        return f'W/"{zlib.crc32(key.encode()):08x}.{self.versions.get(key, 1)}"'

    def put(self, key: str, values: Mapping[str, object]) -> Row:
        """Stores a row under its key as a new version, and returns it."""
        version = self.versions.get(key, 1 if key in self.rows else 0)
        self.changes.append(key)
        row = {
            "id": None,
            **values,
            self.schema.key: key,
            "lastModified": timestamp(FIRST_CHANGE_MINUTE + len(self.changes)),
        }
        row["id"] = row["id"] or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.schema.name}/{key}"))
        self.rows[key] = row
        self.gone.discard(key)
        self.versions[key] = version + 1
        return row

    def remove(self, key: str) -> None:
        """Takes a row away."""
        self.changes.append(key)
        self.versions[key] = self.versions.get(key, 1) + 1
        del self.rows[key]

    def next_key(self) -> str:
        """A key that no row has."""
        number = len(self.rows)
        while self.schema.key_of(number) in self.rows:
            number += 1
        return self.schema.key_of(number)

    def changed_since(self, sequence: int) -> list[str]:
        """The keys that changed after that many changes, each once, oldest first."""
        return list(dict.fromkeys(self.changes[sequence:]))


class Store:
    """The entity sets by name. Rows are replaced, never changed in place, so a shallow copy is a snapshot."""

    def __init__(self, seed: int) -> None:
        self._pristine = build_rows(seed)
        self.sets: dict[str, EntitySet] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the rows of the start."""
        self.sets = {name: _entity_set(SCHEMAS[name], rows) for name, rows in self._pristine.items()}

    def entity_set(self, name: str) -> EntitySet:
        """The set of that name. Raises ApiProblem 404 if there is none."""
        found = self.sets.get(name)
        if found is None:
            message = f"Resource not found for the segment '{name}'."
            raise ApiProblem(404, "BadRequest_ResourceNotFound", message, name)
        return found

    def snapshot(self) -> dict[str, EntitySet]:
        """The present state, for `restore`."""
        return {
            name: EntitySet(each.schema, dict(each.rows), dict(each.versions), list(each.changes), set(each.gone))
            for name, each in self.sets.items()
        }

    def restore(self, snapshot: dict[str, EntitySet]) -> None:
        """Back to a snapshot."""
        self.sets = snapshot


def _entity_set(schema: EntitySchema, rows: Iterable[Row]) -> EntitySet:
    gone = {GONE_CUSTOMER} if schema.name == "customers" else set()
    return EntitySet(schema, {row[schema.key]: row for row in rows}, gone=gone)


def detail(entity_set: EntitySet, key: str) -> Row:
    """The whole entity with its ETag."""
    return {"@odata.etag": entity_set.etag(key), **entity_set.rows[key]}


def list_row(entity_set: EntitySet, row: Row, select: tuple[str, ...] | None) -> Row:
    """What a list shows of a row: the selected properties, else the usual ones."""
    names = entity_set.schema.list_row if select is None else select
    shown: Row = {"@odata.etag": entity_set.etag(row[entity_set.schema.key])}
    shown.update((name, row.get(name)) for name in names)
    return shown


def writable(schema: EntitySchema, values: Mapping[str, object]) -> dict[str, object]:
    """The values without control information and computed properties."""
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("@") and name not in COMPUTED and name != schema.key
    }
