"""From a file to a configuration: what is told when the file is missing, broken or wrong."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txo_core.config_loader import load_config
from txo_core.exceptions import ConfigurationError
from txo_core.paths import ENV_PATTERN, ORG_PATTERN
from txo_core.settings.secrets import SECRETS_BELONG

NAMES = st.text("az09-_./\\\0 \nAé", max_size=41)
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root folder with an empty config folder, and an environment that sets nothing."""
    for name in ("API_BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "PREFECT__FLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TXO_HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    return tmp_path


def write(home: Path, content: str | bytes | dict[str, Any], name: str = "txo-prod") -> Path:
    path = home / "config" / f"{name}-config.json"
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def failure(org_id: str = "txo", env_type: str = "prod") -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_config(org_id, env_type)
    return caught.value


# What loads


def test_the_sample_configuration_of_the_guide_loads_unchanged(home: Path) -> None:
    shutil.copy(REPOSITORY / "tests/support/guide-config.json", home / "config/txo-prod-config.json")

    config = load_config("txo", "prod")

    assert config.globals.oauth_scope == "https://api.example.com/.default"
    assert config["endpoints"]["auth"] == "https://auth.example.com/token"
    assert config.behavior.api_timeouts.max_retries == 3
    assert config.behavior.api_delay_seconds == 1
    assert config.behavior.jitter.max_factor == 1.5
    assert config.source == home / "config/txo-prod-config.json"


@pytest.mark.parametrize("content", ["{}", '{"global": {"api-base-url": "https://api.example.com", "client-id": "a"}}'])
def test_a_minimal_configuration_loads(home: Path, content: str) -> None:
    write(home, content)

    assert load_config("txo", "prod").behavior.api_timeouts.rest_timeout_seconds == 60


def test_the_demo_configuration_is_ready_to_use(home: Path) -> None:
    shutil.copy(REPOSITORY / "config/demo-test-config.json", home / "config")

    config = load_config("demo", "test")

    assert config.globals.api_base_url == "http://127.0.0.1:8765/api/v1"
    assert dict(config.endpoints) == {
        "auth": "http://127.0.0.1:8765/oauth/token",
        "soap": "http://127.0.0.1:8765/soap/customers",
    }
    assert (config.behavior.enable_rate_limiting, config.behavior.rate_limit_per_second) == (True, 50)
    assert config.behavior.enable_circuit_breaker


def test_the_example_loads_once_it_is_copied_and_not_before(home: Path) -> None:
    shutil.copy(REPOSITORY / "config/example-config.json", home / "config")
    assert "There is none yet" in failure("example", "prod").how_to_fix

    shutil.copy(REPOSITORY / "config/example-config.json", home / "config/acme-prod-config.json")
    assert load_config("acme", "prod")["report"]["company-id"] == "your-company-id"


def test_the_example_secrets_hold_placeholders_only() -> None:
    secrets = json.loads((REPOSITORY / "config/example-config-secrets.json").read_text())

    assert sorted(secrets) == ["api-key", "az-token", "client-secret", "password", "username"]
    assert all(value.startswith(("your-", "optional-", "fallback-")) for value in secrets.values())


def test_a_byte_order_mark_is_tolerated(home: Path) -> None:
    write(home, b"\xef\xbb\xbf{}")

    assert load_config("txo", "prod").to_dict() == {}


def test_every_call_reads_afresh_and_shares_nothing(home: Path) -> None:
    write(home, {"mine": {"rows": [1]}})
    first = load_config("txo", "prod")
    write(home, {"mine": {"rows": [2]}})

    assert [first["mine"]["rows"], load_config("txo", "prod")["mine"]["rows"]] == [[1], [2]]


def test_a_file_that_was_refused_is_refused_again(home: Path) -> None:
    write(home, {"script-behavior": {"rate-limit-burst": 1.5}})

    assert str(failure()) == str(failure())


def test_a_delay_beside_a_rate_limit_is_named_as_ignored(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "txo_core.config")
    write(home, {"script-behavior": {"api-delay-seconds": 1}})
    load_config("txo", "prod")
    write(home, {"script-behavior": {"enable-rate-limiting": True}})
    load_config("txo", "prod")
    assert caplog.messages == []

    write(home, {"script-behavior": {"api-delay-seconds": 1, "enable-rate-limiting": True}})
    load_config("txo", "prod")
    assert caplog.messages == ["script-behavior.api-delay-seconds is ignored: rate limiting is on and sets the pace"]


# Names


@pytest.mark.parametrize(
    ("org_id", "env_type"),
    [
        ("../../x", "prod"),
        ("txo", "../x"),
        ("acme", "eu-prod"),
        ("Txo", "prod"),
        ("txo\n", "prod"),
        ("txo\0", "prod"),
        ("", "prod"),
        ("txo", ""),
        ("/etc/passwd", "x"),
        ("-txo", "prod"),
        ("a--b", "prod"),
        ("a" * 40, "prod"),
    ],
)
def test_a_name_that_could_leave_the_folder_is_refused(org_id: str, env_type: str) -> None:
    assert "is not a valid" in failure(org_id, env_type).what_went_wrong


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(org_id=NAMES, env_type=NAMES)
def test_no_name_reads_anything_but_its_own_file(org_id: str, env_type: str) -> None:
    error = failure(org_id, env_type)

    valid = all(
        len(name) < 40 and pattern.fullmatch(name) for name, pattern in ((org_id, ORG_PATTERN), (env_type, ENV_PATTERN))
    )
    expected = f"Configuration file 'config/{org_id}-{env_type}-config.json' not found" if valid else "is not a valid"
    assert expected in error.what_went_wrong


def test_a_link_out_of_the_folder_is_refused(home: Path) -> None:
    outside = home / "outside.json"
    outside.write_text("{}")
    (home / "config/txo-prod-config.json").symlink_to(outside)

    assert "leaves the folder" in failure().what_went_wrong


# A missing file


def test_a_missing_file_is_named_with_an_example_to_copy(home: Path) -> None:
    write(home, {}, "demo-test")
    write(home, {}, "acme-eu-prod")

    assert failure().args == (
        "Configuration file 'config/txo-prod-config.json' not found",
        "Create the file in the config/ directory. There are: acme-eu-prod, demo-test",
        "Copy config/example-config.json and rename to config/txo-prod-config.json",
    )


def test_swapped_arguments_are_noticed(home: Path) -> None:
    write(home, {})

    assert failure("prod", "txo").args == (
        "Configuration file 'config/prod-txo-config.json' not found",
        "The organization comes first, then the environment. There are: txo-prod",
        "python flows/report.py txo prod",
    )


@pytest.mark.parametrize(("org_id", "env_type"), [("tox", "prod"), ("txo", "prd"), ("tx", "prod")])
def test_a_slip_of_the_fingers_is_noticed(home: Path, org_id: str, env_type: str) -> None:
    write(home, {})

    assert failure(org_id, env_type).how_to_fix == "Did you mean 'txo prod'? There are: txo-prod"


def test_other_files_of_the_folder_are_no_configurations(home: Path) -> None:
    for name in ("example-config.json", "txo-prod-config-secrets.json", "Big-Prod-config.json", "config.schema.json"):
        (home / "config" / name).write_text("{}")

    assert "There is none yet" in failure().how_to_fix


def test_a_missing_folder_is_a_missing_file_and_is_not_created(home: Path) -> None:
    (home / "config").rmdir()

    assert "not found" in failure().what_went_wrong
    assert not (home / "config").exists()


# A broken file


@pytest.mark.parametrize(
    ("text", "place", "advice"),
    [
        ('{\n  "a": 1,\n}', "line", "Remove the comma after the last entry"),
        ('{"a": [1, 2,]}', "line 1", "Remove the comma after the last entry"),
        ('{\n  "a": 1 // hunter2\n}', "line 2, column 10", "Remove the comment"),
        ('{\n  # hunter2\n  "a": 1}', "line 2, column 3", "Remove the comment"),
        ("{'a': 'hunter2'}", "line 1, column 2", "Use straight double quotes"),
        ('{"a": True}', "line 1, column 7", "Write true, false and null in lower case"),
        ('{"a": "hunter2"\n "b": 2}', "line 2, column 2", "Put a comma between the two entries"),
        ('{"a": hunter2}', "line 1, column 7", "Look there for a comma"),
        ('{"a": "hunter2', "line 1, column 7", "Look there for a comma"),
        ('{"a": 1', "line 1, column 8", "Look there for a comma"),
        ("{} {}", "line 1, column 4", "Look there for a comma"),
    ],
)
def test_malformed_json_is_told_with_its_place_and_its_usual_cause(
    home: Path, text: str, place: str, advice: str
) -> None:
    write(home, text)

    error = failure()

    assert error.what_went_wrong.startswith("The configuration config/txo-prod-config.json is not valid JSON: ")
    assert place in error.what_went_wrong
    assert error.how_to_fix.startswith(advice)
    assert error.example
    assert "hunter2" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"[]", "does not hold a JSON object"),
        (b'"hunter2"', "does not hold a JSON object"),
        (b"null", "does not hold a JSON object"),
        (b'{"a": "\xfc"}', "is not UTF-8 (byte 8)"),
        ("{}".encode("utf-16"), "is not UTF-8 (byte 1)"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not valid JSON: a number is too long or the nesting too deep"),
        (b'{"a": ' * 60 + b"1" + b"}" * 60, "is nested more than 50 levels deep"),
        (b'{"a": ' + b"[" * 200_000, "is not valid JSON: a number is too long or the nesting too deep"),
    ],
    ids=["empty", "blank", "list", "string", "null", "latin-1", "utf-16", "long-number", "deep", "endless"],
)
def test_a_file_that_is_no_configuration_at_all_is_told_so(home: Path, content: bytes, problem: str) -> None:
    write(home, content)

    error = failure()

    assert error.what_went_wrong == f"The configuration config/txo-prod-config.json {problem}"
    assert error.how_to_fix


def test_a_folder_in_the_place_of_the_file_is_told_so(home: Path) -> None:
    (home / "config/txo-prod-config.json").mkdir()

    assert failure().what_went_wrong.endswith("is a folder, not a file")


def test_an_unreadable_file_is_told_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, {})

    def refuse(path: Path, largest: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("txo_core.config_loader.read_regular", refuse)
    assert failure().what_went_wrong.endswith("cannot be read: Permission denied")


def test_a_repeated_key_is_an_error_with_its_path(home: Path) -> None:
    write(home, '{"a": {"b": 1, "b": "hunter2"}, "x": [{"c": 1, "c": 1}], "global": {}, "global": {"tenant-id": 5}}')

    assert failure().what_went_wrong.splitlines()[1:] == [
        "  global: stands there more than once; keep one",
        "  a.b: stands there more than once; keep one",
        "  x[0].c: stands there more than once; keep one",
        "  global.tenant-id: should be a string, it is an integer",
    ]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_refused_anywhere(home: Path, number: str) -> None:
    write(home, f'{{"mine": [{number}], "script-behavior": {{"rate-limit-per-second": {number}}}}}')

    assert failure().what_went_wrong.splitlines()[1:] == [
        "  mine[0]: should be a finite number; NaN and Infinity are not JSON",
        "  script-behavior.rate-limit-per-second: should be a finite number; NaN and Infinity are not JSON",
    ]


def test_every_problem_of_a_file_is_told_at_once_and_none_of_its_values(home: Path) -> None:
    write(
        home,
        {
            "global": {"client-id": 5, "client-secret": "hunter2"},
            "script-behavior": {"api-timeouts": {"max-retries": "hunter2"}, "jiter": {}},
            "endpoints": {"api": "hunter2"},
        },
    )

    error = failure()

    assert error.what_went_wrong.splitlines() == [
        "The configuration config/txo-prod-config.json has 5 problems:",
        f"  global.client-secret: looks like a secret; it {SECRETS_BELONG}",
        "  global.client-id: should be a string, it is an integer",
        "  script-behavior.api-timeouts.max-retries: should be an integer, it is a string",
        "  script-behavior.jiter: is unknown; did you mean 'jitter'?",
        "  endpoints.api: should be a URL that starts with https:// (or http://)",
    ]
    assert error.how_to_fix == (
        "Correct each line and start again; config/config.schema.json describes every key. Save secrets in the block"
        " with the command below: it asks for them, or takes them from the git-ignored file"
        " config/txo-prod-config-secrets.json; the block has client-secret, az-token, api-key, username and password,"
        ' and what global.further-secrets names (["sftp-password"]), which a script gets with'
        ' config.secret("sftp-password")'
    )
    assert error.example == "python deployments/provision.py txo prod"


def test_without_a_secret_among_the_problems_the_example_is_a_configuration(home: Path) -> None:
    write(home, {"global": {"client-id": 5}})

    error = failure()

    assert error.how_to_fix == "Correct each line and start again; config/config.schema.json describes every key"
    assert json.loads(error.example) == {"script-behavior": {"api-timeouts": {"max-retries": 3}}}


def test_a_value_never_travels_with_the_error(home: Path) -> None:
    """Neither in its text nor in the chain of its causes, where a traceback would print it."""
    write(home, {"global": {"tenant-id": ["hunter2"], "auth": "hunter2"}})

    error = failure()

    assert "hunter2" not in repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None
