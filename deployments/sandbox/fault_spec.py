"""Fault specifications: `status=503;retry-after=2`, `reset-after`, `slow-body=3`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .errors import ApiProblem, bad_request

Value = Literal["none", "seconds", "status", "text", "megabytes"]

KINDS: Mapping[str, Value] = {
    "status": "status",
    "status-after": "status",
    "html-error": "status",
    "reset-before": "none",
    "reset-after": "none",
    "close-before": "none",
    "close-after": "none",
    "truncate": "none",
    "slow-body": "seconds",
    "hang": "seconds",
    "hang-after": "seconds",
    "delay": "seconds",
    "slow-work": "seconds",
    "content-type": "text",
    "not-json": "none",
    "empty": "none",
    "expired-token": "none",
    "bad-gzip": "none",
    "gzip-bomb": "megabytes",
    "huge": "megabytes",
    "relative-links": "none",
    "expires-in-string": "none",
    "refuse": "text",
}
PARAMETERS = frozenset({"retry-after", "retry-after-ms"})
LIMITS: Mapping[Value, tuple[float, float]] = {"seconds": (0, 3600), "status": (200, 599), "megabytes": (0.001, 2000)}
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True)
class Fault:
    """One thing to go wrong: its kind, its value (seconds, status, megabytes) or text, and headers to send."""

    kind: str
    text: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> float:
        """The value as a number."""
        return float(self.text)


def parse_fault(spec: str) -> Fault:
    """The fault that the text describes. Raises ApiProblem 400 if it describes none."""
    head, *rest = (part.strip() for part in spec.split(";"))
    kind, _, text = head.partition("=")
    wanted = KINDS.get(kind)
    if wanted is None:
        raise _bad(f"The fault '{kind}' is unknown. Known are: {', '.join(KINDS)}.")
    _require_value(kind, wanted, text)
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        if name not in PARAMETERS:
            raise _bad(f"'{name}' is no parameter of a fault. Known are: {', '.join(sorted(PARAMETERS))}.")
        parameters[name] = _header_value(value)
    return Fault(kind, text, parameters)


def _require_value(kind: str, wanted: Value, text: str) -> None:
    if wanted == "none":
        if text:
            raise _bad(f"The fault '{kind}' takes no value.")
        return
    if not text:
        raise _bad(f"The fault '{kind}' needs a value, such as {kind}={'text/html' if wanted == 'text' else 503}.")
    _header_value(text)
    if wanted in LIMITS:
        _require_number(kind, wanted, text)


def _require_number(kind: str, wanted: Value, text: str) -> None:
    low, high = LIMITS[wanted]
    pattern = r"\d{3}" if wanted == "status" else r"\d{1,6}(\.\d{1,6})?"
    if not re.fullmatch(pattern, text, re.ASCII) or not low <= float(text) <= high:
        raise _bad(f"The fault '{kind}' takes a number from {low} to {high}, not '{text}'.")


def _header_value(text: str) -> str:
    if not HEADER_VALUE.fullmatch(text):
        raise _bad("The value has characters that no header can carry.")
    return text


def _bad(message: str) -> ApiProblem:
    return bad_request(message, "fault", "Sandbox_BadFault")
