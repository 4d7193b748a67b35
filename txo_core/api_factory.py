"""The composition root: a configuration becomes a client, and the order of its policies is written here, once."""

from collections.abc import Hashable, Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from txo_core.exceptions import ConfigurationError
from txo_core.http.breaker import CircuitBreaker, Circuits
from txo_core.http.errors import ErrorMapping
from txo_core.http.exchange_log import ExchangeLog
from txo_core.http.json_body import JsonBody
from txo_core.http.operations import LongRunningOperation
from txo_core.http.origins import TrustedOrigins
from txo_core.http.own_success import OwnSuccess
from txo_core.http.policy import Policy
from txo_core.http.read_only import ReadOnly
from txo_core.http.redirects import Redirects
from txo_core.http.renewal import Renewal
from txo_core.http.retry import Retry
from txo_core.http.sessions import Sessions
from txo_core.http.sign import Sign, TokenProvider
from txo_core.http.transport import PolicyAdapter
from txo_core.pacing import forget_pace, limiter_of
from txo_core.proxies import proxy_of
from txo_core.rest import DEFAULT_HEADERS, IDEMPOTENCY_HEADER, RestClient
from txo_core.shared import CountedCache, Registry
from txo_core.sign_in import Auth, check_config, find_auth, forget_tokens, token_for
from txo_core.tls import announce, client_certificate, verification

if TYPE_CHECKING:
    from txo_core.config import TxoConfig

__all__ = ["ApiManager", "create_rest_api", "forget_shared", "token_for"]

CACHE_SIZE = 50

_breakers: Registry[CircuitBreaker] = Registry()
_circuits = Circuits()
_sessions: CountedCache[Sessions] = CountedCache(CACHE_SIZE)


def create_rest_api(
    config: "TxoConfig", require_auth: bool = True, tokens: TokenProvider | None = None, use_cache: bool = False
) -> RestClient:
    """Return a client for the organization and environment; a context manager.

    The credentials are looked up, unless `tokens` hands them out or `require_auth` is False. With `use_cache`, all
    callers with the same configuration and tokens share their connections; closing one client does not close another.
    In a dry run (`config.dry_run`) it sends reads only. Raises ConfigurationError if there are no usable credentials.
    """

    def make() -> Sessions:
        return _connect(config, find_auth(config, require_auth, tokens))

    check_config(config)
    announce(config)
    client = partial(
        RestClient,
        base_url=config.globals.api_base_url,
        idempotency_header=config.globals.idempotency_header,
        dry_run=config.dry_run,
    )
    if not use_cache:
        return client(make())
    sessions, give_back = _sessions.acquire((config, require_auth, _identity(tokens)), make)
    return client(sessions, on_close=give_back)


def rest_policies(config: "TxoConfig", auth: Auth, trusted: TrustedOrigins) -> list[Policy]:
    """Return the policies of a REST call, outermost first; what is switched off is not among them."""
    timeouts, jitter = config.behavior.api_timeouts, config.behavior.jitter
    _, signer = auth
    return [
        *([ReadOnly()] if config.dry_run else []),
        ErrorMapping(),
        LongRunningOperation(
            timeouts.async_max_wait,
            timeouts.async_poll_interval,
            idempotency_header=config.globals.idempotency_header or IDEMPOTENCY_HEADER,
            total_timeout=timeouts.total_timeout_seconds,
        ),
        OwnSuccess(config.globals.idempotency_header or IDEMPOTENCY_HEADER),
        Redirects(trusted),
        Retry(
            timeouts.max_retries,
            timeouts.backoff_factor,
            jitter=(jitter.min_factor, jitter.max_factor),
            retry_after_cap=timeouts.retry_after_cap,
        ),
        JsonBody(),
        Renewal(signer),
        *switched_on(config),
        Sign(signer, trusted),
        # After the signature: who waited for a new token would leave late, and in company.
        limiter_of(config, auth),
        ExchangeLog(),
    ]


def switched_on(config: "TxoConfig") -> Iterator[Policy]:
    """Yield the circuit breaker that all clients of the process share, if it is wanted."""
    behavior = config.behavior
    if behavior.enable_circuit_breaker:
        threshold, timeout = behavior.circuit_breaker_threshold, behavior.circuit_breaker_timeout
        yield _breakers.get((threshold, timeout), lambda: CircuitBreaker(threshold, timeout, circuits=_circuits))


def trusted_origins(config: "TxoConfig") -> TrustedOrigins:
    """Return who may get credentials and data: the API, the endpoints except `auth`, and global.trusted-origins."""
    endpoints = [url for name, url in config.endpoints.items() if name != "auth"]
    return TrustedOrigins(filter(None, [config.globals.api_base_url, *endpoints, *config.globals.trusted_origins]))


def forget_shared() -> None:
    """Begin anew with connections, tokens, pace and circuits; for tests, and after credentials have changed."""
    _sessions.clear()
    _breakers.clear()
    _circuits.clear()
    forget_pace()
    forget_tokens()


def _connect(config: "TxoConfig", auth: Auth) -> Sessions:
    timeouts = config.behavior.api_timeouts
    adapter = PolicyAdapter(
        rest_policies(config, auth, trusted_origins(config)),
        timeout=timeouts.rest_timeout_seconds,
        total_timeout=timeouts.total_timeout_seconds,
    )
    return Sessions(adapter, proxy_of(config), DEFAULT_HEADERS, verification(config), client_certificate(config))


def _identity(tokens: TokenProvider | None) -> object:
    """Return what tells one token provider from another; equal tokens are one, other objects are each their own."""
    return tokens if isinstance(tokens, Hashable | None) else Identity(tokens)


class Identity:
    """Stands for an object that has no hash, and keeps it alive, so that no other takes its place."""

    def __init__(self, item: object) -> None:
        self._item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self._item is other._item

    def __hash__(self) -> int:
        return id(self._item)


class ApiManager:
    """The clients of one configuration, closed together at the end of the with block."""

    def __init__(self, config: "TxoConfig", require_auth: bool = True, tokens: TokenProvider | None = None) -> None:
        self._config = config
        self._require_auth = require_auth
        self._tokens = tokens
        self._stack = ExitStack()
        self._rest: RestClient | None = None

    def get_rest_api(self) -> RestClient:
        """Return the REST client, always the same one."""
        if self._rest is None:
            client = create_rest_api(self._config, self._require_auth, self._tokens, use_cache=True)
            self._rest = self._stack.enter_context(client)
        return self._rest

    def get_soap_api(self) -> NoReturn:
        """Raise a HelpfulError: SOAP comes with `txo_core.soap`."""
        raise ConfigurationError("There is no SOAP client yet", "It comes with txo_core.soap")

    def close(self) -> None:
        """Close the clients."""
        self._rest = None
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
