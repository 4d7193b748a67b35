"""The command line of a flow: flags made of its parameters, and what a person reads who mistypes one."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from txo_core.command_line import parse_flow_arguments
from txo_core.exceptions import ConfigurationError


class Size(Enum):
    """A closed list."""

    SMALL = "small"
    LARGE = "large"


def script(
    org_id: str,
    env_type: str,
    file: str = "customers.xlsx",
    limit: int | None = None,
    rate: float = 0.5,
    amount: Decimal = Decimal(1),
    since: date | None = None,
    mode: Literal["stop", "continue"] = "stop",
    size: Size = Size.SMALL,
    only: list[str] | None = None,
    folder: Path | None = None,
    dry_run: bool = False,
    check: bool = True,
) -> None:
    """Do something.

    Some more words, 100 % of them.

    Args:
        file: the file in the folder data/,
            or below it
        limit (int): how many rows, 100 % of them
            if it is left out

    Returns:
        nothing
    """


def given(monkeypatch: pytest.MonkeyPatch, *words: str, function: Callable[..., Any] = script) -> dict[str, Any]:
    monkeypatch.setattr("sys.argv", ["flows/script.py", *words])
    return parse_flow_arguments(function)[1]


def test_only_what_is_given_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the defaults are those of the flow, in one place."""
    assert given(monkeypatch, "demo", "test") == {}


FLAGS: list[tuple[list[str], dict[str, Any]]] = [
    (["--file", "a b.csv"], {"file": "a b.csv"}),
    (["--file=x"], {"file": "x"}),
    (["--limit", "5"], {"limit": 5}),
    (["--rate", "0.25"], {"rate": 0.25}),
    (["--amount", "1.50"], {"amount": Decimal("1.50")}),
    (["--since", "2026-11-22"], {"since": date(2026, 11, 22)}),
    (["--mode", "continue"], {"mode": "continue"}),
    (["--size", "large"], {"size": Size.LARGE}),
    (["--only", "C0001", "C0002", "--only", "C0003"], {"only": ["C0001", "C0002", "C0003"]}),
    (["--folder", "a/b"], {"folder": Path("a/b")}),
    (["--dry-run"], {"dry_run": True}),
    (["--no-check"], {"check": False}),
    (["--check"], {"check": True}),
    (["--debug"], {}),
]


@pytest.mark.parametrize(("words", "values"), FLAGS, ids=lambda each: " ".join(each))
def test_a_flag_has_the_type_of_its_parameter(
    monkeypatch: pytest.MonkeyPatch, words: list[str], values: dict[str, Any]
) -> None:
    assert given(monkeypatch, "demo", "test", *words) == values
    assert given(monkeypatch, *words, "--dry-run", "demo", "test") == values | {"dry_run": True} or "--only" in words


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        given(monkeypatch, *words)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert all(mark in told for mark in ("❌ Problem:", "✅ Solution:", "📝 Example:"))
    return told


HELP = "python flows/script.py --help\n"
WRONG = [
    ([], "the following arguments are required: org_id, env_type", "python flows/script.py txo prod"),
    (["demo"], "the following arguments are required: env_type", "python flows/script.py txo prod"),
    (["demo", "test", "--fiel", "x"], "There is no flag --fiel", "python flows/script.py demo test --file ..."),
    (["demo", "test", "--fiel=x"], "Did you mean --file?", "python flows/script.py demo test --file ..."),
    (["demo", "test", "--dry"], "There is no flag --dry", "python flows/script.py demo test --dry-run ..."),
    (["demo", "test", "customers.xlsx"], "customers.xlsx is one too many", "demo test --file customers.xlsx"),
    (["demo", "test", "--limit", "many"], "--limit: 'many' is not a whole number", HELP),
    (["demo", "test", "--rate", "fast"], "--rate: 'fast' is not a number", HELP),
    (
        ["demo", "test", "--since", "22.11."],
        "--since: '22.11.' is not a date, such as 2026-11-22",
        "python flows/script.py --help\n",
    ),
    (
        ["demo", "test", "--mode", "stopp"],
        "'stopp' is none of: stop, continue; did you mean stop?",
        "python flows/script.py --help\n",
    ),
    (["demo", "test", "--limit"], "--limit needs a value", "txo prod"),
    (["demo", "test", "--dry-run=yes"], "--dry-run takes no value", "txo prod"),
]


@pytest.mark.parametrize(("words", "problem", "example"), WRONG, ids=lambda each: str(each)[:40])
def test_what_is_wrong_is_told_with_what_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], problem: str, example: str
) -> None:
    told = said(monkeypatch, capsys, *words)

    assert problem in told
    assert example in told


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(monkeypatch, capsys, "demo", "test", "--limit", "x", "--mode", "y")

    assert "--limit: 'x'" in told
    assert "--mode: 'y'" in told


def test_a_word_that_may_be_a_secret_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "hunter2" not in said(monkeypatch, capsys, "demo", "test", "hunter2-hunter2")
    assert "hunter2" not in said(monkeypatch, capsys, "demo", "test", "--secret", "hunter2-hunter2")
    assert "hunter2" not in said(monkeypatch, capsys, "demo", "test", "--secret=hunter2-hunter2")


def test_help_says_what_the_docstring_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        given(monkeypatch, "--help")

    told = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert "Do something. Some more words, 100 % of them." in told
    assert "--file FILE the file in the folder data/, or below it (default: customers.xlsx)" in told
    assert "--limit LIMIT how many rows, 100 % of them if it is left out" in told
    assert "--mode stop|continue (default: stop)" in told
    assert "Args:" not in told


def test_the_lines_of_usage_are_the_examples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.sync import sync

    with pytest.raises(SystemExit):
        given(monkeypatch, "--help", function=sync.fn)

    assert "examples:\n    python flows/sync.py <org_id> <env_type>\n" in capsys.readouterr().out


def test_a_parameter_without_default_has_to_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needy(org_id: str, env_type: str, year: int) -> None: ...

    assert given(monkeypatch, "demo", "test", "--year", "2026", function=needy) == {"year": 2026}
    with pytest.raises(SystemExit):
        given(monkeypatch, "demo", "test", function=needy)
    assert "the following arguments are required: --year" in capsys.readouterr().err


def test_a_parameter_that_every_script_has_under_another_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def clashing(org_id: str, env_type: str, debug: bool = False) -> None: ...

    with pytest.raises(ConfigurationError, match="means something else in every script"):
        given(monkeypatch, "demo", "test", function=clashing)
