"""One parameter of a URL, read or set, with the rest of the query left as it is."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus


def parameter(url: str, name: str) -> str | None:
    """Return the first value that the query has for the name."""
    for pair in url.partition("#")[0].partition("?")[2].split("&"):
        key, _, value = pair.partition("=")
        if unquote_plus(key) == name:
            return unquote_plus(value)
    return None


def with_parameters(url: str, values: Mapping[str, Any]) -> str:
    """Return the URL with these values in the query, each in the place of the old one or behind the others."""
    url, hash_sign, fragment = url.partition("#")
    path, _, query = url.partition("?")
    left = dict(values)
    pairs = []
    for pair in filter(None, query.split("&")):
        name = unquote_plus(pair.partition("=")[0])
        if name not in values:
            pairs.append(pair)
        elif name in left:
            pairs.append(_pair(name, left.pop(name)))
    pairs += [_pair(name, value) for name, value in left.items()]
    return f"{path}?{'&'.join(pairs)}{hash_sign}{fragment}"


def _pair(name: str, value: Any) -> str:
    return f"{quote(name, safe='$')}={quote(str(value), safe='')}"
