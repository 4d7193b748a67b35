"""The admin interface: reset, tokens, limits and faults while the sandbox runs. No authentication: loopback only."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from .demo_profile import demo_rules
from .errors import bad_request, not_found
from .exchange import Answer, Exchange, json_answer
from .rate_limit import RateLimiter
from .routing import route
from .state import SandboxState
from .stats import Stats
from .tools import html_page, table


class Admin:
    """`/admin/...` and `/stats`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """All routes of the admin interface."""
        return [
            route("/stats", self.stats),
            route("/stats", self.clear_stats, "DELETE"),
            route("/stats/arrivals", self.arrivals),
            route("/admin/reset", self.reset, "POST"),
            route("/admin/tokens", self.tokens, "POST"),
            route("/admin/tokens/expire", self.expire_tokens, "POST"),
            route("/admin/rate-limit", self.rate_limit, "POST"),
            route("/admin/faults", self.faults),
            route("/admin/faults", self.add_faults, "POST"),
            route("/admin/faults", self.clear_faults, "DELETE"),
            route("/admin/profile/{name}", self.profile, "POST"),
        ]

    def stats(self, exchange: Exchange) -> Answer:
        """The counts, as JSON or as a table."""
        report = self.state.stats.report()
        if exchange.parameter("format") == "html":
            return html_page("What arrived", table(tuple(_flat(report))))
        return json_answer(200, report)

    def arrivals(self, exchange: Exchange) -> Answer:
        """When each request came."""
        return json_answer(200, self.state.stats.arrival_report())

    def clear_stats(self, exchange: Exchange) -> Answer:
        """Counts from zero; nothing else changes."""
        self.state.stats = Stats()
        return json_answer(200, {"status": "ok"})

    def reset(self, exchange: Exchange) -> Answer:
        """Everything back to the state of the start."""
        self.state.reset()
        return json_answer(200, {"status": "ok"})

    def tokens(self, exchange: Exchange) -> Answer:
        """Sets `lifetime` (seconds) and `expires_in` (integer, string or missing) of the tokens issued from now on."""
        wanted = exchange.json_object()
        tokens = self.state.tokens
        lifetime, expires_in = wanted.get("lifetime", tokens.lifetime), wanted.get("expires_in", tokens.expires_in)
        if not is_number(lifetime) or not 0 <= lifetime < 1e9:
            raise bad_request("lifetime must be a number of seconds.", "lifetime")
        if expires_in not in ("integer", "string", "missing"):
            raise bad_request("expires_in must be 'integer', 'string' or 'missing'.", "expires_in")
        tokens.lifetime, tokens.expires_in = lifetime, expires_in
        return json_answer(200, {"lifetime": lifetime, "expires_in": expires_in})

    def expire_tokens(self, exchange: Exchange) -> Answer:
        """Makes all tokens invalid now."""
        return json_answer(200, {"expired": self.state.tokens.revoke_all()})

    def rate_limit(self, exchange: Exchange) -> Answer:
        """Sets `per_second` (null for none) and `burst`."""
        wanted = exchange.json_object()
        per_second, burst = wanted.get("per_second"), wanted.get("burst", 1)
        if per_second is not None and not (is_number(per_second) and 0 < per_second < 1e6):
            raise bad_request("per_second must be a number above 0, or null.", "per_second")
        if not isinstance(burst, int) or isinstance(burst, bool) or burst < 1:
            raise bad_request("burst must be a whole number above 0.", "burst")
        self.state.limiter = RateLimiter(per_second, burst)
        return json_answer(200, {"per_second": per_second, "burst": burst})

    def faults(self, exchange: Exchange) -> Answer:
        """The rules in force and how often each has struck."""
        return json_answer(200, [rule.describe() for rule in self.state.faults])

    def add_faults(self, exchange: Exchange) -> Answer:
        """Adds fault rules: `[{"match": {"method", "path", "nth"}, "fault": "status=503", "times": 1}]`."""
        added = self.state.faults.add(exchange.json())
        return json_answer(200, [rule.describe() for rule in added])

    def clear_faults(self, exchange: Exchange) -> Answer:
        """Takes all added rules away; the flaky customer stays flaky."""
        self.state.faults.clear()
        return json_answer(200, {"status": "ok"})

    def profile(self, exchange: Exchange, name: str) -> Answer:
        """Replaces the added rules by those of a profile: demo or none."""
        profiles = {"demo": demo_rules, "none": list}
        if name not in profiles:
            raise not_found(f"There is no profile '{name}', only demo and none.", "profile")
        self.state.faults.clear()
        self.state.faults.added.extend(profiles[name]())
        return json_answer(200, [rule.describe() for rule in self.state.faults])


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(report: dict[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in report.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name} / ")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows
