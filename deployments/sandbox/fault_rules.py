"""Which request a fault strikes: rules with counters of their own, so that the same requests meet the same faults."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import ApiProblem, bad_request
from .exchange import Exchange
from .fault_spec import Fault, parse_fault
from .stats import canonical_path

MATCH_KEYS = frozenset(
    {"method", "path", "query", "nth", "every", "from", "first", "probability", "authenticated", "count"}
)
RULE_KEYS = frozenset({"match", "fault", "times"})


@dataclass
class FaultRule:
    """One rule: which requests it looks at, which of those it strikes, and with what."""

    fault: Fault
    method: str | None = None
    path: re.Pattern[str] | None = None
    query: re.Pattern[str] | None = None
    authenticated: bool | None = None
    nth: frozenset[int] | None = None
    every: int | None = None
    offset: int = 0
    probability: float | None = None
    count_together: bool = False
    times: int | None = None
    label: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    fired: int = 0

    def strikes(self, exchange: Exchange, authenticated: bool, seed: int) -> bool:
        """Whether this request is struck; counts it if the rule looks at it."""
        path = canonical_path(exchange.path)
        if not self._looks_at(exchange, path, authenticated):
            return False
        counter = "" if self.count_together else f"{exchange.method} {path}"
        self.seen[counter] += 1
        if self.times is not None and self.fired >= self.times:
            return False
        hit = self._is_hit(self.seen[counter], f"{seed} {self.label} {counter}")
        self.fired += hit
        return hit

    def _looks_at(self, exchange: Exchange, path: str, authenticated: bool) -> bool:
        if self.method is not None and self.method != exchange.method:
            return False
        if self.authenticated is not None and self.authenticated != authenticated:
            return False
        if self.query is not None and not self.query.search(exchange.scope["query_string"].decode("latin-1")):
            return False
        return self.path is None or bool(self.path.search(path) or self.path.search(exchange.path))

    def _is_hit(self, number: int, salt: str) -> bool:
        if self.nth is not None:
            return number in self.nth
        if self.every is not None:
            return number > self.offset and (number - self.offset - 1) % self.every == 0
        if self.probability is not None:
            digest = hashlib.sha256(f"{salt} {number}".encode()).digest()
            return int.from_bytes(digest[:8], "big") / 2**64 < self.probability
        return True

    def describe(self) -> dict[str, Any]:
        """What the rule is and how often it has struck."""
        return {"rule": self.label, "fired": self.fired, "seen": dict(self.seen)}


def parse_rules(value: Any, first_number: int = 0) -> list[FaultRule]:
    """The rules of a JSON list. Raises ApiProblem 400 for one that is malformed."""
    rules = value if isinstance(value, list) else [value]
    return [_parse_rule(rule, first_number + position) for position, rule in enumerate(rules)]


def _parse_rule(value: Any, number: int) -> FaultRule:
    if isinstance(value, str):
        value = {"fault": value}
    match = value.get("match", {}) if isinstance(value, dict) else None
    if not isinstance(match, dict) or not isinstance(value.get("fault"), str):
        raise _bad('A rule is {"match": {"method": "GET", "path": "customers", "nth": [1]}, "fault": "status=503"}.')
    for key in [*(value.keys() - RULE_KEYS), *(match.keys() - MATCH_KEYS)]:
        raise _bad(f"'{key}' is no part of a fault rule.")
    method, authenticated = match.get("method"), match.get("authenticated")
    if not isinstance(method, str | None) or not isinstance(authenticated, bool | None):
        raise _bad("method is a string, authenticated is true or false.")
    if match.get("count", "by path") not in ("together", "by path"):
        raise _bad("count is 'together' or 'by path'.")
    return FaultRule(
        fault=parse_fault(value["fault"]),
        method=method and method.upper(),
        path=_pattern(match.get("path")),
        query=_pattern(match.get("query")),
        authenticated=authenticated,
        probability=_fraction(match.get("probability")),
        count_together=match.get("count") == "together",
        times=_whole(value.get("times"), "times"),
        label=f"{number} {value['fault']}",
        **_which(match),
    )


def _which(match: dict[str, Any]) -> dict[str, Any]:
    nth, every = match.get("nth"), _whole(match.get("every"), "every")
    if isinstance(nth, str):
        if nth not in ("every", "first"):
            raise _bad("nth is a number, a list of numbers, 'first' or 'every'.")
        nth = [1] if nth == "first" else None
    if isinstance(nth, int):
        nth = [nth]
    if match.get("first") is not None:
        nth = list(range(1, (_whole(match["first"], "first") or 0) + 1))
    if nth is not None and not (isinstance(nth, list) and all(isinstance(each, int) and each > 0 for each in nth)):
        raise _bad("nth is a number, a list of numbers, 'first' or 'every'.")
    offset = (_whole(match.get("from"), "from") or 1) - 1
    return {"nth": None if nth is None else frozenset(nth), "every": every or (1 if offset else None), "offset": offset}


def _pattern(text: Any) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(text)
    except (re.error, TypeError) as error:
        raise _bad(f"'{text}' is no regular expression: {error}.") from error


def _whole(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _bad(f"{name} is a whole number above 0.")
    return value


def _fraction(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise _bad("probability is a number from 0 to 1.")
    return float(value)


def _bad(message: str) -> ApiProblem:
    return bad_request(message, "rules", "Sandbox_BadFaultRule")


class FaultBook:
    """All rules in force: those that are always there, and those that were added."""

    def __init__(self, standing: list[FaultRule], added: list[FaultRule], seed: int) -> None:
        self.standing = standing
        self.added = added
        self.seed = seed

    def __iter__(self) -> Iterator[FaultRule]:
        return iter([*self.added, *self.standing])

    def add(self, value: Any) -> list[FaultRule]:
        """Adds the rules of a JSON list. Raises ApiProblem 400 and adds none if one is malformed."""
        rules = parse_rules(value, len(self.added))
        self.added.extend(rules)
        return rules

    def clear(self) -> None:
        """Takes the added rules away."""
        self.added.clear()

    def strike(self, exchange: Exchange, authenticated: bool) -> Fault | None:
        """The fault for this request: of the first rule that strikes. Rules after it do not count the request."""
        for rule in self:
            if rule.strikes(exchange, authenticated, self.seed):
                return rule.fault
        return None
