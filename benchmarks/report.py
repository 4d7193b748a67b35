"""What the styled report costs beside `DataFrame.to_excel` with openpyxl, and how much memory it takes.

Usage:
    python benchmarks/report.py [--rows 100000] [--rounds 3]

All take turns in one process. CPU seconds of this process, and the ratio to `to_excel` of the same round. XlsxWriter,
in the mode that keeps memory constant and with the same formats, takes part if it is installed; it is no dependency.
"""

import argparse
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from txo_core.redaction import register_secret
from txo_core.report import write_report
from txo_core.results import ItemResult, ProcessingResults

CITIES = ("Köln", "Oslo", "Tromsø", "Paris")
FORMATS: dict[type, dict[str, str]] = {
    str: {},
    bool: {"align": "center"},
    int: {"num_format": "0"},
    float: {"num_format": "#,##0.00"},
    date: {"num_format": "yyyy-mm-dd"},
    datetime: {"num_format": "yyyy-mm-dd hh:mm"},
}
Row = dict[str, Any]
Work = Callable[[], object]


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rows = mixed(arguments.rows)
    register_secret("made-up-secret-of-the-benchmark")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TXO_HOME"] = folder
        results = ProcessingResults.of(ItemResult(row["no"], "ok", value=row) for row in rows)
        memory(results)
        compare(works(rows, results, Path(folder)), arguments.rounds, f"{len(rows):,} x {len(rows[0])} rows")


def mixed(count: int) -> list[Row]:
    """Return rows of ten columns of all kinds."""
    dice, first = random.Random(1), datetime(2026, 1, 1)  # noqa: DTZ001, S311 - cells have no zone; no secret
    return [
        {
            "no": f"{number:06d}",
            "name": f"Müller & Söhne GmbH {number}",
            "city": CITIES[number % 4],
            "balance": round(dice.uniform(-1e5, 1e6), 2),
            "orders": dice.randrange(10**6),
            "ratio": dice.random(),
            "createdOn": first + timedelta(minutes=number),
            "due": first.date() + timedelta(days=number % 400),
            "blocked": number % 7 == 0,
            "note": "=1+1" if number % 50 == 0 else f"note {number}",
        }
        for number in range(count)
    ]


def works(rows: list[Row], results: ProcessingResults, folder: Path) -> dict[str, Work]:
    """Return who takes part; the first is what the others are compared with."""
    import pandas as pd

    frame, config = pd.DataFrame(rows), SimpleNamespace(org_id="txo", env_type="test")
    found: dict[str, Work] = {
        "DataFrame.to_excel, openpyxl": lambda: frame.to_excel(folder / "frame.xlsx", index=False, engine="openpyxl"),
        "write_report, styled": lambda: write_report(config, "styled", results),
    }
    try:
        import xlsxwriter
    except ImportError:
        return found
    return found | {"XlsxWriter, constant memory": lambda: by_xlsxwriter(xlsxwriter, rows, folder / "constant.xlsx")}


def by_xlsxwriter(xlsxwriter: Any, rows: list[Row], path: Path) -> None:
    """Write the rows as XlsxWriter does it, with formats, frozen and filtered."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("Data")
        looks = {kind: book.add_format({"bottom": 1, **form}) for kind, form in FORMATS.items()}
        for column, name in enumerate(rows[0]):
            sheet.write_string(0, column, name)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row.values()):
                kind = type(value)
                if kind is str or kind is bool:
                    sheet.write_string(number, column, str(value), looks[kind])
                elif kind is int or kind is float:
                    sheet.write_number(number, column, value, looks[kind])
                else:
                    sheet.write_datetime(number, column, value, looks[kind])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), len(rows[0]) - 1)


def memory(results: ProcessingResults) -> None:
    """Print how much a report adds to the memory of the process; to be asked first, since it is a peak."""
    before = peak()
    path = write_report(SimpleNamespace(org_id="txo", env_type="test"), "memory", results)
    sys.stdout.write(
        f"write_report adds {peak() - before:.0f} MB to {before:.0f}; file {path.stat().st_size / 1e6:.1f} MB\n"
    )


def peak() -> float:
    """Return the most memory that the process has used so far, in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 * 1024 if sys.platform == "darwin" else 1024)


def compare(found: dict[str, Work], rounds: int, title: str) -> None:
    """Let all take turns; print the CPU seconds of each, and how many times less than the first."""
    cpu: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, work in found.items():
            start = time.process_time()
            work()
            cpu[name].append(time.process_time() - start)
    sys.stdout.write(f"\n{title}, median of {rounds} rounds\n")
    first = next(iter(found))
    for name, seconds in cpu.items():
        ratio = statistics.median(its / mine for mine, its in zip(seconds, cpu[first], strict=True))
        sys.stdout.write(f"  {name:<32} CPU {statistics.median(seconds):6.2f} s   {ratio:5.2f} times less\n")


if __name__ == "__main__":
    main()
