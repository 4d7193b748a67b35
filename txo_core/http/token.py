"""A token, and what keeps credentials from showing themselves."""

from dataclasses import dataclass
from typing import NoReturn

from txo_core.exceptions import ConfigurationError
from txo_core.redaction import register_secret

FAR_FUTURE = 253402300799
"""The end of the year 9999, in seconds since 1970: a token of which nobody says when it ends."""


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


def header_safe(value: str, what: str) -> str:
    """Return the value without white space around it, registered as a secret.

    Raises ConfigurationError if it cannot stand in a header; the value itself is not shown.
    """
    value = value.strip()
    if not value or not value.isascii() or not value.isprintable():
        raise ConfigurationError(
            f"The {what} is empty, or holds line breaks or other characters that cannot be sent",
            "Save the credentials again; often something was copied along with the value",
        )
    register_secret(value)
    return value
