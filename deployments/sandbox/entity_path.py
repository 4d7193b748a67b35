"""Which entity a path names: /customers, /customers('O''Brien'), /customers/C0001, /customers/$count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from .constants import API_PREFIX
from .errors import ApiProblem, bad_request

SET = re.compile(r"(?P<set>[A-Za-z_]\w*)(?P<rest>.*)", re.DOTALL)
QUOTED_KEY = re.compile(r"\((?:(?P<name>\w+)=)?'(?P<key>(?:[^']|'')*)'\)", re.DOTALL)


@dataclass(frozen=True)
class EntityPath:
    """A set, and the key of one of its entities or None."""

    set_name: str
    key: str | None = None
    is_count: bool = False


def parse_entity_path(raw_path: bytes) -> EntityPath:
    """What the raw path names. Raises ApiProblem 400 for a malformed key, 404 for a segment that is unknown."""
    raw = raw_path.decode("latin-1").partition("?")[0].removeprefix(API_PREFIX + "/")
    match = SET.fullmatch(raw)
    if match is None:
        raise ApiProblem(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{raw}'.")
    set_name, rest = match["set"], match["rest"]
    if rest in ("", "/"):
        return EntityPath(set_name)
    if rest == "/$count":
        return EntityPath(set_name, is_count=True)
    if rest.startswith("/"):
        return EntityPath(set_name, _plain_key(rest[1:]))
    return EntityPath(set_name, _quoted_key(unquote(rest)))


def _plain_key(segment: str) -> str:
    if "/" in segment or segment.startswith("$"):
        name = unquote(segment.rpartition("/")[2])
        raise ApiProblem(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")
    return unquote(segment)


def _quoted_key(predicate: str) -> str:
    match = QUOTED_KEY.fullmatch(predicate)
    if match is None or match["name"] not in (None, "no"):
        message = f"The key {predicate} is malformed: write ('C0001'), with a quote inside doubled."
        raise bad_request(message, code="BadRequest_InvalidKey")
    return match["key"].replace("''", "'")
