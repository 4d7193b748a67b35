"""The outcomes of a run as a picture, and its summary as Markdown: what Prefect's UI shows at the run."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from txo_core.reports.facts import Report, call_facts, moment, shown
from txo_core.reports.markdown_text import plain

BARS = {
    "created": "1E7B3A",
    "updated": "3E9C5C",
    "would be created": "5B7FB5",
    "would be updated": "8FA9CF",
    "unchanged": "8FC7A1",
    "ok": "1E7B3A",
    "skipped": "E0A526",
    "failed": "C9352B",
}
"""The colour of each outcome's bar."""
WIDTH, LABELS, NUMBERS, LINE, BAR, EDGE = 640, 96, 110, 30, 18, 14
LONGEST = 160


def picture(counts: Mapping[str, int]) -> str:
    """Return the counts as an SVG: a bar for each outcome, with its name and its number."""
    total, most = max(1, sum(counts.values())), max(1, *counts.values())
    height = 2 * EDGE + LINE * len(counts)
    labels = max(LABELS, 8 * max(map(len, counts)) + 14)
    room = WIDTH - labels - NUMBERS - 2 * EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#FFFFFF"/>',
        '<g font-family="Inter, Segoe UI, Helvetica, Arial, sans-serif" font-size="14">',
    ]
    for place, (outcome, number) in enumerate(counts.items()):
        top = EDGE + place * LINE
        length = max(2.0 if number else 0.0, room * number / most)
        start, colour = EDGE + labels, BARS.get(outcome, BARS["ok"])
        words = f"{number:,}  ({number / total:.1%})" if number else "0"
        parts += [
            f'<text x="{start - 10}" y="{top + 19}" text-anchor="end" fill="#1F2933">{escape(outcome)}</text>',
            f'<rect x="{start}" y="{top + 5}" width="{length:.1f}" height="{BAR}" rx="2" fill="#{colour}"/>',
            f'<text x="{start + length + 8:.1f}" y="{top + 19}" fill="#52606D">{words}</text>',
        ]
    return "".join([*parts, "</g></svg>"])


def markdown(report: Report, filename: str = "") -> str:
    """Return the summary of a report in Markdown; texts of an API stand there as text, whatever is in them."""
    lines = [f"# {report.verdict[1]}", "", "| Outcome | Items | Share |", "|---|---:|---:|"]
    lines += [
        f"| {outcome} | {number:,} | {number / max(1, report.total):.1%} |" for outcome, number in report.counts.items()
    ]
    lines += [f"| **Total** | **{report.total:,}** | |", "", "| This run | |", "|---|---|"]
    lines += [f"| {label} | {plain(value)} |" for label, value in _facts(report, filename)]
    if report.common_reasons:
        lines += ["", "| Why | Items | Reason |", "|---|---:|---|"]
        lines += [
            f"| {outcome} | {number:,} | {plain(shown(reason, LONGEST))} |"
            for number, outcome, reason in report.common_reasons
        ]
    return "\n".join(lines)


def _facts(report: Report, filename: str) -> list[tuple[str, str]]:
    facts = [("Organization", report.org_id), ("Environment", report.env_type)]
    if report.started is not None:
        facts.append(("Started", moment(report.started)))
    if report.duration is not None:
        facts.append(("Took", report.duration))
    if report.calls is not None:
        for label, number, _, words in call_facts(report.calls):
            value = f"{number:,.1f} s" if label == "Throttled" else f"{number:,}"
            facts.append((label, f"{value}: {words}"))
    return [*facts, *([("Workbook", filename)] if filename else [])]
