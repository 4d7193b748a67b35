"""What a report says about a run, in words and numbers: the same for its summary sheet and for Prefect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from txo_core.redaction import redact
from txo_core.reports.reasons import Remark, common_reasons, remark_of
from txo_core.results import ProcessingResults
from txo_core.tally import Calls

REMARKS = "Skipped and failed"
MOST_REASONS = 5
TONES = {"skipped": "warn", "failed": "bad"}
"""The tone of an outcome; the others are good."""


@dataclass(frozen=True, slots=True)
class Run:
    """The flow run that a report is of: its name, its id, and the page in Prefect's UI where there is one."""

    name: str
    id: str
    link: str | None = None


@dataclass(frozen=True)
class Report:
    """All that a report shows. `calls` is None where nobody has counted them."""

    title: str
    org_id: str
    env_type: str
    results: ProcessingResults
    rows: Sequence[Mapping[Any, Any]]
    sheet: str
    started: datetime | None
    finished: datetime
    run: Run | None = None
    calls: Calls | None = None

    @cached_property
    def remarks(self) -> list[Remark]:
        """What is to be said of each item that was skipped or failed."""
        return [remark_of(record) for record in self.results.remarks()]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many items there are of each outcome; successes first, then skipped and failed, also where none was."""
        found: dict[str, int] = {"ok": 0}
        for record in self.results.complete():
            found[record.outcome] = found.get(record.outcome, 0) + 1
        if not found["ok"] and len(self.results.success):
            del found["ok"]
        last = {name: found.pop(name, 0) for name in TONES}
        return found | last

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(self.counts.values())

    @property
    def footer(self) -> str:
        """What stands below every printed page."""
        return f"{self.title} · {self.org_id}-{self.env_type} · {self.finished:%Y-%m-%d %H:%M} UTC"

    @property
    def verdict(self) -> tuple[str, str]:
        """The tone and the sentence that say how the run ended; of a dry run, what it would have done."""
        if self.counts["failed"]:
            return "bad", f"{self.counts['failed']:,} of {self.total:,} items failed"
        if self.results.dry_run:
            return "good", self.results.summary().capitalize()
        if self.counts["skipped"]:
            return "warn", f"Nothing failed; skipped: {self.counts['skipped']:,} of {self.total:,}"
        return "good", f"All succeeded: {count(self.total, 'item')}" if self.total else "There was nothing to do"

    @property
    def duration(self) -> str | None:
        """How long the run took, such as `2 min 14 s`; None where its start is not known."""
        return None if self.started is None else duration((self.finished - self.started).total_seconds())

    @property
    def common_reasons(self) -> list[tuple[int, str, str]]:
        """The reasons that most items have: how many, the outcome, and the reason."""
        return common_reasons(self.remarks, MOST_REASONS)

    @property
    def next_steps(self) -> list[str]:
        """What the reader can do now."""
        if self.counts["failed"]:
            return [
                f'1.  Read the reasons on the sheet "{REMARKS}" and mend what they name.',
                "2.  Run it again. The log of this run holds the details.",
            ]
        if self.results.dry_run:
            return ["Nothing was written. Run it again without --dry-run, and it is done."]
        if self.counts["skipped"]:
            return [f'Read on the sheet "{REMARKS}" why items were skipped; nothing else is open.']
        return ["Nothing is open."]


def call_facts(calls: Calls) -> list[tuple[str, float, str, str]]:
    """Return what was asked of APIs: label, number, its format in Excel, and a word of explanation."""
    waited = "waiting for rate limits: no call had to"
    if calls.sent and calls.throttled:
        waited = f"waiting for rate limits, summed over calls side by side; {calls.throttled / calls.sent:,.2f} s each"
    return [
        ("Calls", calls.sent, "#,##0", "requests that were sent, sign-in included"),
        ("Repeats", calls.repeated, "#,##0", "of them sent again after a failure that passes"),
        ("Throttled", round(calls.throttled, 1), '#,##0.0 "s"', waited),
    ]


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 item`, `3,000 items`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment(when: datetime) -> str:
    """Return a moment as a person reads it: `2026-11-22 12:00:00 UTC`."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Return a time span as a person says it: `2 min 14 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def shown(text: str, most: int) -> str:
    """Return a text in one line, without secrets, cut to so many characters."""
    line = " ".join(redact(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
