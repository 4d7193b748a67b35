"""Which limiter a client goes through: its pace is that of its credentials, shared by all clients that have them."""

import hashlib
import platform
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from txo_core.exceptions import ConfigurationError
from txo_core.http.limiter import RateLimiter, Throttle
from txo_core.http.pacer import Pacers, Store
from txo_core.http.shared_file import SharedFile
from txo_core.http.sign import Bearer
from txo_core.oauth import ApiKey, Basic, FixedToken
from txo_core.paths import Dir, get_path
from txo_core.shared import Registry
from txo_core.sign_in import Auth, token_url

if TYPE_CHECKING:
    from txo_core.config import TxoConfig

ITERATIONS = 10_000
"""So that nobody finds a weak password by trying the names of files."""

_limiters: Registry[Throttle] = Registry()
_pacers: Registry[Pacers] = Registry()
_sources: dict[int, object] = {}
"""Kept, so that no other object takes the place and the number of one of them."""


def limiter_of(config: "TxoConfig", auth: Auth) -> Throttle:
    """Return the limiter of a client; without a limit, one that only heeds the server.

    All who call an origin with the same credentials share their pace, whatever the client. Where their configurations
    disagree about the rate, the slowest holds for all. Raises ConfigurationError for a scope that is not there yet, and
    FileOperationError where the file of the host cannot be used.
    """
    rate, burst, scope = _wanted(config)
    name, cap = name_of(config, auth), config.behavior.api_timeouts.retry_after_cap
    key = (scope, name, _stranger(auth) if scope == "process" else None)

    def make() -> Throttle:
        store = _host_files(name) if scope == "host" else None
        pacers = _pacers.get(key, lambda: Pacers(store=store))
        if rate is None:
            return Throttle(pacers, longest_pause=cap)
        pacers.at(config.globals.api_base_url or "")
        return RateLimiter(rate, burst, longest_pause=cap, pacers=pacers)

    return _limiters.get((*key, rate, burst, cap), make)


def forget_pace() -> None:
    """Begin anew in this process; what processes share stays."""
    _limiters.clear()
    _pacers.clear()
    _sources.clear()


def _wanted(config: "TxoConfig") -> tuple[float | None, int, str]:
    """Return rate, burst and scope; without a limit of ours there is nothing that processes could share."""
    behavior = config.behavior
    if behavior.enable_rate_limiting:
        if behavior.rate_limit_scope == "cluster":
            raise ConfigurationError(
                "script-behavior.rate-limit-scope is cluster, and there is no limiter yet that several hosts share",
                "Set it to host, for all processes of one host, and divide the rate by the number of hosts",
                '{"script-behavior": {"rate-limit-scope": "host", "rate-limit-per-second": 5}}',
            )
        return behavior.rate_limit_per_second, behavior.rate_limit_burst, behavior.rate_limit_scope
    if behavior.api_delay_seconds:
        return 1 / behavior.api_delay_seconds, 1, "process"
    return None, 1, "process"


def name_of(config: "TxoConfig", auth: Auth) -> str:
    """Return what tells one credential from another, in all processes alike; nothing of it can be read back.

    Of a token source that is not ours nothing is known: there it is its kind, with the organization and environment.
    """
    way, signer = auth
    here = (config.org_id, config.env_type)
    source = signer.tokens if isinstance(signer, Bearer) else signer
    parts: tuple[str, ...] = (way, *here)
    if way == "client-credentials":
        parts = (way, token_url(config) or "", config.globals.client_id or "")
    elif isinstance(source, FixedToken | ApiKey):
        parts = ("secret", source.value)
    elif isinstance(source, Basic):
        parts = ("user", source.username, source.password)
    elif isinstance(signer, Bearer):
        parts = ("source", type(source).__qualname__, *here)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stranger(auth: Auth) -> Hashable:
    """Return what tells one token source that is not ours from another of its kind, in this process."""
    way, signer = auth
    if way == "tokens" and isinstance(signer, Bearer) and not isinstance(signer.tokens, FixedToken):
        _sources[id(signer.tokens)] = signer.tokens
        return id(signer.tokens)
    return None


def _host_files(name: str) -> Callable[[str], Store]:
    """Return what opens the file of an origin; its own name tells neither the origin nor the credential."""

    def store(origin: str) -> Store:
        salt = f"{platform.node()} {origin}".encode()
        digest = hashlib.pbkdf2_hmac("sha256", name.encode(), salt, ITERATIONS, 16).hex()
        return SharedFile(get_path(Dir.TMP, f"pace/{digest}", ensure_parent=True))

    return store
