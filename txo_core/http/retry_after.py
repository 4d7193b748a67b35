"""How long a server asks us to wait."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from requests import Response

from txo_core.clock import utc_now

NUMBER = re.compile(r"\d+(\.\d*)?", re.ASCII)
LONGEST = 10 * 366 * 86400.0
MILLISECOND_HEADERS = ("retry-after-ms", "x-ms-retry-after-ms")


def retry_after(response: Response, now: Callable[[], datetime] = utc_now) -> float | None:
    """Return the seconds that the server asks us to wait, 0 or more; None if it does not say, or nothing sensible.

    `Retry-After` in seconds, as a fraction or as a date (RFC 9110, 10.2.3), then the millisecond headers of Azure.
    A date is taken relative to the response's own `Date`, so that a wrong clock on either side does no harm. Where a
    proxy has added a number of its own, the longest wait counts.
    """
    headers = response.headers
    value = headers.get("Retry-After")
    seconds = None if value is None else _seconds(value.strip(), headers.get("Date"), now)
    if seconds is not None:
        return seconds
    for name in MILLISECOND_HEADERS:
        if NUMBER.fullmatch(headers.get(name, "").strip()):
            return min(float(headers[name]), LONGEST) / 1000
    return None


def _seconds(value: str, date: str | None, now: Callable[[], datetime]) -> float | None:
    numbers = [part.strip() for part in value.split(",")]
    if all(map(NUMBER.fullmatch, numbers)):
        return min(max(map(float, numbers)), LONGEST)
    moment = _moment(value)
    if moment is None:
        return None
    return max(0.0, (moment - (_moment(date) or now())).total_seconds())


def _moment(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
