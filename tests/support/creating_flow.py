"""A flow that creates one order an item, for tests that kill it: by batches or by task runs, with a key or without.

Usage:
    python tests/support/creating_flow.py <org_id> <env_type>

CREATING_COUNT says how many, CREATING_BY is `batches` or `each`, CREATING_KEYED is `yes` where keys go with the writes.
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
FROM = os.environ.get("CREATING_FROM")


@task(task_run_name="create-{item}")
def create_order(item: str, config: TxoConfig) -> ItemResult:
    """Create the order of this external id."""
    api = create_rest_api(config, use_cache=True)
    order: dict[str, Any] = api.post("orders", {"externalId": item})
    return created({"no": order["no"], "externalId": item})


@flow(name="creating", flow_run_name="{org_id}-{env_type}-creating")
def creating(org_id: str, env_type: str) -> ProcessingResults:
    """Create all orders."""
    config = load_run_config(org_id, env_type)
    items = [f"X{number:05}" for number in range(COUNT)]
    if BY == "each":
        return run_each(create_order, config, items, only_failed_from=FROM)
    return run_batches(create_order, config, items, batch_size=100, only_failed_from=FROM)


if __name__ == "__main__":
    run_cli(creating)
