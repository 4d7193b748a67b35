"""Where reading a list stands, also as a text with which another process goes on from there."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from typing import Any, NoReturn
from urllib.parse import unquote_plus, urlsplit

from txo_core.exceptions import ValidationError
from txo_core.http.origins import address_of
from txo_core.redaction import holds_known_secret, redact

VERSION = 1
EXAMPLE = 'api.paginate("orders", resume=error.resume_token)'
_CREDENTIAL = re.compile(
    r"^sig$|^code$|signature|secret|passw|pwd|auth|credential|session|token|(?:api|access|account|subscription)[-_]?key",
    re.IGNORECASE,
)
_OF_PAGING = re.compile(r"(?:skip|delta|page|next|continuation|sync|cursor)[-_]?token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """The next page of a list, and what was read before it.

    `rows` and `pages` were read, the last page had `last` rows and the fullest `most`; the server counted `least` to
    `largest` rows, -1 where it never did; `mark` is the fingerprint of the last page.
    """

    url: str
    rows: int = 0
    pages: int = 0
    last: int = 0
    most: int = 0
    least: int = -1
    largest: int = -1
    mark: str = ""


def resume_token(place: Place, url: str, style: str) -> str:
    """Return the place as a text without credentials; `url` is the list as the caller named it.

    If the address of the page holds what may be a credential, such as `sig`, it stays out: who goes on then reads the
    pages before once more, and drops them.
    """
    if holds_credential(place.url):
        place = Place(**(asdict(place) | {"url": ""}))
    content = {"txo": "list", "version": VERSION, "of": _identity(url), "style": style, "at": asdict(place)}
    return json.dumps(content | {"sum": _sum(content)})


def place_of(token: Any, url: str, style: str) -> Place:
    """Return the place that the token stands for; a ValidationError if it is none of this list."""
    content = _read(token)
    if content.pop("sum", None) != _sum(content) or content.get("version") != VERSION:
        _refuse("The resume token is damaged, or of another version of TXO")
    of, now = content["of"], _identity(url)
    if of["address"] != now["address"] or (now["query"] and of["query"] != now["query"]):
        _refuse(f"The resume token belongs to another list than {address_of(url)}: to {of['address']}")
    if content["style"] != style:
        _refuse(f"The resume token comes from paging by {content['style']}, and cannot go on by {style}")
    return Place(**content["at"])


def holds_credential(url: str) -> bool:
    """Tell whether the URL holds a known secret, or a parameter that may be one."""
    if holds_known_secret(url):
        return True
    return any(_credential_like(name, value) or holds_known_secret(value) for name, value in _parameters(url))


def _credential_like(name: str, value: str) -> bool:
    return bool(value and _CREDENTIAL.search(name) and not _OF_PAGING.search(name))


def _parameters(url: str) -> list[tuple[str, str]]:
    try:
        query = urlsplit(url).query
    except ValueError:
        return []
    pairs = (pair.partition("=") for pair in query.split("&"))
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _identity(url: str) -> Mapping[str, str]:
    """Return what makes the list this one: its address, and a digest of its query without credentials."""
    query = sorted(pair for pair in _parameters(url) if any(pair) and not _credential_like(*pair))
    return {"address": redact(address_of(url)), "query": _digest(query) if query else ""}


def _sum(content: Mapping[str, Any]) -> str:
    return _digest({key: value for key, value in content.items() if key != "sum"})


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _read(token: Any) -> dict[str, Any]:
    try:
        content = json.loads(token)
        of, at = content["of"], content["at"]
        sound = content["txo"] == "list" and all(isinstance(of[name], str) for name in ("address", "query"))
        sound = sound and {name: type(value) for name, value in at.items()} == {f.name: f.type for f in fields(Place)}
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound:
        _refuse("The resume token is none that a list has given")
    checked: dict[str, Any] = content
    return checked


def _refuse(problem: str) -> NoReturn:
    raise ValidationError(
        problem,
        "Give the resume_token of the error as it is, with the URL and parameters of the call that failed",
        EXAMPLE,
    )
