"""What a server says about its error, read from the forms that servers use."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from requests import Response

from txo_core.http.json_body import json_of
from txo_core.http.retry_after import retry_after
from txo_core.redaction import redact

LONGEST_MESSAGE = 500
REQUEST_ID_HEADERS = (
    "x-ms-request-id",
    "request-id",
    "x-request-id",
    "x-ms-service-request-id",
    "x-ms-correlation-request-id",
    "x-correlation-id",
    "correlation-id",
)
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_TITLE = re.compile(r"(?is)<(title|h1)[^<>]{0,200}>(.{0,500}?)</\1>")
_TAG = re.compile(r"<[^<>]*>")
LONGEST_PAGE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """The server's own code and message; either may be missing."""

    code: str | None = None
    message: str | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.code, self.message)))


def problem_of(response: Response) -> Problem:
    """Return what the body says: OData error, problem details (RFC 9457), OAuth error, HTML title or plain text."""
    try:
        body = json_of(response)
    except (ValueError, RecursionError):
        text = response.content[:LONGEST_PAGE].decode("utf-8", "replace").strip()
        return Problem(message=_text_message(text, response.headers.get("Content-Type", "")))
    body = next((item for item in body if isinstance(item, Mapping)), None) if isinstance(body, list) else body
    return problem_in(body) if isinstance(body, Mapping) else Problem()


def problem_in(body: Mapping[str, Any]) -> Problem:
    """Return the code and message of an error object, whichever of the known forms it has."""
    error = body.get("error") or body.get("odata.error")
    if isinstance(error, Mapping):
        return _problem(_first(error, "code"), _first(error, "message", "detail", "description"))
    if isinstance(error, str):
        return _problem(error, _first(body, "error_description", "message"))
    message = ": ".join(dict.fromkeys(_texts(body, "title", "detail"))) or _first(body, "message", "Message", "errors")
    return _problem(_first(body, "code", "errorCode", "type"), message)


def request_id_of(response: Response) -> str | None:
    """Return the id under which the server's people find this request in their log."""
    found = next((response.headers[name] for name in REQUEST_ID_HEADERS if response.headers.get(name)), None)
    return found and clean(found, 120)


class Answered(TypedDict):
    """What an error tells of the answer that it means: see `ApiError`."""

    status_code: int
    request_id: str | None
    retry_after: float | None


def told_by(response: Response) -> Answered:
    """Return what an error tells of the answer: `ApiError(sentence, **told_by(response), **call.facts)`."""
    return {
        "status_code": response.status_code,
        "request_id": request_id_of(response),
        "retry_after": retry_after(response),
    }


def clean(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return the text on one line, without secrets and the query strings of URLs, cut at `longest` characters.

    Only the first characters are looked at; a secret that this cuts is far behind what is kept.
    """
    line = "".join(character for character in text[: 20 * longest] if character.isprintable() or character.isspace())
    line = " ".join(_QUERY.sub(r"\1", redact(line)).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _problem(code: str | None, message: str | None) -> Problem:
    code = None if code in (None, "about:blank") else code
    return Problem(code and clean(code, 120), message and clean(message))


def _first(body: Mapping[str, Any], *names: str) -> str | None:
    return next(_texts(body, *names), None)


def _texts(body: Mapping[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        text = _text(body.get(name))
        if text:
            yield text


def _text(value: Any) -> str | None:
    """Return a value as a text; OData v2 and v3 wrap it: `{"lang": "en", "value": "..."}`."""
    if isinstance(value, Mapping):
        value = value.get("value", value)
    if isinstance(value, list | Mapping):
        try:
            return json.dumps(value, ensure_ascii=False) if value else None
        except RecursionError:
            return None
    return None if value is None or isinstance(value, bool) else str(value)


def _text_message(text: str, content_type: str) -> str | None:
    if "html" in content_type or text[:1] == "<":
        titles = dict.fromkeys(html.unescape(_TAG.sub(" ", match[1])).strip() for match in _TITLE.findall(text))
        text = ": ".join(filter(None, titles)) or _TAG.sub(" ", text)
    return clean(text, 200) or None
