"""What the code holds itself to, and no linter knows."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for room in ("flows", "tasks", "txo_core", "deployments") for path in (REPOSITORY / room).rglob("*.py")
)
LONGEST_FILE, LONGEST_FUNCTION = 250, 45


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def calls(path: Path) -> Iterator[str]:
    """Yield what a file calls, as `time.sleep`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert len(text.splitlines()) <= LONGEST_FILE
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION] == []


def test_the_core_waits_by_the_clock_alone() -> None:
    """So that Ctrl-C wakes every wait, and a test replaces it."""
    waiting = [name_of(path) for path in SOURCES if "txo_core" in path.parts and "time.sleep" in set(calls(path))]

    assert waiting == []


def test_the_only_retries_are_those_of_the_client() -> None:
    """A retry of a task would multiply them."""
    asking = [
        name_of(path)
        for path in SOURCES
        if path.parts[len(REPOSITORY.parts)] in ("flows", "tasks") and "retries=" in path.read_text(encoding="utf-8")
    ]

    assert asking == []


def test_no_tracked_text_names_a_path_of_a_machine_or_an_index() -> None:
    marks = ("/" + "root/", "/" + "work/", "index" + "-url", "files.python" + "hosted")
    texts = [path for kind in ("*.md", "*.toml", "*.lock", "*.yaml", "Makefile") for path in REPOSITORY.glob(kind)]
    found = [
        (path.name, mark) for path in texts + SOURCES for mark in marks if mark in path.read_text(encoding="utf-8")
    ]

    assert found == []


def test_a_script_loads_the_code_of_a_server_only_where_it_starts_one() -> None:
    """It costs more than all the rest of a run that has a server at hand."""
    rooms = "flows.report, tasks.output, txo_core.credentials, txo_core.fan_out, txo_core.script_runner"
    heavy = {"fastapi", "sqlalchemy", "pandas", "zeep"}
    code = f"import sys, {rooms}; print(sorted({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
