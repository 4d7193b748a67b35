"""The kinds of values that a configuration holds: addresses, identifiers, names of headers, single lines."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from txo_core.masking.values import is_random
from txo_core.settings.checks import url_problem
from txo_core.settings.secret_names import FURTHER_NAME, PROXY_NAMES, SECRET_NAMES
from txo_core.settings.secrets import SECRETS_BELONG

_TOKEN_FIELDS = frozenset({"grant_type", "client_id", "client_secret", "scope"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_URL_SCHEMA = {"type": "string", "format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"}
_NAME_SCHEMA = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 40}


def _refuse(problem: str | None) -> None:
    if problem:
        raise PydanticCustomError("txo", "{problem}", {"problem": problem})


def _check_url(value: str) -> str:
    _refuse(url_problem(value))
    return value


def _check_origin(value: str) -> str:
    _refuse(url_problem(value))
    parts = urlsplit(value)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        _refuse("should be an origin alone, such as https://files.example.com, without a path")
    return value


def _check_identifier(value: str) -> str:
    if not re.fullmatch(r"[^\s/?#\\\x00-\x1f\x7f]+", value):
        _refuse("should be an identifier without spaces, line breaks and any of / \\ ? #")
    return value


def _check_header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        _refuse("should be the name of an HTTP header, such as X-API-Key")
    if is_random(value):
        _refuse(f"should be the name of a header; what looks like the key itself {SECRETS_BELONG}")
    return value


def _check_token_fields(value: dict[str, str]) -> dict[str, str]:
    own = ", ".join(sorted(_TOKEN_FIELDS & set(value)))
    if own:
        _refuse(f"holds {own}, which has a key of its own; only further fields of the token request go here")
    return value


def _check_secret_name(value: str) -> str:
    if not FURTHER_NAME.fullmatch(value):
        _refuse("should be a name of small letters, digits and single hyphens, such as sftp-password")
    if value.replace("-", "_") in SECRET_NAMES:
        _refuse("is in every credentials block already; only further secrets are named here")
    return value


def _check_secret_names(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        _refuse("names a secret twice")
    if len(set(PROXY_NAMES) & set(value)) == 1:
        _refuse(f"has one of {' and '.join(PROXY_NAMES)}; a proxy takes both")
    return value


def _check_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        _refuse("should be one line of text")
    return value


def _not_null(value: Any) -> Any:
    if value is None:
        _refuse("is null; give it a value or leave it out")
    return value


Url = Annotated[str, AfterValidator(_check_url), WithJsonSchema(_URL_SCHEMA)]
Origin = Annotated[str, AfterValidator(_check_origin), WithJsonSchema(_URL_SCHEMA)]
Identifier = Annotated[str, AfterValidator(_check_identifier), WithJsonSchema({"type": "string", "minLength": 1})]
HeaderName = Annotated[str, AfterValidator(_check_header_name), WithJsonSchema({"type": "string", "minLength": 1})]
Line = Annotated[str, AfterValidator(_check_line), WithJsonSchema({"type": "string", "minLength": 1})]
SecretName = Annotated[str, AfterValidator(_check_secret_name), WithJsonSchema(_NAME_SCHEMA)]
SecretNames = Annotated[tuple[SecretName, ...], AfterValidator(_check_secret_names)]
TokenFields = Annotated[dict[str, Line], AfterValidator(_check_token_fields)]
given = BeforeValidator(_not_null)
