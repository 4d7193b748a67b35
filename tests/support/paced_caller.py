"""A program that calls an API from some threads for some seconds, as fast as its configuration lets it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support.programs import REPOSITORY
from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.oauth import ClientCredentials


@dataclass(frozen=True)
class Calls:
    """What such a program does: GET `url`, signed in at `token_url` if there is one."""

    url: str
    threads: int
    seconds: float
    behavior: dict[str, Any] = field(default_factory=dict)
    token_url: str = ""

    def prepare(self, home: Path) -> "subprocess.Popen[str]":
        """Start it, in a root folder of its own or a shared one; it calls once it gets a line to read."""
        command = [sys.executable, "-m", "tests.support.paced_caller", json.dumps(asdict(self))]
        environment = {"TXO_HOME": str(home), "PATH": ""}
        pipe = subprocess.PIPE
        program = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        return program


def run(calls: Calls) -> list[BaseException]:
    """Wait for a line, call until the seconds are over; returns what went wrong, one error a thread at most."""
    sections = {"global": {"api-base-url": calls.url}, "script-behavior": calls.behavior}
    tokens = ClientCredentials(calls.token_url, CLIENT_ID, CLIENT_SECRET) if calls.token_url else None
    errors: list[BaseException] = []
    with create_rest_api(TxoConfig("txo", "test", sections), require_auth=bool(tokens), tokens=tokens) as api:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        end = time.monotonic() + calls.seconds

        def work() -> None:
            try:
                while time.monotonic() < end:
                    api.get(calls.url)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(calls.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return errors


def run_together(programs: "Sequence[subprocess.Popen[str]]") -> list[str]:
    """Let the programs begin at the same time, when all are ready; returns what each wrote to the screen."""
    for program in programs:
        if program.stdout:
            program.stdout.readline()
    for program in programs:
        if program.stdin:
            program.stdin.write("\n")
            program.stdin.flush()
    return [program.communicate()[1] for program in programs]


if __name__ == "__main__":
    wrong = run(Calls(**json.loads(sys.argv[1])))
    if wrong:
        sys.exit(f"{len(wrong)} threads failed: {wrong[0]!r}")
