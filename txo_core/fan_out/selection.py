"""Which items are to be done, and where it is noted what came of them."""

import logging
import re
from collections.abc import Sequence
from typing import Any

from txo_core.exceptions import ValidationError
from txo_core.fan_out.journal import FOLDER, Entry, Journal
from txo_core.http.scopes import run_here, work_here
from txo_core.paths import root

logger = logging.getLogger("txo_core.fan_out")

RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EXAMPLE = 'run_each(update_customer, config, customers, only_failed_from="0199c5d3-7a4e-7c52-9f5e-2f6f3a9d1c11")'


def select(
    name: str, items: Sequence[Any], keys: Sequence[str], only_failed_from: str | None
) -> tuple[list[Any], list[str], Journal]:
    """Return the items to be done with their keys, and the journal of this piece of work.

    Raises ValidationError where `only_failed_from` names no run that has left a journal of it.
    """
    work = f"{slug(name)}-{work_here(name)}"
    journal = Journal.of(run_here(), work, keys)
    if only_failed_from is None:
        return list(items), list(keys), journal
    failed = _failed_in(only_failed_from, journal, name)
    chosen = [(item, key) for item, key in zip(items, keys, strict=True) if key in failed]
    logger.info("%d of %d items failed in the run %s; only these are done", len(chosen), len(items), only_failed_from)
    journal.before = {key: entry for key, entry in failed.items() if entry.doubt} | journal.before
    return [item for item, _ in chosen], [key for _, key in chosen], journal


def _failed_in(run: str, journal: Journal, name: str) -> dict[str, Entry]:
    """Return what failed in an earlier run, or was under way when it died."""
    if not isinstance(run, str) or not RUN_ID.fullmatch(run):
        raise ValidationError(f"{run!r} is no id of a flow run", "Copy it from the run's page or its log", EXAMPLE)
    found: dict[str, Entry] = {}
    journal.read(run, found)
    if not found:
        raise ValidationError(
            f"The run {run} has left no journal of {name!r}",
            "Name a run of this script that has worked on such items, on this machine or one that shares its folder",
            f"ls {root() / FOLDER}",
        )
    return {key: entry for key, entry in found.items() if not entry.is_done}


def slug(name: str) -> str:
    """Return the name of a task as it may stand in the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "task"
