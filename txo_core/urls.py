"""URLs made of data, which cannot leave the place they are put in."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from numbers import Integral, Real
from typing import Any, NoReturn, Protocol
from urllib.parse import quote, urlencode
from uuid import UUID

from txo_core.exceptions import ConfigurationError, ValidationError

ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
QUERY_SAFE = "$'(),:/@!*"
"""Characters that a query may hold as they are (RFC 3986, 3.4), as OData users know them."""
NO_NAME, NO_FLAG = re.compile(r"[\s'\"]"), re.compile(r"[\s'\"()]")
Params = Mapping[str, Any] | Sequence[tuple[str, Any]] | str


class HasBaseUrl(Protocol):
    """The `globals` of a `TxoConfig`."""

    @property
    def api_base_url(self) -> str | None:
        """The address of the API."""


class HasGlobals(Protocol):
    """What of a `TxoConfig` is needed here."""

    @property
    def globals(self) -> HasBaseUrl:
        """The section of the address."""


def build_api_url(config: HasGlobals, env_id: object, resource: object) -> tuple[str, str]:
    """Return the URL of a resource and the context for log lines.

    `build_api_url(config, "customers", "C0001")` is `("https://.../customers/C0001", "[customers:C0001]")`. Both parts
    become one path segment each, percent-encoded, whatever they hold. Raises ConfigurationError without
    global.api-base-url, ValidationError for an empty part and for `.` and `..`.
    """
    base = base_url_of(config)
    url = f"{base.rstrip('/')}/{segment(env_id)}/{segment(resource)}"
    return url, f"[{_printable(env_id)}:{_printable(resource)}]"


def base_url_of(config: HasGlobals) -> str:
    """Return global.api-base-url; a HelpfulError says where to set it."""
    base = config.globals.api_base_url
    if not base:
        raise ConfigurationError(
            "The address of the API is not configured",
            "Set api-base-url in the global section of the configuration",
            '{"global": {"api-base-url": "https://api.example.com/v1"}}',
        )
    return base


def segment(value: object) -> str:
    """Return the value as one segment of a path: `A/B 1` becomes `A%2FB%201` (RFC 3986, 3.3)."""
    text = "" if value is None else str(value)
    if text in ("", ".", ".."):
        raise ValidationError(
            f"{value!r} cannot be part of a URL",
            "Give the id or the name of the thing that is meant",
            'build_api_url(config, "customers", "C0001")',
        )
    return quote(text, safe="(),=:@")


def join_url(base: str | None, url: str) -> str:
    """Return the URL as it is if it is absolute, else below the path of the base.

    `https://h/api/v1` and `customers` or `/customers` give `https://h/api/v1/customers`.
    """
    if ABSOLUTE.match(url):
        if not url.lower().startswith(("http://", "https://")):
            raise ValidationError(
                f"{url.partition('://')[0]!r} is not an address that can be called:"
                " it begins with neither http nor https",
                "Use a path below api-base-url, or a URL that begins with https://",
                'api.get("customers")',
            )
        return url
    if not base:
        raise ConfigurationError(
            f"The relative address {url.partition('?')[0]!r} has nothing to be relative to",
            "Set api-base-url in the global section of the configuration, or give a whole URL",
            '{"global": {"api-base-url": "https://api.example.com/v1"}}',
        )
    return f"{base.rstrip('/')}/{url.lstrip('/')}" if url.strip("/") else base


def query_string(params: Params) -> str:
    """Return the parameters as a query without `?`: spaces as %20, true and false in small letters, None left out.

    A text is a query already, and stays as it is. A list gives its parameter several times. Raises ValidationError for
    what is no parameter: a server that ignores what it does not understand would answer with everything.
    """
    if isinstance(params, str):
        return _checked_query(params.removeprefix("?"))
    pairs = [(_query_name(name), _query_value(name, value)) for name, value in _pairs(params) if value is not None]
    return urlencode(pairs, doseq=True, safe=QUERY_SAFE, quote_via=quote)


def with_query(url: str, params: Params | None) -> str:
    """Return the URL with the parameters added to those that it has."""
    query = "" if params is None else query_string(params)
    if not query:
        return url
    url, hash_sign, fragment = url.partition("#")
    return f"{url}{'&' if '?' in url else '?'}{query}{hash_sign}{fragment}"


def _pairs(params: Any) -> list[tuple[Any, Any]]:
    if isinstance(params, Mapping):
        return list(params.items())
    if isinstance(params, bytes) or not isinstance(params, Iterable):
        _refuse_params(f"{type(params).__name__} is no set of parameters")
    pairs = list(params)
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        _refuse_params("The parameters are no pairs of a name and a value")
    return [(name, value) for name, value in pairs]


def _checked_query(query: str) -> str:
    """Return the query; an expression, which has spaces or quotes where a name belongs, is none."""
    for part in query.split("&"):
        name, sign, _ = part.partition("=")
        if NO_NAME.search(name) or (not sign and NO_FLAG.search(name)):
            _refuse_params("The text is no query: it has more than a name before a `=`, or in the place of one")
    return query


def _query_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        shown = "empty" if name == "" else type(name).__name__
        _refuse_params(f"The name of a parameter is a text, and one is {shown}")
    return str.__str__(name)


def _query_value(name: str, value: Any) -> Any:
    """Return the value as texts, or a list of them."""
    if isinstance(value, Iterable) and getattr(value, "ndim", None) == 0:
        value = _alone(value)
    if isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping):
        values = [_query_text(each) for each in value] if getattr(value, "ndim", 1) == 1 else [None]
        return values if None not in values else _refuse_value(name, value)
    text = _query_text(value)
    return _refuse_value(name, value) if text is None else text


def _alone(array: Any) -> Any:
    """Return the value of an array of no dimensions."""
    return array[()]


def _query_text(value: Any) -> str | bytes | None:
    """Return a single value as an address has it; None for what has no place in one."""
    if isinstance(value, Enum):
        return _query_text(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return str(bool(value)).lower()
    if isinstance(value, Real | Decimal):
        return str(value) if isinstance(value, Integral) or isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat() if value == value else None  # pandas' NaT differs from itself
    return str(value) if isinstance(value, UUID) else value if isinstance(value, bytes) else None


def _refuse_value(name: str, value: Any) -> NoReturn:
    _refuse_params(f"The value of the parameter {name!r} ({type(value).__name__}) cannot stand in an address")


def _refuse_params(problem: str) -> NoReturn:
    raise ValidationError(
        problem,
        "Give a dictionary of texts, numbers, dates, true and false, or lists of these;"
        " what a field has to be goes through build_odata_filter",
        'api.get("orders", build_odata_filter({"amount": gt(6000)}))',
    )


def _printable(value: object) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(value))
