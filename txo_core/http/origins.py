"""Which servers a client talks to: credentials and data go to trusted origins, and nowhere else."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, RequestException

from txo_core.exceptions import ConfigurationError

DEFAULT_PORTS = {"http": "80", "https": "443"}

# A host that every parser of URLs reads in the same way; what it does not match has no origin, and is never called.
_PLAIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?(?=[/?#]|\Z)", re.IGNORECASE)
_INTERNATIONAL = re.compile(r"https?://[^/?#\\@\s\x00-\x20\x7f%]+(?=[/?#]|\Z)", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x20]")
_CREDENTIALS = re.compile(
    r"auth|cookie|token|secret|passw|pwd|credential|signature|session"
    r"|(?:api|access|account|app|client|functions?|master|private|shared|subscription)[-_]?key",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def origin_of(url: str) -> str:
    """Return scheme, host and port of the URL, `https://api.example.com:443` (RFC 6454).

    Empty if it has none, or none that is beyond doubt: of a user name, a backslash or a line break before the path,
    one parser makes another host than the next, and a secret would go to where nobody looked.
    """
    match = _PLAIN.match(url)
    if match is None:
        return _international(url)
    scheme, host = match[1].lower(), match[2].lower()
    port = str(int(match[3])) if match[3] else DEFAULT_PORTS[scheme]
    return "" if port == "0" else f"{scheme}://{host}:{port}"


def _international(url: str) -> str:
    """Return the origin of a host with letters beyond ASCII, by the name that is asked for in the network (IDNA)."""
    if url.isascii() or not _INTERNATIONAL.match(url):
        return ""
    prepared = PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except (RequestException, ValueError):
        return ""
    ascii_url = prepared.url or ""
    return origin_of(ascii_url) if _PLAIN.match(ascii_url) else ""


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


def resolved(base: str | None, link: str) -> str:
    """Return the whole URL that a server's link means (RFC 3986, 5); one that nobody can read comes back as it is."""
    try:
        return urljoin(base or "", link)
    except ValueError:
        return link


def refuse_downgrade(source: str | None, target: str) -> None:
    """Refuse to go on from an https address to an http one, wherever it leads: data would travel in clear."""
    if _scheme(source or "") == "https" and _scheme(target) == "http":
        raise ConfigurationError(
            f"{address_of(source)} sends us on to {address_of(target)}, which is not encrypted",
            "Ask the provider of the API to hand out https addresses; an unencrypted one is never followed",
        )


def _scheme(url: str) -> str:
    """Return the scheme that any of the parsers may read."""
    return _INVISIBLE.sub("", url).partition(":")[0].lower()


def credential_headers(names: Iterable[str]) -> list[str]:
    """Return the headers that prove who is calling, by their names; where the caller sets them, they stay with the
    origin that he called."""
    return [name for name in names if _CREDENTIALS.search(name)]


class TrustedOrigins:
    """The origins that may receive credentials and data; anything else is refused, also if a server asks for it."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._origins = frozenset(filter(None, map(origin_of, urls)))

    def __contains__(self, url: str) -> bool:
        return origin_of(url) in self._origins

    def require(self, url: str, source: str | None = None) -> None:
        """Raise a HelpfulError unless the URL is trusted, and no step down from an encrypted `source`."""
        if source is not None:
            refuse_downgrade(source, url)
        if url in self:
            return
        came_from = f", to which {shown_origin(source)} sends us," if source else ""
        raise ConfigurationError(
            f"The address {address_of(url)}{came_from} {self._reason(url)}; nothing was sent",
            "If it belongs to the API, add its origin to global.trusted-origins in the configuration",
            f'{{"global": {{"trusted-origins": ["{shown_origin(url)}"]}}}}' if origin_of(url) else "",
        )

    def _reason(self, url: str) -> str:
        origin = origin_of(url)
        if not origin:
            return "is not clear about its host: no user name, backslash or odd character may stand before the path"
        if origin.startswith("http:") and f"https:{shown_origin(url)[5:]}" in self:
            return "is not encrypted, and only its https form is trusted"
        return "is not a trusted origin"
