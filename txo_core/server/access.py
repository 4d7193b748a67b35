"""The secrets that Prefect itself is set up with: its API key and password, its database, headers for a proxy.

They come from the environment or a profile, and Prefect masks one of them in some of its log lines.
"""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from txo_core.logs.clean_data import tells
from txo_core.redaction import register_secret
from txo_core.server.encryption_key import VARIABLE


def register() -> None:
    """Let what gives access to Prefect's server be masked from now on."""
    from prefect.settings.context import get_current_settings

    settings = get_current_settings()
    found = [*secret_settings(settings), os.environ.get(VARIABLE, ""), password_of(str(settings.api.url or ""))]
    for name, value in (settings.client.custom_headers or {}).items():
        if tells(name):
            found.append(str(value))
    for value in found:
        register_secret(value)


def secret_settings(model: BaseModel) -> Iterator[str]:
    """Yield each secret among the settings: of a URL its password, of a user with a password the password, too."""
    for name in type(model).model_fields:
        value: Any = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from secret_settings(value)
        elif isinstance(value, SecretStr):
            text = value.get_secret_value()
            if "://" in text:
                yield password_of(text)
            else:
                yield text
                yield text.partition(":")[2]


def password_of(url: str) -> str:
    """Return the password in a URL; empty where there is none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""
