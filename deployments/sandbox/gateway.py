"""The front door: every request is counted, limited, perhaps struck by a fault, and authenticated, in this order."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from .connection import CONNECTION
from .credentials import is_authenticated, presented, unauthorized
from .errors import ApiProblem
from .exchange import Answer, ClientGone, Exchange, perform, read_body
from .fault_effects import FaultEffects
from .fault_spec import Fault, parse_fault
from .routing import problem_answer
from .state import SandboxState
from .stats import fingerprint
from .wire import Wire

UNCOUNTED = ("/admin", "/stats", "/health")
MODES = frozenset({"relative-links", "expires-in-string", "slow-work"})


class Gateway:
    """The ASGI application around the routes."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.effects = FaultEffects(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        try:
            exchange = Exchange(scope, await read_body(receive))
        except ClientGone:
            return
        wire = Wire(send, scope["extensions"][CONNECTION])
        if exchange.path.startswith(UNCOUNTED):
            await wire.answer(await perform(self.state.routes, exchange))
            return
        stats = self.state.stats
        stats.arrived(exchange.method, exchange.path, exchange.host, presented(exchange.headers))
        try:
            outcome = await self.serve(exchange, wire)
        except ApiProblem as problem:
            outcome = await wire.answer(problem_answer(problem))
        stats.statuses[outcome] += 1

    async def serve(self, exchange: Exchange, wire: Wire) -> str:
        """Answers, or does what the fault does; returns the status, or how the connection ended."""
        headers = self.limit(exchange)
        fault = self.fault_for(exchange)

        async def work() -> Answer:
            answer = await self.work(exchange)
            for name, value in headers.items():
                answer = answer.with_header(name, value)
            return answer

        if fault is None:
            return await wire.answer(await work())
        if fault.kind in MODES:
            self.state.stats.faults[fault.kind] += 1
            exchange.notes[fault.kind] = fault.text or True
            return await wire.answer(await work())
        return await self.effects.serve(fault, exchange, work, wire)

    def limit(self, exchange: Exchange) -> dict[str, str]:
        """The headers of the rate limit. Raises ApiProblem 429 over it."""
        if not exchange.path.startswith("/api/"):
            return {}
        caller = " ".join(fingerprint(secret) for _, secret in presented(exchange.headers))
        verdict = self.state.limiter.ask(caller)
        if not verdict.allowed:
            message = f"The limit of {self.state.limiter.per_second:g} requests per second is exceeded."
            raise ApiProblem(429, "Application_TooManyRequests", message, headers=verdict.headers)
        return verdict.headers

    def fault_for(self, exchange: Exchange) -> Fault | None:
        """The fault that the request asks for, else the one that a rule has for it."""
        spec = exchange.headers.get("x-sandbox-fault") or exchange.parameter("fault") or exchange.parameter("__fault")
        if spec:
            return parse_fault(spec)
        return self.state.faults.strike(exchange, is_authenticated(exchange.headers, self.state.tokens))

    async def work(self, exchange: Exchange) -> Answer:
        """What the API answers, errors included; each idempotency key works once."""
        try:
            self.authenticate(exchange)
            if not exchange.path.startswith("/api/"):
                return await self.perform(exchange)
            return await self.state.idempotency.once(exchange, lambda: self.perform(exchange))
        except ApiProblem as problem:
            return problem_answer(problem)

    async def perform(self, exchange: Exchange) -> Answer:
        """The answer of the routes, later if the work is to be slow."""
        if "slow-work" in exchange.notes:
            await asyncio.sleep(float(exchange.notes["slow-work"]))
        return await perform(self.state.routes, exchange)

    def authenticate(self, exchange: Exchange) -> None:
        """Raises ApiProblem 401 for a call of the API without a valid credential."""
        if exchange.path.startswith("/api/") and not is_authenticated(exchange.headers, self.state.tokens):
            raise unauthorized()
