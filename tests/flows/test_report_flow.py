"""The report flow, run for real: by hand, as a deployment on a worker, and on a schedule."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from tests.support.prefect_server import PrefectServer
from tests.support.programs import REPOSITORY, Ended, demo_environment, provision, run_program, wait_for_text
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path) -> dict[str, str]:
    """Return the variables of a run on the test's server, with the credentials block saved."""
    variables = prefect_server.environment | demo_environment(sandbox, own_root)
    assert provision(variables).code == 0
    return variables


def report(environment: dict[str, str], *arguments: str) -> Ended:
    return run_program("flows/report.py", "demo", "test", *arguments, environment=environment)


def sheet_names(path: Path) -> list[str]:
    return openpyxl.load_workbook(path, read_only=True).sheetnames


def workbook(root: Path) -> Path:
    """Return the one workbook in the output folder; nothing else lies there."""
    (path,) = (root / "output").iterdir()
    return path


def test_by_hand_on_a_server_that_is_there(
    environment: dict[str, str], prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path
) -> None:
    """The exit code, the states, the file and the artifacts all tell the same story, down to the number of calls."""
    ended = report(environment)

    assert ended.code == 0, ended.screen
    assert "41 ok, 1 skipped" in ended.out
    path = workbook(own_root)
    assert str(path) in ended.out
    (run, *_) = prefect_server.flow_runs()
    assert (run["name"], run["state_type"]) == ("demo-test-report", "COMPLETED")
    states = prefect_server.settled_task_states(run["id"], 41 + 3 + 1)
    assert states["fetch-customer-C0013"] == "Skipped"
    assert sum(state == "Completed" for state in states.values()) == 41 + 3
    found = prefect_server.ask("/artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    artifacts = {artifact["key"]: artifact for artifact in found}
    assert set(artifacts) == {"demo-test-report", "demo-test-report-summary"}
    assert all("41 ok, 1 skipped" in artifact["description"] for artifact in artifacts.values())
    assert "C0013" in artifacts["demo-test-report"]["data"]
    assert "![picture](data:image/svg+xml;base64," in artifacts["demo-test-report-summary"]["data"]

    cells = [cell for row in openpyxl.load_workbook(path)["Summary"] for cell in row]
    (link,) = [cell.hyperlink.target for cell in cells if cell.hyperlink and cell.hyperlink.target]
    told = [cell.value for cell in cells if cell.value is not None]
    assert link == f"{prefect_server.api_url.removesuffix('/api')}/runs/flow-run/{run['id']}"
    assert told[told.index("Calls") + 1] == sandbox.stats()["total"]


def test_with_faults_the_run_is_red_and_the_workbook_is_there(
    environment: dict[str, str], sandbox: Sandbox, prefect_server: PrefectServer, own_root: Path
) -> None:
    """What can be healed is healed; two bad customers make a red run, exit code 1, and two rows that say why."""
    sandbox.profile("demo")

    ended = report(environment)

    assert ended.code == 1, ended.screen
    assert "39 ok, 1 skipped, 2 failed" in ended.out
    (run, *_) = prefect_server.flow_runs()
    assert run["state_type"] == "FAILED"
    rows = [
        tuple(cell.value for cell in row) for row in openpyxl.load_workbook(workbook(own_root))["Skipped and failed"]
    ]
    told = {row[0]: row for row in rows if row[0] in ("C0013", "C0021", "C0034")}
    assert sorted(told) == ["C0013", "C0021", "C0034"]
    assert "posting routine" in " ".join(map(str, told["C0021"]))


def test_by_hand_without_a_server_every_state_is_on_record(sandbox: Sandbox, own_root: Path, tmp_path: Path) -> None:
    """Prefect's temporary server would lose most task runs; ours is held until the database has them."""
    variables = demo_environment(sandbox, own_root) | {"PREFECT_HOME": str(tmp_path / "prefect")}
    assert provision(variables).code == 0

    ended = report(variables)

    assert ended.code == 0, ended.screen
    with sqlite3.connect(tmp_path / "prefect" / "prefect.db") as database:
        states = dict(database.execute("select state_name, count(*) from task_run group by 1").fetchall())
    assert states == {"Completed": 41 + 3, "Skipped": 1}


BAD_INPUT = [
    ("an environment that is not there", ["demo", "prod"], "demo-prod-config.json", 2),
    ("swapped arguments", ["test", "demo"], "python flows/report.py demo test", 2),
    ("a path for a name", ["../../x", "test"], "not a valid organization", 2),
    ("nothing at all", [], "organization and the environment", 2),
]


@pytest.mark.parametrize(
    ("arguments", "said", "code"), [row[1:] for row in BAD_INPUT], ids=[row[0] for row in BAD_INPUT]
)
def test_bad_arguments_are_explained(
    environment: dict[str, str], own_root: Path, arguments: list[str], said: str, code: int
) -> None:
    """Problem, solution and example, no stack trace, and nothing written."""
    ended = run_program("flows/report.py", *arguments, environment=environment)

    assert ended.code == code
    assert said in ended.screen
    assert all(word in ended.err for word in ("❌ Problem:", "✅ Solution:", "📝 Example:"))
    assert "Traceback" not in ended.screen
    assert not (own_root / "output").exists()


def test_a_missing_block_names_the_command_that_makes_it(
    prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path
) -> None:
    """A newcomer who forgot the credentials reads what to type."""
    (own_root / "config" / "nosecrets-test-config.json").write_text(
        (own_root / "config" / "demo-test-config.json").read_text()
    )
    variables = prefect_server.environment | demo_environment(sandbox, own_root)

    ended = run_program("flows/report.py", "nosecrets", "test", environment=variables)

    assert ended.code == 2, ended.screen
    assert "python deployments/provision.py nosecrets test" in ended.err
    assert "Traceback" not in ended.screen


def test_a_wrong_secret_is_told_as_that(environment: dict[str, str], own_root: Path) -> None:
    """The token endpoint's refusal reaches the person, the secret does not."""
    assert provision(environment, secret="made-up-and-wrong-secret").code == 0

    ended = report(environment)

    assert ended.code == 1
    assert "invalid_client" in ended.err
    assert "python deployments/provision.py demo test" in ended.err
    assert "made-up-and-wrong-secret" not in ended.screen
    assert "Traceback" not in ended.screen
    assert not list((own_root / "output").glob("*"))


def test_an_api_that_is_down_is_told_as_that(environment: dict[str, str], own_root: Path) -> None:
    """Nothing listens there: the address is named, and what to do."""
    down = {
        "TXO_DEMO_TEST_API_BASE_URL": "http://127.0.0.1:9/api/v1",
        "TXO_DEMO_TEST_ENDPOINTS_AUTH": "http://127.0.0.1:9/t",
    }

    ended = report(environment | down)

    assert ended.code == 1
    assert "127.0.0.1:9" in ended.err
    assert "make sandbox" in ended.err
    assert "Traceback" not in ended.screen


def test_an_output_folder_that_cannot_be_made_is_explained(environment: dict[str, str], own_root: Path) -> None:
    """A file stands where the folder should be: problem and solution, no stack trace, nothing half written."""
    (own_root / "output").write_text("in the way")

    ended = report(environment)

    assert ended.code == 1, ended.screen
    assert "output" in ended.err
    assert all(word in ended.err for word in ("❌ Problem:", "✅ Solution:"))
    assert "Traceback" not in ended.screen
    assert (own_root / "output").read_text() == "in the way"


def test_a_full_disk_is_explained_and_leaves_nothing_half_written(environment: dict[str, str], own_root: Path) -> None:
    """No file may grow beyond 4 kB, as on a full disk: the report does not fit, and no part of it stands there."""
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "sys.argv = ['flows/report.py', 'demo', 'test']; runpy.run_path('flows/report.py', run_name='__main__')"
    )

    ended = run_program("-B", "-c", limited, environment=environment)

    assert ended.code == 1, ended.screen
    assert all(word in ended.err for word in ("❌ Problem:", "✅ Solution:"))
    assert "Traceback" not in ended.screen
    assert not list((own_root / "output").glob("[!.]*"))


def test_ctrl_c_in_the_middle_ends_the_run_as_crashed(
    environment: dict[str, str], sandbox: Sandbox, prefect_server: PrefectServer, own_root: Path, tmp_path: Path
) -> None:
    """A server that does not answer is no reason to wait for: exit code 130, a Crashed run, no file."""
    sandbox.faults([{"match": {"path": "/api/v1/customers/C0030"}, "fault": "status=503;retry-after=60"}])
    screen = tmp_path / "screen.txt"
    with screen.open("wb") as out:
        command = [sys.executable, "flows/report.py", "demo", "test"]
        run = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | environment, stdout=out, stderr=out)
    wait_for_text(screen, "trying again in 60.0 s")

    run.send_signal(signal.SIGINT)

    assert run.wait(30) == 130, screen.read_text()
    assert "Interrupted" in screen.read_text()
    assert "Traceback" not in screen.read_text()
    assert not (own_root / "output").exists()
    (newest, *_) = prefect_server.flow_runs()
    assert newest["state_type"] == "CRASHED"
