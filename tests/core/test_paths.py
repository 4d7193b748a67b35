"""Names that become files, blocks and addresses, and the folders that they cannot leave."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txo_core import paths
from txo_core.exceptions import ConfigurationError, FileOperationError
from txo_core.file_names import file_name, name_problem
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


@pytest.mark.parametrize("target", ["..", "../config", "/etc"])
def test_no_link_at_any_depth_leads_out(own_root: Path, target: str) -> None:
    """S39: the folder that a link stands in may be fine itself."""
    (own_root / "output" / "2026").mkdir(parents=True)
    (own_root / "output" / "2026" / "here").symlink_to(own_root / "output" / target)
    (own_root / "output" / "direct.json").symlink_to(own_root / "config" / "demo-test-config.json")

    for name in ("2026/here/x.txt", "direct.json"):
        with pytest.raises(ConfigurationError, match="leaves the folder"):
            get_path("output", name)


NAMES_OF_AN_API = [
    ("con.json", "device"),
    ("NUL", "device"),
    ("COM1.tar.gz", "device"),
    ("COM\u00b9", "device"),
    ("aux /x.json", "ends in a dot or a space"),
    ("report.", "ends in a dot or a space"),
    ("report ", "ends in a dot or a space"),
    ("a /b", "ends in a dot or a space"),
    ("\uff0e\uff0e\uff0fetc", "looks like"),
    ("\u2025/x", "looks like"),
    ("a\u2215b", "looks like"),
    ("a\u2044b", "looks like"),
    ("\uff3c\uff3cserver", "looks like"),
    ("a\nb", "cannot be seen"),
    ("a\rb", "cannot be seen"),
    ("a\x1b[2Jb", "cannot be seen"),
    ("report\u202exslx.exe", "cannot be seen"),
    ("a\u200b", "cannot be seen"),
    ("a\ud83d", "cannot be seen"),
    ("\\\\server\\share\\x", "slash"),
    ("..\\..\\x", "slash"),
    ("C:x.json", "colon"),
    ("C:\\x.json", "slash"),
    ("x.json::$DATA", "colon"),
    ("*.json", "other disks refuse"),
    ('a"b|c.json', "other disks refuse"),
    ("a\u00ad.json", "cannot be seen"),
    ("\u3164.json", "cannot be seen"),
    ("\uffa0", "cannot be seen"),
    ("a\u180e", "cannot be seen"),
    ("a\U000e0041.json", "cannot be seen"),
    ("\uff43\uff4f\uff4e.json", "device"),
    ("LPT\uff11.json", "device"),
    ("x/" * 2_000 + "a.json", "more than 30 folders"),
]


@pytest.mark.parametrize(("name", "problem"), NAMES_OF_AN_API, ids=[ascii(name) for name, _ in NAMES_OF_AN_API])
def test_a_name_that_some_disk_takes_for_something_else_is_refused(own_root: Path, name: str, problem: str) -> None:
    """S39, S40: with what is wrong with it, and in a message of one line."""
    with pytest.raises(ConfigurationError, match=problem) as refused:
        get_path("output", name)

    assert not refused.value.what_went_wrong.isspace()
    assert refused.value.what_went_wrong.isprintable()
    assert not (own_root / "output").exists()


@pytest.mark.parametrize(
    "name",
    ["report.xlsx", "Ünïcödé 東京 🎉.json", "u\u0308.json", ".hidden", "a.b.c", "contents.txt", "a - b", "2026/x"],
)
def test_an_ordinary_name_is_one(name: str) -> None:
    get_path("output", name)


HOSTILE = [name for name, _ in NAMES_OF_AN_API] + [
    "",
    ".",
    "..",
    "../x",
    "/etc/passwd",
    "a\0b",
    "x" * 5000,
    "😀" * 300,
    "~",
    "-rf",
]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_a_name_can_be_made_of_anything_that_an_api_hands_out(own_root: Path, text: str) -> None:
    """S40: and it is a file in the folder that was meant."""
    path = get_path("output", file_name(text, ".json"))
    path.write_text("{}")

    assert path.resolve().parent == own_root / "output"
    assert [each.name for each in (own_root / "output").iterdir()] == [path.name]


@given(st.lists(st.text(max_size=120), unique=True, max_size=6))
def test_two_texts_never_share_a_name(texts: list[str]) -> None:
    """S40: not on a disk either that knows no capital letters."""
    assert len({file_name(text, ".csv").lower() for text in texts}) == len(texts)


@given(st.text(max_size=400))
def test_a_made_name_is_one_on_every_disk(text: str) -> None:
    """S40."""
    name = file_name(text, ".json")

    assert name_problem(name) is None
    assert len(name.encode()) <= 255


def test_a_plain_key_is_its_own_name() -> None:
    assert [file_name("C0001", ".json"), file_name(10_002), file_name("A" * 12 + "-0123456789AB")[:25]] == [
        "C0001.json",
        "10002",
        "AAAAAAAAAAAA-0123456789AB",
    ]


def test_a_path_is_taken_as_its_text_and_anything_else_is_explained(own_root: Path) -> None:
    assert get_path("output", Path("2026") / "x.json") == own_root / "output" / "2026" / "x.json"
    for wrong in (None, 5, b"x.json"):
        with pytest.raises(ConfigurationError, match="is no text"):
            get_path("output", wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="leaves the folder"):
        get_path("output", Path("/etc/passwd"))


def test_a_link_that_leads_to_itself_is_explained(own_root: Path) -> None:
    (own_root / "output").mkdir()
    (own_root / "output" / "loop.json").symlink_to("loop.json")
    (own_root / "wsdl").symlink_to(own_root / "wsdl")

    for category, name in (("output", "loop.json"), ("wsdl", "x.wsdl")):
        with pytest.raises((ConfigurationError, FileOperationError), match=r"leads to itself|cannot be created"):
            get_path(category, name)


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
