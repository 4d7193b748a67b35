"""Which parameters of a flow would take a secret: Prefect stores them in clear, also those of type SecretStr."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, SecretBytes, SecretStr

from txo_core.exceptions import ConfigurationError
from txo_core.logs.clean_data import tells

DEEPEST = 6
SECRET_TYPES = (SecretStr, SecretBytes)


def check_parameters(function: Callable[..., Any]) -> None:
    """Refuse a flow with a parameter for a secret, also one inside a model or dataclass that it takes."""
    found = list(secret_parameters(function))
    if found:
        raise ConfigurationError(
            f"The flow {function.__name__} takes a secret as a parameter: {', '.join(found)}",
            "Prefect stores parameters in clear; leave it out, and let the clients take it from the credentials block",
            "def report(org_id: str, env_type: str) -> ProcessingResults: ...",
        )


def secret_parameters(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the path of each parameter that takes a secret, by its name or by its type: `login.password`."""
    hints = _hints(function)
    for name in inspect.signature(function).parameters:
        yield from _secrets(name, name, hints.get(name), DEEPEST)


def _secrets(path: str, name: str, kind: Any, depth: int) -> Iterator[str]:
    kinds = _kinds(kind)
    if tells(name) or any(issubclass(each, SECRET_TYPES) for each in kinds):
        yield path
        return
    for each in kinds if depth else ():
        for field, hint in _fields(each).items():
            yield from _secrets(f"{path}.{field}", field, hint, depth - 1)


def _kinds(kind: Any) -> list[type]:
    """Return the classes that a type is made of: those of `dict[str, Login] | None` are dict, str, Login, NoneType."""
    inner = [each for part in get_args(kind) for each in _kinds(part)]
    return [kind, *inner] if isinstance(kind, type) and not get_args(kind) else inner


def _fields(kind: type) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        names = {name: field.alias for name, field in kind.model_fields.items()}
    elif dataclasses.is_dataclass(kind):
        names = {field.name: None for field in dataclasses.fields(kind)}
    elif issubclass(kind, dict):
        names = dict.fromkeys(getattr(kind, "__annotations__", {}))  # a TypedDict
    else:
        return {}
    hints = _hints(kind)
    return {label: hints.get(name) for name, alias in names.items() for label in (name, alias) if label}


def _hints(owner: Any) -> dict[str, Any]:
    """Return the types that stand at names; those that cannot be told, such as of a forward reference, are left out."""
    try:
        return get_type_hints(owner)
    except Exception:
        return {}
