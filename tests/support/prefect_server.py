"""A Prefect server of its own for tests: on a free port, in a fresh folder, ended by its own pid."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import prefect

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
START_SECONDS = 120.0
QUICK = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_UI_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}


class PrefectServer:
    """A running Prefect server: `api_url`, its `environment` for programs, and questions to it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="txo-test-server-"))
        self.port = free_port()
        self.api_url = f"http://127.0.0.1:{self.port}/api"
        self.environment = {"PREFECT_HOME": str(self.home), "PREFECT_API_URL": self.api_url}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(prefect.__file__).parent), "--factory"]
        command += ["prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", str(self.port)]
        environment = os.environ | QUICK | {"PREFECT_HOME": str(self.home), "PREFECT__SERVER_FINAL": "1"}
        log = (self.home / "server.log").open("wb")
        self._process = subprocess.Popen([*command, "--log-level", "error"], env=environment, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.home / "server.log").read_text())
            time.sleep(0.1)
        return self

    def __exit__(self, *error: object) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the answer to a POST with a JSON body, or to a GET without one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api_url + path, data, {"Content-Type": "application/json"})
        with DIRECT.open(request, timeout=30) as response:
            return json.load(response)

    def flow_runs(self, **conditions: Any) -> list[dict[str, Any]]:
        """Return the flow runs, the newest first."""
        found: list[dict[str, Any]] = self.ask(
            "/flow_runs/filter", {"flow_runs": conditions or None, "sort": "EXPECTED_START_TIME_DESC"}
        )
        return found

    def task_states(self, flow_run_id: str) -> dict[str, str]:
        """Return the name of the state of each task run of a flow run."""
        body = {"flow_runs": {"id": {"any_": [flow_run_id]}}}
        return {run["name"]: run["state_name"] for run in self.ask("/task_runs/filter", body)}

    def settled_task_states(self, flow_run_id: str, expected: int) -> dict[str, str]:
        """Return the states as `task_states`, once so many have ended; states reach the server some time later."""
        deadline = time.monotonic() + 20
        states = self.task_states(flow_run_id)
        while len(set(states.items())) < expected or any(name in ("Running", "Pending") for name in states.values()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
            states = self.task_states(flow_run_id)
        return states

    def _healthy(self) -> bool:
        try:
            return self.ask("/health") is True
        except OSError:
            return False


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
