"""The framework's keys, typed: what each means, its unit, its range and its default.

The keys are kebab-case in the file and snake_case here. `config/config.schema.json` is made from these models.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from txo_core.settings.kinds import HeaderName, Identifier, Line, Origin, SecretNames, TokenFields, Url, given

HOUR = 3600
DAY = 24 * HOUR

Auth = Literal["client-credentials", "az-token", "api-key", "basic"]
ClientAuth = Literal["post", "basic"]
SoapAuth = Literal["client-credentials", "az-token", "api-key", "basic", "wsse"]

Seconds = Annotated[float, Field(gt=0, le=HOUR)]
LongSeconds = Annotated[float, Field(gt=0, le=DAY)]
TotalTimeout = Annotated[
    LongSeconds,
    Field(
        description="Seconds that one call may take in all, with its retries and the waits between them."
        " The other timeouts hold for a single attempt."
    ),
]
RetryAfterCap = Annotated[
    float,
    Field(ge=0, le=DAY, description="Longest wait in seconds that a Retry-After header of the server may ask for."),
]
AsyncMaxWait = Annotated[
    LongSeconds, Field(description="Seconds to wait for the end of a long-running operation (202 Accepted).")
]
AsyncPollInterval = Annotated[
    Seconds, Field(description="Seconds between two polls of a long-running operation, unless the server says.")
]


def kebab(name: str) -> str:
    """Return the spelling of the file: `max_retries` is `max-retries` there."""
    return name.replace("_", "-")


class Settings(BaseModel):
    """A section of the configuration: frozen, strict about types, silent about values."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=kebab,
        populate_by_name=False,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


class ApiTimeouts(Settings):
    """How long to wait for an API, and how often to ask again."""

    rest_timeout_seconds: Seconds = Field(default=60, description="Seconds that one attempt of a REST call may take.")
    soap_timeout_seconds: Seconds = Field(default=120, description="Seconds that one attempt of a SOAP call may take.")
    wsdl_timeout_seconds: Seconds = Field(default=60, description="Seconds that loading a WSDL may take, per attempt.")
    total_timeout_seconds: TotalTimeout = 300
    max_retries: int = Field(
        default=3, ge=0, le=10, description="Repeats after the first attempt of a call; 0 is no repeat."
    )
    backoff_factor: float = Field(
        default=2.0,
        gt=0,
        le=10,
        description="Base of the waits in seconds between two attempts; they grow exponentially.",
    )
    retry_after_cap: RetryAfterCap = 120
    async_max_wait: AsyncMaxWait = 300
    async_poll_interval: AsyncPollInterval = 5


class Jitter(Settings):
    """The range of the random factor that every wait of our own is multiplied with."""

    min_factor: float = Field(default=0.5, ge=0, le=1, description="Smallest factor of a wait, without unit.")
    max_factor: float = Field(default=1.5, ge=1, le=10, description="Largest factor of a wait, without unit.")


class Behavior(Settings):
    """How the clients behave: rate limit, circuit breaker, timeouts, retries."""

    enable_rate_limiting: bool = Field(default=False, description="Whether calls are held to rate-limit-per-second.")
    rate_limit_per_second: float = Field(
        default=10, gt=0, description="Attempts per second at most; any number above 0."
    )
    rate_limit_burst: int = Field(default=1, ge=1, description="Attempts that may go at once after a pause.")
    rate_limit_scope: Literal["process", "host", "cluster"] = Field(
        default="process",
        description="Who shares the limit: the threads of one process, all processes of one host,"
        " or all workers of a cluster.",
    )
    api_delay_seconds: float = Field(
        default=0, ge=0, le=HOUR, description="Seconds between two calls; acts only where rate limiting is off."
    )
    enable_circuit_breaker: bool = Field(
        default=False, description="Whether calls to an API that is down are stopped early."
    )
    circuit_breaker_threshold: int = Field(
        default=5, ge=1, le=1000, description="Failures in a row that open the circuit."
    )
    circuit_breaker_timeout: LongSeconds = Field(
        default=60, description="Seconds that the circuit stays open, until one call may try again."
    )
    total_timeout_seconds: TotalTimeout = 300
    retry_after_cap: RetryAfterCap = 120
    async_max_wait: AsyncMaxWait = 300
    async_poll_interval: AsyncPollInterval = 5
    api_timeouts: ApiTimeouts = Field(
        default_factory=ApiTimeouts, description="How long to wait, how often to ask again."
    )
    jitter: Jitter = Field(default_factory=Jitter, description="Random factor of our own waits.")


class Globals(Settings):
    """Where the API is and who we are there; a script's own keys may stand beside these."""

    model_config = ConfigDict(extra="ignore")

    api_base_url: Annotated[Url | None, given] = Field(
        default=None, description="Address that relative URLs are resolved against."
    )
    tenant_id: Annotated[Identifier | None, given] = Field(
        default=None, description="Tenant (directory) id of Microsoft Entra; with it the token endpoint is known."
    )
    client_id: Annotated[Identifier | None, given] = Field(default=None, description="Public id of the OAuth client.")
    oauth_scope: Annotated[Line | None, given] = Field(
        default=None, description="Scope to ask a token for; several are separated by a space."
    )
    oauth_client_auth: ClientAuth = Field(
        default="post",
        description="Where the token endpoint wants client id and secret: in the form (post) or in the"
        " Authorization header (basic).",
    )
    oauth_parameters: TokenFields = Field(
        default_factory=dict, description="Further fields of the token request, such as audience or resource."
    )
    trusted_origins: Annotated[tuple[Origin, ...], Field(strict=False)] = Field(
        default=(), description="Further origins that may get our credentials, beside api-base-url and the endpoints."
    )
    auth: Annotated[Auth | None, given] = Field(
        default=None, description="Kind of sign-in; without it the first that is complete, in the order given here."
    )
    soap_auth: Annotated[SoapAuth | None, given] = Field(
        default=None,
        description="Kind of sign-in of SOAP calls, where it differs; wsse is a user name token in the envelope.",
    )
    api_key_header: Annotated[HeaderName | None, given] = Field(
        default=None, description="Header that carries the API key, such as X-API-Key."
    )
    idempotency_header: Annotated[HeaderName | None, given] = Field(
        default=None, description="Header in which the server honours an idempotency key, such as Idempotency-Key."
    )
    proxy: Annotated[Url | None, given] = Field(
        default=None,
        description="Proxy for all calls, such as http://proxy:8080. Where it asks for a user, name proxy-username and"
        " proxy-password in further-secrets.",
    )
    further_secrets: Annotated[SecretNames, Field(strict=False)] = Field(
        default=(),
        description="Names of further secrets in the credentials block, such as sftp-password: provision.py asks for"
        " them, and a script gets one with config.secret(name).",
    )
    ca_bundle: Annotated[Line | None, given] = Field(
        default=None,
        description="File of the certificate authorities to trust instead of the public ones (PEM), such as the"
        " company's; relative to the root folder.",
    )
    client_certificate: Annotated[Line | None, given] = Field(
        default=None,
        description="File of our own certificate (PEM), for servers that ask for one; relative to the root folder.",
    )
    client_key: Annotated[Line | None, given] = Field(
        default=None,
        description="File of the key of client-certificate (PEM, not encrypted), where it is not in the same file.",
    )
    verify_tls: bool = Field(
        default=True,
        description="Whether the certificates of servers are checked. False is refused for production environments"
        " and warned of in each run.",
    )


class ConfigFile(Settings):
    """A whole configuration file; sections of a script's own may stand beside these three."""

    model_config = ConfigDict(extra="ignore")

    globals: Globals = Field(
        default_factory=Globals, alias="global", description="Where the API is and who we are there; open."
    )
    behavior: Behavior = Field(
        default_factory=Behavior, alias="script-behavior", description="How the clients behave; closed."
    )
    endpoints: dict[str, Url] = Field(
        default_factory=dict, description="Addresses by name; auth is the token endpoint, the others are trusted."
    )
