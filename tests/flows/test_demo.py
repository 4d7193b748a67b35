"""The first thing that a newcomer types."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import pytest

from tests.support.prefect_server import free_port
from tests.support.processes import orphans
from tests.support.programs import REPOSITORY, run_program, wait_for_text
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path: Path, own_root: Path) -> dict[str, str]:
    """Return the variables of a newcomer's machine: an empty home, and a port that nobody uses."""
    return {
        "TXO_HOME": str(own_root),
        "TXO_SANDBOX_PORT": str(free_port()),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "HOME": str(tmp_path),
    }


def test_the_demo_ends_with_a_report_and_then_with_faults(environment: dict[str, str], own_root: Path) -> None:
    """Both demos exit 0 and say what came out; the second run needs no set-up; nothing stays behind."""
    with orphans() as left:
        first = run_program("deployments/demo.py", environment=environment)
        assert left() == []

    assert first.code == 0, first.screen
    assert "41 ok, 1 skipped" in first.out
    assert "make demo-faults" in first.out.splitlines()[-6]
    (path,) = (own_root / "output").iterdir()
    assert str(path) in first.out
    sheets = openpyxl.load_workbook(path).sheetnames
    assert sheets[0] == "Summary"
    assert "Skipped and failed" in sheets

    second = run_program("deployments/demo.py", "--faults", environment=environment)

    assert second.code == 0, second.screen
    assert "39 ok, 1 skipped, 2 failed" in second.out
    assert "provision.py" not in second.out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["Starting the sandbox", "Running the flow", "Beginning flow run"])
def test_an_interrupted_demo_leaves_no_process_behind(
    environment: dict[str, str], tmp_path: Path, how: signal.Signals, moment: str
) -> None:
    """Ctrl-C, or an end asked for from outside, at any moment: a word about it, and nobody is left."""
    screen = tmp_path / "screen.txt"
    with orphans() as left:
        with screen.open("wb") as out:
            command = [sys.executable, "deployments/demo.py"]
            demo = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | environment, stdout=out, stderr=out)
        wait_for_text(screen, moment)

        demo.send_signal(how)

        assert demo.wait(40) == 130, screen.read_text()
        assert left() == []
    assert "Interrupted" in screen.read_text()
    assert "Traceback" not in screen.read_text()
    assert not list(tmp_path.glob("txo-home/output/*.xlsx"))


def test_a_sandbox_that_already_runs_is_left_alone(environment: dict[str, str], sandbox: Sandbox) -> None:
    """The port is taken, by `make sandbox` or by another demo: this one takes a port of its own."""
    sandbox.clear_stats()

    ended = run_program("deployments/demo.py", environment=environment | {"TXO_SANDBOX_PORT": str(sandbox.port)})

    assert ended.code == 0, ended.screen
    assert f"port {sandbox.port} is taken" in ended.out
    assert sandbox.stats()["total"] == 0


def test_a_terminal_that_cannot_show_the_signs_is_no_failure(environment: dict[str, str]) -> None:
    """An old terminal shows question marks; the run is as good."""
    ended = run_program("deployments/demo.py", environment=environment | {"PYTHONIOENCODING": "ascii"})

    assert ended.code == 0, ended.screen
    assert "? 41 ok, 1 skipped" in ended.out


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL, signal.SIGTERM])
def test_a_flow_that_is_ended_takes_its_server_with_it(
    environment: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    """The terminal is closed, or somebody kills the script: Prefect's temporary server does not stay."""
    screen = tmp_path / "screen.txt"
    with orphans() as left:
        with screen.open("wb") as out:
            command = [sys.executable, "flows/report.py", "demo", "test"]
            flow = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | environment, stdout=out, stderr=out)
        wait_for_text(screen, "Starting a temporary")
        time.sleep(0.3)

        flow.send_signal(how)

        assert flow.wait(20) == (-how if how == signal.SIGKILL else 143)
        assert left() == []
    assert "Traceback" not in screen.read_text()


def test_a_home_that_prefect_cannot_use_is_explained(environment: dict[str, str], tmp_path: Path) -> None:
    """The server says why it cannot start, in one line and at once, and the person what to do."""
    (tmp_path / "prefect").write_text("in the way")

    ended = run_program("flows/report.py", "demo", "test", environment=environment, seconds=60)

    assert ended.code != 0
    assert "Traceback" not in ended.screen
    assert "❌ Problem:" in ended.err
    assert "PREFECT_HOME" in ended.err


def test_a_deploy_without_a_server_is_explained(environment: dict[str, str]) -> None:
    """Nobody answers where PREFECT_API_URL points: what to start, and no stack trace."""
    nowhere = environment | {"PREFECT_API_URL": "http://127.0.0.1:9/api"}

    ended = run_program("deployments/prefect_yaml.py", "--deploy", environment=nowhere)

    assert ended.code == 2
    assert "make server" in ended.err
    assert "Traceback" not in ended.screen


def test_a_run_without_the_server_that_is_set_is_explained_once(environment: dict[str, str]) -> None:
    """Nothing has begun, so nothing has gone in the middle: one problem, and exit code 2."""
    nowhere = environment | {"PREFECT_API_URL": "http://127.0.0.1:9/api"}

    ended = run_program("flows/report.py", "demo", "test", environment=nowhere)

    assert ended.code == 2
    assert ended.screen.count("❌ Problem:") == 1
    assert "unset PREFECT_API_URL" in ended.err
