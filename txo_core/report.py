"""The workbook of a run: what a person opens in the morning."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from txo_core.atomic import write_new
from txo_core.clock import utc_now
from txo_core.paths import OrgEnv, output_path
from txo_core.reports.columns import report_rows
from txo_core.results import ProcessingResults


def write_report(
    config: OrgEnv,
    name: str,
    results: ProcessingResults,
    *,
    title: str | None = None,
    started: datetime | None = None,
    sheet: str = "Data",
) -> Path:
    """Return the path of the saved workbook, `output/<org>-<env>-<name>_<UTC>.xlsx`; an older one is never replaced.

    Three sheets: a summary; the rows of the items that succeeded (dicts, dataclasses or models, or lists of them; an
    item without a value gets a row with its outcome); what was skipped or failed, with redacted reasons. `title` is
    made of the name where none is given. With `started` the summary says how long the run took.

    Texts that are ISO dates are shown as dates where the whole column is. Columns without any value are left out, and
    named on the summary. Raises FileOperationError where it cannot be saved, and ValidationError for more rows than a
    sheet holds or a sheet name that Excel refuses; nothing half-written remains.
    """
    from txo_core.reports.sheets import Report, write_sheets

    report = Report(
        title=title or name.replace("-", " ").replace("_", " ").capitalize(),
        org_id=config.org_id,
        env_type=config.env_type,
        results=results,
        rows=report_rows(results),
        sheet=sheet,
        started=None if started is None else _in_utc(started),
        finished=utc_now(),
    )
    return write_new(output_path(config, name, ".xlsx"), partial(write_sheets, report))


def _in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; one without a zone is taken for UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
