"""JSON `$batch`: many requests in one, each answered on its own; a change set is done whole or not at all."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.routing import Route

from .constants import API_PREFIX, MAX_BATCH_PARTS
from .credentials import is_authenticated
from .errors import ApiProblem, bad_request
from .exchange import Answer, Exchange, json_answer, perform
from .fault_effects import FaultEffects
from .routing import problem_answer, route
from .state import SandboxState

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
INHERITED = frozenset({"authorization", "x-api-key", "host", "cookie"})


class Batch:
    """`POST /api/v1/$batch`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.effects = FaultEffects(state)

    def routes(self) -> list[Route]:
        """The one route."""
        return [route("/api/v1/$batch", self.run, "POST")]

    async def run(self, exchange: Exchange) -> Answer:
        """The answers in the order of the requests."""
        parts = _parts(exchange)
        stops = "continue-on-error=false" in exchange.headers.get("prefer", "")
        answers: dict[str, dict[str, Any]] = {}
        for group in _groups(parts):
            answers.update(await self._run_group(exchange, group, answers))
            if stops and any(answers[part["id"]]["status"] >= 400 for part in group):
                break
        ordered = [answers[part["id"]] for part in parts if part["id"] in answers]
        return json_answer(200, {"responses": ordered})

    async def _run_group(
        self, exchange: Exchange, group: list[dict[str, Any]], before: dict[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        is_atomic = group[0].get("atomicityGroup") is not None
        snapshot = self.state.store.snapshot() if is_atomic else {}
        counted = copy.deepcopy((self.state.stats.writes, self.state.stats.creates)) if is_atomic else None
        answers: dict[str, dict[str, Any]] = {}
        failed = ""
        for part in group:
            answer = await self._run_part(exchange, part, {**before, **answers})
            answers[part["id"]] = _shown(part["id"], answer)
            if is_atomic and answer.status >= 400:
                failed = part["id"]
                break
        if failed and counted:
            self.state.store.restore(snapshot)
            self.state.stats.writes, self.state.stats.creates = counted
            undone = [part["id"] for part in group if part["id"] != failed]
            answers |= {identifier: _shown(identifier, _dependency_failed(failed)) for identifier in undone}
        return answers

    async def _run_part(self, exchange: Exchange, part: dict[str, Any], before: dict[str, dict[str, Any]]) -> Answer:
        self.state.stats.batch_parts += 1
        for identifier in part.get("dependsOn") or []:
            if before.get(identifier, {}).get("status", 500) >= 400:
                return _dependency_failed(str(identifier))
        try:
            inner = _inner_exchange(exchange, part)
            fault = self.state.faults.strike(inner, is_authenticated(inner.headers, self.state.tokens))
            replacement = self.effects.replacement(fault, inner) if fault else None
            if fault is not None and replacement is not None:
                self.state.stats.faults[fault.kind] += 1
                return replacement
            return await self.state.idempotency.once(inner, lambda: perform(self.state.routes, inner))
        except ApiProblem as problem:
            return problem_answer(problem)


def _parts(exchange: Exchange) -> list[dict[str, Any]]:
    parts = exchange.json_object().get("requests")
    if not isinstance(parts, list):
        raise bad_request("The body must hold a list 'requests'.", "requests")
    if len(parts) > MAX_BATCH_PARTS:
        message = f"A batch holds at most {MAX_BATCH_PARTS} requests, this one {len(parts)}."
        raise bad_request(message, "requests", "BadRequest_BatchTooLarge")
    seen: set[str] = set()
    for part in parts:
        if not isinstance(part, dict) or not all(isinstance(part.get(name), str) for name in ("id", "method", "url")):
            raise bad_request("Each request needs the strings id, method and url.", "requests")
        if part["id"] in seen or part["method"].upper() not in METHODS:
            raise bad_request(f"Request '{part['id']}' has a doubled id or an unknown method.", "requests")
        needed = part.get("dependsOn") or []
        if not isinstance(needed, list) or not all(isinstance(each, str) for each in needed):
            raise bad_request(f"dependsOn of request '{part['id']}' is no list of ids.", "requests")
        seen.add(part["id"])
    return parts


def _groups(parts: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: list[list[dict[str, Any]]] = []
    for part in parts:
        name = part.get("atomicityGroup")
        if name is not None and groups and groups[-1][0].get("atomicityGroup") == name:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _inner_exchange(exchange: Exchange, part: dict[str, Any]) -> Exchange:
    try:
        url = urlsplit(part["url"])
    except ValueError as error:
        raise bad_request(f"The URL of request '{part['id']}' is malformed.", "url") from error
    if url.netloc and url.netloc != exchange.host:
        raise bad_request("A request of a batch must stay on this server.", "url")
    path = url.path if url.path.startswith("/api/") else f"{API_PREFIX}/{url.path.removeprefix('/')}"
    if path.startswith(f"{API_PREFIX}/$batch"):
        raise bad_request("A batch cannot hold a batch.", "url")
    scope = {
        **exchange.scope,
        "method": part["method"].upper(),
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": url.query.encode(),
        "headers": _inner_headers(exchange, part),
    }
    for left_over in ("endpoint", "path_params", "route", "sandbox.exchange"):
        scope.pop(left_over, None)
    body = part.get("body")
    return Exchange(scope, b"" if body is None else json.dumps(body, ensure_ascii=False).encode())


def _inner_headers(exchange: Exchange, part: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    own = part.get("headers") or {}
    if not isinstance(own, dict):
        raise bad_request("The headers of a request are an object.", "headers")
    headers = {name: value for name, value in exchange.headers.items() if name in INHERITED}
    headers |= {str(name).lower(): str(value) for name, value in own.items()}
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _shown(identifier: str, answer: Answer) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
    shown: dict[str, Any] = {"id": identifier, "status": answer.status, "headers": headers}
    if not answer.body:
        return shown
    if "json" in headers.get("content-type", ""):
        return {**shown, "body": json.loads(answer.body)}
    return {**shown, "body": base64.b64encode(answer.body).decode()}


def _dependency_failed(identifier: str) -> Answer:
    message = f"Not done, because request '{identifier}' failed."
    return problem_answer(ApiProblem(424, "FailedDependency", message))
