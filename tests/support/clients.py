"""Clients made as a script makes them, whose waits are short: of the sandbox, and of servers that a test makes up."""

from typing import Any

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.oauth import ClientCredentials
from txo_core.rest import RestClient

TIMEOUTS = {"rest-timeout-seconds": 0.5, "backoff-factor": 0.01, "async-poll-interval": 0.02}


def config_of(sandbox: Sandbox, idempotency_header: str | None = None, **timeouts: float) -> TxoConfig:
    """Return a configuration for the sandbox; `timeouts` are keys of `api-timeouts`, as `max_retries`."""
    settings: dict[str, Any] = {"api-base-url": sandbox.api_url}
    if idempotency_header:
        settings["idempotency-header"] = idempotency_header
    waits = TIMEOUTS | {name.replace("_", "-"): value for name, value in timeouts.items()}
    return TxoConfig("txo", "test", {"global": settings, "script-behavior": {"api-timeouts": waits}})


def anonymous(url: str, **timeouts: float) -> RestClient:
    """Return a client of the server at the URL that does not sign in."""
    waits = TIMEOUTS | {"rest-timeout-seconds": 5} | {name.replace("_", "-"): each for name, each in timeouts.items()}
    data = {"global": {"api-base-url": url}, "script-behavior": {"api-timeouts": waits}}
    return create_rest_api(TxoConfig("txo", "test", data), require_auth=False)


def connected(sandbox: Sandbox, idempotency_header: str | None = None, **timeouts: float) -> RestClient:
    """Return a client that gets its tokens from the sandbox."""
    tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET)
    return create_rest_api(config_of(sandbox, idempotency_header, **timeouts), tokens=tokens)
