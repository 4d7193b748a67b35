"""The report of a run: the workbook that a person opens in the morning, and the summary that stands at the run."""

import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from txo_core.atomic import write_new
from txo_core.clock import utc_now
from txo_core.paths import OrgEnv, output_path
from txo_core.redaction import redact_known
from txo_core.reports.columns import columns_of, report_rows
from txo_core.reports.facts import Report, Run
from txo_core.results import ProcessingResults
from txo_core.tally import calls_so_far

__all__ = ["Report", "Run", "report_of", "save_report_file", "write_report"]

logger = logging.getLogger("txo_core.report")


def write_report(
    config: OrgEnv,
    name: str,
    results: ProcessingResults,
    *,
    title: str | None = None,
    started: datetime | None = None,
    sheet: str = "Data",
    run: Run | None = None,
) -> Path:
    """Return the path of the saved workbook, `output/<org>-<env>-<name>_<UTC>.xlsx`; an older one is never replaced.

    Three sheets: a summary; the rows of the items that succeeded (dicts, dataclasses or models, or lists of them; an
    item without a value gets a row with its outcome); what was skipped or failed, with redacted reasons. `title` is
    made of the name where none is given. With `started` the summary says how long the run took, with `run` which it
    was, and in a flow run how many calls it made.

    Texts that are ISO dates are shown as dates where the whole column is. Columns without any value are left out, and
    named on the summary. More rows than a sheet holds go on in "Data 2". A secret that this process knows is masked;
    what only looks like one is data, and stays. Raises FileOperationError where the file cannot be saved, and
    ValidationError for a sheet name that Excel refuses; nothing half-written remains.
    """
    report = report_of(config, name, results, title=title, started=started, sheet=sheet, run=run)
    return save_report_file(report, output_path(config, name, ".xlsx"))


def report_of(
    config: OrgEnv,
    name: str,
    results: ProcessingResults,
    *,
    title: str | None = None,
    started: datetime | None = None,
    sheet: str = "Data",
    run: Run | None = None,
) -> Report:
    """Return what the report of a run says, as of now; the arguments are those of `write_report`."""
    return Report(
        title=redact_known(title or name.replace("-", " ").replace("_", " ").capitalize()),
        org_id=config.org_id,
        env_type=config.env_type,
        results=results,
        rows=report_rows(results),
        sheet=sheet,
        started=None if started is None else _in_utc(started),
        finished=utc_now(),
        run=run,
        calls=calls_so_far(),
    )


def save_report_file(report: Report, path: Path) -> Path:
    """Return the path of the saved workbook, which has another number where that name is taken."""
    from txo_core.reports.sheets import write_sheets

    columns = columns_of(report.rows)
    masked = [column.header for column in columns if column.masked]
    if masked:
        logger.warning("The rows hold secrets that this process knows; masked in the columns: %s", ", ".join(masked))
    return write_new(path, partial(write_sheets, report, columns))


def _in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; one without a zone is taken for UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
