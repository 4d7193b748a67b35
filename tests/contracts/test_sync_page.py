"""docs/sync-a-spreadsheet.md: its code runs, its flags are those of the flow, its table is what cells are read as."""

import re
from pathlib import Path

import pytest

from deployments.sandbox.data import build_rows
from flows.sync import sync
from tasks.customer_sync import CustomerRow
from tests.support.input_files import text
from tests.support.programs import REPOSITORY
from txo_core.rows import read_rows

PAGE = (REPOSITORY / "docs" / "sync-a-spreadsheet.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DEMO = REPOSITORY / "data" / "demo-test-customers.xlsx"


def test_the_code_of_the_page_runs() -> None:
    text("Item no.;Description;UNIT PRICE;Starting date\nI00001;Desk;12,50;22.11.2026\nI2;Lamp;;\n", "items.csv")
    names: dict[str, object] = {"__name__": "page"}

    for block in PYTHON:
        exec(compile(block, "docs/sync-a-spreadsheet.md", "exec"), names)

    assert set(names["record"]) == {"number", "description", "unitPrice", "category", "startingDate"}  # type: ignore[call-overload]
    assert str(names["reason"]).endswith('Item no. (A3) "I2" has another form than it should, such as I00042')


def test_the_flags_are_those_of_the_flow() -> None:
    flags = {f"--{name.replace('_', '-')}" for name in sync.parameters.properties} - {"--org-id", "--env-type"}

    assert set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE)) == flags
    assert set(re.findall(r"--[a-z-]{3,}", PAGE)) - {"--param"} == flags


def test_the_lines_of_the_flow_are_those_of_the_page() -> None:
    source = (REPOSITORY / "flows" / "sync.py").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:rows|results|path) = .*", PAGE, re.MULTILINE)

    assert len(lines) == 4  # three of the flow, and one of the recipe
    assert [line for line in lines if f"    {line}\n" not in source] == ['rows = read_rows("items.csv", ItemRow)']


@pytest.fixture
def demo_file(own_root: Path) -> str:
    (own_root / "data").mkdir()
    (own_root / "data" / DEMO.name).write_bytes(DEMO.read_bytes())
    return DEMO.name


def test_the_workbook_of_the_demo_fits_and_shows_what_the_page_says(demo_file: str) -> None:
    rows = read_rows(demo_file, CustomerRow)
    there = {row["no"]: row for row in build_rows(42)["customers"]}

    assert rows.bad == []
    assert len([row for row in rows.good if row.no not in there]) == 4
    assert next(row for row in rows.good if row.no == "C0103").postal_code == "04720"
    assert "4 would be created, 3 would be updated, 5 unchanged" in PAGE
