"""A real nginx on a free port that limits its callers: `with Nginx(folder, "10r/s") as nginx: nginx.url`."""

import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Self

from tests.support.prefect_server import DIRECT, free_port

START_SECONDS = 20.0
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format statuses "$status";
    access_log {folder}/access.log statuses;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    limit_req_zone $server_name zone=callers:1m rate={rate};
    limit_req_status 429;
    keepalive_requests 100000;
    types {{ application/json json; }}
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location = /ready.txt {{ access_log off; }}
        location = /data.json {{ limit_req zone=callers; }}
    }}
}}
"""


class Nginx:
    """An nginx of its own; `statuses` counts what it has answered to requests for `url`."""

    def __init__(self, folder: Path, rate: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/data.json"
        self._rate = rate
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str | None:
        """Return where nginx is installed, if it is."""
        return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        (self.folder / "data.json").write_text('{"value": []}')
        (self.folder / "ready.txt").write_text("ready")
        settings = CONFIGURATION.format(folder=self.folder, port=self.port, rate=self._rate)
        (self.folder / "nginx.conf").write_text(settings)
        options = ["-e", f"{self.folder}/error.log", "-p", str(self.folder), "-c", "nginx.conf"]
        self._process = subprocess.Popen(
            [self.program() or "nginx", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError((self.folder / "error.log").read_text())
            time.sleep(0.05)
        return self

    def __exit__(self, *error: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def statuses(self) -> Counter[int]:
        """Return how many answers had which status."""
        return Counter(map(int, (self.folder / "access.log").read_text().split()))

    def _ready(self) -> bool:
        try:
            with DIRECT.open(f"http://127.0.0.1:{self.port}/ready.txt", timeout=5) as response:
                return bool(response.read() == b"ready")
        except OSError:
            return False
