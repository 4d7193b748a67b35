"""Long-running operations: how far each one is, and how it tells."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from .errors import ApiProblem, bad_request, not_found
from .exchange import Exchange

STYLES = ("location", "relative", "operation-location", "azure-asyncoperation", "foreign", "moving", "none")
OUTCOMES = {"succeeded": "Succeeded", "failed": "Failed", "canceled": "Canceled", "weird": "Exploded"}
DONE_CODES = ("200", "201", "204", "303")
OPERATION_ERROR = {"code": "ExportFailed", "message": "The export ran out of disk space at row 1,024."}
HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,200}")


@dataclass
class Operation:
    """One submitted operation and the way it was asked to behave."""

    id: str
    entity: str
    rows: int
    style: str
    polls_needed: int
    outcome: str
    retry_after: str
    done_code: int
    pending_code: int
    foreign_origin: str = ""
    sticky: bool = False
    polls: int = 0
    canceled: bool = False
    poll_headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Running, or the word for how it ended."""
        if self.canceled:
            return "Canceled"
        return "Running" if self.polls <= self.polls_needed else OUTCOMES[self.outcome]

    @property
    def cookie(self) -> str:
        """What a sticky operation wants to see again, since only one server of a farm knows it."""
        return f"node={self.id}"

    @property
    def path(self) -> str:
        """Where its status is."""
        return f"/api/v1/exports/{self.id}"

    def body(self, origin: str) -> dict[str, Any]:
        """The status as JSON; with the place of the result, or the error."""
        body: dict[str, Any] = {"id": self.id, "entity": self.entity, "status": self.status}
        if self.status == "Succeeded":
            body["resourceLocation"] = f"{origin}{self.path}/result"
        if self.status == "Failed":
            body["error"] = OPERATION_ERROR
        return body

    def headers(self, origin: str) -> dict[str, str]:
        """The headers that say where to ask next, and when."""
        headers = {"Set-Cookie": self.cookie} if self.sticky else {}
        if self.retry_after == "date":
            headers["Retry-After"] = formatdate(time.time() + 1, usegmt=True)
        elif self.retry_after != "none":
            headers["Retry-After"] = self.retry_after
        url = f"{origin}{self.path}"
        places = {
            "location": {"Location": url},
            "relative": {"Location": self.path},
            "operation-location": {"Operation-Location": url},
            "azure-asyncoperation": {"Azure-AsyncOperation": url},
            "foreign": {"Location": f"{self.foreign_origin}{self.path}"},
            "moving": {"Location": f"{url}?hop={self.polls + 1}"},
            "none": {},
        }
        return headers | places[self.style]

    def report(self) -> dict[str, Any]:
        """What a test wants to know of it."""
        return {
            "id": self.id,
            "entity": self.entity,
            "status": self.status,
            "polls": self.polls,
            "poll_headers": self.poll_headers,
        }


class Operations:
    """The exports and provisioned resources by their ids."""

    def __init__(self) -> None:
        self.exports: dict[str, Operation] = {}
        self.provisioned: dict[str, Any] = {}

    def submit(self, exchange: Exchange, entity: str, rows: int) -> Operation:
        """A new export as the query parameters want it. Raises ApiProblem 400 for one that is malformed."""
        operation = Operation(
            id=f"export-{len(self.exports) + 1}",
            entity=entity,
            rows=rows,
            style=choice(exchange, "style", STYLES),
            polls_needed=count(exchange, "polls", 3),
            outcome=choice(exchange, "outcome", tuple(OUTCOMES)),
            retry_after=plain_header(exchange, "retry_after", "1"),
            done_code=int(choice(exchange, "status_code_done", DONE_CODES)),
            pending_code=202,
            sticky=choice(exchange, "sticky", ("no", "yes")) == "yes",
            foreign_origin=plain_header(exchange, "to", "").rstrip("/"),
        )
        if operation.style in ("operation-location", "azure-asyncoperation"):
            operation.pending_code = 200
        if exchange.parameter("status_code_running"):
            operation.pending_code = int(choice(exchange, "status_code_running", ("200", "202")))
        self.exports[operation.id] = operation
        return operation

    def export(self, identifier: str) -> Operation:
        """The export of that id. Raises ApiProblem 404 if there is none."""
        found = self.exports.get(identifier)
        if found is None:
            raise not_found(f"There is no export '{identifier}'.", "exports")
        return found


def choice(exchange: Exchange, name: str, choices: tuple[str, ...]) -> str:
    """A query parameter that is one of these, the first by default. Raises ApiProblem 400 otherwise."""
    value = exchange.parameter(name, choices[0])
    if value not in choices:
        raise bad_request(f"{name} is one of {', '.join(choices)}; not '{value}'.", name)
    return value


def count(exchange: Exchange, name: str, default: int) -> int:
    """A query parameter that is a whole number up to 9,999,999. Raises ApiProblem 400 otherwise."""
    text = exchange.parameter(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise bad_request(f"{name} is a whole number; not '{text}'.", name)
    return int(text)


def plain_header(exchange: Exchange, name: str, default: str) -> str:
    """A query parameter that can be sent back as a header. Raises ApiProblem 400 otherwise."""
    value = exchange.parameter(name, default)
    if not HEADER_VALUE.fullmatch(value):
        raise bad_request(f"{name} must be plain ASCII.", name)
    return value


def problem_for_unfinished(operation: Operation) -> ApiProblem:
    """The 404 of a result that is not there."""
    return not_found(f"The export '{operation.id}' has no result: it is {operation.status}.", "exports")
