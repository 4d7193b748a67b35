"""How a client signs in: the credentials that are there, and the first way that they are complete for."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote
from weakref import WeakValueDictionary

from txo_core.exceptions import ConfigurationError
from txo_core.http.sign import Bearer, Signer, TokenProvider, Unsigned
from txo_core.oauth import ApiKey, Basic, ClientCredentials, FixedToken, SourceTokens
from txo_core.proxies import proxy_of
from txo_core.settings.secret_names import SECRET_NAMES
from txo_core.shared import Registry
from txo_core.tls import client_certificate, verification

if TYPE_CHECKING:
    from txo_core.config import TxoConfig

logger = logging.getLogger("txo_core.sign_in")

Auth = tuple[str, Signer]
"""A way to sign in: its name, for the log, and what does it."""
Values = Mapping[str, str | None]

TIMEOUT = 30.0
"""Seconds that an attempt to get a token may take at most."""
TOKEN_ENDPOINT = "endpoints.auth or global.tenant-id"  # noqa: S105  the name of a key
NEEDS: Mapping[str, tuple[str, ...]] = {
    "client-credentials": ("client_secret", "global.client-id", TOKEN_ENDPOINT),
    "az-token": ("az_token",),
    "api-key": ("api_key", "global.api-key-header"),
    "basic": ("username", "password"),
}

_providers: Registry[ClientCredentials] = Registry()
_sources: WeakValueDictionary[tuple[int, str, str], SourceTokens] = WeakValueDictionary()
_sources_lock = threading.Lock()
_announced: set[tuple[str, str, str]] = set()


def find_auth(config: "TxoConfig", require_auth: bool = True, tokens: TokenProvider | None = None) -> Auth:
    """Return how the client signs in, and log the choice by name.

    `tokens` if given; else the first of `NEEDS` whose values are all there, unless global.auth names one. Raises
    ConfigurationError if there is none, and for arguments of another kind.
    """
    check_config(config)
    if tokens is not None:
        return "tokens", Bearer(shared_tokens(config, tokens), config.globals.oauth_scope or "")
    if not require_auth:
        return "none", Unsigned()
    values = _values(config)
    name = choose(config, values)
    _announce(config, name)
    return name, _SIGNERS[name](config, values)


def check_config(config: object) -> None:
    """Raise a ConfigurationError for what is no configuration, such as the name of an organization."""
    if not hasattr(config, "globals"):
        raise ConfigurationError(
            f"A client needs a configuration, and was given something of the type {type(config).__name__}",
            "Load the configuration of the organization and environment first",
            'create_rest_api(load_config("txo", "prod"))',
        )


def shared_tokens(config: "TxoConfig", tokens: TokenProvider) -> TokenProvider:
    """Return the provider of a source of tokens: one for all clients of the organization and environment."""
    if isinstance(tokens, ClientCredentials | FixedToken | SourceTokens):
        return tokens
    with _sources_lock:
        # The provider holds the source, so that no other object can have its id as long as the entry lives.
        key = (id(tokens), config.org_id, config.env_type)
        known = _sources.get(key)
        if known is None:
            known = _sources[key] = SourceTokens(tokens)
        return known


def _announce(config: "TxoConfig", name: str) -> None:
    """Log the choice, once where a person looks."""
    choice = (config.org_id, config.env_type, name)
    logger.log(logging.DEBUG if choice in _announced else logging.INFO, "%s-%s signs in by %s", *choice)
    _announced.add(choice)


def token_for(config: "TxoConfig") -> str:
    """Return the token that a client of this configuration would send now; ConfigurationError if it sends none."""
    name, signer = find_auth(config)
    if not isinstance(signer, Bearer):
        raise ConfigurationError(
            f"{config.org_id}-{config.env_type} signs in by {name}, so there is no token",
            "Leave the sign-in to the client, it sends what the API asks for",
            "with create_rest_api(config) as api:",
        )
    return signer.tokens.get_token(signer.scope).token


def forget_tokens() -> None:
    """Let every client that is made from now on ask for new tokens."""
    _providers.clear()


def choose(config: "TxoConfig", values: Values) -> str:
    """Return the name of the way to sign in; a HelpfulError says what is missing, by name."""
    named = config.globals.auth
    missing = {name: [need for need in NEEDS[name] if not values.get(need)] for name in NEEDS}
    for name in (named,) if named else NEEDS:
        if not missing[name]:
            return name
    wanted = f"global.auth asks for {named}, but" if named else "no way to sign in is complete:"
    shown = [f"{name} lacks {', '.join(lacks)}" for name, lacks in missing.items() if not named or name == named]
    raise ConfigurationError(
        f"{config.org_id}-{config.env_type} cannot sign in: {wanted} {'; '.join(shown)}",
        "Save the missing secrets, or set the missing keys in the configuration; an API that asks for no sign-in is"
        " called with create_rest_api(config, require_auth=False)",
        f"python deployments/provision.py {config.org_id} {config.env_type}",
    )


def token_url(config: "TxoConfig") -> str | None:
    """Return the token endpoint: endpoints.auth, else that of Microsoft Entra for global.tenant-id."""
    tenant = config.globals.tenant_id
    entra = f"https://login.microsoftonline.com/{quote(tenant, safe='')}/oauth2/v2.0/token" if tenant else None
    return config.endpoints.get("auth") or entra


def _values(config: "TxoConfig") -> Values:
    """Return what is there to sign in with, secrets and keys, by name."""
    from txo_core import credentials  # loads Prefect

    block = credentials.load(config.org_id, config.env_type)
    found = {name: getattr(block, name, None) for name in SECRET_NAMES}
    settings = config.globals
    return {
        **{name: secret.get_secret_value() if secret else None for name, secret in found.items()},
        "global.client-id": settings.client_id,
        "global.api-key-header": settings.api_key_header,
        TOKEN_ENDPOINT: token_url(config),
    }


def _client_credentials(config: "TxoConfig", values: Values) -> Signer:
    """Return the provider that all clients of the organization and environment share, while its secret stays."""
    url, client, secret = (str(values[need]) for need in (TOKEN_ENDPOINT, "global.client-id", "client_secret"))
    settings = config.globals
    scope, style, proxy = settings.oauth_scope, settings.oauth_client_auth, proxy_of(config)
    verify, certificate = verification(config), client_certificate(config)
    parameters = dict(settings.oauth_parameters)
    limits = config.behavior.api_timeouts
    timeout, total = min(limits.rest_timeout_seconds, TIMEOUT), min(limits.total_timeout_seconds, 2 * TIMEOUT)
    further = (style, verify, certificate, timeout, total, *sorted(parameters.items()))
    key = (config.org_id, config.env_type, url, client, scope, _digest(secret), _digest(proxy or ""), further)

    def new_secret() -> str | None:
        with suppress(Exception):  # whatever keeps us from the block, the provider's refusal is the error to show
            return _values(config)["client_secret"]
        return None

    def make() -> ClientCredentials:
        return ClientCredentials(
            url,
            client,
            secret,
            scope,
            style=style,
            parameters=parameters,
            new_secret=new_secret,
            proxy=proxy,
            verify=verify,
            certificate=certificate,
            timeout=timeout,
            total_timeout=total,
        )

    return Bearer(_providers.get(key, make), scope or "")


def _digest(secret: str) -> str:
    """Return what stands for a secret in a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


_SIGNERS: Mapping[str, Callable[["TxoConfig", Values], Signer]] = {
    "client-credentials": _client_credentials,
    "az-token": lambda config, values: Bearer(FixedToken(str(values["az_token"]))),
    "api-key": lambda config, values: ApiKey(str(values["global.api-key-header"]), str(values["api_key"])),
    "basic": lambda config, values: Basic(str(values["username"]), str(values["password"])),
}
