"""The bad day of a demo: two customers that the ERP refuses, and passing troubles that a good client heals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .constants import FLAKY_CUSTOMER
from .errors import ApiProblem, bad_request
from .fault_rules import FaultRule, parse_rules

REFUSALS: dict[str, ApiProblem] = {
    "posting-locked": ApiProblem(
        400,
        "BadRequest_RecordLocked",
        "The customer card is locked by a posting routine since 2026-11-20 22:14 UTC. "
        "Ask the finance team to finish or cancel batch POST-0147.",
        "customers/no",
    ),
    "unknown-currency": ApiProblem(
        400,
        "BadRequest_InvalidCurrency",
        "Currency code 'XXX' is unknown. Choose an existing currency on the customer card.",
        "customers/currency",
    ),
}
PASSING_TROUBLES = {
    "C0003": "status=503;retry-after=1",
    "C0005": "reset-before",
    "C0010": "truncate",
    "C0016": "status=429;retry-after=1",
    "C0018": "expired-token",
    "C0027": "status=503;retry-after=1",
}
REFUSED = {"C0021": "posting-locked", "C0034": "unknown-currency"}


def demo_rules() -> list[FaultRule]:
    """The rules of the profile: each passing trouble strikes the first detail GET of its customer."""
    rules = [_rule(no, fault, {"nth": [1]}) for no, fault in PASSING_TROUBLES.items()]
    rules += [_rule(no, f"refuse={reason}", {}) for no, reason in REFUSED.items()]
    return parse_rules(rules)


def standing_rules() -> list[FaultRule]:
    """The rules that always hold: one customer is flaky, at its first detail GET and each third one after."""
    return parse_rules([_rule(FLAKY_CUSTOMER, "status=503", {"every": 3})])


def starting_rules(spec: str | None) -> list[FaultRule]:
    """The rules of `--faults`: demo, a JSON file or one specification. Raises ApiProblem or OSError if it is bad."""
    if spec is None:
        return []
    if spec == "demo":
        return demo_rules()
    if spec.endswith(".json"):
        try:
            return parse_rules(json.loads(Path(spec).read_text(encoding="utf-8")))
        except ValueError as error:
            raise bad_request(f"{spec} is not valid JSON: {error}") from error
    return parse_rules([spec])


def _rule(no: str, fault: str, which: dict[str, Any]) -> dict[str, Any]:
    match = {"method": "GET", "path": rf"^/api/v1/customers\('{no}'\)$", "authenticated": True, **which}
    return {"match": match, "fault": fault}
