"""A flow that creates one order an item, for tests that kill it: by batches or by task runs, with a key or without.

Usage:
    python tests/support/creating_flow.py <org_id> <env_type>

CREATING_COUNT says how many, CREATING_BY is `batches` or `each`; CREATING_WHAT `exports` makes exports in their place,
which take some time; CREATING_FROM is the run of which only what failed is done.
"""

import os
from typing import Any

from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.fan_out import run_batches, run_each
from txo_core.orchestration import flow, task
from txo_core.results import ItemResult, ProcessingResults, created
from txo_core.script_runner import load_run_config, run_cli

COUNT = int(os.environ.get("CREATING_COUNT", "100"))
BY = os.environ.get("CREATING_BY", "batches")
WHAT = os.environ.get("CREATING_WHAT", "orders")
FROM = os.environ.get("CREATING_FROM")


@task(task_run_name="create-{item}")
def create_order(item: str, config: TxoConfig) -> ItemResult:
    """Create the order of this external id."""
    api = create_rest_api(config, use_cache=True)
    order: dict[str, Any] = api.post("orders", {"externalId": item})
    return created({"no": order["no"], "externalId": item})


@task(task_run_name="export-{item}")
def make_export(item: str, config: TxoConfig) -> ItemResult:
    """Make an export, and wait until it is there."""
    made = create_rest_api(config, use_cache=True).post("exports?polls=8&retry_after=0.4", {"entity": "orders"})
    return created({"externalId": item, "rows": made["rows"]})


@flow(name="creating", flow_run_name="{org_id}-{env_type}-creating")
def creating(org_id: str, env_type: str) -> ProcessingResults:
    """Create all orders."""
    config = load_run_config(org_id, env_type)
    items = [f"X{number:05}" for number in range(COUNT)]
    work = make_export if WHAT == "exports" else create_order
    if BY == "each":
        return run_each(work, config, items, only_failed_from=FROM)
    return run_batches(work, config, items, batch_size=100, only_failed_from=FROM)


if __name__ == "__main__":
    run_cli(creating)
