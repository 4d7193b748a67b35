"""The last door: what this process sends to Prefect's server holds no secret that it knows, whoever made it.

Artifacts, variables, events, names, tags and parameters are stored in clear, and Prefect's own functions for them are
at hand in every script. What our functions have cleaned before passes here unchanged; only credentials blocks, which
the server encrypts, pass as they are.
"""

import functools
import json
from collections.abc import Callable
from typing import Any

from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.events.clients import EventsClient
from prefect.events.schemas.events import Event

from txo_core.redaction import holds_known_secret, redact

BLOCKS = "/block_documents"


def install() -> None:
    """Watch Prefect's clients in this process; calling it again changes nothing."""
    for client in (PrefectHttpxSyncClient, PrefectHttpxAsyncClient):
        _replace(client, "build_request", _clean_request)
    _replace(EventsClient, "emit", _clean_emit)


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    method = getattr(owner, name)
    if not getattr(method, "cleans", False):
        watched = make(method)
        watched.cleans = True
        setattr(owner, name, watched)


def _clean_request(build: Any) -> Any:
    @functools.wraps(build)
    def build_clean(self: Any, method: Any, url: Any, **options: Any) -> Any:
        if options.get("json") is not None and BLOCKS not in str(url):
            options["json"] = without_known_secrets(options["json"])
        return build(self, method, url, **options)

    return build_clean


def _clean_emit(emit: Any) -> Any:
    @functools.wraps(emit)
    async def emit_clean(self: Any, event: Event) -> None:
        if holds_known_secret(event.model_dump_json()):
            event = Event.model_validate(masked(event.model_dump(mode="json")))
        await emit(self, event)

    return emit_clean


def without_known_secrets(body: Any) -> Any:
    """Return a body of JSON as it is, or with every text masked in which a known secret stands."""
    return masked(body) if holds_known_secret(json.dumps(body, default=str)) else body


def masked(value: Any) -> Any:
    """Return the value with a mask for each secret in a text that holds a known one, names of fields included."""
    if isinstance(value, str):
        return redact(value) if holds_known_secret(value) else value
    if isinstance(value, dict):
        return {masked(name): masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part) for part in value]
    return value
