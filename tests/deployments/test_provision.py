"""Where secrets come from when a block is saved; no server is needed to look for them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.provision import find_secrets
from tests.support.prefect_server import PrefectServer
from tests.support.programs import run_program
from txo_core.exceptions import ConfigurationError
from txo_core.redaction import redact
from txo_core.script_runner import load_run_config

REPOSITORY = Path(__file__).resolve().parents[2]


def secrets_file(root: Path, text: str) -> Path:
    path = root / "config" / "txo-prod-config-secrets.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_the_file_of_the_guide_is_understood(own_root: Path) -> None:
    secrets_file(own_root, '{"client-secret": "made-up-one", "az-token": "made-up-two", "api-key": "made-up-three"}')

    assert find_secrets("txo", "prod") == {
        "client_secret": "made-up-one",
        "az_token": "made-up-two",
        "api_key": "made-up-three",
    }


def test_the_environment_comes_before_the_file_for_each_value(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets_file(own_root, '{"client-secret": "from-the-file", "api-key": "also-from-the-file"}')
    monkeypatch.setenv("TXO_TXO_PROD_CLIENT_SECRET", "from-the-environment")

    assert find_secrets("txo", "prod") == {"client_secret": "from-the-environment", "api_key": "also-from-the-file"}


def test_what_is_found_is_masked_from_then_on(own_root: Path) -> None:
    secrets_file(own_root, '{"password": "open-sesame-4711"}')

    find_secrets("txo", "prod")

    assert redact("it was open-sesame-4711") == "it was [REDACTED]"


BAD = [
    ('{"client-secrte": "x"}', "client-secrte", "Did you mean 'client-secret'?"),
    ('{"client-secret": ""}', "empty or not a text", "leave it out"),
    ('{"client-secret": 4711}', "empty or not a text", "quotes"),
    ('{"client-secret": "made-up",}', "not valid JSON: line 1", "comma"),
    ("[]", "no JSON object", "braces"),
]


@pytest.mark.parametrize(("text", "problem", "solution"), BAD, ids=[row[1] for row in BAD])
def test_a_file_that_is_wrong_is_explained_without_its_values(
    own_root: Path, text: str, problem: str, solution: str
) -> None:
    secrets_file(own_root, text)

    with pytest.raises(ConfigurationError) as caught:
        find_secrets("txo", "prod")

    assert problem in caught.value.what_went_wrong
    assert solution in caught.value.how_to_fix
    assert "made-up" not in str(caught.value)


def test_a_file_that_others_can_read_is_mentioned(own_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets_file(own_root, json.dumps({"api-key": "made-up-one"})).chmod(0o644)

    find_secrets("txo", "prod")

    assert "chmod 600 config/txo-prod-config-secrets.json" in capsys.readouterr().out


def test_a_secrets_file_that_git_has_taken_up_is_refused(
    own_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S41: and one that git would take up is warned of."""
    secrets_file(own_root, '{"api-key": "made-up-one"}')
    git = ["git", "-C", str(own_root)]
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    subprocess.run([*git, "init", "--quiet"], check=True)

    find_secrets("txo", "prod")
    assert "git does not ignore txo-prod-config-secrets.json" in capsys.readouterr().out

    (own_root / ".gitignore").write_text("*-secrets.json\n")
    find_secrets("txo", "prod")
    assert capsys.readouterr().out == ""

    subprocess.run([*git, "add", "--force", "config/txo-prod-config-secrets.json"], check=True)
    with pytest.raises(ConfigurationError, match="under version control") as refused:
        find_secrets("txo", "prod")
    assert "made-up-one" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "config/txo-prod-config-secrets.json",
        "config/acme-eu-test-config-secrets.json",
        "config/txo-prod-config-secrets.json.bak",
        "config/.txo-prod-config-secrets.json.swp",
        "config/txo-prod-config-secrets.json~",
        ".env",
        ".env.local",
        "config/acme.key",
        "config/acme.pem",
        "files/acme.pfx",
    ],
)
def test_git_ignores_every_file_of_secrets(name: str) -> None:
    """S41."""
    asked = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=REPOSITORY, check=False)
    example = ["git", "check-ignore", "--quiet", "config/example-config-secrets.json"]

    assert asked.returncode == 0
    assert subprocess.run(example, cwd=REPOSITORY, check=False).returncode == 1


@pytest.mark.parametrize(
    "more", [["made-up-secret-1"], ["--client-secret", "made-up-secret-1"], ["--client-secret=made-up-secret-1"]]
)
def test_no_secret_is_taken_from_the_command_line_nor_repeated(more: list[str]) -> None:
    """S43: the process list and the shell's history would have it."""
    command = [sys.executable, "deployments/provision.py", "txo", "prod", *more]

    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "a secret is never given there" in ended.stdout + ended.stderr
    assert "made-up-secret-1" not in ended.stdout + ended.stderr


def test_without_a_person_to_ask_the_places_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)

    with pytest.raises(ConfigurationError) as caught:
        find_secrets("acme-eu", "test")

    said = str(caught.value)
    assert "config/acme-eu-test-config-secrets.json" in said
    assert "TXO_ACME_EU_TEST_CLIENT_SECRET" in said


@pytest.mark.slow
def test_prefects_server_gives_a_further_secret_to_nobody_who_does_not_ask_for_secrets(
    own_root: Path, prefect_server: PrefectServer
) -> None:
    """S18: what its pages and listings show of a block is masked, a further secret too; programs that ask get it."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    (own_root / "config" / "txo-prod-config.json").write_text('{"global": {"further-secrets": ["sftp-password"]}}')
    secrets = {"TXO_TXO_PROD_API_KEY": "made-up-one", "TXO_TXO_PROD__SFTP_PASSWORD": "made-up-two"}
    environment = prefect_server.environment | {"TXO_HOME": str(own_root)} | secrets
    ended = run_program("deployments/provision.py", "txo", "prod", environment=environment)
    assert "txo-credentials/txo-prod saved: api_key, sftp-password" in ended.out, ended.screen

    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        with get_client(sync_client=True) as client:
            seen = client.read_block_document_by_name("txo-prod", "txo-credentials", include_secrets=False)
        assert load_run_config("txo", "prod").secret("sftp-password") == "made-up-two"

    assert set(seen.data["further"]) == {"sftp-password"}
    assert "made-up" not in str(seen.data)


def test_a_person_is_asked_and_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    answers = iter(["typed-secret-1", "", "", "", ""])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))

    assert find_secrets("txo", "prod") == {"client_secret": "typed-secret-1"}
    assert "typed-secret-1" not in capsys.readouterr().out
