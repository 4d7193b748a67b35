"""A network that follows a script, and a time that passes only when told: for unit tests of policies."""

import json
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Request, Response
from requests.structures import CaseInsensitiveDict

from txo_core.http.policy import Call, Options, attach

API = "https://api.example.com/v1"
Answer = int | tuple[int, Mapping[str, str]] | tuple[int, Mapping[str, str], Any] | BaseException


class ScriptedTransport:
    """Answers each request with the next item: a status, one with headers, one with a body too, or an exception."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.requests: list[PreparedRequest] = []

    def __call__(self, request: PreparedRequest) -> Response:
        self.requests.append(request)
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return response_of(request, *(answer if isinstance(answer, tuple) else (answer,)))

    @property
    def calls(self) -> list[str]:
        """What was sent, as `GET /customers`."""
        return [f"{request.method} {(request.url or '').removeprefix(API)}" for request in self.requests]


class FakeTime:
    """A clock that stands still unless somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        """Return the present moment."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(round(seconds, 6))
        self.now += seconds


def prepared(
    method: str = "GET",
    path: str = "/customers",
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    options: Options | None = None,
    deadline: float = float("inf"),
) -> PreparedRequest:
    """Return a request as the adapter hands it to the policies."""
    url = path if "://" in path else f"{API}{path}"
    request = Request(method, url, json=json, headers=dict(headers or {})).prepare()
    return attach(request, Call(options or Options(), deadline))


def response_of(
    request: PreparedRequest, status: int, headers: Mapping[str, str] | None = None, body: Any = b""
) -> Response:
    """Return an answer with the status, the headers and the body; a body that is not bytes or a text becomes JSON."""
    response = Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers or {})
    response.request = request
    response.url = request.url or ""
    if not isinstance(body, bytes | str):
        body = json.dumps(body)
        response.headers.setdefault("Content-Type", "application/json")
    vars(response).update(_content=body.encode() if isinstance(body, str) else body, _content_consumed=True)
    return response
