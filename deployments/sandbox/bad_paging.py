"""The orders from servers that page badly: loops, repeats, foreign links, caps, gaps, failures."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from .errors import ApiProblem, bad_request
from .exchange import Answer, Exchange, json_answer
from .operations import HEADER_VALUE, count
from .paging import orders, total
from .routing import route
from .state import SandboxState

SIZE = 100


class BadPaging:
    """`/api/v1/paging/{self-link,repeat,foreign,ignores-skip,fails-at,error-at,capped,gaps,no-value}`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """All routes of misbehaving paging."""
        return [
            route("/api/v1/paging/self-link", self.self_link),
            route("/api/v1/paging/repeat", self.repeat),
            route("/api/v1/paging/foreign", self.foreign),
            route("/api/v1/paging/ignores-skip", self.ignores_skip),
            route("/api/v1/paging/fails-at/{page:int}", self.fails_at),
            route("/api/v1/paging/error-at/{page:int}", self.error_at),
            route("/api/v1/paging/capped", self.capped),
            route("/api/v1/paging/gaps", self.gaps),
            route("/api/v1/paging/no-value", self.no_value),
        ]

    def self_link(self, exchange: Exchange) -> Answer:
        """The first page, whose next link is its own."""
        query = exchange.scope["query_string"].decode("latin-1")
        return self._page(0, exchange.origin + exchange.path + (f"?{query}" if query else ""))

    def repeat(self, exchange: Exchange) -> Answer:
        """Page 1, then page 2 for ever, each time under a new token."""
        number = count(exchange, "$skiptoken", 0)
        return self._page(SIZE if number else 0, f"{exchange.origin}{exchange.path}?$skiptoken={number + 1}")

    def foreign(self, exchange: Exchange) -> Answer:
        """The first page, whose next link is the URL in `?to=`."""
        to = exchange.parameter("to")
        if not to or not HEADER_VALUE.fullmatch(to):
            raise bad_request("Say with ?to= where the next link shall lead.", "to")
        return self._page(0, to)

    def ignores_skip(self, exchange: Exchange) -> Answer:
        """Always the first `$top` rows, whatever `$skip` says; no next link."""
        rows, _ = orders(self.state, 0, count(exchange, "$top", SIZE))
        return json_answer(200, {"value": rows})

    def fails_at(self, exchange: Exchange, page: int) -> Answer:
        """Good pages up to that one, which always answers 500."""
        number = max(1, count(exchange, "$skiptoken", 1))
        if number == page:
            raise ApiProblem(500, "Internal_ServerError", f"An unexpected error occurred on page {page}.")
        has_more = number * SIZE < total(self.state)
        url = f"{exchange.origin}{exchange.path}?$skiptoken={number + 1}"
        return self._page((number - 1) * SIZE, url if has_more else None)

    def error_at(self, exchange: Exchange, page: int) -> Answer:
        """Good pages up to that one, which begins with a 200 and ends in an error behind its first rows."""
        number = max(1, count(exchange, "$skiptoken", 1))
        if number != page:
            return self._page((number - 1) * SIZE, f"{exchange.origin}{exchange.path}?$skiptoken={number + 1}")
        rows, _ = orders(self.state, (number - 1) * SIZE, SIZE // 2)
        error = {"code": "Internal_ServerError", "message": "The connection to the database was lost."}
        return json_answer(200, {"value": rows, "error": error})

    def capped(self, exchange: Exchange) -> Answer:
        """At most 100 rows from `$skip` on, whatever `$top` says, and no next link; `$count=true` tells."""
        size = min(SIZE, count(exchange, "$top", SIZE))
        rows, _ = orders(self.state, count(exchange, "$skip", 0), size)
        counted = {"@odata.count": total(self.state)} if exchange.parameter("$count") == "true" else {}
        return json_answer(200, {**counted, "value": rows})

    def gaps(self, exchange: Exchange) -> Answer:
        """At most 100 rows a page, while the pages begin where `per_page` says: rows 501 to 600 are page 2 of 500."""
        page, size = max(1, count(exchange, "page", 1)), max(1, count(exchange, "per_page", SIZE))
        rows, _ = orders(self.state, (page - 1) * size, min(SIZE, size))
        return json_answer(200, {"data": rows, "page": page})

    def no_value(self, exchange: Exchange) -> Answer:
        """A 200 without `value`."""
        return json_answer(200, {"message": "Nothing to see here."})

    def _page(self, start: int, next_link: str | None) -> Answer:
        rows, _ = orders(self.state, start, SIZE)
        page: dict[str, Any] = {"value": rows}
        if next_link is not None:
            page["@odata.nextLink"] = next_link
        return json_answer(200, page)
