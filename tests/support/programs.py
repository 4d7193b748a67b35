"""Running the project's programs as a person does, and reading what appears."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.sandbox import CLIENT_SECRET, Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def screen(self) -> str:
        """Return both streams, as a person sees them."""
        return self.err + self.out


def demo_environment(sandbox: Sandbox, home: Path) -> dict[str, str]:
    """Return the variables that let demo-test mean this sandbox and this root folder."""
    return {
        "TXO_HOME": str(home),
        "TXO_DEMO_TEST_API_BASE_URL": sandbox.api_url,
        "TXO_DEMO_TEST_ENDPOINTS_AUTH": sandbox.token_url,
    }


def run_program(*arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 150) -> Ended:
    """Run a Python program of the repository to its end."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def wait_for_text(screen: Path, text: str, seconds: float = 60) -> None:
    """Wait until a program has written the text to its screen file, or the time is over."""
    deadline = time.monotonic() + seconds
    while text not in screen.read_text(encoding="utf-8") and time.monotonic() < deadline:
        time.sleep(0.05)


def provision(environment: Mapping[str, str], secret: str = CLIENT_SECRET) -> Ended:
    """Save the demo's credentials block on the server that the environment names."""
    return run_program(
        "deployments/provision.py",
        "demo",
        "test",
        environment={**environment, "TXO_DEMO_TEST_CLIENT_SECRET": secret},
    )
