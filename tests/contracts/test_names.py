"""The generic names of the top level mean our folders, wherever Python is started."""

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY

PACKAGES = ("flows", "tasks", "txo_core")
FOLDERS = ("deployments.sandbox", "tests.support")
PROBE = f"""
import importlib.util
for name in {(*PACKAGES, *FOLDERS)!r}:
    spec = importlib.util.find_spec(name)
    print(name, list(spec.submodule_search_locations)[0])
"""
EXPECTED = [f"{name} {REPOSITORY.joinpath(*name.split('.'))}" for name in (*PACKAGES, *FOLDERS)]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a working directory that has folders of our names, without `__init__.py`, and a module in one of them."""
    for name in ("flows", "tasks", "txo_core", "deployments", "tests", "config"):
        (tmp_path / name).mkdir()
    (tmp_path / "tasks" / "customers.py").write_text("raise SystemExit('the decoy was imported')\n")
    (tmp_path / "probe.py").write_text(PROBE)
    (tmp_path / "use.py").write_text("import importlib\nprint(importlib.import_module('tasks').__file__)\n")
    return tmp_path


def python(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", PACKAGES)
def test_in_this_process_a_name_means_our_folder(name: str) -> None:
    assert importlib.import_module(name).__file__ == str(REPOSITORY / name / "__init__.py")


@pytest.mark.parametrize("arguments", [("-c", PROBE), ("-m", "probe"), ("probe.py",)], ids=["-c", "-m", "script"])
def test_a_folder_of_that_name_in_the_working_directory_hides_nothing(
    elsewhere: Path, arguments: tuple[str, ...]
) -> None:
    """`-c` and `-m` look into the working directory first, a script into its own folder."""
    assert python(elsewhere, *arguments) == EXPECTED


def test_a_module_in_such_a_folder_is_not_taken_for_ours(elsewhere: Path) -> None:
    code = "import importlib.util; print(importlib.util.find_spec('tasks.customers').origin)"

    assert python(elsewhere, "-c", code) == [str(REPOSITORY / "tasks" / "customers.py")]


def test_our_programs_run_from_anywhere_with_m(elsewhere: Path) -> None:
    assert python(elsewhere, "-m", "deployments.sandbox", "--help")[0].startswith(
        "usage: python -m deployments.sandbox"
    )


def test_a_script_elsewhere_imports_our_tasks(elsewhere: Path, tmp_path: Path) -> None:
    """Also when it is called from a third place."""
    assert python(tmp_path.parent, str(elsewhere / "use.py")) == [str(REPOSITORY / "tasks" / "__init__.py")]


def test_no_installed_package_brings_one_of_our_names() -> None:
    """Some packages install their `tests` by mistake; then that would be found and not ours."""
    provided = importlib.metadata.packages_distributions()

    ours = {name: set(provided.get(name, [])) - {"txo"} for name in (*PACKAGES, "deployments", "tests", "config")}

    assert {name: others for name, others in ours.items() if others} == {}


@pytest.mark.parametrize("path", sorted((REPOSITORY / "flows").glob("*.py")), ids=lambda path: path.name)
def test_no_script_has_the_name_of_a_library(path: Path) -> None:
    """A script's folder comes first in the search: flows/json.py would be everybody's json."""
    assert shadows(path.stem) is False


@pytest.mark.parametrize(("name", "answer"), [("json", True), ("requests", True), ("prefect", True), ("report", False)])
def test_a_shadow_is_told_from_a_name_of_our_own(name: str, answer: bool) -> None:
    assert shadows(name) is answer


@cache
def installed_names() -> frozenset[str]:
    provided = importlib.metadata.packages_distributions()
    return frozenset(name for name, owners in provided.items() if set(owners) != {"txo"})


def shadows(name: str) -> bool:
    """Tell whether a module of that name would hide the standard library or an installed package."""
    return name in sys.stdlib_module_names | installed_names() | set(PACKAGES)


def test_the_distribution_is_never_published() -> None:
    """Package indexes refuse what carries this classifier."""
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]

    assert "Private :: Do Not Upload" in declared
    assert "Private :: Do Not Upload" in (importlib.metadata.metadata("txo").get_all("Classifier") or [])


def test_every_package_of_the_core_is_installed() -> None:
    """A folder forgotten in pyproject.toml would be missing in a container."""
    named = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = {
        path.parent.relative_to(REPOSITORY).as_posix().replace("/", ".")
        for name in PACKAGES
        for path in (REPOSITORY / name).rglob("__init__.py")
    }

    assert set(named) == there
