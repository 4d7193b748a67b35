"""What every file in flows/ keeps to. Files are found, so that nobody edits this test for a new script."""

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.schedules import construct_schedule
from prefect.flows import load_flow_from_entrypoint

from deployments import prefect_yaml
from tests.support.prefect_server import PrefectServer
from tests.support.programs import REPOSITORY, run_program
from txo_core.exceptions import HelpfulError

EXEMPT = {"__init__", "all_orgs"}
"""`all_orgs` runs a script for many organizations, so it is none for one."""

FLOWS = sorted(path for path in (REPOSITORY / "flows").glob("*.py") if path.stem not in EXEMPT)
SOURCES = sorted(path for folder in ("flows", "tasks") for path in (REPOSITORY / folder).rglob("*.py"))
MOST_LINES = 60
SECRETIVE = re.compile(
    r"secret|token|passw|pwd|passphrase|credential|api_?key|private_?key|bearer|cookie", re.IGNORECASE
)
OF_PREFECT = {"flow", "task", "Flow", "Task"}

each_flow = pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)


def flow_of(path: Path) -> Flow[..., Any]:
    """Return the one flow that the file defines."""
    module = importlib.import_module(f"flows.{path.stem}")
    (found,) = [value for value in vars(module).values() if isinstance(value, Flow)]
    return found


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# ---- the files -------------------------------------------------------------------------------------------------------


def test_there_are_flows() -> None:
    """Else every test below would be green on an empty folder."""
    assert "report" in {path.stem for path in FLOWS}


@each_flow
def test_a_script_is_one_flow_named_as_its_file(path: Path) -> None:
    flow = flow_of(path)

    assert flow.name == path.stem.replace("_", "-")
    assert flow.fn.__name__ == path.stem
    assert (flow.retries, flow.persist_result) == (0, False)


@each_flow
def test_its_first_parameters_are_organization_and_environment(path: Path) -> None:
    parameters = inspect.signature(flow_of(path).fn).parameters

    assert list(parameters)[:2] == ["org_id", "env_type"]
    assert [parameters[name].annotation for name in ("org_id", "env_type")] == [str, str]
    assert all(each.default is not each.empty for each in list(parameters.values())[2:]), "the others have defaults"


@each_flow
def test_no_parameter_of_it_takes_a_secret(path: Path) -> None:
    """Prefect stores parameters in clear, also those of type SecretStr."""
    assert [name for name in flow_of(path).parameters.properties if SECRETIVE.search(name)] == []


@pytest.mark.parametrize("name", ["client_secret", "token", "db_password", "apikey", "api_key", "credentials"])
def test_a_parameter_that_smells_of_a_secret_is_noticed(name: str) -> None:
    assert SECRETIVE.search(name)


@each_flow
def test_it_says_how_it_is_used(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""

    assert "Usage:" in docstring
    assert f"    python flows/{path.name} <org_id> <env_type>" in docstring.splitlines()


@each_flow
def test_it_runs_from_the_command_line(path: Path) -> None:
    """The last lines hand the flow to `run_cli`, and only when the file is the program."""
    last = tree_of(path).body[-1]

    assert ast.unparse(last) == f"if __name__ == '__main__':\n    run_cli({path.stem})"


@each_flow
def test_it_fits_on_a_screen(path: Path) -> None:
    """A script is composition; what is more belongs in tasks/ or txo_core/."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@each_flow
def test_prefect_finds_it_by_its_entrypoint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker does: our wrapping leaves file and function in place."""
    monkeypatch.chdir(REPOSITORY)

    loaded: Flow[..., Any] = load_flow_from_entrypoint(f"flows/{path.name}:{path.stem}")

    assert loaded.name == path.stem.replace("_", "-")
    assert flow_of(path)._entrypoint == f"flows.{path.stem}:{path.stem}"
    assert inspect.getsourcefile(inspect.unwrap(loaded.fn)) == str(path)


@pytest.mark.slow
@each_flow
def test_run_as_a_program_its_entrypoint_is_the_file(path: Path) -> None:
    """What Prefect writes down with a local run; without arguments the program ends before anything runs."""
    code = (
        "import atexit, runpy, sys, prefect\n"
        f"sys.argv = ['flows/{path.name}']\n"
        "made = []\n"
        "begin = prefect.Flow.__init__\n"
        "def noted(self, *a, **k):\n"
        "    begin(self, *a, **k); made.append(self)\n"
        "prefect.Flow.__init__ = noted\n"
        "atexit.register(lambda: print([flow._entrypoint for flow in made]))\n"
        f"runpy.run_path('flows/{path.name}', run_name='__main__')\n"
    )

    ended = run_program("-c", code)

    assert ended.code == 2, ended.err
    assert ended.out.splitlines()[-1] == str([f"flows/{path.name}:{path.stem}"])


# ---- flows and tasks -------------------------------------------------------------------------------------------------


def prefects_own(tree: ast.AST) -> Iterator[str]:
    """Yield each place where a source takes flow or task from Prefect instead of from txo_core.orchestration."""
    for node in ast.walk(tree):
        names = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "prefect":
            taken = names & {*OF_PREFECT, "*", "flows", "tasks"}
        else:
            taken = names & {"prefect", "prefect.flows", "prefect.tasks"}
        if taken:
            yield ast.unparse(node)


def prints(tree: ast.AST) -> Iterator[str]:
    """Yield each call of print."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "pprint"):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_flow_and_task_are_ours_and_nothing_is_printed(path: Path) -> None:
    """Prefect's own would retry, cache and store, and let a secret out of an exception."""
    tree = tree_of(path)

    assert [*prefects_own(tree), *prints(tree)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from prefect import flow",
        "from prefect import task as step",
        "from prefect.tasks import Task",
        "from prefect import *",
        "import prefect",
        "import prefect.flows as f",
        "from prefect import tasks",
    ],
)
def test_prefects_own_is_noticed_however_it_comes(line: str) -> None:
    assert list(prefects_own(ast.parse(line))) == [line]


def test_a_print_is_noticed() -> None:
    assert list(prints(ast.parse("if True:\n    print('x')"))) == ["print('x')"]
    assert list(prefects_own(ast.parse("from prefect.artifacts import create_table_artifact"))) == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent.name == "tasks"], ids=lambda path: path.stem)
def test_every_task_has_our_defaults(path: Path) -> None:
    """No retries beside the client's, no stored results; nothing is cached unless fan_out asks for it."""
    module = importlib.import_module(f"tasks.{path.stem}" if path.stem != "__init__" else "tasks")
    tasks = [value for value in vars(module).values() if isinstance(value, Task)]

    assert [(each.name, each.retries, each.persist_result) for each in tasks] == [
        (each.name, 0, False) for each in tasks
    ]
    assert [each.name for each in tasks if each.cache_policy != NO_CACHE] == []


def test_options_make_another_flow_or_task_with_the_same_guard() -> None:
    from tests.contracts.guide.wrapped import double, wrapped

    renamed, retried = wrapped.with_options(name="other"), double.with_options(retries=2)

    assert (renamed.name, renamed.fn is wrapped.fn) == ("other", True)
    assert (retried.retries, double.retries, retried.fn is double.fn) == (2, 0, True)


@pytest.mark.slow
def test_map_submit_and_with_options_work_as_prefect_documents_them(prefect_server: PrefectServer) -> None:
    """Under a server: values, states, and an error without the secret that was in it."""
    ended = run_program("tests/contracts/guide/wrapped.py", environment=prefect_server.environment)

    assert ended.code == 0, ended.screen
    found = json.loads(ended.out.splitlines()[-1])
    assert found == {
        "called": 4,
        "submitted": 6,
        "mapped": [2, 6],
        "states": ["Completed", "Skipped", "Failed", "Completed"],
        "failed": [
            "-1 is below zero, password=[REDACTED]",
            "Task run encountered an exception ValueError: -1 is below zero, password=[REDACTED]",
        ],
        "renamed": 40,
        "reason": "nothing to double",
        "half-well": ["Failed", "1 ok, 1 failed"],
    }
    assert "made-up-password" not in ended.screen


# ---- deployments -----------------------------------------------------------------------------------------------------


def deployments() -> list[dict[str, Any]]:
    document = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = document["deployments"]
    return found


def test_prefect_yaml_is_what_schedules_yaml_says() -> None:
    ended = run_program("deployments/prefect_yaml.py", "--check")

    assert (ended.code, ended.out) == (0, "prefect.yaml is current\n"), "run make deployments"


def test_a_stale_prefect_yaml_is_told_by_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "prefect.yaml"
    monkeypatch.setattr(prefect_yaml, "TARGET", target)
    codes = []
    for option in (["--check"], [], ["--check"]):
        monkeypatch.setattr("sys.argv", ["prefect_yaml.py", *option])
        codes.append(prefect_yaml.main())

    assert codes == [1, 0, 0]
    assert "make deployments" in capsys.readouterr().out
    assert target.read_text(encoding="utf-8") == (REPOSITORY / "prefect.yaml").read_text(encoding="utf-8")


@each_flow
def test_it_is_deployed_for_somebody(path: Path) -> None:
    """With an entrypoint that is this file, and parameters that are the name."""
    ours = [each for each in deployments() if each["entrypoint"] == f"flows/{path.name}:{path.stem}"]

    assert ours
    for each in ours:
        assert each["name"] == f"{each['parameters']['org_id']}-{each['parameters']['env_type']}"
        assert set(each["parameters"]) <= set(flow_of(path).parameters.properties)
        assert each["enforce_parameter_schema"] is True


@each_flow
def test_its_schedules_are_those_of_schedules_yaml(path: Path) -> None:
    """Each of them one that Prefect accepts, with a slug of its own."""
    plan = prefect_yaml.read_plan(prefect_yaml.SOURCE)
    wanted = {
        name: [(each.cron or each.interval, each.timezone, each.active) for each in entry.schedules]
        for entry in plan.deployments
        if entry.script == path.stem
        for name in entry.for_
    }
    ours = [each for each in deployments() if each["entrypoint"] == f"flows/{path.name}:{path.stem}"]

    assert {each["name"]: [timing(one) for one in each["schedules"]] for each in ours} == wanted
    for each in ours:
        assert len({one["slug"] for one in each["schedules"]}) == len(each["schedules"])
        for one in each["schedules"]:
            assert construct_schedule(cron=one.get("cron"), interval=one.get("interval"), timezone=one["timezone"])


def timing(schedule: dict[str, Any]) -> tuple[Any, str, bool]:
    return schedule.get("cron") or schedule.get("interval"), schedule["timezone"], schedule["active"]


def test_prefect_yaml_holds_no_secret_and_no_reference_to_one() -> None:
    """`prefect deploy` would resolve a block reference and store its value in clear."""
    text = (REPOSITORY / "prefect.yaml").read_text(encoding="utf-8")

    assert re.findall(r"\{\{|prefect\.(?:blocks|variables)", text) == []
    assert [each["name"] for each in deployments() if each["work_pool"].get("job_variables")] == []
    assert [key for each in deployments() for key in each["parameters"] if SECRETIVE.search(key)] == []


def test_a_worker_takes_the_code_that_is_installed_there() -> None:
    """No folder of the machine that deployed is written down."""
    document = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text(encoding="utf-8"))
    ((step, arguments),) = document["pull"][0].items()
    module, _, function = step.rpartition(".")

    assert getattr(importlib.import_module(module), function)(**arguments) == {"directory": str(REPOSITORY)}


# ---- a schedules.yaml that is wrong ----------------------------------------------------------------------------------


def refusal(tmp_path: Path, text: str) -> str:
    source = tmp_path / "schedules.yaml"
    source.write_text(text, encoding="utf-8")
    with pytest.raises(HelpfulError) as caught:
        prefect_yaml.render(prefect_yaml.read_plan(source))
    assert caught.value.how_to_fix
    assert caught.value.example
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deployments: [", "cannot be read"),
        ("", "problems"),
        ("deployments:\n  - {script: report}\n", "deployments.0.for"),
        ("deployments:\n  - {script: report, for: []}\n", "deployments.0.for"),
        ("deployments:\n  - {script: report, for: [demo-test], when: daily}\n", "deployments.0.when"),
        ("deployments:\n  - {script: nothing, for: [demo-test]}\n", "there is no flows/nothing.py"),
        ("deployments:\n  - {script: ../report, for: [demo-test]}\n", "deployments.0.script"),
        ("deployments:\n  - {script: report, for: [demo]}\n", "not a valid organization"),
        ("deployments:\n  - {script: report, for: [Demo-test]}\n", "'Demo' is not a valid organization"),
        ("deployments:\n  - {script: report, for: [demo-test], schedules: [{timezone: UTC}]}\n", "cron or interval"),
        (
            "deployments:\n  - {script: report, for: [demo-test], schedules: [{cron: 0 6 * * *, interval: 60}]}\n",
            "cron or interval",
        ),
        ("deployments:\n  - {script: report, for: [demo-test], schedules: [{interval: 0}]}\n", "greater than 0"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    """Nobody wants to learn of the second mistake after mending the first."""
    malformed = """deployments:
      - {script: 5, for: []}
      - {script: report, for: [demo-test], schedules: [{cron: 1, x: 2}]}"""
    senseless = """deployments:
      - {script: nothing, for: [Demo-test]}
      - {script: nowhere, for: [demo]}"""

    first, second = refusal(tmp_path, malformed), refusal(tmp_path, senseless)

    places = ("0.script", "0.for", "1.schedules.0.cron", "1.schedules.0.x")
    assert [place for place in places if f"deployments.{place}:" not in first] == []
    assert [word for word in ("flows/nothing.py", "'Demo'", "flows/nowhere.py", "demo:") if word not in second] == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "{script: report, for: [demo-test], schedules: [{cron: every day at six}]}",
            "'every day at six' is not a cron",
        ),
        ("{script: report, for: [demo-test], schedules: [{cron: 0 6 * * *, timezone: Mars/Phobos}]}", "'Mars/Phobos'"),
        ("{script: report, for: [demo-test, demo-test]}", "report/demo-test stands there 2 times"),
    ],
    ids=["a cron line that is none", "an unknown time zone", "twice the same"],
)
def test_what_prefect_would_refuse_later_is_refused_here(tmp_path: Path, entry: str, said: str) -> None:
    """Otherwise `make deploy` fails in the middle, or deploys one thing twice."""
    assert said in refusal(tmp_path, f"deployments:\n  - {entry}\n")
