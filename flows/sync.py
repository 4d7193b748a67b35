"""Customers sync: each row of a spreadsheet becomes a customer of the API, which is created or updated by its number.

Usage:
    python flows/sync.py <org_id> <env_type>
    python flows/sync.py <org_id> <env_type> --file customers.xlsx --dry-run
"""

from tasks.customer_sync import CustomerRow, sync_customer
from tasks.input import read_input
from tasks.output import save_report
from txo_core.fan_out import run_each
from txo_core.logger import setup_logger
from txo_core.orchestration import flow
from txo_core.results import ProcessingResults
from txo_core.rows import OnBadRows
from txo_core.script_runner import load_run_config, run_cli

logger = setup_logger()


@flow(name="sync", flow_run_name="{org_id}-{env_type}-sync")
def sync(
    org_id: str,
    env_type: str,
    file: str = "{org_id}-{env_type}-customers.xlsx",
    sheet: str | None = None,
    on_bad_rows: OnBadRows = "stop",
    dry_run: bool = False,
) -> ProcessingResults:
    """Create or update a customer for each row of a file, and save what was done.

    Args:
        file: the workbook (.xlsx) or text (.csv, .tsv) in the folder data/
        sheet: the sheet of the workbook; without it, the first one that has the columns
        on_bad_rows: what to do when rows are bad: send nothing (stop), or the good ones (continue)
        dry_run: only show what would be created and changed; nothing is sent
    """
    config = load_run_config(org_id, env_type)

    rows = read_input(config, CustomerRow, file, sheet, on_bad_rows)
    results = rows.kept_back + run_each(sync_customer, config, rows.to_send, key=lambda row: row.row_key)
    path = save_report(config, "sync", results, title="Customers")

    logger.info(f"✅ Saved to: {path}")
    return results


if __name__ == "__main__":
    run_cli(sync)
