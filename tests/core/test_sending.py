"""S11, S15: the last door to Prefect's server, whatever function of Prefect's a script uses."""

import json
from typing import Any

import anyio
import httpx
import pytest
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.events.clients import AssertingEventsClient
from prefect.events.schemas.events import Event, RelatedResource, Resource

import txo_core.orchestration
from txo_core.redaction import MASK, register_secret
from txo_core.runs import sending

assert txo_core.orchestration, "it puts the door in place"

SECRET = 'Kx9-sesame/opens+the="mountain" é'
BODIES: dict[str, tuple[str, Any]] = {
    "parameters": ("/flow_runs/", {"name": "x", "parameters": {"note": SECRET, "rows": [1, {"deep": SECRET}]}}),
    "artifact": ("/artifacts/", {"key": "x", "data": json.dumps([{"a": SECRET}]), "description": SECRET}),
    "progress": ("/artifacts/123", {"data": 60, "description": f"at {SECRET}"}),
    "variable": ("/variables/", {"name": "x", "value": {SECRET: SECRET}}),
    "log lines": ("/logs/", [{"message": f"by {SECRET}", "level": 20}]),
    "state": ("/flow_runs/1/set_state", {"state": {"message": SECRET, "name": SECRET}}),
    "input of a paused run": ("/flow_runs/1/input", {"key": "x", "value": json.dumps({"description": SECRET})}),
}


class Api:
    """Keeps the bodies that arrive at a server."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        return httpx.Response(200, json={})


def send(path: str, body: Any, in_the_background: bool = False) -> Any:
    """Send a body by one of Prefect's clients and return what arrives."""
    api = Api()
    options: dict[str, Any] = {
        "transport": httpx.MockTransport(api),
        "base_url": "http://prefect.example.com/api",
        "enable_csrf_support": False,
    }

    async def send_it() -> None:
        async with PrefectHttpxAsyncClient(**options) as client:
            await client.post(path, json=body)

    if in_the_background:
        anyio.run(send_it)
    else:
        with PrefectHttpxSyncClient(**options) as client:
            client.post(path, json=body)
    return api.bodies[0]


@pytest.mark.parametrize("in_the_background", [False, True])
@pytest.mark.parametrize("kind", BODIES)
def test_no_body_that_is_sent_has_a_known_secret(kind: str, in_the_background: bool) -> None:
    register_secret(SECRET)
    path, body = BODIES[kind]

    arrived = send(path, body, in_the_background)

    assert MASK in json.dumps(arrived)
    assert "sesame" not in json.dumps(arrived)
    assert type(arrived) is type(body)


def test_what_holds_no_known_secret_arrives_as_it_is() -> None:
    """Also what looks like a secret: ids and keys of Prefect's own are not touched on their last step."""
    register_secret(SECRET)
    body = {"password": "x-1-y-2", "task_key": "a" * 50, "sha": "0f" * 20, "n": [1, None, True, 2.5], "å": "漢字"}

    assert send("/flow_runs/", body) == body


def test_a_credentials_block_arrives_as_it_is() -> None:
    """The server encrypts it; nothing else would reach the API that it is for."""
    register_secret(SECRET)
    body = {"data": {"client_secret": SECRET}, "name": "txo-prod"}

    assert send("/block_documents/", body) == body
    assert send("/block_documents/4711", body) == body


def emitted(event: Event) -> Event:
    """Return what a client of events sends for an event."""

    async def emit() -> Event:
        async with AssertingEventsClient() as client:
            await client.emit(event)
            return client.events[0]

    return anyio.run(emit)


def test_no_event_has_a_known_secret() -> None:
    register_secret(SECRET)
    event = Event(
        event=f"x.{SECRET}",
        resource=Resource({"prefect.resource.id": f"txo.{SECRET}", "prefect.resource.name": SECRET}),
        related=[RelatedResource({"prefect.resource.id": "a", "prefect.resource.role": SECRET})],
        payload={"deep": [{SECRET: SECRET}]},
    )

    sent = emitted(event)

    assert "sesame" not in sent.model_dump_json()
    assert sent.id == event.id
    assert sent.payload == {"deep": [{MASK: MASK}]}


def test_an_event_without_one_is_the_same_object() -> None:
    register_secret(SECRET)
    event = Event(event="x", resource=Resource({"prefect.resource.id": "y"}), payload={"password": "x-1-y-2"})

    assert emitted(event) is event


def test_the_door_is_put_in_place_once() -> None:
    before = PrefectHttpxSyncClient.build_request

    sending.install()

    assert PrefectHttpxSyncClient.build_request is before
