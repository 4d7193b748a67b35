"""Where a long-running operation stands, and the token that hands it over to another process."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from requests import PreparedRequest

from txo_core.exceptions import ValidationError
from txo_core.http.origins import address_of
from txo_core.redaction import MASK, holds_known_secret

VERSION = 1
LONGEST_TOKEN = 16 * 1024
NAMES = frozenset({"method", "url", "kind", "status-url", "location", "not-before"})
_CREDENTIAL = re.compile(r"(?i)^[a-z]+://[^/?#]*@|[?&][^=&#]*(?:key|password|passwd|pwd|secret|token)=")
"""A user name in an address, or a parameter that is named like a credential."""
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Kind(StrEnum):
    """What the address that is polled shows.

    `STATUS_PAGE`: the status; the result lies elsewhere. `LOCATION`: 202, then the result itself. `PROVISIONING` and
    `RESOURCE`: the thing itself, with its `properties.provisioningState`, or with its `status`.
    """

    STATUS_PAGE = "status-page"
    LOCATION = "location"
    PROVISIONING = "provisioning"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class OperationState:
    """What has to be known to go on waiting: no headers, no credentials.

    `method` and `url` are those of the request that began it, `location` is where its result is said to be, and
    `not_before` the moment before which the server does not want to be asked again.
    """

    method: str
    url: str
    kind: Kind
    status_url: str = field(repr=False)
    location: str | None = field(default=None, repr=False)
    not_before: datetime | None = None

    @property
    def called(self) -> str:
        """Method and address of the request that began it, without the query."""
        return f"{self.method} {address_of(self.url)}"

    @property
    def address(self) -> str:
        """Where it goes on, without the query."""
        return address_of(self.status_url)

    @property
    def token(self) -> str | None:
        """All of it as a JSON text; None where an address holds what looks like a credential, or leads nowhere.

        The address of a status page may be signed (`sig=`), and is of no use without it: such a signature opens this
        one page, and stays in.
        """
        text = json.dumps({name: value for name, value in self._fields() if value is not None}, separators=(",", ":"))
        addresses = (self.url, self.status_url, self.location or "")
        secret = holds_known_secret(text) or any(map(_CREDENTIAL.search, addresses))
        return text if not secret and _readable(text) else None

    def asked_again_at(self, moment: datetime | None) -> Self:
        """Return the state with the moment before which nobody should ask."""
        return replace(self, not_before=moment)

    @classmethod
    def of_token(cls, token: object) -> Self:
        """Return the state that a token holds; a ValidationError for what is none, or was changed."""
        try:
            values = _checked(token)
            moment = values.get("not-before")
            return cls(
                values["method"],
                values["url"],
                Kind(values["kind"]),
                values["status-url"],
                values.get("location"),
                None if moment is None else datetime.fromisoformat(moment).astimezone(UTC),
            )
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            pass
        raise ValidationError(
            "The token of a long-running operation is not readable: it was cut, changed or masked, or is another text",
            "Give the text as it was handed out, by api.start(...).token or by an error's resume_token",
            'token = api.start("POST", "exports", {"entity": "orders"}).token',
        )

    def _fields(self) -> list[tuple[str, object]]:
        moment = self.not_before.isoformat(timespec="milliseconds") if self.not_before else None
        return [
            ("txo-operation", VERSION),
            ("method", self.method),
            ("url", self.url),
            ("kind", self.kind),
            ("status-url", self.status_url),
            ("location", self.location),
            ("not-before", moment),
        ]


def _checked(token: object) -> Mapping[str, str]:
    """Return the texts of a token; raises ValueError for anything that no token of ours has."""
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN or MASK in token:
        raise ValueError
    values: Any = json.loads(token)
    if not isinstance(values, dict) or values.pop("txo-operation") != VERSION or values.keys() - NAMES:
        raise ValueError
    if not all(isinstance(value, str) for value in values.values()) or values["method"] not in METHODS:
        raise ValueError
    for name in ("url", "status-url", "location"):
        url = values.get(name, "https://h")
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError
        PreparedRequest().prepare_url(url, None)  # its errors for malformed ones are ValueErrors
    return values


def _readable(token: str) -> bool:
    try:
        return bool(_checked(token))
    except ValueError:
        return False


def without_user(url: str) -> str:
    """Return the URL without user name, password and fragment; one that is malformed as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
