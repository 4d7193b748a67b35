"""What a script may say about a call: each argument as it is, or a ValidationError that says what it should be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from txo_core.exceptions import ValidationError
from txo_core.http.headers import Headers
from txo_core.http.policy import Timeout

OURS = frozenset({"content-length", "transfer-encoding", "connection"})
"""Headers that say how a body is framed; whoever frames it sets them."""


def checked_url(url: Any) -> str:
    """Return the address as it is."""
    if not isinstance(url, str) or not url:
        raise ValidationError(
            f"{type(url).__name__ if url else repr(url)} is no address",
            "Give a path below api-base-url, or a URL that begins with https://",
            'api.get("customers")',
        )
    if "#" in url:
        raise ValidationError(
            "The address has a #, and what follows it is never sent",
            "If it belongs to a name, encode it: build_api_url and key_segment do that",
            'url, ctx = build_api_url(config, "items", "A#1")',
        )
    return url


def checked_headers(headers: Any, etag: Any = None) -> Headers:
    """Return the headers of the call, found in any spelling; with the etag, If-Match."""
    if headers is not None and not isinstance(headers, Mapping):
        raise _no_headers(f"{type(headers).__name__} instead of a dictionary")
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not name.isascii() or not isinstance(value, str) or not value.isascii():
            raise _no_headers("a header of the call is not plain text")
        if name.lower() in OURS:
            raise _no_headers(f"{name} says how the body is sent, and is set by the client")
    found = Headers(headers or {})
    if etag is not None:
        found["If-Match"] = checked_etag(etag)
    return found


def _no_headers(problem: str) -> ValidationError:
    return ValidationError(
        f"The headers cannot be sent: {problem}", "Give texts of ASCII characters", 'headers={"Prefer": "x"}'
    )


def checked_etag(etag: Any) -> str:
    """Return the etag as it is; an empty one would protect nothing."""
    if isinstance(etag, str) and etag.strip():
        return etag
    raise ValidationError(
        "The etag is empty or no text, so nothing would keep the change from overwriting another one",
        "Give the etag of your read, or leave it out",
        'api.patch(url, changes, etag=customer["@odata.etag"])',
    )


def checked_idempotent(idempotent: Any) -> bool | None:
    """Return it as it is: True, False or None."""
    if idempotent is None or isinstance(idempotent, bool):
        return idempotent
    raise ValidationError(
        f"idempotent is {idempotent!r}, which is neither True nor False",
        "True says that a repeat does no harm, False that it does; leave it out if the method says enough",
        "api.post(url, data, idempotent=True)",
    )


def checked_timeout(timeout: Any) -> Timeout | None:
    """Return the time-out as it is: seconds more than 0, one number or two."""
    if timeout is None or _is_time(timeout):
        return timeout  # type: ignore[no-any-return]
    if isinstance(timeout, tuple) and len(timeout) == 2 and all(map(_is_time, timeout)):
        return timeout
    raise _no_timeout(timeout)


def checked_total(total: Any) -> float | None:
    """Return the seconds for a whole call as they are: more than 0."""
    if total is None or _is_time(total):
        return total  # type: ignore[no-any-return]
    raise _no_timeout(total)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _no_timeout(timeout: Any) -> ValidationError:
    return ValidationError(
        f"{timeout!r} is no time-out",
        "Give the seconds that one attempt may take, more than 0, or two numbers: for connecting and for the answer",
        'api.get("customers", timeout=30)',
    )


def checked_path(path: Any) -> Path:
    """Return the path of a file."""
    if isinstance(path, str | Path) and str(path) and "\0" not in str(path):
        return Path(path)
    raise ValidationError(
        "The path of the file is empty or no path",
        "Give the path of a file",
        'api.download("files/a.pdf", get_path("output", "a.pdf"))',
    )


def encoded(value: Any) -> bytes:
    """Return the value as JSON; a ValidationError says which type has no JSON form."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error) if not isinstance(error, UnicodeError) else "a text holds half a character"
    raise ValidationError(
        f"The data cannot be sent as JSON: {reason}",
        "Send texts, numbers, true, false, lists and dictionaries; give dates as text",
        'api.post("customers", {"since": date.isoformat()})',
    )
