"""URLs made of data, which cannot leave the place they are put in."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from txo_core.exceptions import ConfigurationError, ValidationError

ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
QUERY_SAFE = "$'(),:/@!*"
"""Characters that a query may hold as they are (RFC 3986, 3.4), as OData users know them."""


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
                f"{url.partition('?')[0]!r} is not an address that can be called",
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


def query_string(params: Mapping[str, Any] | Sequence[tuple[str, Any]] | str) -> str:
    """Return the parameters as a query without `?`: spaces as %20, true and false in small letters, None left out."""
    if isinstance(params, str):
        return params.removeprefix("?")
    pairs = params.items() if isinstance(params, Mapping) else params
    shown = [(name, _query_value(value)) for name, value in pairs if value is not None]
    return urlencode(shown, doseq=True, safe=QUERY_SAFE, quote_via=quote)


def with_query(url: str, params: Mapping[str, Any] | Sequence[tuple[str, Any]] | str | None) -> str:
    """Return the URL with the parameters added to those that it has."""
    query = query_string(params) if params else ""
    if not query:
        return url
    url, hash_sign, fragment = url.partition("#")
    return f"{url}{'&' if '?' in url else '?'}{query}{hash_sign}{fragment}"


def _query_value(value: Any) -> Any:
    if isinstance(value, list | tuple | set):
        return [_query_value(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else value


def _printable(value: object) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(value))
