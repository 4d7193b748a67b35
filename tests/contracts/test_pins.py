"""Which versions are pinned, for which reason, and that the pinned set works."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.programs import REPOSITORY, run_program

PYTHONS = ("3.11", "3.12", "3.13")

REASONS: Mapping[str, str] = {
    "prefect>=3.8.8,<3.10": "the engine; below 3.10, since flow and task wrap its objects and each minor moves them",
    "requests>=2.32.4": "the HTTP client whose adapter seam carries the policies; from there on .netrc does not leak",
    "zeep>=4.3.3": "SOAP",
    "pandas>=2.3": "tables of scripts",
    "openpyxl>=3.1.5": "workbooks",
    "pydantic>=2.12": "the models of configuration and credentials",
    "fastapi>=0.139,<0.151": "not ours: from 0.155 on the server of Prefect 3.8 does not start (0.151 on: Prefect 3.9)",
    "python-dotenv>=1.0": "reads .env in local runs",
    "pyyaml>=6.0.2": "schedules.yaml, prefect.yaml and YAML files",
    "sqlalchemy>=2.0.40,<2.1": "not ours: with 2.1 the scheduler of Prefect 3.8 fails and no schedule ever fires",
    "starlette>=0.49": "the sandbox API",
    "urllib3>=2.6": "its exceptions are told apart; from there on its unpacking is bounded",
    "uvicorn>=0.30": "serves the sandbox API",
}
"""Each direct dependency, as pyproject.toml has it, and why it is there and bound as it is."""

THE_SIX = {"prefect", "requests", "zeep", "pandas", "openpyxl", "pydantic"}
FOR_PREFECT = {"fastapi", "sqlalchemy"}
"""The packages that scripts may always build on, and those that are named only to hold what Prefect gets."""

PART_OF = {"pydantic-core": "pydantic", "lxml": "zeep"}
"""Imported, and never without its owner, which requires it."""


@cache
def project() -> dict[str, object]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def direct() -> list[Requirement]:
    return [Requirement(line) for line in project()["project"]["dependencies"]]  # type: ignore[index]


def development() -> list[Requirement]:
    return [Requirement(line) for line in project()["dependency-groups"]["dev"]]  # type: ignore[index]


@cache
def lock_text() -> str:
    return (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")


@cache
def locked() -> tuple[tuple[Requirement, int], ...]:
    """Return each pin of the lock with the number of its hashes."""
    lines = [line for line in lock_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    entries = re.split(r"\n(?=\S)", "\n".join(lines))
    return tuple((Requirement(entry.partition("\\")[0]), entry.count("--hash=sha256:")) for entry in entries)


def linux(python: str) -> dict[str, str]:
    """Return what markers see on Linux with this Python."""
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }


def pins(python: str) -> dict[str, Requirement]:
    """Return the pins that hold on Linux with this Python, by name; two for one name are an error."""
    environment = linux(python)
    holding = [pin for pin, _ in locked() if pin.marker is None or pin.marker.evaluate(environment)]
    found: dict[str, Requirement] = {canonicalize_name(pin.name): pin for pin in holding}
    assert len(found) == len(holding)
    return found


def version_of(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


# ---- reasons ---------------------------------------------------------------------------------------------------------


def test_every_direct_dependency_has_its_reason() -> None:
    assert set(REASONS) == set(project()["project"]["dependencies"])  # type: ignore[index]
    assert all(REASONS.values())


def test_the_reasons_stand_in_the_architecture() -> None:
    """In its section "Dependencies", where a reader looks for them."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = re.search(r"^(#+) Dependencies\b.*?\n(.*?)(?=^#{1,2} |\Z)", text, re.MULTILINE | re.DOTALL)

    assert section, "ARCHITECTURE.md has no section Dependencies"
    assert [each.name for each in direct() if each.name not in section[2]] == []


def test_the_two_bounds_that_keep_the_server_alive_are_there() -> None:
    """S20. Prefect 3.8 itself allows every fastapi below 1.0, and its server starts only below 0.155."""
    bounds = {each.name: each.specifier for each in direct()}

    assert [version in bounds["fastapi"] for version in ("0.139.0", "0.150.0", "0.151.0", "0.165.0")] == [
        True,
        True,
        False,
        False,
    ]
    assert [version in bounds["prefect"] for version in ("3.8.7", "3.8.8", "3.9.1", "3.10.0")] == [
        False,
        True,
        True,
        False,
    ]


def test_nothing_else_is_bound_above() -> None:
    """A bound that has no reason keeps repairs away."""
    uppers = {"<", "<=", "~="}
    bound = {each.name for each in direct() + development() if uppers & {one.operator for one in each.specifier}}

    assert bound == {"prefect", "fastapi", "sqlalchemy"}


def test_what_the_code_imports_it_also_declares() -> None:
    """Nothing is used that is here only because another package brings it."""
    provided = importlib.metadata.packages_distributions()
    declared = {canonicalize_name(each.name) for each in direct()}
    used = {
        canonicalize_name(provided[name][0])
        for folder in ("flows", "tasks", "txo_core", "deployments")
        for path in (REPOSITORY / folder).rglob("*.py")
        for name in imported(path)
        if name not in sys.stdlib_module_names and name in provided
    }

    assert used - declared - {"txo"} - set(PART_OF) == set()
    assert declared - used - THE_SIX - FOR_PREFECT == set()
    for part, owner in PART_OF.items():
        assert part in {canonicalize_name(Requirement(line).name) for line in importlib.metadata.requires(owner) or []}


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level name of each absolute import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


# ---- the lock --------------------------------------------------------------------------------------------------------


def test_every_pin_is_exact_and_has_hashes() -> None:
    """S45."""
    assert len(locked()) > 100
    assert [str(pin) for pin, hashes in locked() if not hashes] == []
    assert all(version_of(pin) for pin, _ in locked())


def test_the_lock_names_no_place_to_download_from() -> None:
    """Each machine uses the index that it is set up for."""
    assert re.findall(r"https?://|file:|index-url|find-links|trusted-host| @ |^-", lock_text(), re.MULTILINE) == []


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_the_project_on_each_python(python: str) -> None:
    """Every requirement has one pin there, and the pin fits."""
    here = pins(python)

    wrong = [str(each) for each in direct() + development() if not fits(each, here)]

    assert wrong == []
    assert version_of(here["prefect"]).startswith("3.8.")
    assert version_of(here["fastapi"]) in Requirement("fastapi<0.151").specifier


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_is_complete_on_each_python(python: str) -> None:
    """What the pinned packages need is pinned as well, markers and extras followed to the end."""
    here = pins(python)
    environment = linux(python)
    todo = [(canonicalize_name(each.name), frozenset(each.extras)) for each in direct() + development()]
    seen: set[tuple[str, frozenset[str]]] = set()
    wrong = []
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for need in needs(name, extras, environment):
            if not fits(need, here):
                wrong.append(f"{name} needs {need}")
            todo.append((canonicalize_name(need.name), frozenset(need.extras)))

    assert wrong == []
    assert len({name for name, _ in seen}) > 100


def fits(need: Requirement, here: Mapping[str, Requirement]) -> bool:
    need = overrides().get(canonicalize_name(need.name), need)
    pin = here.get(canonicalize_name(need.name))
    return pin is not None and need.specifier.contains(version_of(pin), prereleases=True)


def overrides() -> dict[str, Requirement]:
    """Return the requirements of pyproject.toml that hold against what packages ask for, each with its reason there."""
    listed = project()["tool"]["uv"]["override-dependencies"]  # type: ignore[index]
    return {canonicalize_name(each.name): each for each in map(Requirement, listed)}


def needs(name: str, extras: frozenset[str], environment: Mapping[str, str]) -> Iterator[Requirement]:
    """Yield what an installed package requires there; of one that is not installed here nothing is known."""
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines:
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)):
            yield need


def test_this_environment_has_exactly_the_locked_versions() -> None:
    """A green suite says something about what is shipped."""
    here = pins(f"{sys.version_info.major}.{sys.version_info.minor}")

    other = {name: installed(name) for name, pin in here.items() if installed(name) != version_of(pin)}

    assert other == {}, "run make with a fresh .venv"


def installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@pytest.mark.slow
def test_prefects_server_can_be_built_from_the_locked_set(tmp_path: Path) -> None:
    """The failure that `import prefect` and tests without a server do not see."""
    code = "from prefect.server.api.server import create_app; print(type(create_app()).__name__)"

    ended = run_program("-c", code, environment={"PREFECT_HOME": str(tmp_path)})

    assert (ended.code, ended.out.strip()) == (0, "FastAPI"), ended.err


def test_pip_takes_the_lock_as_it_is() -> None:
    """The set-up without uv hands it to pip with --require-hashes: each line has to be in pip's own form."""
    continued = [line for line in lock_text().splitlines() if line.startswith("    --hash=")]

    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in continued)
    script = (REPOSITORY / "deployments" / "environment.sh").read_text(encoding="utf-8")
    assert script.count("--require-hashes -r requirements.lock") == 2


def test_another_python_is_refused_by_the_project_and_by_the_set_up() -> None:
    """3.11 to 3.13, in both places."""
    assert project()["project"]["requires-python"] == ">=3.11,<3.14"  # type: ignore[index]
    said = subprocess.run(
        ["sh", "-n", str(REPOSITORY / "deployments" / "environment.sh")], capture_output=True, check=False
    )
    assert said.returncode == 0
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (REPOSITORY / "deployments" / "environment.sh").read_text()
