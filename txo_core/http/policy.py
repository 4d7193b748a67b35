"""What a policy is, how policies are composed, and what travels with a request through them."""

import copy
import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any, Protocol, TypedDict

from requests import PreparedRequest, Response

from txo_core.http.operation_state import OperationState
from txo_core.redaction import redact

Send = Callable[[PreparedRequest], Response]
Timeout = float | tuple[float, float]


class Policy(Protocol):
    """One concern of sending a request: calls `send` zero, one or many times."""

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Return the answer, or raise what kept it from coming."""


def compose(policies: Sequence[Policy], transport: Send) -> Send:
    """Wrap the transport in the policies; the first listed is the outermost."""

    def wrap(inner: Send, policy: Policy) -> Send:
        return partial(policy, send=inner)

    return reduce(wrap, reversed(policies), transport)


class Sink(Protocol):
    """Where a body goes that is not to stay in memory."""

    @property
    def max_bytes(self) -> int:
        """How much it takes at most."""

    def begin(self) -> Callable[[bytes], object]:
        """Forget what an earlier attempt has brought, and return what takes the pieces."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller says about one call, beside the request itself.

    `idempotent`: True or False overrules what the method says about repeating it; None leaves it to the method.
    `total_timeout`: seconds for the whole call, waits included; None takes the client's own.
    `keyed`: an idempotency key goes with it, which the server honours.
    `expects_json`: a body that is none counts as broken on the way; `parses_later`: its inside is not looked at, since
    the caller parses it when he needs it. `sink`: where the body of a 200 goes.
    `long_running`: True, this is a long-running operation, whose `status` says how far it is; False, the first answer
    is the result, whatever it says. `wait`: False returns the receipt. `resumes`: nothing new, wait for this one only.
    """

    idempotent: bool | None = None
    total_timeout: float | None = None
    expects_json: bool = False
    sink: Sink | None = None
    keyed: bool = False
    long_running: bool | None = None
    wait: bool = True
    resumes: OperationState | None = None
    guess: bool = False
    parses_later: bool = False


DEFAULTS = Options()
CURRENT_OPTIONS: ContextVar[Options] = ContextVar("txo_http_options", default=DEFAULTS)
"""For callers who cannot pass `options=` to `Session.send`, such as zeep."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as it went to the network: what came back, and how long that took in seconds.

    `in_doubt`: the server may have done what it was asked for, and nobody has said so.
    """

    method: str
    address: str
    outcome: str
    seconds: float
    waited: float = 0.0
    in_doubt: bool = False

    def __str__(self) -> str:
        wait = f"after a wait of {self.waited:.1f} s: " if self.waited else ""
        return f"{wait}{self.method} {self.address}: {self.outcome} in {self.seconds:.2f} s"


class Facts(TypedDict):
    """What an error tells of the call that it ends: see `ApiError`."""

    attempts: int
    details: tuple[str, ...]
    in_doubt: bool


@dataclass(slots=True)
class Call:
    """One call of a caller, from its first attempt to its last; travels with the request and its copies.

    `deadline` is a moment of the monotonic clock. `waited` is the wait before the attempt that comes next.
    """

    options: Options = DEFAULTS
    deadline: float = math.inf
    timeout: Timeout | None = None
    stream: bool = False
    verify: bool | str = True
    cert: Any = None
    proxies: Any = None
    waited: float = 0.0
    history: list[Attempt] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        """How many requests went to the network."""
        return len(self.history)

    @property
    def in_doubt(self) -> bool:
        """Whether the server may have acted on one of the attempts."""
        return any(attempt.in_doubt for attempt in self.history)

    @property
    def facts(self) -> Facts:
        """What an error tells of the call, `ApiError(sentence, **call.facts)`; its details are the attempts."""
        details = tuple(redact(str(attempt)) for attempt in self.history)
        return {"attempts": self.attempts, "details": details, "in_doubt": self.in_doubt}

    def follow_up(self, deadline: float, expects_json: bool = False, sink: Sink | None = None) -> "Call":
        """Return the call of a reading request that follows from this one, such as a poll; shares the history."""
        options = Options(idempotent=True, expects_json=expects_json, sink=sink)
        return Call(
            options,
            deadline,
            self.timeout,
            verify=self.verify,
            cert=self.cert,
            proxies=self.proxies,
            history=self.history,
        )


def attach(request: PreparedRequest, call: Call) -> PreparedRequest:
    """Let the call travel with the request; returns the request."""
    vars(request)["txo_call"] = call
    return request


def call_of(request: PreparedRequest | None) -> Call:
    """Return the call that the request belongs to; a request without one starts one without a deadline."""
    if request is None:
        return Call()
    call = vars(request).get("txo_call")
    if not isinstance(call, Call):
        call = Call()
        attach(request, call)
    return call


def derive(request: PreparedRequest) -> PreparedRequest:
    """Return a copy of the request, in the same call, whose headers can be changed alone."""
    derived = copy.copy(request)
    derived.headers = request.headers.copy()
    return derived
