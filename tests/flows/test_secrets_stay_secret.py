"""S11: after a run, however it went, no secret stands anywhere: database, stored results, screen, log files."""

import base64
import json
import secrets
import shutil
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.leaks import forms, leaks, masks, plant
from tests.support.prefect_server import PrefectServer
from tests.support.programs import Ended, demo_environment, run_program
from tests.support.sandbox import CLIENT_SECRET, Sandbox

PREFECT_NOISE = {
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "urllib3,requests,httpx,zeep",
    "PYTHONWARNINGS": "default",
}

PLACES = {
    "artifact.data", "artifact.description", "event_resources.resource", "events.payload", "events.resource",
    "flow_run.name", "flow_run.parameters", "flow_run_state.message", "log.message", "task_run.name", "task_run.tags",
    "task_run_state.message", "variable.value",
}  # fmt: skip
"""Where the leaky script sends secrets to, however it ends."""

SETTLED_SECONDS = 30


def sentinel() -> str:
    """Return a secret that nobody has: with signs that each encoding changes."""
    return f'Zq{secrets.token_hex(5)}/+"&é= {secrets.token_hex(5)}'


def declare(root: Path, name: str) -> None:
    """Name a further secret in the configuration of the demo."""
    path = root / "config" / "demo-test-config.json"
    document = json.loads(path.read_text())
    document["global"]["further-secrets"] = [name]
    path.write_text(json.dumps(document))


class Leaky:
    """The leaky script on a server, with a sentinel as every secret."""

    def __init__(self, server: PrefectServer, sandbox: Sandbox, root: Path, folder: Path) -> None:
        self.home, self.root = server.home, root
        self.handed_out, self.screen = folder / "handed-out.json", folder / "screens"
        self.screen.mkdir()
        names = ("api_key", "username", "password", "_sftp-password")
        self.planted = {name: sentinel() for name in names}
        self.environment = server.environment | demo_environment(sandbox, root) | PREFECT_NOISE
        saved = {f"TXO_DEMO_TEST_{name.upper().replace('-', '_')}": value for name, value in self.planted.items()}
        declare(root, "sftp-password")
        saved["TXO_DEMO_TEST_CLIENT_SECRET"] = CLIENT_SECRET
        self.see(run_program("deployments/provision.py", "demo", "test", environment=self.environment | saved))

    def see(self, ended: Ended) -> Ended:
        """Keep what a program wrote to its screen."""
        (self.screen / f"{len(list(self.screen.iterdir()))}.txt").write_text(ended.screen)
        return ended

    @classmethod
    def without_server(cls, sandbox: Sandbox, root: Path, folder: Path) -> "Leaky":
        """Return the same on Prefect's temporary server, as a local run has it."""
        server = PrefectServer()
        server.environment = {"PREFECT_HOME": str(server.home)}
        return cls(server, sandbox, root, folder)

    def run(self, mode: str) -> Ended:
        """Run the script to its end."""
        own = {"LEAKY_MODE": mode, "LEAKY_FILE": str(self.handed_out), "LEAKY_PASSWORD": self.planted["password"]}
        arguments = ("tests/support/leaky_flow.py", "demo", "test", "--debug")
        return self.see(run_program(*arguments, environment=self.environment | own))

    @property
    def database(self) -> Path:
        """Return the server's database."""
        return self.home / "prefect.db"

    def wait_for_masks(self, before: Counter[str]) -> set[str]:
        """Wait until the server has written down what the run has sent; return the places that got nothing."""
        deadline, last = time.monotonic() + SETTLED_SECONDS, Counter[str]()
        while time.monotonic() < deadline:
            now = masks(self.database)
            if now == last and (now - before).keys() >= PLACES:
                break
            last = now
            time.sleep(1)
        return PLACES - (last - before).keys()

    def secrets(self) -> dict[str, str]:
        """Return every secret that the run had, the token that the sandbox gave it among them."""
        found: dict[str, str] = json.loads(self.handed_out.read_text())
        assert set(found) == {"client_secret", "api_key", "username", "password", "token", "sftp-password"}
        return found

    def leaks(self) -> list[str]:
        """Return where any of them stands."""
        return leaks(self.secrets(), self.home, self.screen, self.root)


@pytest.fixture
def leaky(prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path, tmp_path: Path) -> Leaky:
    return Leaky(prefect_server, sandbox, own_root, tmp_path)


@pytest.mark.slow
def test_after_a_local_run_none_stands_anywhere_either(sandbox: Sandbox, own_root: Path, tmp_path: Path) -> None:
    """S11, S13: on the temporary server, which has a database of its own; and the search looks where it should."""
    leaky = Leaky.without_server(sandbox, own_root, tmp_path)

    ended = leaky.run("failure")

    assert ended.code == 1, ended.screen
    found = leaky.leaks()
    assert not found, "\n".join(found)
    assert masks(leaky.database).keys() >= PLACES
    check_stored_results(leaky)
    for place in PLACES:
        plant(leaky.database, place, b"x" + forms(leaky.planted["api_key"])["base64 1"])
    assert {f"{place}: api_key (base64 1)" for place in PLACES} <= set(leaky.leaks())
    shutil.rmtree(leaky.home)


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "code"), [("success", 0), ("failure", 1), ("killed", -signal.SIGKILL)])
def test_after_a_run_no_secret_stands_anywhere(leaky: Leaky, sandbox: Sandbox, mode: str, code: int) -> None:
    """S11, S13: whether it ended well, failed, or was killed in the middle; with calls, tasks and flows repeated."""
    sandbox.faults([{"match": {"path": "/api/v1/customers", "nth": 1}, "fault": "status=503"}])
    before = masks(leaky.database)

    ended = leaky.run(mode)

    assert ended.code == code, ended.screen
    assert "trying again" in ended.screen
    missing = leaky.wait_for_masks(before)
    found = leaky.leaks()
    assert not found, "\n".join(found)
    assert not missing, "nothing with a secret was on its way there, so nothing was proved"
    assert ended.screen.count("[REDACTED]") > 20
    check_stored_results(leaky)


def check_stored_results(leaky: Leaky) -> None:
    """S14: what is stored is JSON without secrets, readable by whoever owns the disk; no pickle."""
    stored = [json.loads(path.read_text()) for path in (leaky.home / "storage").rglob("*") if path.is_file()]

    assert len([each for each in stored if "[REDACTED]" in str(each)]) >= len(leaky.secrets())
    assert {each["metadata"]["serializer"]["type"] for each in stored} == {"txo-json"}


@pytest.mark.parametrize("encode", list(forms("a" * 24)))
def test_the_search_finds_each_form_of_a_secret(tmp_path: Path, encode: str) -> None:
    """Else the test above would be green on anything."""
    secret = sentinel()
    written = {
        "base64 0": base64.b64encode(secret.encode()),
        "base64 1": base64.b64encode(b"u" + secret.encode()),
        "base64 2": base64.b64encode(b"u:" + secret.encode()),
    }
    data = written.get(encode, forms(secret)[encode])
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("create table t (a, b)")
        database.execute("insert into t values (?, ?)", (1, data * 500))
    (tmp_path / "x.txt").write_bytes(b"before " + data + b" after")

    found = leaks({"mine": secret}, tmp_path)

    assert f"x.txt: mine ({encode})" in found
    assert f"t.b: mine ({encode})" in found
    assert leaks({"another": sentinel()}, tmp_path) == []
