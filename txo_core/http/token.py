"""A token, and what keeps credentials from showing themselves."""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from txo_core.exceptions import ConfigurationError
from txo_core.redaction import register_secret

FAR_FUTURE = 253402300799
"""The end of the year 9999, in seconds since 1970: a token of which nobody says when it ends."""

_MICROSOFT_CODE = re.compile(r"\bAADSTS\d+")


class Secretive:
    """Shows nothing in `repr`, and does not pickle: credentials stay in their process."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and is not pickled; create it where it is used")


@dataclass(frozen=True, repr=False)
class AccessToken(Secretive):
    """A token, and the moment it ends in seconds since 1970."""

    token: str
    expires_on: float = FAR_FUTURE


def header_safe(value: Any, what: str) -> str:
    """Return the value without white space around it, registered as a secret.

    Raises ConfigurationError if it cannot stand in a header; the value itself is not shown.
    """
    text = text_of(value, what).strip()
    if not can_be_sent(text):
        raise ConfigurationError(
            f"The {what} is empty, or holds line breaks or other characters that cannot be sent",
            "Save the credentials again; often something was copied along with the value",
        )
    register_secret(text)
    return text


def text_of(value: Any, what: str) -> str:
    """Return the value; ConfigurationError if it is no text. The value itself is not shown."""
    if isinstance(value, str):
        return value
    kind = "missing" if value is None else f"of the type {type(value).__name__}"
    raise ConfigurationError(f"The {what} is {kind}; it has to be a text", "Give the value that was saved for it")


def can_be_sent(text: str) -> bool:
    """Tell whether the text can stand in a header."""
    return bool(text) and text.isascii() and text.isprintable()


def microsoft_code(text: Any) -> str | None:
    """Return the code that Microsoft Entra puts into its error texts: the one part that is safe to show."""
    match = _MICROSOFT_CODE.search(text) if isinstance(text, str) else None
    return match and match[0]
