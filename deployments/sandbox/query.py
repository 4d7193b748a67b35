"""OData query options: read strictly, then applied to a set; with server-driven paging and delta links."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from . import constants
from .errors import ApiProblem, bad_request
from .exchange import Exchange
from .filter import compile_filter
from .schema import EntitySchema, Row
from .store import EntitySet, list_row

KNOWN = frozenset({"$filter", "$select", "$top", "$skip", "$orderby", "$count", "$skiptoken", "$deltatoken", "$format"})


@dataclass(frozen=True)
class QueryOptions:
    """The options of one request; `sent` are all parameters in order, for the next link."""

    sent: tuple[tuple[str, str], ...]
    where: Callable[[Row], bool] | None = None
    select: tuple[str, ...] | None = None
    top: int | None = None
    skip: int = 0
    orderby: tuple[tuple[str, bool], ...] = ()
    count: bool = False
    skiptoken: str | None = None
    deltatoken: str | None = None


@dataclass(frozen=True)
class Preferences:
    """What the Prefer header asks for."""

    page_size: int | None = None
    track_changes: bool = False


@dataclass(frozen=True)
class Position:
    """Where a page begins: `offset` rows in, `size` rows a page, changes counted from `sequence`."""

    offset: int
    size: int
    sequence: int


def read_options(pairs: Sequence[tuple[str, str]], schema: EntitySchema) -> QueryOptions:
    """The options. Raises ApiProblem 400 for one that is unknown, doubled or malformed."""
    options = [(name, value) for name, value in pairs if name.startswith("$")]
    values = dict(options)
    if len(values) != len(options):
        raise bad_request("A query option was given twice.", code="BadRequest_InvalidQuery")
    for name in values:
        if name not in KNOWN:
            raise bad_request(f"The query option '{name}' is not supported.", name, "BadRequest_InvalidQuery")
    return QueryOptions(
        sent=tuple(pairs),
        where=compile_filter(values["$filter"], schema) if "$filter" in values else None,
        select=_select(values["$select"], schema) if "$select" in values else None,
        top=_whole_number("$top", values["$top"]) if "$top" in values else None,
        skip=_whole_number("$skip", values.get("$skip", "0")),
        orderby=_orderby(values["$orderby"], schema) if "$orderby" in values else (),
        count=_boolean("$count", values.get("$count", "false")),
        skiptoken=values.get("$skiptoken"),
        deltatoken=values.get("$deltatoken"),
    )


def read_preferences(header: str) -> Preferences:
    """The preferences; those that are unknown or malformed are ignored, as RFC 7240 has it."""
    size = re.search(r"(?:odata\.)?maxpagesize\s*=\s*(\d{1,9})\b", header)
    wanted = int(size[1]) if size else 0
    page_size = min(wanted, constants.MAX_PAGE_SIZE) if wanted else None
    return Preferences(page_size, re.search(r"\bodata\.track-changes\b", header) is not None)


def select_rows(entity_set: EntitySet, options: QueryOptions) -> list[Row]:
    """The rows that the options ask for, before paging; not yet `$skip` and `$top`."""
    rows = list(entity_set.rows.values())
    if options.where is not None:
        rows = [row for row in rows if options.where(row)]
    for name, descending in reversed(options.orderby):
        rows.sort(key=lambda row: (row.get(name) is not None, row.get(name)), reverse=descending)
    return rows


def page_of(
    exchange: Exchange, entity_set: EntitySet, options: QueryOptions, default_size: int, relative: bool
) -> dict[str, Any]:
    """One page: context, count if asked for, rows, and the link to the next page or to the changes since."""
    preferences = read_preferences(exchange.headers.get("prefer", ""))
    position = _position(entity_set, options, preferences.page_size or default_size)
    matching = select_rows(entity_set, options)
    end = len(matching) if options.top is None else options.skip + options.top
    wanted = matching[options.skip : end]
    rows = wanted[position.offset : position.offset + position.size]
    page: dict[str, Any] = {"@odata.context": f"{exchange.origin}/api/v1/$metadata#{entity_set.schema.name}"}
    if options.count:
        page["@odata.count"] = len(matching)
    page["value"] = [list_row(entity_set, row, options.select) for row in rows]
    after = position.offset + position.size
    if after < len(wanted):
        token = _encode({"o": after, "s": position.size, "q": position.sequence})
        page["@odata.nextLink"] = link(exchange, options, "$skiptoken", token, relative)
    elif preferences.track_changes:
        token = _encode({"q": position.sequence})
        page["@odata.deltaLink"] = link(exchange, options, "$deltatoken", token, relative)
    return page


def delta_of(exchange: Exchange, entity_set: EntitySet, options: QueryOptions, relative: bool) -> dict[str, Any]:
    """The rows changed and removed since the delta link was given, and the next delta link."""
    sequence = _number(_decode(options.deltatoken or ""), "q")
    if sequence > len(entity_set.changes):
        raise ApiProblem(410, "SyncStateNotFound", "The delta link is no longer known. Read the set afresh.")
    key_name = entity_set.schema.key
    value: list[Row] = []
    for key in entity_set.changed_since(sequence):
        row = entity_set.rows.get(key)
        if row is not None and (options.where is None or options.where(row)):
            value.append(list_row(entity_set, row, options.select))
        else:
            reason = "deleted" if row is None else "changed"
            value.append({"@removed": {"reason": reason}, key_name: key})
    token = _encode({"q": len(entity_set.changes)})
    return {
        "@odata.context": f"{exchange.origin}/api/v1/$metadata#{entity_set.schema.name}/$delta",
        "value": value,
        "@odata.deltaLink": link(exchange, options, "$deltatoken", token, relative),
    }


def link(exchange: Exchange, options: QueryOptions, name: str, token: str, relative: bool) -> str:
    """The same request with this token, absolute or relative to the service root."""
    kept = [pair for pair in options.sent if pair[0] not in ("$skiptoken", "$deltatoken") and not _is_fault(pair)]
    query = "&".join(f"{quote(key, safe='$')}={quote(value, safe='')}" for key, value in [*kept, (name, token)])
    path = quote(exchange.path.rpartition("/")[2]) if relative else exchange.origin + quote(exchange.path)
    return f"{path}?{query}"


def _is_fault(pair: tuple[str, str]) -> bool:
    return pair[0] in ("fault", "__fault") and pair[1] != "relative-links"


def _position(entity_set: EntitySet, options: QueryOptions, size: int) -> Position:
    if options.skiptoken is None:
        return Position(0, size, len(entity_set.changes))
    token = _decode(options.skiptoken)
    return Position(_number(token, "o"), max(1, _number(token, "s")), _number(token, "q"))


def _encode(token: dict[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _decode(text: str) -> dict[str, Any]:
    try:
        token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error) as error:
        raise _bad_token() from error
    if not isinstance(token, dict):
        raise _bad_token()
    return token


def _number(token: dict[str, Any], name: str) -> int:
    value = token.get(name)
    if not isinstance(value, int) or value < 0:
        raise _bad_token()
    return value


def _bad_token() -> ApiProblem:
    return bad_request("The continuation token is not one of this server's.", "$skiptoken", "BadRequest_InvalidToken")


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_request(f"The value '{text}' of {name} is not a whole number.", name, "BadRequest_InvalidQuery")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise bad_request(f"The value '{text}' of {name} is neither true nor false.", name, "BadRequest_InvalidQuery")
    return text == "true"


def _select(text: str, schema: EntitySchema) -> tuple[str, ...]:
    names = tuple(name.strip(" ") for name in text.split(","))
    if names == ("*",):
        return tuple(schema.properties)
    for name in names:
        _require_property(name, schema, "$select")
    return names


def _orderby(text: str, schema: EntitySchema) -> tuple[tuple[str, bool], ...]:
    order = []
    for part in text.split(","):
        words = part.split()
        if len(words) not in (1, 2) or words[1:] not in ([], ["asc"], ["desc"]):
            raise bad_request(f"Syntax error in $orderby at '{part}'.", "$orderby", "BadRequest_InvalidQuery")
        _require_property(words[0], schema, "$orderby")
        order.append((words[0], words[1:] == ["desc"]))
    return tuple(order)


def _require_property(name: str, schema: EntitySchema, target: str) -> None:
    if name not in schema.properties:
        message = f"Could not find a property named '{name}' on type '{schema.name}'."
        raise bad_request(message, target, "BadRequest_InvalidQuery")
