"""What comes in: the rows of a file, and for the one who fills it in a list of all that is wrong with it."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from prefect.utilities.annotations import quote

from txo_core.atomic import write_new
from txo_core.config import TxoConfig
from txo_core.logger import setup_logger
from txo_core.orchestration import task
from txo_core.paths import output_path
from txo_core.rows import BadCell, InputRow, InputRows, OnBadRows, read_rows
from txo_core.runs.publishing import publish_table

logger = setup_logger()

R = TypeVar("R", bound=InputRow)

ARTIFACT_ROWS = 500


def read_input(
    config: TxoConfig, model: type[R], file: str, sheet: str | None = None, on_bad_rows: OnBadRows = "stop"
) -> InputRows[R]:
    """Return the rows of a file in the folder data/: what is `to_send`, and the results of what is `kept_back`.

    `{org_id}` and `{env_type}` in the name of the file are those of the run. Bad rows are listed place by place in a
    workbook of their own, to be sent to the one who fills in the file, and in an artifact of the run.
    """
    name = file.replace("{org_id}", config.org_id).replace("{env_type}", config.env_type)
    rows = read_file(name, model, sheet, on_bad_rows, config.dry_run)
    if rows.bad:
        logger.warning("%s", told(rows))
        # Prefect would look for futures in every place; quoted, it takes them as they are.
        report_bad_rows(config, Path(name).stem, cast(list[BadCell], quote(rows.bad_cells)))
    return rows


def told(rows: InputRows[R]) -> str:
    """Return what bad rows mean for the good ones, in a sentence."""
    bad = f"{len(rows.bad)} of {len(rows.bad) + len(rows.good)} rows cannot be used"
    if rows.to_send:
        return f"{bad}; the others go on"
    return f"{bad}, so nothing is sent" + "; with --on-bad-rows continue the others go on" * bool(rows.good)


@task(task_run_name="read-{name}")
def read_file(name: str, model: type[R], sheet: str | None, on_bad_rows: OnBadRows, dry_run: bool) -> InputRows[R]:
    """Return the rows of the file, the good and the bad ones."""
    return read_rows(name, model, sheet=sheet, on_bad_rows=on_bad_rows, dry_run=dry_run)


@task(task_run_name="report-bad-rows-of-{name}")
def report_bad_rows(config: TxoConfig, name: str, cells: list[BadCell]) -> Path:
    """Return the path of the workbook with all that is wrong in the file, which the run shows as a table, too."""
    from txo_core.intake.bad_rows import write_bad_rows

    path = write_new(output_path(config, "bad-rows", ".xlsx"), partial(write_bad_rows, cells))
    logger.debug("Saved %s", path.name, extra={"saved_file": str(path)})
    key = f"{config.org_id}-{config.env_type}-bad-rows"
    rows = [asdict(cell) for cell in cells[:ARTIFACT_ROWS]]
    publish_table(key, rows, f"## {name}: what cannot be used\n\n**{len(cells)} places**")
    return path
