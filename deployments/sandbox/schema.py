"""The entity sets of the sandbox: their keys, their properties and what a list row shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Row = dict[str, Any]
Kind = Literal["string", "number", "boolean", "date", "datetime", "guid"]


@dataclass(frozen=True)
class EntitySchema:
    """One entity set: `properties` maps each name to its kind, `list_row` names what a list shows."""

    name: str
    key: str
    key_prefix: str
    first_number: int
    key_digits: int
    properties: Mapping[str, Kind]
    list_row: tuple[str, ...]

    def key_of(self, number: int) -> str:
        """The key of the entity with this running number, such as C0042."""
        return f"{self.key_prefix}{self.first_number + number:0{self.key_digits}d}"


COMPUTED = frozenset({"lastModified", "orderCount"})

CUSTOMER = EntitySchema(
    name="customers",
    key="no",
    key_prefix="C",
    first_number=1,
    key_digits=4,
    properties={
        "no": "string",
        "id": "guid",
        "name": "string",
        "city": "string",
        "postalCode": "string",
        "email": "string",
        "balance": "number",
        "currency": "string",
        "creditLimit": "number",
        "blocked": "boolean",
        "createdOn": "date",
        "lastModified": "datetime",
        "orderCount": "number",
        "externalId": "string",
    },
    list_row=("no", "name", "city", "blocked"),
)

ORDER = EntitySchema(
    name="orders",
    key="no",
    key_prefix="SO",
    first_number=100001,
    key_digits=6,
    properties={
        "no": "string",
        "id": "guid",
        "customerNo": "string",
        "itemNo": "string",
        "quantity": "number",
        "amount": "number",
        "currency": "string",
        "status": "string",
        "orderDate": "date",
        "lastModified": "datetime",
        "externalId": "string",
    },
    list_row=("no", "customerNo", "itemNo", "quantity", "amount", "currency", "status", "orderDate"),
)

ITEM = EntitySchema(
    name="items",
    key="no",
    key_prefix="I",
    first_number=1,
    key_digits=5,
    properties={
        "no": "string",
        "id": "guid",
        "description": "string",
        "category": "string",
        "unitPrice": "number",
        "inventory": "number",
        "blocked": "boolean",
        "barcode": "string",
        "lastModified": "datetime",
        "externalId": "string",
    },
    list_row=("no", "description", "category", "unitPrice", "inventory", "blocked"),
)

SCHEMAS: Mapping[str, EntitySchema] = {schema.name: schema for schema in (CUSTOMER, ORDER, ITEM)}
