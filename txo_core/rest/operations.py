"""Long-running operations by hand: begun here without waiting, waited for here or in another process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from requests import Response

from txo_core.exceptions import ValidationError
from txo_core.http.operation_state import METHODS, OperationState
from txo_core.http.operations import operation_of
from txo_core.rest.caller import Headers, parsed

Send = Callable[..., Response]


@dataclass(frozen=True)
class Operation:
    """What was begun and not waited for. `done`: the server answered with the result at once.

    `token` is a JSON text without credentials, with which any client of the same API goes on waiting; None where there
    is nothing to wait for, and where the server put a credential into the address.
    """

    token: str | None
    done: bool
    wait: Callable[[], Any] = field(repr=False, compare=False)

    def result(self) -> Any:
        """Return what came of it, parsed; waits for its end, and raises what the call itself would have raised."""
        return self.wait()


def start(send: Send, method: str, url: str, json: Any, headers: Headers | None = None, **options: Any) -> Operation:
    """Send the request, and return the operation that it begins."""
    if method not in METHODS:
        raise ValidationError(
            f"{method!r} begins no operation",
            f"Use one of {', '.join(sorted(METHODS))}",
            'api.start("POST", "exports", {"entity": "orders"})',
        )
    response = send(method, url, json=json, headers=headers, wait=False, **options)
    state = operation_of(response)
    if state is None:
        return Operation(None, True, lambda: parsed(response))
    return Operation(state.token, False, lambda: _finish(send, state, headers))


def resume(send: Send, token: str, headers: Headers | None = None) -> Any:
    """Return the result of the operation that the token stands for."""
    return _finish(send, OperationState.of_token(token), headers)


def _finish(send: Send, state: OperationState, headers: Headers | None) -> Any:
    return parsed(send("GET", state.status_url, headers=headers, resumes=state))
