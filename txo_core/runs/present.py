"""The flow run that this code works for, as a report shows it."""

from typing import Any
from urllib.parse import urlsplit

from prefect.context import FlowRunContext
from prefect.utilities.urls import url_for

from txo_core.redaction import redact
from txo_core.reports.facts import Run


def present_run() -> Run | None:
    """Return name, id and page of the present flow run; None outside of one. A temporary server has no pages."""
    context = FlowRunContext.get()
    flow_run: Any = context.flow_run if context is not None else None
    if flow_run is None:
        return None
    return Run(redact(flow_run.name), str(flow_run.id), page_of(str(flow_run.id)))


def page_of(flow_run_id: str) -> str | None:
    """Return the address of a flow run in Prefect's UI; None where there is none, or it would show credentials."""
    link = url_for("flow-run", obj_id=flow_run_id)
    if not link:
        return None
    parts = urlsplit(link)
    fit = parts.scheme in ("http", "https") and "@" not in parts.netloc and redact(link) == link
    return link if fit else None
