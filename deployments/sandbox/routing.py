"""Starlette routes whose handlers take an exchange and return an answer."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .errors import ApiProblem
from .exchange import Answer, Exchange, json_answer

Handler = Callable[..., Answer | Awaitable[Answer]]
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def route(path: str, handler: Handler, *methods: str) -> Route:
    """A route to `handler(exchange, **path_parameters)`; an ApiProblem becomes its OData error answer."""

    async def endpoint(request: Request) -> Response:
        exchange: Exchange = request.scope["sandbox.exchange"]
        try:
            result = handler(exchange, **request.path_params)
            answer = await result if inspect.isawaitable(result) else result
        except ApiProblem as problem:
            answer = problem_answer(problem)
        return to_response(answer)

    return Route(path, endpoint, methods=list(methods or ("GET",)))


def problem_answer(problem: ApiProblem) -> Answer:
    """The answer with the problem's status, headers and OData error body."""
    return json_answer(problem.status, problem.body(), problem.headers)


def to_response(answer: Answer) -> Response:
    """The same answer as a Starlette response."""
    response = Response(content=answer.body, status_code=answer.status)
    response.raw_headers = list(answer.headers)
    return response
