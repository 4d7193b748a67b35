"""A run that was killed is run again by Prefect's own means, and does what is left: counted at the server."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.prefect_server import PrefectServer
from tests.support.programs import REPOSITORY, demo_environment, provision
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.slow

SCRIPT = "tests/support/creating_flow.py"


class Creating:
    """The creating flow against the sandbox, on a server that stays."""

    def __init__(self, server: PrefectServer, sandbox: Sandbox, root: Path, **variables: str) -> None:
        self.server, self.sandbox, self.root = server, sandbox, root
        limits = {"TXO_DEMO_TEST_RATE_LIMIT_PER_SECOND": "2000", "TXO_DEMO_TEST_MAX_RETRIES": "1"}
        self.environment = os.environ | server.environment | demo_environment(sandbox, root) | limits | variables
        assert provision(self.environment).code == 0

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        with (self.root / "screen.txt").open("ab") as screen:
            return subprocess.Popen(
                [sys.executable, *(command or (SCRIPT, "demo", "test"))],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
                start_new_session=True,
            )

    def wait_for(self, count: int, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until so many orders are there; False if the process has ended before."""
        deadline = time.monotonic() + 90
        while self.created() < count:
            if process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def kill_after(self, count: int, process: "subprocess.Popen[bytes]") -> bool:
        """Kill it as soon as so many orders are there; False if it had ended."""
        alive = self.wait_for(count, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return alive

    def run_id(self) -> str:
        (run, *_) = self.server.flow_runs(name={"any_": ["demo-test-creating"]})
        return str(run["id"])

    def retry(self) -> "subprocess.Popen[bytes]":
        """Say that the run has crashed, as the automation does, and start what an operator types."""
        state = {"state": {"type": "CRASHED", "name": "Crashed", "message": "no heartbeat"}, "force": True}
        self.server.ask(f"/flow_runs/{self.run_id()}/set_state", state)
        return self.start("-m", "prefect", "flow-run", "retry", self.run_id(), "-e", f"{SCRIPT}:creating")

    def created(self) -> int:
        return sum(self.by_name().values())

    def by_name(self) -> dict[str, int]:
        names: dict[str, int] = self.sandbox.stats()["creates"].get("orders", {})
        return names

    def ended(self) -> tuple[str, str]:
        run = self.server.ask(f"/flow_runs/{self.run_id()}")
        return run["state"]["type"], run["state"]["message"]

    def screen(self) -> str:
        return (self.root / "screen.txt").read_text()


@pytest.mark.parametrize("by", ["batches", "each"])
def test_a_run_that_is_killed_again_and_again_creates_each_order_once(
    prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path, by: str
) -> None:
    count, kills = (1000, 3) if by == "batches" else (60, 2)
    keyed = {"TXO_DEMO_TEST_IDEMPOTENCY_HEADER": "Idempotency-Key"}
    creating = Creating(prefect_server, sandbox, own_root, CREATING_COUNT=str(count), CREATING_BY=by, **keyed)

    process = creating.start()
    for at in sorted(random.sample(range(1, count - 50), kills)):
        if not creating.kill_after(at, process):
            break
        process = creating.retry()
    assert process.wait(120) == 0, creating.screen()

    assert len(creating.by_name()) == count
    assert set(creating.by_name().values()) == {1}
    assert creating.ended() == ("COMPLETED", f"{count} created")


def test_a_write_without_a_key_that_was_under_way_is_not_sent_again(
    prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path
) -> None:
    """The invoice that may be there is not doubled: it fails, with what to do, until a person has looked."""
    creating = Creating(prefect_server, sandbox, own_root, CREATING_COUNT="400")

    assert creating.kill_after(150, creating.start())
    there = set(creating.by_name())
    assert creating.retry().wait(120) == 1, creating.screen()

    assert set(creating.by_name().values()) == {1}
    left_out = 400 - len(creating.by_name())
    kind, message = creating.ended()
    assert kind == "FAILED"
    doubtful = int(message.split(", ")[1].removesuffix(" failed"))
    assert left_out <= doubtful <= 10
    assert there <= set(creating.by_name())
    assert "It may have been done already" in creating.screen()


def test_only_what_failed_in_an_earlier_run_is_done(
    prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path
) -> None:
    sandbox.faults([{"match": {"method": "POST", "path": "/api/v1/orders"}, "fault": "status=400", "times": 3}])
    first = Creating(prefect_server, sandbox, own_root, CREATING_COUNT="20")
    assert first.start().wait(60) == 1
    assert (len(first.by_name()), first.ended()) == (17, ("FAILED", "17 created, 3 failed"))

    first.environment["CREATING_FROM"] = first.run_id()
    assert first.start().wait(60) == 0

    assert first.ended() == ("COMPLETED", "3 created")
    assert (len(first.by_name()), set(first.by_name().values())) == (20, {1})


def test_an_operation_that_was_accepted_is_waited_for_and_not_begun_again(
    prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path
) -> None:
    creating = Creating(prefect_server, sandbox, own_root, CREATING_COUNT="4", CREATING_WHAT="exports")

    process = creating.start()
    deadline = time.monotonic() + 60
    while sandbox.stats()["exports"]["polled"] < 8 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert creating.retry().wait(60) == 0, creating.screen()

    assert sandbox.stats()["exports"]["submitted"] == 4
    assert creating.ended() == ("COMPLETED", "4 created")
    assert "was accepted in an earlier attempt" in creating.screen()
