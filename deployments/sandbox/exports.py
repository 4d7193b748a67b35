"""Long-running operations: `/api/v1/exports`, with a 202 and polling."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from .credentials import presented
from .errors import bad_request, not_found
from .exchange import Answer, Exchange, json_answer
from .operations import Operation, problem_for_unfinished
from .routing import route
from .state import SandboxState
from .stats import fingerprint


class LongRunning:
    """The exports, whose work takes a while."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """All routes of exports."""
        return [
            route("/api/v1/exports", self.submit, "POST"),
            route("/api/v1/exports/{identifier}", self.poll),
            route("/api/v1/exports/{identifier}", self.cancel, "DELETE"),
            route("/api/v1/exports/{identifier}/result", self.result),
            route("/stats/operations", self.report),
        ]

    def submit(self, exchange: Exchange) -> Answer:
        """202 and where to ask; the export is counted as submitted."""
        entity = exchange.json_object().get("entity")
        if not isinstance(entity, str):
            raise bad_request("The body must name an 'entity', such as orders.", "entity")
        rows = len(self.state.store.entity_set(entity).rows)
        operation = self.state.operations.submit(exchange, entity, rows)
        self.state.stats.exports["submitted"] += 1
        return json_answer(202, operation.body(exchange.origin), operation.headers(exchange.origin))

    def poll(self, exchange: Exchange, identifier: str) -> Answer:
        """The status; the poll and its headers are recorded."""
        operation = self.state.operations.export(identifier)
        if operation.sticky and operation.cookie not in exchange.headers.get("cookie", ""):
            raise not_found("Another server of the farm knows this export.", "exports")
        operation.polls += 1
        operation.poll_headers.append(shown_headers(exchange))
        self.state.stats.exports["polled"] += 1
        body = operation.body(exchange.origin)
        if operation.status == "Running":
            return json_answer(operation.pending_code, body, operation.headers(exchange.origin))
        return self._ended(exchange, operation, body)

    def _ended(self, exchange: Exchange, operation: Operation, body: dict[str, Any]) -> Answer:
        if operation.status != "Succeeded" or operation.done_code == 200:
            return json_answer(200, body)
        if operation.done_code == 204:
            return Answer(204)
        headers = {"Location": f"{exchange.origin}{operation.path}/result"}
        return json_answer(operation.done_code, body if operation.done_code == 201 else {}, headers)

    def cancel(self, exchange: Exchange, identifier: str) -> Answer:
        """Cancels an export that is still running: 204."""
        operation = self.state.operations.export(identifier)
        if operation.status == "Running":
            operation.canceled = True
        return Answer(204)

    def result(self, exchange: Exchange, identifier: str) -> Answer:
        """What the export made."""
        operation = self.state.operations.export(identifier)
        if operation.status != "Succeeded":
            raise problem_for_unfinished(operation)
        return json_answer(200, {"id": operation.id, "entity": operation.entity, "rows": operation.rows})

    def report(self, exchange: Exchange) -> Answer:
        """Each export with its polls and the headers they came with."""
        return json_answer(200, [operation.report() for operation in self.state.operations.exports.values()])


def shown_headers(exchange: Exchange) -> dict[str, str]:
    """The request headers; of a credential only kind and fingerprint."""
    shown = dict(exchange.headers)
    for kind, secret in presented(exchange.headers):
        name = {"api-key": "x-api-key", "cookie": "cookie"}.get(kind, "authorization")
        shown[name] = f"{kind} sha256:{fingerprint(secret)}"
    return shown
