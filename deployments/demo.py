"""The demo: the sandbox API, its credentials, and then what a user types: python flows/report.py demo test.

Usage:
    python deployments/demo.py [--faults]

Starts a sandbox of its own on the usual port (TXO_SANDBOX_PORT sets another) and stops it at the end; where that port
is taken, by `make sandbox` or by another demo, on any free one. With --faults the same flow meets a server that fails
on purpose.
"""

import argparse
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from deployments.sandbox.constants import CLIENT_SECRET, DEFAULT_PORT
from txo_core.environment import without_secrets
from txo_core.screen import say

REPOSITORY = Path(__file__).resolve().parent.parent
EXPECTED = {False: (0, "41 ok, 1 skipped"), True: (1, "39 ok, 1 skipped, 2 failed")}
BLOCK_IS_THERE = "select 1 from block_document where name = 'demo-test'"
PATIENCE = 30.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
FAULTS = {
    "status": "answered 503 or 429, for now: healed by waiting as told and asking again",
    "reset-before": "dropped the connection: healed by asking again",
    "truncate": "cut an answer off: healed by asking again",
    "expired-token": "called the token expired: healed by a new one",
    "refuse": "refused a bad request: not to be healed, the item failed",
}
FLOW = ["flows/report.py", "demo", "test"]


class Stopped(Exception):
    """Somebody asked the demo to end."""


def main() -> int:
    """Run the demo and return 0 where it went as announced."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", action="store_true", help="let the sandbox fail on purpose")
    faults: bool = parser.parse_args().faults
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        with sandbox() as url:
            return run(faults, url)
    except (KeyboardInterrupt, Stopped):
        say("\nInterrupted. Nothing of the demo is left running.")
        return 130


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """End as on Ctrl-C."""
    raise Stopped


def run(faults: bool, url: str) -> int:
    """Save the credentials, run the flow, say what to type next; return 0 where the flow ended as announced."""
    environment = without_secrets()
    if url != f"http://127.0.0.1:{DEFAULT_PORT}":
        environment |= {"TXO_DEMO_TEST_API_BASE_URL": f"{url}/api/v1"}
        environment |= {"TXO_DEMO_TEST_ENDPOINTS_AUTH": f"{url}/oauth/token"}
    if not credentials_are_saved():
        step("Saving the credentials of demo-test: python deployments/provision.py demo test")
        secret = {"TXO_DEMO_TEST_CLIENT_SECRET": CLIENT_SECRET}
        code, _ = call([sys.executable, "deployments/provision.py", "demo", "test"], environment | secret)
        if code:
            return code
    if faults:
        admin(url, "POST", "/admin/profile/demo")
    step(f"Running the flow{', with faults switched on' * faults}: python {' '.join(FLOW)}")
    code, text = call([sys.executable, *FLOW], environment)
    expected, summary = EXPECTED[faults]
    if code != expected or summary not in text:
        say(f"\n❌ The flow ended with exit code {code}; {expected} was expected, with the summary '{summary}'.")
        return code or 1
    if faults:
        say_healed(admin(url, "GET", "/stats").get("faults", {}))
    say_next(faults)
    return 0


def credentials_are_saved() -> bool:
    """Tell whether Prefect's local database has the demo's block; where there is any doubt, it has not."""
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
    if os.environ.get("PREFECT_API_URL") or (home / "profiles.toml").exists():
        return False  # another server may be meant, with blocks of its own
    try:
        with closing(sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True)) as database:
            return database.execute(BLOCK_IS_THERE).fetchone() is not None
    except sqlite3.Error:
        return False


def call(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command to its end, show what it writes, and return its exit code with that text.

    Nothing of it outlives this program.
    """
    # In a session of its own, so that Ctrl-C at the terminal reaches this program only, which then ends the other.
    process = subprocess.Popen(  # noqa: S603 - our own words
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    written = []
    try:
        for line in process.stdout or ():
            written.append(line)
            say(line.rstrip("\n"))
        return process.wait(), "".join(written)
    except BaseException:
        end(process)
        raise


def end(process: "subprocess.Popen[Any]") -> None:
    """Ask a process to end, and end it where it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def sandbox() -> Iterator[str]:
    """Run a sandbox API meanwhile and give its URL."""
    port = int(os.environ.get("TXO_SANDBOX_PORT") or DEFAULT_PORT)
    if is_taken(port):
        step(f"Starting a sandbox API of its own; port {port} is taken, so on a free one")
        port = 0
    else:
        step("Starting the sandbox API")
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready.json")
        command = [sys.executable, "-m", "deployments.sandbox", "--port", str(port), "--quiet", "--ready-file"]
        process = subprocess.Popen(  # noqa: S603 - our own words
            [*command, str(ready)], cwd=REPOSITORY, env=without_secrets(), start_new_session=True
        )
        try:
            wait_for(ready, process)
            yield str(json.loads(ready.read_text(encoding="utf-8"))["url"])
        finally:
            end(process)


def is_taken(port: int) -> bool:
    """Tell whether a program listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(ready: Path, process: "subprocess.Popen[Any]") -> None:
    """Wait until the sandbox says that it is there; its own message tells why it is not."""
    deadline = time.monotonic() + PATIENCE
    while not ready.exists():
        if process.poll() is not None:
            sys.exit(process.returncode or 1)
        if time.monotonic() > deadline:
            sys.exit(f"The sandbox did not start within {PATIENCE:.0f} seconds")
        time.sleep(0.05)


def admin(url: str, method: str, path: str) -> Any:
    """Return the sandbox's answer to a question of the demo's own."""
    request = urllib.request.Request(url + path, method=method)  # noqa: S310 - loopback, our own server
    with DIRECT.open(request, timeout=5) as response:
        return json.load(response)


def say_healed(fired: dict[str, int]) -> None:
    """Say which faults the server made, out of its own count."""
    say("\nWhat the server did on purpose, by its own count:")
    for kind, count in sorted(fired.items()):
        say(f"  {count:>3} x {FAULTS.get(kind, kind)}")


def say_next(faults: bool) -> None:
    """Say what to type next."""
    if faults:
        say("\nThe flow's exit code was 1, as it should be: two items failed, and the workbook says why.")
    say("\nWhat to type next:")
    if not faults:
        say("  make demo-faults                    the same, against a server that fails on purpose")
    say("  make sandbox                        the API, in a second terminal (the demo stopped its own); then:")
    say("  . .venv/bin/activate")
    say("  python flows/report.py demo test    the flow alone")
    say("  python flows/sync.py demo test --dry-run   rows of a spreadsheet into the API, only shown")
    say("  make test                           the tests")


def step(line: str) -> None:
    """Announce what comes next."""
    say(f"\n▶ {line}")


if __name__ == "__main__":
    sys.exit(main())
