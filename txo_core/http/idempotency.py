"""Idempotency keys: one for each write, the same in all its attempts, and again in a run that repeats it."""

import hashlib
import uuid
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from txo_core.clock import utc_now
from txo_core.exceptions import ValidationError
from txo_core.http.scopes import digest_of, here, wants_key

DEFAULT_HEADER = "Idempotency-Key"
REPEATABILITY_ID, REPEATABILITY_FIRST = "Repeatability-Request-ID", "Repeatability-First-Sent"
KEY_EXAMPLE = 'api.post("orders", order, idempotency_key=order["externalId"])'


def key_for(method: str, url: str, body: object) -> str:
    """Return the key of a call, in the form of a random UUID; a body that can be read only once gets a random one."""
    current = here()
    if current is None or not isinstance(body, bytes | None):
        return str(uuid.uuid4())
    call = digest_of(method, url, hashlib.sha256(body or b"").hexdigest())
    return str(uuid.UUID(bytes=current.next(call)[0][:16], version=4))


@dataclass(frozen=True)
class IdempotencyKeys:
    """How a client sends keys: in which header, and whether the server honours one in every write.

    With `Repeatability-Request-ID` as the header goes `Repeatability-First-Sent` (OASIS Repeatable Requests 1.0).
    """

    header: str = DEFAULT_HEADER
    honoured: bool = False
    now: Callable[[], datetime] = utc_now

    def add(
        self,
        headers: MutableMapping[str, str],
        key: str | None,
        *,
        method: str,
        url: str,
        body: object,
        idempotent: bool | None,
    ) -> bool:
        """Add the key to the headers of a call, one of our own if it needs one; tell whether it now goes with a key."""
        given = next((name for name in headers if str(name).lower() == self.header.lower()), None)
        if key is None and given is not None:
            key = headers.pop(given)
        if key is None and self.honoured and wants_key(method, headers, idempotent):
            key = key_for(method, url, body)
        if key is None:
            return False
        headers[self.header] = _checked(key)
        if self.header.lower() == REPEATABILITY_ID.lower():
            headers.setdefault(REPEATABILITY_FIRST, format_datetime(self.now(), usegmt=True))
        return True


def _checked(key: object) -> str:
    if isinstance(key, str) and key.strip() and key.isascii() and key.isprintable():
        return key
    raise ValidationError(
        "The idempotency key is empty or no plain text",
        "Give a text of printable ASCII characters that names this one write",
        KEY_EXAMPLE,
    )
