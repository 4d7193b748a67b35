"""The sandbox as a program of its own, for tests: `with Sandbox() as sandbox: sandbox.url`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deployments.sandbox.constants import API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME

__all__ = ["API_KEY", "CLIENT_ID", "CLIENT_SECRET", "PASSWORD", "USERNAME", "Sandbox"]

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 5.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sandbox:
    """A running sandbox on a free port. Arguments are those of its command line."""

    def __init__(self, *arguments: str, second_origin: bool = False) -> None:
        self.arguments = [*arguments, *(["--second-port", "0"] if second_origin else [])]
        self.url = ""
        self.second_url = ""
        self.port = 0
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api_url(self) -> str:
        """Where the API begins."""
        return f"{self.url}/api/v1"

    @property
    def token_url(self) -> str:
        """Where tokens are issued."""
        return f"{self.url}/oauth/token"

    def __enter__(self) -> Self:
        """Starts it and waits until it is ready."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops it."""
        self.stop()

    def start(self) -> None:
        """Starts the program. Raises RuntimeError if it is not ready within 30 seconds."""
        with tempfile.TemporaryDirectory() as directory:
            ready_file = Path(directory) / "ready.json"
            options = ["--port", "0", "--quiet", "--ready-file", str(ready_file), *self.arguments]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deployments.sandbox", *options], cwd=REPOSITORY, stdout=subprocess.DEVNULL
            )
            ready = self._wait_for(ready_file, self._process)
        self.port, self.pid, self.url = ready["port"], ready["pid"], ready["url"]
        self.second_url = ready.get("second_url", "")

    def stop(self) -> int:
        """Ends the program and returns its exit code; a second call does nothing."""
        process = self._process
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def stats(self) -> dict[str, Any]:
        """What arrived, counted; see `/stats`."""
        report: dict[str, Any] = self._call("GET", "/stats")
        return report

    def clear_stats(self) -> None:
        """Counts from zero; nothing else changes."""
        self._call("DELETE", "/stats")

    def arrivals(self, path: str = "") -> list[float]:
        """When each request came, in seconds of a monotonic clock; with a path, those whose path has it in it."""
        return [arrival["at"] for arrival in self._call("GET", "/stats/arrivals") if path in arrival["call"]]

    def faults(self, rules: Sequence[dict[str, Any] | str]) -> None:
        """Adds rules: `{"match": {"method", "path", "nth"}, "fault": "status=503", "times": 1}` or `"status=503"`."""
        self._call("POST", "/admin/faults", list(rules))

    def clear_faults(self) -> None:
        """Takes all fault rules away."""
        self._call("DELETE", "/admin/faults")

    def profile(self, name: str) -> None:
        """Switches a fault profile on, such as demo."""
        self._call("POST", f"/admin/profile/{name}")

    def reset(self) -> None:
        """Data, counts, faults, tokens and limits as at the start."""
        self._call("POST", "/admin/reset")

    def expire_tokens(self) -> int:
        """Makes all tokens invalid; returns how many there were."""
        expired: int = self._call("POST", "/admin/tokens/expire")["expired"]
        return expired

    def tokens(self, **settings: object) -> None:
        """Sets `lifetime` in seconds and `expires_in` (integer, string, missing) of new tokens."""
        self._call("POST", "/admin/tokens", settings)

    def rate_limit(self, per_second: float | None, burst: int = 1) -> None:
        """Limits the API to so many requests per second and credential; None for no limit."""
        self._call("POST", "/admin/rate-limit", {"per_second": per_second, "burst": burst})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with DIRECT.open(request, timeout=10) as response:
            return json.load(response)

    def _wait_for(self, ready_file: Path, process: subprocess.Popen[bytes]) -> Any:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if ready_file.exists():
                return json.loads(ready_file.read_text(encoding="utf-8"))
            if process.poll() is not None:
                raise RuntimeError(f"The sandbox ended with exit code {process.returncode} before it was ready.")
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"The sandbox was not ready within {START_SECONDS:.0f} seconds.")
