"""The one error that a handler raises, and the OData body that the caller gets for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiProblem(Exception):
    """An answer with an OData error body: `status`, `code`, `message`, and the `target` at fault."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        target: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """`{"error": {"code", "message", "target"?}}`, as OData v4 writes it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        return {"error": error}


def bad_request(message: str, target: str | None = None, code: str = "BadRequest") -> ApiProblem:
    """A 400 with this message."""
    return ApiProblem(400, code, message, target)


def not_found(message: str, target: str | None = None) -> ApiProblem:
    """A 404 with this message."""
    return ApiProblem(404, "BadRequest_NotFound", message, target)
