"""Names that become files, blocks and addresses, and the folders that they cannot leave."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txo_core import paths
from txo_core.exceptions import ConfigurationError, FileOperationError
from txo_core.paths import Dir, check_ids, get_path, output_path, utc_stamp

CONFIG = SimpleNamespace(org_id="txo", env_type="prod")


@pytest.mark.parametrize(("org", "env"), [("txo", "prod"), ("acme-eu", "test2"), ("a", "1"), ("a" * 39, "b" * 39)])
def test_ordinary_names_pass(org: str, env: str) -> None:
    check_ids(org, env)


@pytest.mark.parametrize(
    "name",
    ["", "Txo", "tx_o", "../x", "a/b", "a\\b", "a.b", "a b", "a\n", "a\0", "ä", "\u0430", "-a", "a-", "a--b", "a" * 40],
)
def test_a_name_that_could_mean_something_else_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a valid organization"):
        check_ids(name, "prod")
    with pytest.raises(ConfigurationError, match="not a valid environment"):
        check_ids("txo", name)


def test_an_environment_has_no_hyphen() -> None:
    """Otherwise acme-eu + prod and acme + eu-prod would be one file and one block."""
    with pytest.raises(ConfigurationError, match="not a valid environment"):
        check_ids("acme", "eu-prod")


@given(st.text(max_size=60), st.text(max_size=60))
def test_two_accepted_pairs_never_share_a_name(org: str, env: str) -> None:
    try:
        check_ids(org, env)
    except ConfigurationError:
        return
    assert f"{org}-{env}".rpartition("-")[::2] == (org, env)


def test_a_path_lies_in_its_folder_which_exists_then(own_root: Path) -> None:
    path = get_path(Dir.OUTPUT, "2026/report.xlsx")

    assert path == own_root / "output" / "2026" / "report.xlsx"
    assert path.parent.is_dir()
    assert get_path("output", "2026/report.xlsx") == path


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "../output-2/x"])
def test_a_name_that_leaves_the_folder_is_refused_and_creates_nothing(own_root: Path, name: str) -> None:
    before = sorted(own_root.rglob("*"))

    with pytest.raises(ConfigurationError, match="leaves the folder"):
        get_path("output", name)

    assert sorted(own_root.rglob("*")) == before


def test_a_link_does_not_lead_out_of_the_folder(own_root: Path, tmp_path: Path) -> None:
    (own_root / "output").mkdir()
    (own_root / "output" / "out").symlink_to(tmp_path)

    with pytest.raises(ConfigurationError, match="leaves the folder"):
        get_path("output", "out/x.txt")


def test_an_unknown_category_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="outputs") as caught:
        get_path("outputs", "x")

    assert "output" in caught.value.how_to_fix


def test_a_file_in_the_place_of_the_folder_is_explained(own_root: Path) -> None:
    (own_root / "logs").write_text("")

    with pytest.raises(FileOperationError, match="cannot be created"):
        get_path("logs", "x.log")


def test_output_names_carry_organization_environment_and_time(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "utc_now", lambda: datetime(2026, 11, 22, 14, 30, 59, tzinfo=UTC))

    first = output_path(CONFIG, "report", ".xlsx")
    first.write_text("")
    second = output_path(CONFIG, "report", ".xlsx")

    assert first == own_root / "output" / "txo-prod-report_2026-11-22T1430Z.xlsx"
    assert second.name == "txo-prod-report_2026-11-22T1430Z-2.xlsx"


def test_the_stamp_is_in_utc() -> None:
    assert utc_stamp(datetime(2025, 1, 15, 14, 30, tzinfo=UTC)) == "2025-01-15T1430Z"
