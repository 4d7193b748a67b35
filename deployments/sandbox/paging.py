"""The orders in other paging styles: Link header, cursor, offset, page number."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from starlette.routing import Route

from .errors import bad_request
from .exchange import Answer, Exchange, json_answer
from .operations import count
from .routing import route
from .schema import Row
from .state import SandboxState
from .store import list_row

DEFAULT_SIZE = 100
MOST = 500


class OtherPaging:
    """`/api/v1/paging/{link,cursor,offset,page}`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """All routes of well-behaved paging."""
        return [
            route("/api/v1/paging/link", self.link),
            route("/api/v1/paging/cursor", self.cursor),
            route("/api/v1/paging/offset", self.offset),
            route("/api/v1/paging/page", self.page),
        ]

    def link(self, exchange: Exchange) -> Answer:
        """A bare JSON list; the next page is in the Link header (RFC 8288)."""
        page, size = max(1, count(exchange, "page", 1)), size_of(exchange, "per_page")
        rows, has_more = orders(self.state, (page - 1) * size, size)
        url = f"{exchange.origin}{exchange.path}?per_page={size}&page="
        relations = {"first": 1} | ({"next": page + 1} if has_more else {}) | ({"prev": page - 1} if page > 1 else {})
        links = ", ".join(f'<{url}{number}>; rel="{relation}"' for relation, number in relations.items())
        return json_answer(200, rows, {"Link": links})

    def cursor(self, exchange: Exchange) -> Answer:
        """`{"data": [...], "next_cursor": "..."}`; the cursor is null on the last page."""
        size, start = size_of(exchange, "limit"), _decode(exchange.parameter("cursor"))
        rows, has_more = orders(self.state, start, size)
        return json_answer(200, {"data": rows, "next_cursor": _encode(start + size) if has_more else None})

    def offset(self, exchange: Exchange) -> Answer:
        """`{"data": [...], "total": n, "offset": o, "limit": l}`."""
        start, size = count(exchange, "offset", 0), size_of(exchange, "limit")
        rows, _ = orders(self.state, start, size)
        return json_answer(200, {"data": rows, "total": total(self.state), "offset": start, "limit": size})

    def page(self, exchange: Exchange) -> Answer:
        """`{"data": [...], "page": p, "pages": n}`."""
        page, size = max(1, count(exchange, "page", 1)), size_of(exchange, "per_page")
        rows, _ = orders(self.state, (page - 1) * size, size)
        return json_answer(200, {"data": rows, "page": page, "pages": -(-total(self.state) // size)})


def orders(state: SandboxState, start: int, size: int) -> tuple[list[Row], bool]:
    """So many orders from there on, and whether there are more."""
    entity_set = state.store.entity_set("orders")
    rows = list(entity_set.rows.values())
    return [list_row(entity_set, row, None) for row in rows[start : start + size]], start + size < len(rows)


def total(state: SandboxState) -> int:
    """How many orders there are."""
    return len(state.store.entity_set("orders").rows)


def size_of(exchange: Exchange, name: str) -> int:
    """The page size asked for, 100 by default, 500 at most."""
    return min(MOST, max(1, count(exchange, name, DEFAULT_SIZE)))


def _encode(start: int) -> str:
    return base64.urlsafe_b64encode(f"order:{start}".encode()).decode()


def _decode(cursor: str) -> int:
    if not cursor:
        return 0
    problem: Any = bad_request("The cursor is not one of this server's.", "cursor", "BadRequest_InvalidToken")
    try:
        kind, _, start = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise problem from error
    if kind != "order" or not start.isdigit():
        raise problem
    return int(start)
