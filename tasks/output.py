"""What a run leaves behind: its workbook, and its summary as artifacts of the run."""

from pathlib import Path
from typing import cast

from prefect.utilities.annotations import quote

from txo_core.changes import changes_text
from txo_core.config import TxoConfig
from txo_core.logger import setup_logger
from txo_core.orchestration import run_started, task
from txo_core.redaction import redact
from txo_core.report import report_of, write_report
from txo_core.reports.facts import Report
from txo_core.reports.picture import markdown, picture
from txo_core.reports.reasons import Remark
from txo_core.results import PLANNED, ProcessingResults
from txo_core.runs.present import present_run
from txo_core.runs.publishing import publish_markdown, publish_table

logger = setup_logger()

ARTIFACT_ROWS = 500


def save_report(config: TxoConfig, name: str, results: ProcessingResults, title: str = "") -> Path:
    """Save the workbook of a run and publish its summary; return the path of the workbook.

    The workbook has the rows, a summary under the `title`, and what was skipped or failed and why. It is written whole
    or not at all. That of a dry run says so in its name and title.
    """
    if results.dry_run:
        name, title = f"{name}-dry-run", f"{title or name}, dry run: nothing was written"
    # Prefect would look for futures in every record; quoted, it takes the results as they are.
    whole = cast(ProcessingResults, quote(results))
    path = save_workbook(config, name, whole, title)
    publish_summary(config, name, whole, path.name)
    return path


@task(task_run_name="save-{name}")
def save_workbook(config: TxoConfig, name: str, results: ProcessingResults, title: str) -> Path:
    """Return the path of the run's workbook, which stands complete in the output folder."""
    path = write_report(config, name, results, title=title or None, started=run_started(), run=present_run())
    logger.debug("Saved %s", path.name, extra={"saved_file": str(path)})
    return path


@task(task_run_name="publish-{name}")
def publish_summary(config: TxoConfig, name: str, results: ProcessingResults, filename: str = "") -> None:
    """Publish what the summary sheet says, with a picture, and as a table each item that was skipped or failed."""
    report = report_of(config, name, results, started=run_started(), run=present_run())
    key = f"{config.org_id}-{config.env_type}-{name}"
    publish_markdown(f"{key}-summary", markdown(report, filename), results.summary(), picture(report.counts))
    publish_table(key, remark_rows(report), f"## {name} {config.org_id}-{config.env_type}\n\n**{results.summary()}**")


def remark_rows(report: Report) -> list[dict[str, str]]:
    """Return the rows of the table: what was skipped or failed, or would be written, as many as the UI can take."""
    plans = [each for each in report.results.records if each.outcome in PLANNED]
    planned = [Remark(redact(each.key), each.outcome, changes_text(each)) for each in plans]
    remarks = [*report.remarks, *planned] or [Remark("", "ok", "nothing was skipped, nothing failed")]
    rows = [remark_row(remark) for remark in remarks[:ARTIFACT_ROWS]]
    left = len(remarks) - len(rows)
    return rows + ([remark_row(Remark("", "", f"and {left:,} more, all of them in the workbook"))] if left else [])


def remark_row(remark: Remark) -> dict[str, str]:
    """Return a row of the table."""
    return {"item": remark.key, "outcome": remark.outcome, "reason": " ".join(remark.reason.split())}
