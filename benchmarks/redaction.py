"""What redaction costs: a log call with it beside one without, and the redactor alone.

Usage:
    python benchmarks/redaction.py [--rounds 30] [--calls 200]

A call goes through the whole chain: logger, record, handlers, the log file of the day in a temporary TXO_HOME. Both
kinds take turns in one process; CPU is in microseconds a call, the ratio that of the same round. Without redaction
means that `redact` gives back what it gets, and all else stays.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from txo_core.logger import setup_logger
from txo_core.logs import clean_data, scrubbing
from txo_core.logs import records as log_records
from txo_core.redaction import Redactor, register_secret

LINES = {
    "typical": "Fetched 23471 rows of salesInvoices for txo-prod in 5.802 s (page 24), 3 ok, 1 skipped, 0 failed",
    "request": "GET https://api.example.com/v2.0/orders(9f7cb96a-1af6-456a-88e0-ae130df6ab4e) -> 200 in 0.6 s",
    "short": "Processing started",
    "talk of secrets": "The access token of the client expires in 3599 s, and is renewed before",
    "one secret": "POST https://login.example.com/token client_id=anna&client_secret=made-up-4711&scope=all",
}
REPLACED = (clean_data, log_records, scrubbing)
SECRETS = 20


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    for number in range(SECRETS):
        register_secret(f"made-up-value-of-the-benchmark-{number:04}")
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        os.environ["TXO_HOME"] = folder
        screen, sys.stderr = sys.stderr, nowhere
        try:
            rows = [log_call(name, line, arguments.rounds, arguments.calls) for name, line in LINES.items()]
        finally:
            sys.stderr = screen
    show("a log call, with and without redaction (CPU µs, median of the rounds)", rows)
    show("the redactor alone", [*lines_a_second(arguments.rounds), *large_texts()])


@contextmanager
def without_redaction() -> Iterator[None]:
    """Let the doors of logging pass texts as they are."""
    kept = [(module, getattr(module, "redact")) for module in REPLACED]  # noqa: B009 - not what the module exports
    for module, _ in kept:
        setattr(module, "redact", lambda text: text)  # noqa: B010
    try:
        yield
    finally:
        for module, redact in kept:
            setattr(module, "redact", redact)  # noqa: B010


def log_call(name: str, line: str, rounds: int, calls: int) -> str:
    """Return what a call with this line costs, and without redaction, and the ratio of the two."""
    logger = setup_logger()
    logger.setLevel(logging.DEBUG)

    def work() -> None:
        for number in range(calls):
            logger.info("%s (%d)", line, number)

    work()
    pairs = []
    for _ in range(rounds):
        clean = cpu(work)
        with without_redaction():
            pairs.append((clean, cpu(work)))
    ratio = statistics.median(a / b for a, b in pairs)
    with_, without = (statistics.median(column) / calls * 1e6 for column in zip(*pairs, strict=True))
    return f"{name:16} {with_:7.1f} {without:7.1f}   ratio {ratio:.2f}"


def lines_a_second(rounds: int) -> list[str]:
    """Return how fast ordinary lines pass the redactor, without any known value, and with a few and with many."""
    ordinary = [line for name, line in LINES.items() if name != "one secret"] * 50
    rows = []
    for known in (0, SECRETS, 10 * SECRETS):
        redactor = Redactor(f"made-up-value-of-the-benchmark-{number:04}" for number in range(known))
        seconds = statistics.median(cpu(lambda: [redactor(line) for line in ordinary]) for _ in range(rounds))  # noqa: B023
        rows.append(f"{f'{known} known values':26} {len(ordinary) / seconds:9,.0f} ordinary lines a second")
    return rows


def large_texts() -> list[str]:
    """Return the milliseconds that records of 50 kB take, and texts of 1 MB."""
    rows = [{"id": number, "name": f"Customer {number}", "email": f"c{number}@example.com"} for number in range(700)]
    pieces = {
        "json": json.dumps(rows),
        "log": "\n".join(LINES.values()) + "\n",
        "names without values": 'password":"',
        "schemes": "Bearer ",
        "elements": "<Password>",
        "hex": "0123456789abcdef",
        "secrets": "token=made-up-4711&",
    }
    redactor = Redactor(f"made-up-value-of-the-benchmark-{number:04}" for number in range(SECRETS))
    shown = []
    for name, piece in pieces.items():
        small, large = (piece * (size // len(piece) + 1) for size in (50_000, 1_000_000))
        milliseconds = [min(cpu(lambda: redactor(text)) for _ in range(3)) * 1e3 for text in (small, large)]  # noqa: B023
        shown.append(f"{name:26} {milliseconds[0]:7.1f} ms for 50 kB {milliseconds[1]:7.0f} ms for 1 MB")
    return shown


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds that a work takes in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def show(title: str, rows: list[str]) -> None:
    """Print a title and rows under it."""
    print(f"\n{title}", *rows, sep="\n  ")  # noqa: T201


if __name__ == "__main__":
    main()
