"""What a run leaves behind: its workbook, and its summary as an artifact of the run."""

from pathlib import Path
from typing import cast

from prefect.utilities.annotations import quote

from txo_core.config import TxoConfig
from txo_core.logger import setup_logger
from txo_core.orchestration import run_started, task
from txo_core.report import write_report
from txo_core.results import ProcessingResults
from txo_core.runs.publishing import publish_table

logger = setup_logger()

ARTIFACT_ROWS = 500


def save_report(config: TxoConfig, name: str, results: ProcessingResults, title: str = "") -> Path:
    """Save the workbook of a run and publish its summary; return the path of the workbook.

    The workbook has the rows, a summary under the `title`, and what was skipped or failed and why. It is written whole
    or not at all.
    """
    # Prefect would look for futures in every record; quoted, it takes the results as they are.
    whole = cast(ProcessingResults, quote(results))
    path = save_workbook(config, name, whole, title)
    publish_summary(config, name, whole)
    return path


@task(task_run_name="save-{name}")
def save_workbook(config: TxoConfig, name: str, results: ProcessingResults, title: str) -> Path:
    """Return the path of the run's workbook, which stands complete in the output folder."""
    path = write_report(config, name, results, title=title or None, started=run_started())
    logger.debug("Saved %s", path.name, extra={"saved_file": str(path)})
    return path


@task(task_run_name="publish-{name}")
def publish_summary(config: TxoConfig, name: str, results: ProcessingResults) -> None:
    """Publish the counts, and each item that was skipped or failed, as a table at the run in Prefect's UI."""
    rows = [remark_row(record.key, record.outcome, record.reason) for record in results.remarks()[:ARTIFACT_ROWS]]
    publish_table(
        f"{config.org_id}-{config.env_type}-{name}",
        rows or [remark_row("", "ok", "nothing was skipped, nothing failed")],
        f"## {name} {config.org_id}-{config.env_type}\n\n**{results.summary()}**",
    )


def remark_row(key: str, outcome: str, reason: str) -> dict[str, str]:
    """Return a row of the artifact's table."""
    return {"item": key, "outcome": outcome, "reason": reason}
