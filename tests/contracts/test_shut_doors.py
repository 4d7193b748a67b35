"""Doors that stay shut: what a script, a block or a deployment may not do with a secret, whoever writes it."""

import ast
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pytest
import yaml
from prefect import Flow, Task
from prefect.types import SecretDict
from pydantic import BaseModel, Field, SecretStr
from pydantic import ValidationError as ModelError

from deployments import prefect_yaml
from tests.contracts.test_flow_files import FLOWS, each_flow, flow_of
from tests.support.programs import REPOSITORY
from txo_core import credentials
from txo_core.credentials import SECRET_NAMES, TxoCredentials
from txo_core.exceptions import ConfigurationError
from txo_core.orchestration import flow
from txo_core.redaction import redact
from txo_core.runs.parameters import secret_parameters
from txo_core.runs.result_storage import SERIALIZER

SECRET = "sesame-opens-the-mountain"
SOURCES = sorted(
    path for room in ("flows", "tasks", "txo_core", "deployments") for path in (REPOSITORY / room).rglob("*.py")
)
PUBLISHING = REPOSITORY / "txo_core" / "runs" / "publishing.py"
STORES = re.compile(r"a?(?:create|update)_\w+_artifact|Variable|emit_event|tags|Artifact|\w+Artifact")
PLACES = ("prefect.artifacts", "prefect.variables", "prefect.events")
REFERENCE = re.compile(r"\{\{\s*prefect\.blocks")
LOADING = re.compile(r"\bBlock\.load|\bTxoCredentials\b.*\.load\(|Secret\.load|prefect\.blocks")
UNSEEN = {
    "task_run_name",
    "flow_run_name",
    "tags",
    "result_serializer",
    "cache_key_fn",
    "result_storage_key",
    None,
}
"""What `with_options` would bring past our flow and task; None is `**options`."""


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def stores(tree: ast.AST) -> Iterator[str]:
    """Yield each place where a source takes what stores texts on Prefect's server from Prefect itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "prefect":
            names = {alias.name for alias in node.names}
            modules = {f"{node.module}.{name}" for name in names} | {node.module or ""}
            whole = names & {"artifacts", "variables", "events", "*"} if node.module == "prefect" else set()
            if whole or modules & set(PLACES) or any(STORES.fullmatch(name) for name in names):
                yield ast.unparse(node)
        elif isinstance(node, ast.Import) and any(alias.name.startswith(PLACES) for alias in node.names):
            yield ast.unparse(node)


def renames(tree: ast.AST) -> Iterator[str]:
    """Yield each `with_options` that gives runs a name or tags past our flow and task."""
    for node in ast.walk(tree):
        is_call = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".with_options")
        if isinstance(node, ast.Call) and is_call and {keyword.arg for keyword in node.keywords} & UNSEEN:
            yield ast.unparse(node)


@pytest.mark.parametrize("path", [path for path in SOURCES if path != PUBLISHING], ids=name_of)
def test_what_prefect_stores_goes_through_one_room(path: Path) -> None:
    """S15: artifacts, variables, events, tags and run names; Prefect keeps them in clear."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [*stores(tree), *renames(tree)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from prefect.artifacts import create_table_artifact",
        "from prefect.artifacts import acreate_markdown_artifact as publish",
        "import prefect.artifacts",
        "from prefect import artifacts",
        "from prefect.variables import Variable",
        "from prefect import variables as v",
        "from prefect.events import emit_event",
        "from prefect import tags",
        "from prefect.context import tags",
        "task.with_options(task_run_name='x')",
        "task.with_options(tags=['x'])(1)",
        "task.with_options(**options)",
    ],
)
def test_a_way_past_it_is_noticed(line: str) -> None:
    tree = ast.parse(line)

    assert [*stores(tree), *renames(tree)]


def test_other_things_of_prefect_are_not_taken_for_it() -> None:
    lines = ["from prefect import State, unmapped", "from prefect.states import Failed", "t.with_options(retries=0)"]
    tree = ast.parse("\n".join(lines))

    assert [*stores(tree), *renames(tree)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nobody_makes_the_http_library_talk(path: Path) -> None:
    """S8: http.client's debug level prints every header."""
    assert "debuglevel" not in path.read_text(encoding="utf-8")


# ---- flow parameters -------------------------------------------------------------------------------------------------


class Login(BaseModel):
    user: str
    password: str


class Aliased(BaseModel):
    value: str = Field(alias="apiKey")


class Typed(BaseModel):
    proof: SecretStr | None = None


@dataclass
class Connection:
    host: str
    login: Login


class Options(TypedDict):
    client_secret: str


class Plain(BaseModel):
    token_count: int
    page: int
    partition_key: str


def with_parameter(name: str, kind: Any) -> Callable[..., Any]:
    """Return a function with one parameter more than a flow needs."""
    made: dict[str, Any] = {}
    exec(f"def function(org_id, env_type, {name}=None): ...", made)
    function: Callable[..., Any] = made["function"]
    function.__annotations__ = {"org_id": str, "env_type": str, name: kind}
    return function


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("client_secret", str, "client_secret"),
        ("api_key", str, "api_key"),
        ("db_password", str, "db_password"),
        ("bearer", str, "bearer"),
        ("proof", SecretStr, "proof"),
        ("proof", SecretStr | None, "proof"),
        ("proofs", dict[str, list[SecretStr]], "proofs"),
        ("login", Login, "login.password"),
        ("logins", list[Login] | None, "logins.password"),
        ("connection", Connection, "connection.login.password"),
        ("aliased", Aliased, "aliased.apiKey"),
        ("typed", Typed, "typed.proof"),
        ("options", Options, "options.client_secret"),
        ("plain", Plain, None),
        ("limit", int, None),
        ("since", str, None),
        ("customer_no", str, None),
        ("keyword", str, None),
    ],
)
def test_a_parameter_for_a_secret_is_found_wherever_it_hides(name: str, kind: Any, found: str | None) -> None:
    """S12: by name and by type, also within models, dataclasses and containers; such a flow cannot be made."""
    function = with_parameter(name, kind)

    assert list(secret_parameters(function)) == ([found] if found else [])
    if found:
        with pytest.raises(ConfigurationError, match="credentials block"):
            flow(name="x")(function)


@each_flow
def test_no_flow_of_ours_takes_one(path: Path) -> None:
    """S12: Prefect stores parameters in clear."""
    assert list(secret_parameters(flow_of(path).fn)) == []


# ---- results ---------------------------------------------------------------------------------------------------------


def tasks_and_flows() -> list[Any]:
    """Return every flow and task of the repository."""
    names = [f"tasks.{path.stem}" for path in (REPOSITORY / "tasks").glob("*.py") if path.stem != "__init__"]
    modules = [importlib.import_module(name) for name in [*names, *(f"flows.{path.stem}" for path in FLOWS)]]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Flow | Task)]


def test_results_are_not_stored_unless_asked_for_and_never_as_pickles() -> None:
    """S14: what is stored has the form that holds no secret."""
    found = tasks_and_flows()

    assert found
    assert {each.result_serializer for each in found} == {SERIALIZER}
    assert {each.persist_result for each in found} == {False}


# ---- deployments -----------------------------------------------------------------------------------------------------

DEPLOYMENT_FILES = [
    *REPOSITORY.glob("prefect.yaml"),
    *REPOSITORY.glob(".prefectignore"),
    *(path for kind in ("*.yaml", "*.yml", "*.toml", "*.env") for path in (REPOSITORY / "deployments").rglob(kind)),
]


@pytest.mark.parametrize("path", DEPLOYMENT_FILES, ids=name_of)
def test_no_deployment_file_holds_a_secret_or_a_reference_to_a_block(path: Path) -> None:
    """S16: `prefect deploy` would store the value behind a reference in clear."""
    text = path.read_text(encoding="utf-8")

    assert not REFERENCE.search(text)
    assert redact(text) == text


def test_deployments_have_no_job_variables() -> None:
    """S16: whatever stands in them is stored in clear and shown."""
    text = (REPOSITORY / "prefect.yaml").read_text(encoding="utf-8")

    assert "job_variables" not in text
    assert all(set(each["parameters"]) == {"org_id", "env_type"} for each in yaml.safe_load(text)["deployments"])


@pytest.mark.parametrize("key", ["job_variables", "job-variables", "work_pool", "parameters", "env"])
def test_the_plan_has_no_place_for_them(key: str) -> None:
    """S16: the generator of prefect.yaml refuses what it does not know."""
    entry = {"script": "report", "for": ["demo-test"], key: {"env": {"X": "{{ prefect.blocks.secret.x }}"}}}

    with pytest.raises(ModelError):
        prefect_yaml.Plan.model_validate({"deployments": [entry]})


# ---- the block -------------------------------------------------------------------------------------------------------


def test_every_field_of_the_block_is_a_secret() -> None:
    """S18: a plain field, or a dict of texts, would be stored and shown in clear."""
    own = set(TxoCredentials.__annotations__) & set(TxoCredentials.model_fields)

    assert own == {*SECRET_NAMES, "further"}
    assert {TxoCredentials.model_fields[name].annotation for name in SECRET_NAMES} == {SecretStr | None}
    assert TxoCredentials.model_fields["further"].annotation == SecretDict | None
    assert "further.*" in TxoCredentials.model_json_schema()["secret_fields"]


def test_nothing_that_shows_the_block_shows_a_secret() -> None:
    """S18: as text, in a log, as data, as JSON."""
    further = {"sftp-password": SECRET}
    block = TxoCredentials.model_validate(dict.fromkeys(SECRET_NAMES, SECRET) | {"further": further})

    shown = [repr(block), str(block), f"{block!r}", str(block.model_dump()), block.model_dump_json(), str(vars(block))]
    shown += [json.dumps(block.model_dump(mode="json")), str(list(block)), str(block.model_dump(mode="json"))]

    assert SECRET not in "".join(shown)


def test_a_wrong_value_is_not_shown_either() -> None:
    """S18: the error names the field."""
    with pytest.raises(ModelError) as refused:
        TxoCredentials.model_validate({"client_secret": [SECRET], "password": {"x": SECRET}})

    assert "client_secret" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_missing_block_is_named_with_the_command_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """S19: one function loads the secrets of every run, by hand or on a worker."""
    monkeypatch.setattr(credentials, "find", lambda name: None)

    with pytest.raises(ConfigurationError) as refused:
        credentials.load("txo", "prod")

    assert "txo-credentials/txo-prod" in refused.value.what_went_wrong
    assert refused.value.example == "python deployments/provision.py txo prod"


def test_a_loaded_block_is_masked_before_anybody_can_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3, S19: whoever has the block has it registered."""
    secret = "Open-sesame-of-this-test-4711"
    monkeypatch.setattr(credentials, "find", lambda name: TxoCredentials.model_validate({"api_key": secret}))

    credentials.load("txo", "prod")

    assert redact(f"it is {secret}") == "it is [REDACTED]"


def test_blocks_are_loaded_in_one_place() -> None:
    """S19: no script, task or client asks Prefect for a block itself."""
    found = {name_of(path) for path in SOURCES if LOADING.search(path.read_text(encoding="utf-8"))}

    assert found == {"txo_core/credentials.py"}
