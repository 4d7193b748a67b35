"""The sandbox as a program: how it starts, what it says, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.support.sandbox import API_KEY, REPOSITORY, Sandbox


def run(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.sandbox", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=20, env={**os.environ, **(environ or {})}
    )


def test_it_says_in_a_few_lines_what_there_is_and_last_that_it_is_ready() -> None:
    command = [sys.executable, "-m", "deployments.sandbox", "--port", "0", "--second-port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines: list[str] = []
        while not lines or not lines[-1].startswith("sandbox ready on http://127.0.0.1:"):
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
        assert process.stdout.read() == ""
    text = "".join(lines)
    assert "demo-client" in text
    assert "/soap/customers?wsdl" in text
    assert len(lines) < 30


def test_it_writes_who_it_is_when_it_is_ready(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    command = [sys.executable, "-m", "deployments.sandbox", "--port", "0", "--quiet", "--ready-file", str(ready_file)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        ready = json.loads(ready_file.read_text())
        process.terminate()
        assert process.wait(5) == 0
    assert ready == {"port": int(ready["url"].rpartition(":")[2]), "pid": process.pid, "url": line.split()[-1]}
    assert list(tmp_path.glob("*ready.json*")) == [ready_file]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_does_not_wait_for_requests_that_hang(ending: signal.Signals) -> None:
    with Sandbox() as sandbox:
        sockets = []
        for fault in ("hang=60", "slow-body=60", "delay=60", "huge=500"):
            sock = socket.create_connection(("127.0.0.1", sandbox.port))
            head = f"GET /api/v1/customers?fault={fault} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {API_KEY}\r\n\r\n"
            sock.sendall(head.encode())
            sockets.append(sock)
        while sandbox.stats()["total"] < 4:
            time.sleep(0.01)
        os.kill(sandbox.pid, ending)
        assert sandbox.stop() == 0  # after five seconds it would be killed, and that is another exit code
        for sock in sockets:
            sock.close()


def test_a_taken_port_is_one_clear_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
        by_variable = run(environ={"TXO_SANDBOX_PORT": str(port)})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"❌ Problem: Port {port} on 127.0.0.1 is already in use")
    assert "\n\n✅ Solution: " in ended.stderr
    assert "\n\n📝 Example:\npython -m deployments.sandbox" in ended.stderr
    assert by_variable.stderr == ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "which other machines may reach"),
        (["--host", "example.com"], "which other machines may reach"),
        (["--port", "0", "--faults", "nonsense"], "The fault 'nonsense' is unknown"),
        (["--port", "0", "--faults", "missing.json"], "No such file"),
    ],
)
def test_a_bad_wish_is_one_clear_message(arguments: list[str], says: str) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("❌ Problem: ")
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--rate-limit", "-1"], ["--page-size", "x"], ["--wings"]])
def test_a_bad_option_is_named(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert arguments[0] in ended.stderr


def test_a_bad_port_in_the_environment_is_named() -> None:
    ended = run(environ={"TXO_SANDBOX_PORT": "eight"})
    assert ended.returncode == 2
    assert "TXO_SANDBOX_PORT is 'eight'" in ended.stderr


def test_another_seed_gives_other_data_and_the_same_seed_the_same(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"match": {"path": "items"}, "fault": "status=503"}]))
    options = ["--page-size", "7", "--token-lifetime", "5", "--faults", str(rules), "--host", "localhost"]

    def balance(seed: str) -> float:
        with Sandbox("--seed", seed, *options) as sandbox, requests.Session() as session:
            session.trust_env = False
            session.headers["X-Api-Key"] = API_KEY
            assert len(session.get(f"{sandbox.api_url}/orders").json()["value"]) == 7
            assert session.get(f"{sandbox.api_url}/items").status_code == 503
            return float(session.get(f"{sandbox.api_url}/customers('C0001')").json()["balance"])

    assert balance("1") == balance("1") != balance("2")
