"""One request as the sandbox sees it, and the answer that it gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope

from .errors import bad_request

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """A complete answer: status, raw headers in order, body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def with_header(self, name: str, value: str) -> Answer:
        """The same answer with one more header."""
        return Answer(self.status, (*self.headers, (name.lower().encode(), value.encode("latin-1"))), self.body)

    def with_body(self, body: bytes) -> Answer:
        """The same answer with another body and its length."""
        kept = tuple(pair for pair in self.headers if pair[0] != b"content-length")
        return Answer(self.status, (*kept, (b"content-length", str(len(body)).encode())), body)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


def text_answer(status: int, body: str, content_type: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a text body and its length."""
    raw = body.encode()
    pairs = {"content-type": content_type, "content-length": str(len(raw))}
    pairs |= {name.lower(): value for name, value in (headers or {}).items()}
    return Answer(
        status, tuple((name.encode(), value.encode("latin-1", "replace")) for name, value in pairs.items()), raw
    )


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text_answer(status, body, JSON, headers)


@dataclass
class Exchange:
    """One request with its whole body read."""

    scope: Scope
    body: bytes
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The verb, in capitals."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return str(self.scope["path"])

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name; the last of several wins."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The query parameters in order; a plus sign stays a plus sign, as strict servers have it."""
        return parse_query(self.scope["query_string"])

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    @property
    def origin(self) -> str:
        """Scheme, host and port as the caller addressed them."""
        return f"{self.scope['scheme']}://{self.host}"

    @property
    def host(self) -> str:
        """Host and port as the caller addressed them, the listener's port if it named none."""
        host = self.headers.get("host", "127.0.0.1")
        return host if ":" in host else f"{host}:{self.scope['server'][1]}"

    def json(self) -> Any:
        """The JSON body. Raises ApiProblem 400 if it is none."""
        try:
            value = json.loads(self.body, parse_constant=_refuse_constant)
            if b"\\u" in self.body:
                json.dumps(value, ensure_ascii=False).encode()
            return value
        except (ValueError, RecursionError) as error:
            raise bad_request(f"The body is not valid JSON: {error}", code="BadRequest_InvalidJson") from error

    def json_object(self) -> dict[str, Any]:
        """The JSON body, which must be an object. Raises ApiProblem 400 if it is none."""
        value = self.json()
        if not isinstance(value, dict):
            raise bad_request("The body must be a JSON object.", code="BadRequest_InvalidJson")
        return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


def parse_query(raw: bytes) -> list[tuple[str, str]]:
    """Names and values, decoded once; `+` is data. Raises ApiProblem 400 for bytes that are no UTF-8."""
    pairs = []
    for part in raw.split(b"&"):
        name, _, value = part.partition(b"=")
        if not part:
            continue
        try:
            pairs.append((unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()))
        except UnicodeDecodeError as error:
            raise bad_request("The query string is not valid UTF-8.") from error
    return pairs


class ClientGone(Exception):
    """The caller went away before the whole request was there."""


async def read_body(receive: Receive) -> bytes:
    """The whole request body. Raises ClientGone: half a request is none."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def perform(app: ASGIApp, exchange: Exchange) -> Answer:
    """What the application answers, captured instead of sent."""
    parts: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": exchange.body, "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message)

    await app({**exchange.scope, "sandbox.exchange": exchange}, receive, send)
    body = b"".join(part.get("body", b"") for part in parts[1:])
    return Answer(parts[0]["status"], tuple(parts[0].get("headers", ())), body)
