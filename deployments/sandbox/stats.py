"""What arrived at the sandbox, counted, so that a test can tell what a client really sent."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KEPT_ARRIVALS = 100_000
ENTITY = re.compile(r"^/api/v1/(customers|orders|items)(?:\((?P<inner>.*)\)|/(?P<plain>[^/$][^/]*))(?P<rest>/.*)?$")
TEMPLATES = (
    (re.compile(r"^/api/v1/exports/[^/]+(/result)?$"), r"/api/v1/exports/{id}\1"),
    (re.compile(r"^/api/v1/provisioned/[^/]+(/operation)?$"), r"/api/v1/provisioned/{id}\1"),
    (re.compile(r"^/api/v1/paging/fails-at/[^/]+$"), "/api/v1/paging/fails-at/{page}"),
)


def canonical_path(path: str) -> str:
    """The path with both key forms written as one: /api/v1/customers('C0001')."""
    match = ENTITY.match(path)
    if match is None:
        return path
    key = match["inner"] if match["inner"] is not None else f"'{match['plain']}'"
    return f"/api/v1/{match[1]}({key}){match['rest'] or ''}"


def path_template(path: str) -> str:
    """The path with keys and ids replaced by their names: /api/v1/customers({key})."""
    match = ENTITY.match(path)
    if match is not None:
        return f"/api/v1/{match[1]}({{key}}){match['rest'] or ''}"
    for pattern, template in TEMPLATES:
        if pattern.match(path):
            return pattern.sub(template, path)
    return path


def fingerprint(secret: str) -> str:
    """The first 12 hex digits of the secret's sha256: enough to compare, useless to reuse."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:12]


@dataclass
class Stats:
    """Counts since the start or the last `DELETE /stats`."""

    total: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    writes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    creates: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tokens_issued: int = 0
    credentials: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    soap_calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    batch_parts: int = 0
    exports: Counter[str] = field(default_factory=Counter)
    arrivals: deque[tuple[float, str, bool]] = field(default_factory=lambda: deque(maxlen=KEPT_ARRIVALS))

    def arrived(self, method: str, path: str, host: str, credentials: Iterable[tuple[str, str]]) -> None:
        """Counts one request as it comes in."""
        self.total += 1
        call = f"{method} {path_template(path)}"
        self.requests[call] += 1
        self.arrivals.append((time.monotonic(), call, path.startswith("/api/")))
        self.credentials.setdefault(host, set()).update((kind, fingerprint(value)) for kind, value in credentials)

    def wrote(self, entity: str, verb: str, key: str) -> None:
        """Counts one write that was performed, as `verb key`."""
        self.writes[entity][f"{verb} {key}"] += 1

    def created(self, entity: str, natural_key: str) -> None:
        """Counts one create by the key that the caller knows it by."""
        self.creates[entity][natural_key] += 1

    def report(self) -> dict[str, Any]:
        """All counts as plain JSON values."""
        return {
            "total": self.total,
            "requests": dict(self.requests),
            "statuses": dict(self.statuses),
            "writes": {entity: dict(counts) for entity, counts in self.writes.items()},
            "creates": {entity: dict(counts) for entity, counts in self.creates.items()},
            "tokens_issued": self.tokens_issued,
            "credentials": {host: _by_kind(seen) for host, seen in self.credentials.items()},
            "max_per_second": busiest_second(when for when, _, _ in self.arrivals),
            "max_per_second_api": busiest_second(when for when, _, is_api in self.arrivals if is_api),
            "soap_calls": dict(self.soap_calls),
            "exports": {"submitted": self.exports["submitted"], "polled": self.exports["polled"]},
            "batch_parts": self.batch_parts,
            "faults": dict(self.faults),
        }

    def arrival_report(self) -> list[dict[str, Any]]:
        """Each kept arrival: seconds on the server's monotonic clock, and the call."""
        return [{"at": when, "call": call} for when, call, _ in self.arrivals]


def busiest_second(times: Iterable[float]) -> int:
    """The most arrivals in any one-second window, its end not included."""
    window: deque[float] = deque()
    most = 0
    for when in times:
        window.append(when)
        while when - window[0] >= 1.0:
            window.popleft()
        most = max(most, len(window))
    return most


def _by_kind(seen: set[tuple[str, str]]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for kind, prefix in sorted(seen):
        kinds.setdefault(kind, []).append(prefix)
    return kinds
