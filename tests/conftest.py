"""What every test stands on: its own root folder, its own Prefect home, no variable of the machine's user."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFECT_HOME = tempfile.mkdtemp(prefix="txo-test-prefect-")
for name in [name for name in os.environ if name.startswith(("TXO_", "PREFECT_"))]:
    del os.environ[name]
for name in ("API_BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)
os.environ |= {"PREFECT_HOME": PREFECT_HOME, "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
os.environ["XDG_CONFIG_HOME"] = f"{PREFECT_HOME}/settings"

import pytest

from tests.support.prefect_server import PrefectServer
from tests.support.sandbox import Sandbox
from txo_core import redaction
from txo_core.masking.known_values import KnownValues

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    shutil.rmtree(PREFECT_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a root folder of its own, with the demo's configuration in it."""
    root = tmp_path / "txo-home"
    shutil.copytree(REPOSITORY / "config", root / "config", ignore=shutil.ignore_patterns("*-secrets.json"))
    monkeypatch.setenv("TXO_HOME", str(root))
    return root


@pytest.fixture(autouse=True)
def no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the redactor know no value that another test has made up, perhaps a plain word."""
    monkeypatch.setattr(redaction._redactor, "_known", KnownValues([]))


@pytest.fixture(scope="session")
def sandbox_program() -> Iterator[Sandbox]:
    """Run one sandbox for the session."""
    with Sandbox() as program:
        yield program


@pytest.fixture
def sandbox(sandbox_program: Sandbox) -> Sandbox:
    """Return the sandbox, as fresh as after a start."""
    sandbox_program.reset()
    return sandbox_program


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[PrefectServer]:
    """Run one Prefect server for the session."""
    with PrefectServer() as server:
        yield server
        if "prefect.logging.handlers" in sys.modules:
            sys.modules["prefect.logging.handlers"].APILogWorker.drain_all(timeout=10)
