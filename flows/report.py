"""Customers report: every customer of one organization and environment in one workbook.

Usage:
    python flows/report.py <org_id> <env_type>
"""

from tasks.customers import fetch_customer, list_customers
from tasks.output import save_report
from txo_core.fan_out import run_each
from txo_core.logger import setup_logger
from txo_core.orchestration import flow
from txo_core.results import ProcessingResults
from txo_core.script_runner import load_run_config, run_cli

logger = setup_logger()


@flow(name="report", flow_run_name="{org_id}-{env_type}-report")
def report(org_id: str, env_type: str) -> ProcessingResults:
    """Fetch every customer and save them, with what was skipped or failed and why."""
    config = load_run_config(org_id, env_type)

    customers = list_customers(config)
    results = run_each(fetch_customer, config, customers, key=lambda customer: customer["no"])
    path = save_report(config, "report", results, title="Customers")

    logger.info(f"✅ Saved to: {path}")
    return results


if __name__ == "__main__":
    run_cli(report)
