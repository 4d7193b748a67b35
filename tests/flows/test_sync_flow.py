"""The sync flow, run for real from the demo's workbook, and judged by what the server has counted."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from prefect import State
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.sync import sync
from tests.support.prefect_server import PrefectServer
from tests.support.programs import REPOSITORY, Ended, demo_environment, provision, run_program
from tests.support.sandbox import Sandbox
from txo_core.api_factory import forget_shared

pytestmark = pytest.mark.slow

DEMO = "demo-test-customers.xlsx"
PAGE = (REPOSITORY / "docs" / "sync-a-spreadsheet.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def credentials(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Save the demo's credentials once on the test's server."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(REPOSITORY / "config", home / "config", ignore=shutil.ignore_patterns("*-secrets.json"))
    assert provision(prefect_server.environment | {"TXO_HOME": str(home)}).code == 0


@pytest.fixture
def environment(
    credentials: None,
    prefect_server: PrefectServer,
    sandbox: Sandbox,
    own_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """Return the variables of a run on the test's server, which hold in this process, too; the workbook is in place."""
    (own_root / "data").mkdir()
    shutil.copy(REPOSITORY / "data" / DEMO, own_root / "data" / DEMO)
    variables = demo_environment(sandbox, own_root)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    forget_shared()
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield prefect_server.environment | variables
    forget_shared()


def run(**parameters: Any) -> State[Any]:
    """Run the flow in this process, which saves the time of another one, and return its state."""
    state: State[Any] = sync("demo", "test", return_state=True, **parameters)
    return state


def program(environment: dict[str, str], *flags: str) -> Ended:
    return run_program("flows/sync.py", "demo", "test", *flags, environment=environment)


def change(root: Path, **cells: Any) -> None:
    """Put values into cells of the demo's workbook, as its user does in Excel."""
    path = root / "data" / DEMO
    book = openpyxl.load_workbook(path)
    for cell, value in cells.items():
        book["Customers"][cell] = value
    book.save(path)


def written(sandbox: Sandbox) -> dict[str, int]:
    """Return how often each customer was written since the last question."""
    found = dict(sandbox.stats()["writes"].get("customers", {}))
    sandbox.clear_stats()
    return found


def sheet(root: Path, pattern: str, name: str) -> list[tuple[Any, ...]]:
    (path,) = (root / "output").glob(pattern)
    return list(openpyxl.load_workbook(path)[name].iter_rows(values_only=True))


def test_a_dry_run_then_the_run_then_one_changed_row(
    environment: dict[str, str], sandbox: Sandbox, prefect_server: PrefectServer, own_root: Path
) -> None:
    """What the dry run has said is what the run does; a repeat writes what was changed in between, and no more."""
    dry = program(environment, "--dry-run")

    assert dry.code == 0, dry.screen
    assert "✅ dry run, nothing was written: 4 would be created, 3 would be updated, 5 unchanged" in dry.out
    told = [line.removesuffix("...") for line in PAGE.splitlines() if line.startswith("   C0") and "would" in line]
    assert len(told) == 4
    assert [line for line in told if line not in dry.out] == []
    assert written(sandbox) == {}
    rows = sheet(own_root, "demo-test-sync-dry-run_*", "Data")
    assert [row[1] for row in rows[1:]].count("would be created") == 4
    (newest, *_) = prefect_server.flow_runs()
    assert newest["parameters"]["dry_run"] is True

    assert run().message == "4 created, 3 updated, 5 unchanged"

    new = {f"POST C010{number}": 1 for number in (1, 2, 3, 4)}
    assert written(sandbox) == {"PATCH C0002": 1, "PATCH C0005": 1, "PATCH C0022": 1, **new}

    change(own_root, C2="Bonn")

    assert run().message == "1 updated, 11 unchanged"
    assert written(sandbox) == {"PATCH C0001": 1}


def test_bad_rows_keep_everything_back_until_somebody_says_otherwise(
    environment: dict[str, str], sandbox: Sandbox, prefect_server: PrefectServer, own_root: Path
) -> None:
    """A red run, nothing written, and a list that can be sent to the one who fills in the file."""
    change(own_root, B3=None, E4="nobody", A10="C0001")

    stopped = program(environment)

    assert stopped.code == 1, stopped.screen
    assert "4 of 12 rows cannot be used, so nothing is sent" in stopped.err
    assert "row 3 of Customers (C0002): Name (B3) is empty, and has to be filled in" in stopped.out
    assert "❌ 0 ok, 8 skipped, 4 failed" in stopped.out
    assert sandbox.stats()["total"] == 0
    assert sheet(own_root, "demo-test-bad-rows_*", "Bad rows")[1:] == [
        ("Customers", 2, "A", "No.", '"C0001"', "stands in row 10, too"),
        ("Customers", 3, "B", "Name", None, "is empty, and has to be filled in"),
        ("Customers", 4, "E", "E-mail", '"nobody"', "has another form than it should, such as orders@company.example"),
        ("Customers", 10, "A", "No.", '"C0001"', "stands in row 2, too"),
    ]
    (newest, *_) = prefect_server.flow_runs()
    assert newest["state_type"] == "FAILED"
    artifacts = prefect_server.ask("/artifacts/filter", {"flow_runs": {"id": {"any_": [newest["id"]]}}})
    assert any("has another form" in str(artifact["data"]) for artifact in artifacts)

    assert run(on_bad_rows="continue").message == "3 created, 2 updated, 3 unchanged, 4 failed"
    assert sum(written(sandbox).values()) == 5


def test_a_run_that_was_killed_is_run_again_and_no_row_is_written_twice(
    environment: dict[str, str], sandbox: Sandbox, own_root: Path
) -> None:
    """The third of the new rows never gets an answer; what was written before is found and left alone."""
    sandbox.faults([{"match": {"method": "POST", "path": "/api/v1/customers", "nth": [3]}, "fault": "hang=60"}])
    command = [sys.executable, "flows/sync.py", "demo", "test"]
    killed = subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while sum(sandbox.stats()["writes"].get("customers", {}).values()) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    sandbox.clear_faults()

    assert run().message == "1 created, 11 unchanged"

    found = written(sandbox)
    assert {name for name in found if name.startswith("POST")} == {f"POST C010{number}" for number in (1, 2, 3, 4)}
    assert set(found.values()) == {1}


def test_an_input_that_is_not_there_is_explained_and_the_api_not_asked(
    environment: dict[str, str], sandbox: Sandbox
) -> None:
    """Problem, solution and example, and no stack trace."""
    ended = program(environment, "--file", "custmers.xlsx")

    assert ended.code == 1, ended.screen
    assert "Did you mean demo-test-customers.xlsx?" in ended.err
    assert all(word in ended.err for word in ("❌ Problem:", "✅ Solution:", "📝 Example:"))
    assert "Traceback" not in ended.screen
    assert sandbox.stats()["total"] == 0
