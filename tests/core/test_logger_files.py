"""The log files: whose they are, how large and how old they get, and what many processes make of them."""

import logging
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.core.test_logger import file_text, fresh_handlers
from tests.support.programs import REPOSITORY
from txo_core.logger import setup_logger
from txo_core.logs import file as log_file
from txo_core.logs.file import KEEP_DAYS, MAX_PARTS, DayFileHandler, append, put_aside, sweep

__all__ = ["fresh_handlers"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder."""
    (tmp_path / "logs-alone").mkdir()
    return tmp_path / "logs-alone"


GIVEN_UP = "No log file is written from here on"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_file_and_folder_are_for_their_owner_only(own_root: Path, mask: int) -> None:
    """S10: 0600 in 0700, whatever the umask."""
    before = os.umask(mask)
    try:
        setup_logger().info("x")
    finally:
        os.umask(before)

    (path,) = (own_root / "logs").iterdir()
    assert (mode(own_root / "logs"), mode(path)) == (0o700, 0o600)


def test_what_stood_open_is_closed(own_root: Path) -> None:
    """S10: a folder and a file of an older version."""
    path = own_root / "logs" / f"app_{datetime.now(UTC).date()}.log"
    path.parent.mkdir(mode=0o755)
    path.write_text("older\n")
    path.chmod(0o644)

    setup_logger().info("x")

    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert path.read_text().startswith("older\n")


def test_a_folder_that_is_a_link_is_used_and_left_as_it_is(own_root: Path, tmp_path: Path) -> None:
    """Somebody has put the logs elsewhere on purpose; the modes of that place are not ours."""
    there = tmp_path / "elsewhere"
    there.mkdir(mode=0o755)
    (own_root / "logs").symlink_to(there)

    setup_logger().info("x")

    assert mode(there) == 0o755
    assert [mode(path) for path in there.iterdir()] == [0o600]


@pytest.mark.parametrize("kind", ["link", "link beside it", "dangling link", "pipe", "folder"])
def test_what_is_no_file_in_the_place_of_the_log_is_not_written_to(
    own_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """A link there would let another user of the machine choose what we write to."""
    path = own_root / "logs" / f"app_{datetime.now(UTC).date()}.log"
    path.parent.mkdir()
    target = (path.parent if kind == "link beside it" else tmp_path) / "victim"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(target)
        if kind != "dangling link":
            target.write_text("precious")

    setup_logger().warning("first")
    setup_logger().warning("second")

    said = capsys.readouterr().err
    assert said.count(GIVEN_UP) == 1
    assert said.count("first") == said.count("second") == 1
    assert (target.read_text() if target.exists() else "precious") == "precious"


def test_the_day_is_utc_and_a_new_day_is_a_new_file(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (22, 23):
        monkeypatch.setattr(log_file, "utc_now", lambda day=day: datetime(2026, 11, day, 23, 59, tzinfo=UTC))
        setup_logger().info("on %d", day)

    files = {path.name: path.read_text() for path in (own_root / "logs").iterdir()}
    assert sorted(files) == ["app_2026-11-22.log", "app_2026-11-23.log"]
    assert "on 22" in files["app_2026-11-22.log"]
    assert "on 23" in files["app_2026-11-23.log"]


def test_a_full_file_is_put_aside_under_the_next_number(folder: Path) -> None:
    """S10: a cap on the size; the higher the number, the later."""
    path = folder / "app_2026-11-22.log"

    for number in range(7):
        append(path, f"line {number} {'x' * 50}\n", max_bytes=130)

    assert {each.name: [line.split()[1] for line in each.read_text().splitlines()] for each in folder.iterdir()} == {
        "app_2026-11-22.log.1": ["0", "1"],
        "app_2026-11-22.log.2": ["2", "3"],
        "app_2026-11-22.log.3": ["4", "5"],
        "app_2026-11-22.log": ["6"],
    }
    assert {mode(each) for each in folder.iterdir()} == {0o600}


def test_a_line_larger_than_a_file_is_written_all_the_same(folder: Path) -> None:
    path = folder / "app_2026-11-22.log"

    append(path, "x" * 500, max_bytes=100)
    append(path, "y" * 500, max_bytes=100)

    assert path.read_text() == "y" * 500
    assert path.with_name(path.name + ".1").read_text() == "x" * 500


def test_of_one_day_only_the_latest_files_are_kept(folder: Path) -> None:
    path = folder / "app_2026-11-22.log"
    for number in range(MAX_PARTS + 5):
        path.write_text(f"{number}")
        put_aside(path, 0)

    kept = {int(each.suffix[1:]): each.read_text() for each in folder.iterdir()}
    assert kept == {number + 1: f"{number}" for number in range(5, MAX_PARTS + 5)}


def test_a_file_that_another_process_has_just_put_aside_is_left_alone(folder: Path) -> None:
    path = folder / "app_2026-11-22.log"
    path.write_text("new")

    put_aside(path, 100)
    put_aside(folder / "app_2026-11-23.log", 100)

    assert [each.name for each in folder.iterdir()] == ["app_2026-11-22.log"]


def test_days_long_past_are_swept_and_nothing_else(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own_root / "logs"
    folder.mkdir()
    today = datetime(2026, 11, 22, tzinfo=UTC)
    kept = ["app_2026-10-23.log", "app_2026-11-21.log.3", "notes.log", "app_2020-01-01.log.gz", "app_2020-01-01.txt"]
    for name in [*kept, "app_2026-10-22.log", "app_2026-10-22.log.12", "app_2019-01-01.log"]:
        (folder / name).write_text("x")
    monkeypatch.setattr(log_file, "utc_now", lambda: today)

    setup_logger().info("x")

    assert KEEP_DAYS == 30
    assert sorted(path.name for path in folder.iterdir()) == sorted([*kept, "app_2026-11-22.log"])


def test_a_folder_that_cannot_be_read_is_not_swept() -> None:
    sweep(Path("/nowhere"), datetime(2026, 11, 22, tzinfo=UTC).date())


def test_a_log_folder_that_is_removed_in_the_middle_is_made_anew(own_root: Path) -> None:
    setup_logger().info("first")
    for path in (own_root / "logs").iterdir():
        path.unlink()
    (own_root / "logs").rmdir()

    setup_logger().info("second")

    assert "second" in file_text(own_root)
    assert mode(own_root / "logs") == 0o700


def test_a_file_that_can_be_written_again_is(
    own_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full for a while is no reason to have no log of a service that runs for months."""
    now = [1000.0]
    monkeypatch.setattr(log_file, "monotonic", lambda: now[0])
    (own_root / "logs").write_text("in the way")
    setup_logger().info("lost")
    setup_logger().info("lost, too")
    (own_root / "logs").unlink()
    setup_logger().info("still lost")

    now[0] += log_file.PAUSE_SECONDS
    setup_logger().info("first")
    setup_logger().info("second")

    written = [line.partition(": ")[2] for line in file_text(own_root).splitlines()]
    assert written == ["first", "The log file is written again; lines are missing in it", "second"]
    assert capsys.readouterr().err.count(GIVEN_UP) == 1


def test_signs_that_no_file_takes_are_no_reason_to_lose_a_line(own_root: Path) -> None:
    setup_logger().info("half of a pair: \udce4")

    assert "half of a pair: \\udce4" in file_text(own_root)


WRITER = """
import logging, sys
from txo_core.logs.file import DayFileHandler
from txo_core.logs.records import install
install()
log = logging.getLogger("txo.writer")
log.setLevel(logging.INFO)
log.addHandler(DayFileHandler(max_bytes=int(sys.argv[2])))
log.propagate = False
for number in range(int(sys.argv[3])):
    log.info("%s-%d %s", sys.argv[1], number, "x" * (number % 300))
"""


@pytest.mark.slow
@pytest.mark.parametrize("max_bytes", [50_000_000, 60_000], ids=["one file", "many files"])
def test_four_processes_lose_no_line_and_tear_none(
    own_root: Path, monkeypatch: pytest.MonkeyPatch, max_bytes: int
) -> None:
    """2,000 lines each, also while the file is put aside again and again."""
    each, writers = 2_000, "abcd"
    environment = os.environ | {"TXO_HOME": str(own_root)}
    command = [
        sys.executable,
        "-c",
        WRITER.replace("install()", "install()\nimport txo_core.logs.file as f\nf.MAX_PARTS = 1000", 1),
    ]
    running = [
        subprocess.Popen([*command, name, str(max_bytes), str(each)], cwd=REPOSITORY, env=environment)
        for name in writers
    ]
    assert [process.wait(120) for process in running] == [0] * len(writers)

    files = sorted((own_root / "logs").iterdir())
    found = [line for path in files for line in path.read_text().splitlines()]
    whole = re.compile(r"\S+Z INFO     \d+ txo\.writer: ([abcd])-(\d+) (x*)")
    told = [whole.fullmatch(line) for line in found]
    assert None not in told
    assert all(len(match[3]) == int(match[2]) % 300 for match in told if match)
    assert Counter((match[1], int(match[2])) for match in told if match) == Counter(
        (name, number) for name in writers for number in range(each)
    )
    assert (len(files) > 10) == (max_bytes < 1_000_000)
    assert all(path.stat().st_size <= max_bytes + 4 * 400 for path in files), "a line of each may come between"


def test_the_handler_takes_records_of_any_level() -> None:
    assert DayFileHandler().level == logging.DEBUG
