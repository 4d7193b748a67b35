"""Resources that take a while to become ready, or to go: `/api/v1/provisioned/{id}`, in the manner of Azure's ARM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from .errors import not_found
from .exchange import Answer, Exchange, json_answer
from .operations import choice, count, plain_header
from .routing import route
from .state import SandboxState

STYLES = ("provisioning-state", "status", "operation-location", "azure-asyncoperation", "location", "order")
OUTCOMES = {"succeeded": "Succeeded", "failed": "Failed", "canceled": "Canceled"}
ERROR = {"code": "QuotaExceeded", "message": "There is no room for another one."}


@dataclass
class Provisioned:
    """One resource, and how it was asked to behave while it changes."""

    id: str
    style: str = STYLES[0]
    doing: str = "Creating"
    polls_needed: int = 2
    outcome: str = "Succeeded"
    retry_after: str = "none"
    vanishing_page: bool = False
    polls: int = 0

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/api/v1/provisioned/{self.id}"

    @property
    def state(self) -> str:
        """What is being done, or how it ended."""
        return self.doing if self.polls <= self.polls_needed else self.outcome

    @property
    def gone(self) -> bool:
        """Whether it has been deleted."""
        return self.doing == "Deleting" and self.state == "Succeeded"

    def body(self) -> dict[str, Any]:
        """The resource; an order has a status of its own that never changes."""
        if self.style == "order":
            return {"no": self.id, "customer": "C0001", "status": "Pending"}
        if self.style == "status":
            return {"id": self.id, "status": self.state} | ({"error": ERROR} if self.state == "Failed" else {})
        properties: dict[str, Any] = {"provisioningState": self.state}
        if self.state == "Failed":
            properties["error"] = ERROR
        return {"id": self.id, "name": self.id, "properties": properties}

    def headers(self, origin: str) -> dict[str, str]:
        """Where its status is told, if not in the body, and when to ask again."""
        page = f"{origin}{self.path}/operation"
        names = {"operation-location": "Operation-Location", "azure-asyncoperation": "Azure-AsyncOperation"}
        place = {names.get(self.style, "Location"): page} if self.style in (*names, "location") else {}
        return place | ({} if self.retry_after == "none" else {"Retry-After": self.retry_after})


class Provisioning:
    """The routes of these resources."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """All of them."""
        path = "/api/v1/provisioned/{identifier}"
        return [
            route(path, self.put, "PUT", "PATCH"),
            route(path, self.get),
            route(path, self.delete, "DELETE"),
            route(f"{path}/operation", self.operation),
        ]

    def put(self, exchange: Exchange, identifier: str) -> Answer:
        """201 for a new one, 200 for one that is there, or the status that is asked for; it is not ready yet."""
        exchange.json_object()
        known = self.state.operations.provisioned
        is_new = identifier not in known
        if is_new and exchange.method == "PATCH":
            raise not_found(f"There is no provisioned resource '{identifier}'.", "provisioned")
        found = known[identifier] = self._wanted(exchange, identifier, "Creating" if is_new else "Updating")
        self.state.stats.wrote("provisioned", exchange.method, identifier)
        code = int(choice(exchange, "status_code", ("201" if is_new else "200", "200", "201", "202")))
        return json_answer(code, found.body(), found.headers(exchange.origin))

    def get(self, exchange: Exchange, identifier: str) -> Answer:
        """The resource as it is now."""
        found = self._found(identifier)
        found.polls += 1
        if found.gone:
            raise not_found(f"The provisioned resource '{identifier}' was deleted.", "provisioned")
        return json_answer(200, found.body())

    def delete(self, exchange: Exchange, identifier: str) -> Answer:
        """202; it is gone after `?polls=` looks at its status page, which goes with it for `?page=vanishes`."""
        self._found(identifier)
        found = self._wanted(exchange, identifier, "Deleting")
        if found.style not in ("operation-location", "azure-asyncoperation"):
            found.style = "location"
        found.vanishing_page = choice(exchange, "page", ("stays", "vanishes", "vanishes-early")) != "stays"
        if exchange.parameter("page") == "vanishes-early":
            found.outcome = "Failed"
        self.state.operations.provisioned[identifier] = found
        self.state.stats.wrote("provisioned", "DELETE", identifier)
        return json_answer(202, {}, found.headers(exchange.origin))

    def operation(self, exchange: Exchange, identifier: str) -> Answer:
        """The status page."""
        found = self._found(identifier)
        found.polls += 1
        ended = found.state != found.doing
        if ended and found.vanishing_page:
            raise not_found("This operation is not known.", "operations")
        if found.style == "location":
            return Answer(204) if ended else json_answer(202, {}, found.headers(exchange.origin))
        error = {"error": ERROR} if found.state == "Failed" else {}
        return json_answer(200, {"status": found.state if ended else "InProgress"} | error)

    def _wanted(self, exchange: Exchange, identifier: str, doing: str) -> Provisioned:
        return Provisioned(
            identifier,
            choice(exchange, "style", STYLES),
            doing,
            count(exchange, "polls", 2),
            OUTCOMES[choice(exchange, "outcome", tuple(OUTCOMES))],
            plain_header(exchange, "retry_after", "none"),
        )

    def _found(self, identifier: str) -> Provisioned:
        found: Provisioned | None = self.state.operations.provisioned.get(identifier)
        if found is None:
            raise not_found(f"There is no provisioned resource '{identifier}'.", "provisioned")
        return found
