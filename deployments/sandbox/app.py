"""The application, put together."""

from __future__ import annotations

from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from .admin import Admin
from .bad_paging import BadPaging
from .batch import Batch
from .entities import EntityResources
from .errors import not_found
from .exports import LongRunning
from .gateway import Gateway
from .oauth import TokenEndpoint
from .paging import OtherPaging
from .provisioned import Provisioning
from .routing import problem_answer, route, to_response
from .soap import SoapService
from .state import SandboxState
from .tools import Tools


def build_application(state: SandboxState) -> Gateway:
    """The whole sandbox as one ASGI application."""
    parts = (Tools, Admin, OtherPaging, BadPaging, LongRunning, Provisioning, Batch, SoapService, EntityResources)
    routes = [route("/oauth/token", TokenEndpoint(state), "POST")]
    routes += [each for part in parts for each in part(state).routes()]
    state.routes = Router(routes, default=unknown_path, redirect_slashes=False)
    return Gateway(state)


async def unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    """The 404 of a path that nothing serves."""
    problem = not_found(f"There is nothing at {scope['path']}. See / for what there is.")
    await to_response(problem_answer(problem))(scope, receive, send)
