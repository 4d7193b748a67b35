"""Run a script as `python script args` would, and write at its end what its own process used.

Usage:
    python benchmarks/measured.py <report.json> <script.py> [arguments]
"""

import atexit
import json
import resource
import runpy
import sys
import time
from pathlib import Path

START = time.perf_counter()


def report(path: str) -> None:
    """Write CPU and wall seconds of this process, its children apart."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    Path(path).write_text(
        json.dumps({"cpu": used.ru_utime + used.ru_stime, "wall": time.perf_counter() - START}), encoding="utf-8"
    )


if __name__ == "__main__":
    atexit.register(report, sys.argv[1])
    sys.argv = sys.argv[2:]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")
