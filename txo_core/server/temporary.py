"""Prefect's temporary server for a local run, held until it has written down every state of the run.

Prefect stops its temporary server with the event queue full, and then most task runs of a larger run are missing.
Ours starts in a session of its own, so that Ctrl-C reaches the script and not the server, is asked before it goes, and
ends when the script ends, however that ends: it watches a pipe that only the script holds open.
"""

import atexit
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from prefect.client.orchestration import get_client
from prefect.server.api.server import SubprocessASGIServer, subprocess_server_logger
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
from prefect.settings.context import get_current_settings

from txo_core.clock import Sleep, sleep
from txo_core.environment import without_secrets
from txo_core.exceptions import ConfigurationError
from txo_core.redaction import redact
from txo_core.server import encryption_key

START_SECONDS = 90.0
STARTS = 3
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
SERVE = "from txo_core.server.process import serve; serve({port})"

logger = logging.getLogger("txo_core.server.temporary")
# run_cli says what a person needs to know about the server
subprocess_server_logger.addFilter(lambda record: "temporary server" not in record.getMessage())


class TemporaryServer(SubprocessASGIServer):
    """The one server that Prefect finds in this process when no API URL is set."""

    output: IO[bytes] | None = None

    def start(self, timeout: int | None = None) -> None:
        """Start the server and return when it answers; a ConfigurationError says why it cannot start."""
        if self.running:
            return
        self.running = True
        try:
            for _ in range(STARTS):
                self.port = self.find_available_port()
                self.server_process = self._run_uvicorn_command()
                if self._answers(time.monotonic() + (timeout or START_SECONDS)):
                    atexit.register(self.stop)  # after Prefect's own threads have sent what they have
                    return
            raise self._cannot_start()
        except BaseException:
            self.running = False
            stop_process(self.server_process)
            raise

    def _run_uvicorn_command(self) -> "subprocess.Popen[Any]":
        """Start the server as Prefect does, but in its own session, without telemetry and without idle services."""
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        return subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", SERVE.format(port=self.port)],
            env=server_environment(),
            stdin=subprocess.PIPE,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )

    def _answers(self, deadline: float) -> bool:
        """Wait for the server to answer; False as soon as it has ended, or when the time is over."""
        import requests

        with requests.Session() as session:
            session.trust_env = False
            while time.monotonic() < deadline and self.server_process and self.server_process.poll() is None:
                try:
                    if session.get(f"{self.api_url}/health", timeout=5).ok:
                        return True
                except requests.RequestException:
                    pass
                sleep(0.05)
        return False

    def _cannot_start(self) -> ConfigurationError:
        """Return the error for a server that does not start, with the last line that it wrote."""
        lines: list[str] = []
        if self.output:
            self.output.seek(0)
            lines = [line for line in self.output.read().decode(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "Error" in line), "it wrote nothing")
        home = PREFECT_HOME.value()
        return ConfigurationError(
            f"Prefect's temporary server cannot start: {redact(reason.strip()[:300])}",
            f"It keeps its database in {home}: see that the folder can be written and its disk has room,"
            " or let PREFECT_HOME name another one",
            f"df -h {home}\nPREFECT_HOME=~/prefect-home python flows/report.py demo test",
        )


def server_environment() -> dict[str, str]:
    """Return the environment of the temporary server: ours without secrets, Prefect's settings, what it need not do."""
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    own = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in NOT_NEEDED}
    own |= {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    own |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    return {**without_secrets(), **settings, **own, **block_key(settings.get("PREFECT_SERVER_DATABASE_CONNECTION_URL"))}


def block_key(database_url: str | None) -> dict[str, str]:
    """Return the key of the blocks as the server reads it, where one is kept apart from them."""
    database = encryption_key.database_file(database_url, Path(PREFECT_HOME.value()))
    key = os.environ.get(encryption_key.VARIABLE) or (encryption_key.key_of(database) if database else None)
    return {encryption_key.VARIABLE: key} if key else {}


def start_temporary_server() -> None:
    """Start this process's server where Prefect has none to ask; it stops when the interpreter exits."""
    server = TemporaryServer()
    if not PREFECT_API_URL.value() and not server.running:
        logger.info("Starting a temporary Prefect server, which takes some seconds")
        server.start()


def stop_at_once() -> None:
    """End the temporary server of this process, where there is one, without waiting for it."""
    for server in SubprocessASGIServer._instances.values():
        stop_process(server.server_process)


def stop_process(process: "subprocess.Popen[Any] | None") -> None:
    """End a process without waiting for what it still has to do."""
    if process and process.poll() is None:
        process.kill()
        process.wait()


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
