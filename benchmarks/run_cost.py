"""What a run of flows/report.py costs beside a no-op Prefect flow with as many tasks.

Usage:
    python benchmarks/run_cost.py [--rounds 5]

Three programs take turns: the flow (A), a no-op Prefect flow with 45 tasks (B), and a plain script that makes the same
calls and writes the same workbook (C). The figure is (A - C) / B, in CPU seconds of the script's own process; the
server's are apart. Measured twice: without a server (Prefect's temporary one) and with a server at hand.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.prefect_server import PrefectServer
from tests.support.programs import demo_environment, provision
from tests.support.sandbox import Sandbox

REPOSITORY = Path(__file__).resolve().parent.parent
MEASURED = "benchmarks/measured.py"
PROGRAMS = {
    "A the flow": ["flows/report.py", "demo", "test"],
    "B no-op Prefect flow, 45 tasks": ["benchmarks/noop_flow.py"],
    "C plain script, same calls and file": ["benchmarks/plain_report.py"],
}


def main() -> None:
    """Measure both settings and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        home = Path(folder)
        (home / "config").mkdir()
        sample = REPOSITORY / "config" / "demo-test-config.json"
        (home / "config" / sample.name).write_text(sample.read_text())
        common = {"DO_NOT_TRACK": "1"} | demo_environment(sandbox, home)
        alone = common | {"PREFECT_HOME": str(home / "prefect")}
        provision(alone)
        compare("without a server (temporary one)", alone, rounds)
        with PrefectServer() as server:
            provision(common | server.environment)
            compare("with a server at hand", common | server.environment, rounds)


def compare(title: str, environment: Mapping[str, str], rounds: int) -> None:
    """Run the programs in turns and print medians and the ratio."""
    cpu: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    wall: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(rounds + 1):
        for name, command in PROGRAMS.items():
            used = measure(command, environment)
            if number:  # the first round warms bytecode and database
                cpu[name].append(used["cpu"])
                wall[name].append(used["wall"])
    sys.stdout.write(f"\n{title}, median of {rounds}\n")
    for name in PROGRAMS:
        sys.stdout.write(
            f"  {name:<40} CPU {statistics.median(cpu[name]):6.2f} s   wall {statistics.median(wall[name]):6.2f} s\n"
        )
    a, b, c = (statistics.median(cpu[name]) for name in PROGRAMS)
    sys.stdout.write(f"  (A - C) / B = {(a - c) / b:.2f}\n")


def measure(command: list[str], environment: Mapping[str, str]) -> dict[str, float]:
    """Return CPU and wall seconds of one run, as the program itself counts them at its end."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as report:
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, MEASURED, report.name, *command],
            cwd=REPOSITORY,
            env=own | dict(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        used: dict[str, float] = json.load(report)
        return used


if __name__ == "__main__":
    main()
