"""Which servers a client talks to: credentials and data go to trusted origins, and nowhere else."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from txo_core.exceptions import ConfigurationError

DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=2048)
def origin_of(url: str) -> str:
    """Return scheme, host and port of the URL, `https://api.example.com:443`; empty if it has none (RFC 6454)."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme.lower())
    except ValueError:
        return ""
    if not parts.hostname or port is None:
        return ""
    return f"{parts.scheme.lower()}://{parts.hostname.lower()}:{port}"


def shown_origin(url: str) -> str:
    """Return the origin as a person writes it: without the port where it is the usual one."""
    origin = origin_of(url)
    scheme, _, rest = origin.partition("://")
    return origin.removesuffix(f":{DEFAULT_PORTS.get(scheme)}") if rest else "an address without a host"


def address_of(url: str | None) -> str:
    """Return the URL for messages: without user, password, query and fragment."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return "(a malformed URL)"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path


def refuse_downgrade(source: str | None, target: str) -> None:
    """Refuse to go on from an https address to an http one, wherever it leads: data would travel in clear."""
    if (source or "").lower().startswith("https:") and target.lower().startswith("http:"):
        raise ConfigurationError(
            f"{address_of(source)} sends us on to {address_of(target)}, which is not encrypted",
            "Ask the provider of the API to hand out https addresses; an unencrypted one is never followed",
        )


class TrustedOrigins:
    """The origins that may receive credentials and data; anything else is refused, also if a server asks for it."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._origins = frozenset(filter(None, map(origin_of, urls)))

    def __contains__(self, url: str) -> bool:
        return origin_of(url) in self._origins

    def require(self, url: str, source: str | None = None) -> None:
        """Raise a HelpfulError unless the URL is trusted, and no step down from an encrypted `source`."""
        refuse_downgrade(source, url)
        if url in self:
            return
        origin = shown_origin(url)
        came_from = f", to which {shown_origin(source)} sends us," if source else ""
        downgrade = origin.startswith("http:") and f"https:{origin[5:]}" in self
        reason = "is not encrypted, and only its https form is trusted" if downgrade else "is not a trusted origin"
        raise ConfigurationError(
            f"The address {address_of(url)}{came_from} {reason}; nothing was sent",
            "If it belongs to the API, add its origin to global.trusted-origins in the configuration",
            f'{{"global": {{"trusted-origins": ["{origin}"]}}}}',
        )
