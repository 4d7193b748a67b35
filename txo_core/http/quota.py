"""What a server tells about its limit in the headers of its answers, whichever of their spellings it uses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from requests import Response

from txo_core.clock import utc_now

DAY = 86400.0
EPOCH = 1e9
EPOCH_MILLISECONDS = 1e12
LOW = 0.1
"""The part of a quota at which we begin to make the rest last."""
_PLAIN = ("RateLimit-", "X-RateLimit-", "X-Rate-Limit-")
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
_ITEM = re.compile(r'[^,"]*(?:"[^"]*"[^,"]*)*')


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a quota: `remaining` requests until `reset` seconds from now, of `limit` in `window` seconds."""

    remaining: float
    reset: float | None = None
    limit: float | None = None
    window: float | None = None

    @property
    def matters(self) -> bool:
        """Tell whether it is used up, or so nearly that the rest has to last."""
        if self.remaining <= 0:
            return True
        return self.reset is not None and self.reset > 1 and self.remaining <= LOW * (self.limit or 0)

    @property
    def interval(self) -> float:
        """The seconds between two requests that use the quota evenly; 0 if it is not known."""
        return self.window / self.limit if self.window and self.limit else 0.0


def quotas_of(response: Response) -> list[Quota]:
    """Return the quotas that the answer tells of; what cannot be understood is left out.

    `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, 08 and later, and the one header of 07),
    the three headers of the drafts before, `X-RateLimit-*` with seconds or a date in seconds since 1970,
    `X-Rate-Limit-*`, and Azure's `x-ms-ratelimit-*remaining*`, which tells no time.
    """
    headers = response.headers
    if "limit" not in "".join(headers).lower():
        return []
    return [*(list(_structured(headers)) or _separate(headers)), *_azure(headers)]


def _structured(headers: Mapping[str, str]) -> Iterator[Quota]:
    policies = dict(_items(headers.get("RateLimit-Policy", "")))
    only = next(iter(policies.values())) if len(policies) == 1 else {}
    for name, values in _items(headers.get("RateLimit", "")):
        policy = policies.get(name, only)
        remaining = values.get("r", values.get("remaining"))
        if remaining is not None:
            reset = _seconds(values.get("t", values.get("reset")), headers)
            yield Quota(remaining, reset, policy.get("q", values.get("limit")), policy.get("w"))


def _separate(headers: Mapping[str, str]) -> Iterator[Quota]:
    for prefix in _PLAIN:
        remaining = _number(headers.get(f"{prefix}Remaining"))
        if remaining is not None:
            reset = _seconds(_number(headers.get(f"{prefix}Reset")), headers)
            limit, _, rest = headers.get(f"{prefix}Limit", "").partition(",")
            policies = [policy for _, policy in _items(rest or headers.get("RateLimit-Policy", ""))]
            window = next((policy["w"] for policy in policies if "w" in policy), None)
            yield Quota(remaining, reset, _number(limit), window)


def _azure(headers: Mapping[str, str]) -> Iterator[Quota]:
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith("x-ms-ratelimit") and "remaining" in lower and "time" not in lower:
            remaining = _number(value)
            if remaining is not None:
                yield Quota(remaining)


def _items(value: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each item of a structured list with its numbers: `"default";r=50;t=30` or `limit=100, remaining=50`."""
    parts = [part.strip() for part in _ITEM.findall(value[:2000]) if part.strip()]
    if any(part.lower().startswith(("limit=", "remaining=", "reset=")) for part in parts):
        yield "", _parameters(";".join(parts))
        return
    for part in parts:
        name, _, rest = part.partition(";")
        quota = _number(name)
        numbers = _parameters(rest)
        yield name.strip(), numbers if quota is None else {"q": quota, **numbers}


def _parameters(text: str) -> dict[str, float]:
    found = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        number = _number(value)
        if number is not None:
            found[name.strip().lower()] = number
    return found


def _seconds(value: float | None, headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the reset; a date becomes the time from the answer's own `Date`."""
    if value is not None and value >= EPOCH:
        date = value / 1000 if value >= EPOCH_MILLISECONDS else value
        value = max(0.0, date - _server_time(headers))
    return value if value is None or value <= DAY else None


def _server_time(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return utc_now().timestamp()


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None
