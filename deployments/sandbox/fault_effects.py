"""What each fault does to an answer or to the connection."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from .credentials import CHALLENGE, presented
from .demo_profile import REFUSALS
from .errors import ApiProblem, bad_request
from .exchange import JSON, Answer, Exchange, json_answer, text_answer
from .fault_spec import Fault
from .routing import problem_answer
from .state import SandboxState
from .wire import Wire

MEGABYTE = 1_000_000
PIECES = 20
HTML = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
Work = Callable[[], Awaitable[Answer]]


class FaultEffects:
    """Serves a request that a fault has struck."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    async def serve(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        """Sends what the fault leaves of the answer; returns the status, or how the connection ended."""
        self.state.stats.faults[fault.kind] += 1
        answer = self.replacement(fault, exchange)
        if answer is not None:
            return await wire.answer(answer)
        before = getattr(self, f"_{fault.kind.replace('-', '_')}", None)
        if before is not None:
            outcome: str = await before(fault, exchange, work, wire)
            return outcome
        return await wire.answer(spoil(fault, await work()))

    def replacement(self, fault: Fault, exchange: Exchange) -> Answer | None:
        """The answer that is given instead of doing the work, if the fault is of that sort."""
        if fault.kind == "status":
            return with_waits(status_answer(int(fault.text)), fault)
        if fault.kind == "html-error":
            title = f"{fault.text} Gateway trouble"
            return with_waits(text_answer(int(fault.text), HTML.format(title=title), "text/html"), fault)
        if fault.kind == "content-type":
            return text_answer(200, HTML.format(title="Please sign in to the guest network"), fault.text)
        if fault.kind == "refuse":
            reason = REFUSALS.get(fault.text)
            return problem_answer(reason or bad_request(f"Refused: {fault.text}"))
        if fault.kind == "expired-token":
            return self._revoked(exchange)
        return None

    def _revoked(self, exchange: Exchange) -> Answer:
        for kind, value in presented(exchange.headers):
            if kind == "bearer":
                self.state.tokens.revoke(value)
        headers = {"WWW-Authenticate": CHALLENGE}
        return problem_answer(ApiProblem(401, "Authentication_TokenExpired", "The token has expired.", headers=headers))

    async def _reset_before(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        return wire.reset()

    async def _reset_after(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        await work()
        return wire.reset()

    async def _close_before(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        return wire.close()

    async def _close_after(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        await work()
        return wire.close()

    async def _truncate(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        answer = await work()
        promised = answer if answer.body else text_answer(200, " " * 100, JSON)
        await wire.start(promised)
        await wire.chunk(promised.body[: len(promised.body) // 2])
        wire.close()
        return "truncated"

    async def _slow_body(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        answer = await work()
        await wire.start(answer)
        size = max(1, -(-len(answer.body) // PIECES))
        for at in range(0, len(answer.body), size):
            await asyncio.sleep(fault.number / PIECES)
            await wire.chunk(answer.body[at : at + size])
        await wire.chunk(b"", last=True)
        return str(answer.status)

    async def _hang(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        await wire.connection.until_gone(fault.number)
        return wire.close()

    async def _hang_after(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        await work()
        return await self._hang(fault, exchange, work, wire)

    async def _delay(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        await asyncio.sleep(fault.number)
        return await wire.answer(await work())

    async def _gzip_bomb(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        body = await asyncio.to_thread(_bomb, int(fault.number * MEGABYTE))
        return await wire.answer(text_answer(200, "", JSON, {"Content-Encoding": "gzip"}).with_body(body))

    async def _huge(self, fault: Fault, exchange: Exchange, work: Work, wire: Wire) -> str:
        await wire.start(Answer(200, ((b"content-type", JSON.encode()),)))
        await wire.chunk(b'{"value":["')
        left = int(fault.number * MEGABYTE)
        while left > 0 and not wire.is_gone:
            await wire.chunk(b"x" * min(left, MEGABYTE // 10))
            left -= MEGABYTE // 10
        await wire.chunk(b'"]}', last=True)
        return "200"


def spoil(fault: Fault, answer: Answer) -> Answer:
    """The answer of work that was done, made useless by the fault."""
    if fault.kind == "not-json":
        return answer.with_body(b'{"value": [{"no": "C0001", "na')
    if fault.kind == "bad-gzip":
        return answer.with_header("Content-Encoding", "gzip").with_body(b"\x1f\x8b\x08\x00this is no gzip")
    if fault.kind == "empty":
        return Answer(200, ((b"content-type", JSON.encode()), (b"content-length", b"0")))
    if fault.kind == "status-after":
        return with_waits(status_answer(int(fault.text)), fault)
    return answer


def status_answer(status: int) -> Answer:
    """An OData error of that status; no body for a status that has none."""
    if status in (204, 304):
        return Answer(status)
    if status < 300:
        return json_answer(status, {})
    return json_answer(status, {"error": {"code": f"Sandbox_{status}", "message": f"Made-up {status} of the sandbox."}})


def with_waits(answer: Answer, fault: Fault) -> Answer:
    """The answer with the fault's Retry-After and retry-after-ms; `date+2` becomes the HTTP date in 2 seconds."""
    for name, value in fault.parameters.items():
        answer = answer.with_header(name, retry_after(value))
    return answer


def retry_after(text: str) -> str:
    """The header value: as it is, or an HTTP date for `date+SECONDS`."""
    sign, _, seconds = text.removeprefix("date").partition("+")
    if not text.startswith("date") or sign or not (seconds or "1").isdigit():
        return text
    return formatdate(time.time() + int(seconds or "1"), usegmt=True)


def _bomb(size: int) -> bytes:
    packed = gzip.compress(b" " * min(size, MEGABYTE), mtime=0)
    return packed * max(1, size // MEGABYTE)
