"""The page on security names tests that exist, and has every requirement or the reason why it is not there."""

import ast
import json
import re
from functools import cache

import pytest

from tests.support.programs import REPOSITORY
from txo_core.config import TxoConfig

PAGE = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (S\d+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    assert name in functions_of(file)


def test_every_requirement_has_a_test_or_a_reason() -> None:
    """S1 to S50; a row of the table has a sentence and a test."""
    elsewhere = re.findall(r"^- \*\*(S\d+)\*\*: .{20}", ARCHITECTURE.partition("## Requirements read")[2], re.MULTILINE)
    rows = {number for number, sentence, tests in ROWS if sentence.strip() and "::" in tests}

    assert len(ROWS) == len(rows)
    assert {f"S{number}" for number in range(1, 51)} - rows == {"S34", "S49"}
    assert {"S34", "S49"} <= set(elsewhere)


def test_the_samples_of_the_page_load() -> None:
    """With what a configuration needs beside them."""
    samples = [json.loads(text) for text in re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)]

    assert len(samples) == 3
    for sample in samples:
        assert TxoConfig("txo", "prod", sample)
