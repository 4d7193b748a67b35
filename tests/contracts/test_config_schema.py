"""The schema that editors use says what the loader says."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # its stubs are a package of their own

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "config" / "config.schema.json"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_schema", REPOSITORY / "deployments" / "config_schema.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def keys(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key that the schema describes, with its description."""
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            yield f"{path}.{name}", value
        for name, value in node.get("$defs", {}).items():
            yield from keys(value, name)


def test_the_schema_is_current(script: ModuleType) -> None:
    assert FILE.read_text(encoding="utf-8") == script.render(), "run python deployments/config_schema.py"


def test_a_stale_schema_is_told_by_the_exit_code(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "TARGET", tmp_path / "config.schema.json")

    codes = [script.main(["--check"]), script.main([]), script.main(["--check"])]

    assert codes == [1, 0, 0]
    assert (
        capsys.readouterr().err == "config/config.schema.json is not current: run python deployments/config_schema.py\n"
    )


def test_every_key_is_described_with_its_default(validator: Draft202012Validator) -> None:
    described = dict(keys(validator.schema))

    assert len(described) > 35
    assert [name for name, value in described.items() if not value.get("description")] == []
    assert [
        name for name, value in described.items() if "default" in value and "Default:" not in value["description"]
    ] == []
    assert [name for name in described if "seconds" in name and "Seconds" not in described[name]["description"]] == []


@pytest.mark.parametrize(
    "path", ["config/demo-test-config.json", "config/example-config.json", "tests/support/guide-config.json"]
)
def test_the_examples_satisfy_the_schema(validator: Draft202012Validator, path: str) -> None:
    document = json.loads((REPOSITORY / path).read_text(encoding="utf-8"))

    assert [error.message for error in validator.iter_errors(document)] == []
    assert document.get("$schema", "./config.schema.json") == "./config.schema.json"


@pytest.mark.parametrize(
    "document",
    [
        {"script-behavior": {"rate-limit-burst": 1.5}},
        {"script-behavior": {"max-retries": 3}},
        {"script-behavior": {"api-timeouts": {"max_retries": 3}}},
        {"script-behavior": {"rate-limit-scope": "galaxy"}},
        {"global": {"api-base-url": "not a url at all"}},
        {"global": {"tenant-id": None}},
        {"endpoints": {"api": 5}},
        {"_token": "x"},
    ],
)
def test_what_the_loader_refuses_an_editor_marks(validator: Draft202012Validator, document: dict[str, Any]) -> None:
    assert not validator.is_valid(document)


def test_a_scripts_own_keys_satisfy_the_schema(validator: Draft202012Validator) -> None:
    assert validator.is_valid({"global": {"company-id": "x"}, "report": {"columns": ["a"]}, "_comment": ["x"]})
