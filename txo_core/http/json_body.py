"""The body of an answer as JSON, parsed where a broken one can still be asked for again."""

import json
from contextlib import suppress
from typing import Any

from requests import PreparedRequest, Response, exceptions

from txo_core.http.policy import Send, call_of


class NoJson(exceptions.RequestException):
    """An answer that should be JSON is something else: a proxy's page, half a document."""

    response: Response


class JsonBody:
    """Parses the body of each answer that the caller wants as JSON, and raises NoJson where that cannot be done.

    A 202 is a receipt, whatever it is written in; an error has its own forms. Where the caller parses later, only what
    stands at both ends is looked at: half a document is noticed all the same.
    """

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Return the answer with its value, which `value_of` gives."""
        response = send(request)
        options = call_of(request).options
        if not options.expects_json or response.status_code >= 300 or response.status_code == 202:
            return response
        if not (options.parses_later and _looks_whole(response.content)):
            value_of(response)
        return response


def _looks_whole(content: bytes) -> bool:
    """Tell whether the body begins and ends as a JSON object or array does."""
    ends = content[:64].lstrip()[:1] + content[-64:].rstrip()[-1:]
    return ends in (b"{}", b"[]")


def json_of(response: Response) -> Any:
    """Return the body as JSON; raises ValueError or RecursionError.

    JSON is UTF-8 (RFC 8259, 8.1), whatever charset a server names; one that is not is read in that charset.
    """
    try:
        return json.loads(response.content)
    except UnicodeDecodeError:
        with suppress(LookupError):
            return json.loads(response.content.decode(response.encoding or ""))
        raise


def value_of(response: Response) -> Any:
    """Return the body as JSON, `{}` if it is empty; raises NoJson if it is neither."""
    try:
        return vars(response)["txo_value"]
    except KeyError:
        pass
    content = response.content
    try:
        value = json_of(response) if content and not content.isspace() else {}
    except (ValueError, RecursionError):
        raise NoJson("the body is no JSON", request=response.request, response=response) from None
    vars(response)["txo_value"] = value
    return value
