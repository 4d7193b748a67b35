"""The entities of an OData service: a request made of its options, and rows without the protocol's remarks."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from txo_core.exceptions import ValidationError
from txo_core.odata import filter_expression
from txo_core.odata.conditions import Conditions
from txo_core.paginators.page_urls import parameter
from txo_core.urls import query_string, with_query

EXAMPLE = 'api.get_odata_entities("customers", {"city": "Oslo"}, select=["no", "name"], page_size=500)'


def entities_url(
    entity: str,
    odata_filter: Conditions | str | None = None,
    select: str | Iterable[str] | None = None,
    limit: int | None = None,
    orderby: str | Iterable[str] | None = None,
    expand: str | Iterable[str] | None = None,
) -> str:
    """Return the address of the entities with its query.

    A filter is conditions, as `build_odata_filter` takes them, what that returns, or a bare expression as its author
    wrote it. `limit` becomes `$top`. Raises ValidationError.
    """
    if not isinstance(entity, str) or not entity.strip("/ "):
        _refuse(f"{entity!r} names no entity set")
    if limit is not None and not _is_count(limit):
        _refuse(f"{limit!r} is no number of entities")
    url = with_filter(entity, odata_filter)
    names = {"$select": select, "$orderby": orderby, "$expand": expand}
    listed = {option: _listed(option, value) for option, value in names.items() if value is not None}
    return with_query(url, {**listed, "$top": limit})


def with_filter(url: str, odata_filter: Conditions | str | None) -> str:
    """Return the URL with the filter; raises ValidationError if it has one already."""
    query = _filter(odata_filter)
    if query and parameter(url, "$filter") is not None:
        _refuse("There are two filters: `odata_filter`, and `$filter` in the address or in the parameters")
    return with_query(url, query)


def page_size_headers(page_size: int | None, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers that ask for pages of so many rows, added to those of the caller.

    The size is a preference (OData 4.01, 8.2.8.5) and not `$top`, which ends the list: a server that gives smaller
    pages then still links to the next one.
    """
    sent = dict(headers or {})
    if page_size is None:
        return sent
    if not _is_count(page_size):
        _refuse(f"{page_size!r} is no page size")
    name = next((name for name in sent if name.casefold() == "prefer"), "Prefer")
    sent[name] = ", ".join(filter(None, (sent.get(name), f"odata.maxpagesize={page_size}")))
    return sent


def without_annotations(value: Any) -> Any:
    """Return the row without `@odata.etag`, `name@odata.type` and their kin, in expanded entities too."""
    if isinstance(value, Mapping):
        return {name: without_annotations(inner) for name, inner in value.items() if not _is_annotation(name)}
    return [without_annotations(item) for item in value] if isinstance(value, list) else value


def _is_annotation(name: str) -> bool:
    return "@odata." in name or name.startswith(("odata.", "@"))


def _filter(odata_filter: Any) -> str:
    """Return the query with the filter; what already is a query stays as it is, since it is encoded."""
    if odata_filter is None:
        return ""
    if not isinstance(odata_filter, str):
        odata_filter = filter_expression(odata_filter)
    text = odata_filter.strip().lstrip("?&")
    return text if text.startswith("$filter=") or not text else query_string({"$filter": text})


def _listed(option: str, value: Any) -> str:
    """Return names, given as one text or as several, with commas between them."""
    try:
        names = [value] if isinstance(value, str) else list(value)
    except TypeError:
        names = []
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        _refuse(f"{value!r} does not say what {option} is to name")
    return ",".join(names)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _refuse(problem: str) -> NoReturn:
    raise ValidationError(problem, "Give names as texts, numbers from 1 on, and conditions by field", EXAMPLE)
