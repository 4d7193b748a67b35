"""Everything that the running sandbox remembers, in one place, so that one call can reset it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from .credentials import TokenStore
from .demo_profile import standing_rules, starting_rules
from .fault_rules import FaultBook
from .idempotency import IdempotencyBook
from .operations import Operations
from .options import SandboxOptions
from .rate_limit import RateLimiter
from .stats import Stats
from .store import Store


class SandboxState:
    """The state of one running sandbox; `routes` is the application behind the gateway, set when that is built."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.routes: ASGIApp = _no_routes
        self.store = Store(options.seed)
        self.reset()

    def reset(self) -> None:
        """Back to the state of the start: data, counters, faults, tokens, limits."""
        options = self.options
        self.store.reset()
        self.stats = Stats()
        self.tokens = TokenStore(options.token_lifetime)
        self.faults = FaultBook(standing_rules(), starting_rules(options.faults), options.seed)
        self.limiter = RateLimiter(options.rate_limit, options.rate_limit_burst)
        self.idempotency = IdempotencyBook()
        self.operations = Operations()


async def _no_routes(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("The application is not built yet.")
