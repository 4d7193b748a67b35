"""Prefect's temporary server for a local run, held until it has written down every state of the run.

Prefect stops its temporary server with the event queue full, and then most task runs of a larger run are missing.
Ours starts in a session of its own, so that Ctrl-C reaches the script and not the server, and is asked before it goes.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import prefect
from prefect.client.orchestration import get_client
from prefect.server.api.server import SubprocessASGIServer, subprocess_server_logger
from prefect.settings import PREFECT_API_URL
from prefect.settings.context import get_current_settings

from txo_core.clock import Sleep, sleep

START_TIMEOUT = 90
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
NOT_NEEDED = (
    "SCHEDULER",
    "LATE_RUNS",
    "FOREMAN",
    "TRIGGERS",
    "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP",
    "REPOSSESSOR",
)

logger = logging.getLogger("txo_core.temporary_server")
# run_cli says what a person needs to know about the server
subprocess_server_logger.addFilter(lambda record: "temporary server" not in record.getMessage())


class TemporaryServer(SubprocessASGIServer):
    """The one server that Prefect finds in this process when no API URL is set."""

    def _run_uvicorn_command(self) -> "subprocess.Popen[Any]":
        """Start the server as Prefect does, but in its own session, without telemetry and without idle services."""
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(prefect.__file__).parent), "--factory"]
        command += ["prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--log-level", "error", "--lifespan", "on"]
        return subprocess.Popen(command, env=server_environment(), start_new_session=True)  # noqa: S603 - our own words


def server_environment() -> dict[str, str]:
    """Return the environment of the temporary server: ours, Prefect's settings, and what it need not do."""
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    own = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in NOT_NEEDED}
    own |= {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    own |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    return {**os.environ, **settings, **own}


def start_temporary_server() -> None:
    """Start this process's server where Prefect has none to ask; it stops when the interpreter exits."""
    server = TemporaryServer()
    if not PREFECT_API_URL.value() and not server.running:
        logger.info("Starting a temporary Prefect server, which takes some seconds")
        server.start(timeout=START_TIMEOUT)


def stop_at_once() -> None:
    """End the temporary server of this process, where there is one, without waiting for it."""
    for server in SubprocessASGIServer._instances.values():
        if server.server_process:
            server.server_process.kill()


def wait_until_recorded(flow_runs: Sequence[str], expected: int, patience: float = 15.0, pause: Sleep = sleep) -> int:
    """Wait until the server knows the end of so many task runs of these flow runs; return how many it knows.

    Gives up when nothing new was written for `patience` seconds.
    """
    if not expected:
        return 0
    known, last_news = 0, time.monotonic()
    with get_client(sync_client=True) as client:
        while time.monotonic() - last_news < patience:
            found = count_ended(client, flow_runs)
            if found >= expected:
                return found
            if found > known:
                known, last_news = found, time.monotonic()
            pause(0.1)
    logger.warning("%d of %d task runs are on record; the server did not write the others in time", known, expected)
    return known


def count_ended(client: Any, flow_runs: Sequence[str]) -> int:
    """Return how many task runs of these flow runs have an end on record."""
    filters = {
        "flow_runs": {"id": {"any_": list(flow_runs)}},
        "task_runs": {"state": {"type": {"any_": list(ENDED)}}},
    }
    return int(client.request("POST", "/task_runs/count", json=filters).json())
