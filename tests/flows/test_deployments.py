"""The same file as a deployment: run on demand and on a schedule, by a worker with a process work pool."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from deployments.prefect_yaml import Plan, render
from tests.support.prefect_server import PrefectServer
from tests.support.programs import REPOSITORY, demo_environment, provision, run_program
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.slow

WAIT_SECONDS = 120.0


@pytest.fixture
def environment(prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path) -> dict[str, str]:
    """Return the variables of a machine on which a worker runs, with work pool and credentials block made."""
    variables = prefect_server.environment | demo_environment(sandbox, own_root)
    variables |= {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
    assert provision(variables).code == 0
    return variables


@contextmanager
def worker(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run a worker meanwhile, from a folder that is not the repository, and end it with all that it started."""
    log = (folder / "worker.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", "txo"],
        cwd=folder,
        env=os.environ | environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    log.close()
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def deploy(environment: dict[str, str], folder: Path, schedules: list[dict[str, Any]]) -> None:
    """Bring the demo's deployment with these schedules to the server."""
    entry = {"script": "report", "for": ["demo-test"], "schedules": schedules}
    file = folder / "prefect.yaml"
    file.write_text(render(Plan.model_validate({"work-pool": "txo", "deployments": [entry]})))
    pool = run_program("-m", "prefect", "work-pool", "create", "txo", "--type", "process", environment=environment)
    assert pool.code == 0 or "already exists" in pool.screen, pool.screen
    done = run_program(
        "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file), environment=environment
    )
    assert done.code == 0, done.screen


def check_traces(server: PrefectServer, run: dict[str, Any], root: Path) -> None:
    """Check that states, file and artifact of a finished run are there and agree."""
    states = server.task_states(run["id"])
    assert states["fetch-customer-C0013"] == "Skipped"
    assert sum(state == "Completed" for state in states.values()) == 41 + 3
    found = server.ask("/artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    (artifact,) = [each for each in found if each["type"] == "table"]
    assert "41 ok, 1 skipped" in artifact["description"]
    (path,) = sorted((root / "output").iterdir())[-1:]
    assert "Summary" in openpyxl.load_workbook(path, read_only=True).sheetnames


def test_a_deployment_runs_on_demand(
    environment: dict[str, str], prefect_server: PrefectServer, own_root: Path, tmp_path: Path
) -> None:
    """`prefect deployment run 'report/demo-test'` ends Completed, with states, file and artifact."""
    deploy(environment, tmp_path, [])

    with worker(environment, tmp_path):
        ended = run_program(
            "-m", "prefect", "deployment", "run", "report/demo-test", "--watch", environment=environment
        )

    assert ended.code == 0, ended.screen + (tmp_path / "worker.log").read_text()
    (run, *_) = [run for run in prefect_server.flow_runs() if run["deployment_id"]]
    assert (run["name"], run["state_type"]) == ("demo-test-report", "COMPLETED")
    check_traces(prefect_server, run, own_root)


def test_a_red_run_of_a_deployment_is_red_for_its_caller(
    environment: dict[str, str], sandbox: Sandbox, own_root: Path, tmp_path: Path
) -> None:
    """Items that fail make the run Failed, `--watch` exits with 1, and the workbook is there all the same."""
    deploy(environment, tmp_path, [])
    sandbox.profile("demo")

    with worker(environment, tmp_path):
        ended = run_program(
            "-m", "prefect", "deployment", "run", "report/demo-test", "--watch", environment=environment
        )

    assert ended.code == 1, ended.screen
    assert len(list((own_root / "output").iterdir())) == 1


def test_a_schedule_fires(
    environment: dict[str, str], prefect_server: PrefectServer, own_root: Path, tmp_path: Path
) -> None:
    """Nobody starts the run: the schedule does, and the worker brings it to its end."""
    deploy(environment, tmp_path, [{"interval": 20, "timezone": "Europe/Stockholm"}])

    with worker(environment, tmp_path):
        run = first_scheduled_run(prefect_server, tmp_path)
    deploy(environment, tmp_path, [{"interval": 20, "active": False}])

    assert "Can't evaluate" not in (prefect_server.home / "server.log").read_text()
    assert run["auto_scheduled"]
    assert run["state_type"] == "COMPLETED"
    check_traces(prefect_server, run, own_root)


def first_scheduled_run(server: PrefectServer, folder: Path) -> dict[str, Any]:
    """Wait for a run that a schedule made to end, and return it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for run in server.flow_runs(state={"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}):
            if run["auto_scheduled"]:
                return run
        time.sleep(0.5)
    raise AssertionError((folder / "worker.log").read_text())


def test_the_worker_finds_this_repository_from_anywhere() -> None:
    """The pull step of the deployments names no path of the machine that deployed them."""
    text = (REPOSITORY / "prefect.yaml").read_text()

    assert "use_this_repository" in text
    assert str(REPOSITORY) not in text
