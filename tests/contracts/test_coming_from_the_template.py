"""What docs/coming-from-the-template.md promises is so: its table resolves, its code runs."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.prefect_yaml import Plan
from tests.contracts.test_flow_files import MOST_LINES
from tests.contracts.test_guide_examples import NOT_YET_THERE, is_there
from tests.support.prefect_server import PrefectServer
from tests.support.programs import REPOSITORY, demo_environment, provision, run_program
from tests.support.sandbox import Sandbox

PAGE = (REPOSITORY / "docs" / "coming-from-the-template.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (?:.*?) ?\| `(?P<module>txo_core[\w.]*)` \| (?P<coming>to come: )?(?P<names>`.*`) \|$", re.MULTILINE
)
ROWS = [match.groupdict() for match in ROW.finditer(PAGE)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def names_in(row: dict[str, Any]) -> list[str]:
    return re.findall(r"`(\w+)`", row["names"])


@pytest.fixture
def flow_file(tmp_path: Path) -> Path:
    """Return the five steps as the one file that they are."""
    path = tmp_path / "balances.py"
    path.write_text("\n\n".join(blocks("python")[1:]), encoding="utf-8")
    return path


def test_the_table_is_read_whole() -> None:
    """No row escapes the tests below by its form."""
    header, separator, *rows = [line for line in PAGE.splitlines() if line.startswith("|")]

    assert (header, separator) == ("| before | now | names |", "|---|---|---|")
    assert len(ROWS) == len(rows) == 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["module"])
def test_each_name_is_where_the_table_says(row: dict[str, Any]) -> None:
    """What is to come is marked, and only that."""
    there = {name: is_there(row["module"], name) for name in names_in(row)}

    assert there == dict.fromkeys(there, not row["coming"])


def test_what_is_to_come_is_what_the_examples_wait_for() -> None:
    coming = {name for row in ROWS if row["coming"] for name in names_in(row)}

    assert coming == {*NOT_YET_THERE, "SoapClient"} - {"get_soap_api"}


def test_the_new_head_of_a_script_runs() -> None:
    names: dict[str, Any] = {"__name__": "my_script"}

    exec(compile(blocks("python")[0], "my_script.py", "exec"), names)

    assert names["logger"].name == "txo.my_script"
    assert callable(names["data_handler"].save)


def test_every_python_block_stands_for_itself_as_code() -> None:
    """And every import in it is of a name that exists."""
    imports = [
        (node.module or "", alias.name)
        for block in blocks("python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]

    assert len(blocks("python")) == 5
    assert [each for each in imports if not hasattr(importlib.import_module(each[0]), each[1])] == []


def test_the_five_steps_keep_to_the_contract_of_a_flow(flow_file: Path) -> None:
    text = flow_file.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "balances"}

    exec(compile(text, str(flow_file), "exec"), names)

    assert names["balances"].name == "balances"
    assert list(names["balances"].parameters.properties) == ["org_id", "env_type"]
    assert len(text.splitlines()) <= MOST_LINES
    assert "    python flows/balances.py <org_id> <env_type>" in text.splitlines()


def test_the_entry_for_schedules_is_one() -> None:
    (block,) = blocks("yaml")

    plan = Plan.model_validate(yaml.safe_load(block))

    assert [(entry.script, entry.for_) for entry in plan.deployments] == [("balances", ["txo-prod", "txo-test"])]


@pytest.mark.slow
def test_the_five_steps_run_as_the_page_says(
    flow_file: Path, prefect_server: PrefectServer, sandbox: Sandbox, own_root: Path
) -> None:
    environment = prefect_server.environment | demo_environment(sandbox, own_root)
    assert provision(environment).code == 0

    ended = run_program(str(flow_file), "demo", "test", environment=environment)

    assert ended.code == 0, ended.screen
    assert "41 ok, 1 skipped" in ended.out
    (workbook,) = (own_root / "output").iterdir()
    assert workbook.name.startswith("demo-test-balances_")
