"""A flow and a task of ours, put through what Prefect documents; prints what came of it as JSON.

Usage:
    python wrapped.py
"""

import json
import sys
from typing import Any

from txo_core.orchestration import flow, task
from txo_core.results import ItemResult, ProcessingResults, skipped


@task(task_run_name="double-{item}")
def double(item: int, by: int = 2) -> int | ItemResult:
    """Return the item times two; 0 is skipped, a negative one fails."""
    if item < 0:
        raise ValueError(f"{item} is below zero, password=made-up-password")
    return item * by if item else skipped("nothing to double")


@flow(name="wrapped")
def wrapped(org_id: str, env_type: str) -> dict[str, Any]:
    """Call the task in each of Prefect's ways."""
    mapped = double.map([1, 0, -1, 3])
    for future in mapped:
        future.wait()
    states = [future.state for future in mapped]
    failed = states[2].result(raise_on_failure=False)
    return {
        "called": double(2),
        "submitted": double.submit(3).result(),
        "mapped": [states[0].result(), states[3].result()],
        "states": [state.name for state in states],
        "failed": [str(failed), states[2].message],
        "renamed": double.with_options(name="other").submit(4, by=10).result(),
        "reason": states[1].data.reason if isinstance(states[1].data, ItemResult) else states[1].message,
    }


@flow(name="half-well")
def half_well(org_id: str, env_type: str) -> ProcessingResults:
    """Return results of which one item failed."""
    return ProcessingResults.of([ItemResult("a", "ok"), ItemResult("b", "failed", "broken")])


def main() -> None:
    """Run both flows."""
    found = wrapped("demo", "test")
    state = half_well.with_options(name="half-well-renamed")("demo", "test", return_state=True)
    json.dump({**found, "half-well": [state.name, state.message]}, sys.stdout)


if __name__ == "__main__":
    main()
