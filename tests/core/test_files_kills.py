"""Killed at any point, without room or without permission: the old file or the new one stands there, whole."""

import errno
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from txo_core import hidden_files
from txo_core.exceptions import FileOperationError, ValidationError
from txo_core.file_names import split_suffix, with_number
from txo_core.files import TxoDataHandler

REPOSITORY = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away and mount disks")
files = TxoDataHandler()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def hidden(folder: Path) -> list[str]:
    return [name for name in names(folder) if name.startswith(".")]


def left_over(folder: Path, number: int = 0) -> Path:
    """Return a file as a killed writer of this host leaves it."""
    path = folder / hidden_files.HIDDEN.format(host=hidden_files._host(), pid=os.getpid(), token=f"{number:016x}")
    path.write_text("half")
    return path


def run(code: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-c", code, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


# Kills

KILLS = """
import os, signal, sys, time
from txo_core.files import TxoDataHandler

files, name, kills = TxoDataHandler(), sys.argv[1], int(sys.argv[2])
OLD = [{"n": n, "text": "old"} for n in range(50)]
NEW = [{"n": n, "text": f"new {n}"} for n in range(4_000)]
files.save(iter(NEW), "output", name)
new = files.load("output", name)
files.save(OLD, "output", name)
old = files.load("output", name)
began = time.perf_counter()
files.save(iter(NEW), "tmp", name)
took = time.perf_counter() - began
seen, most = {"old": 0, "new": 0, "hidden": 0}, 0
for kill in range(kills):
    files.save(OLD, "output", name)
    assert [entry for entry in os.listdir(sys.argv[3]) if entry != name] == [], "the next save removes what is left"
    child = os.fork()
    if child == 0:
        files.save(iter(NEW), "output", name)
        os._exit(0)
    time.sleep(1.3 * took * kill / kills)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = files.load("output", name)
    assert found in (old, new), "neither the old nor the new file"
    seen["old" if found == old else "new"] += 1
    left = [entry for entry in os.listdir(sys.argv[3]) if entry != name]
    assert all(entry.startswith(".txo-") and entry.endswith(".tmp") for entry in left), left
    seen["hidden"] += len(left)
files.save(OLD, "output", name)
assert os.listdir(sys.argv[3]) == [name]
print(seen)
"""


@pytest.mark.parametrize("suffix", ["xlsx", "jsonl", "csv.gz"])
def test_killed_at_any_moment_a_save_leaves_the_old_file_or_the_new_one(suffix: str, own_root: Path) -> None:
    """Forty kills from the first to the last moment of a save; the next save removes what they left."""
    done = run(KILLS, f"a.{suffix}", "40", str(own_root / "output"))

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.replace("'", '"'))
    assert seen["old"] + seen["new"] == 40
    assert seen["old"] > 0
    assert seen["hidden"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["xlsx.gz", "csv", "json"])
def test_two_hundred_kills_leave_the_old_file_or_the_new_one(suffix: str, own_root: Path) -> None:
    done = run(KILLS, f"a.{suffix}", "200", str(own_root / "output"))

    assert done.returncode == 0, done.stderr


# What killed writers left


def test_what_a_killed_writer_left_is_removed_by_the_next_save(own_root: Path) -> None:
    """Of this host only; what others call so, and what is held by a living process, stays."""
    folder = own_root / "output"
    folder.mkdir()
    left_over(folder)
    kept = [".txo-00000000-1-0000000000000000.tmp", ".txo-mine.tmp", ".other"]
    for name in kept:
        (folder / name).write_text("theirs")
    held = left_over(folder, 1)
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        files.save([1], "output", "a.json")
        assert names(folder) == sorted([*kept, held.name, "a.json"])

    files.save([1], "output", "a.json")
    assert names(folder) == sorted([*kept, "a.json"])


def test_a_writer_at_work_keeps_its_file_whoever_saves_beside_it(own_root: Path) -> None:
    """In other threads and other processes; its own save ends well."""
    (own_root / "output").mkdir()
    saved = "from txo_core.files import TxoDataHandler; TxoDataHandler().save([2], 'output', 'b.json')"

    def rows() -> Iterator[int]:
        assert len(hidden(own_root / "output")) == 1
        yield 1
        assert run(saved).returncode == 0
        thread = threading.Thread(target=files.save, args=([3], "output", "c.json"))
        thread.start()
        thread.join()
        assert len(hidden(own_root / "output")) == 1
        yield 2

    files.save(rows(), "output", "a.json")

    assert files.load("output", "a.json") == [1, 2]
    assert names(own_root / "output") == ["a.json", "b.json", "c.json"]


def test_a_file_that_a_sweep_takes_away_before_it_is_locked_is_made_anew(
    own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between the two is short, and not nothing."""
    real = fcntl.flock
    swept: list[bool] = []

    def flock(descriptor: int, operation: int) -> None:
        if not swept and operation == fcntl.LOCK_EX:
            swept.append(True)
            (path,) = (own_root / "output").iterdir()
            path.unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)

    files.save([1], "output", "a.json")

    assert swept
    assert names(own_root / "output") == ["a.json"]


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_only_looks_like_a_left_over_is_not_followed(what: str, own_root: Path) -> None:
    """Somebody may have put it there."""
    folder = own_root / "output"
    folder.mkdir()
    trap = left_over(folder)
    trap.unlink()
    victim = own_root / "victim"
    victim.write_text("mine")
    if what == "link":
        trap.symlink_to(victim)
    elif what == "pipe":
        os.mkfifo(trap)
    else:
        trap.mkdir()

    files.save([1], "output", "a.json")

    assert victim.read_text() == "mine"
    assert os.path.lexists(trap)


def test_without_locks_nothing_is_taken_away(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on some network drives: then nobody can tell who is at work."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (own_root / "output").mkdir()
    stays = left_over(own_root / "output")

    files.save([1], "output", "a.json")

    assert names(own_root / "output") == sorted([stays.name, "a.json"])


def test_a_folder_of_many_files_is_not_looked_through_for_each_of_them(
    own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take as long as the square of their number: after a long look there is a rest."""
    looks: list[object] = []
    real = os.scandir

    def scandir(path: Path) -> object:
        looks.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(hidden_files, "FEW", 10)
    monkeypatch.setattr(hidden_files, "REST", 60.0)
    (own_root / "output").mkdir()
    for n in range(11):
        (own_root / "output" / str(n)).touch()
    for _ in range(50):
        files.save([1], "output", "a.json")

    assert len(looks) == 1


def test_a_hidden_file_is_never_loaded(own_root: Path) -> None:
    (own_root / "output").mkdir()
    name = left_over(own_root / "output").name

    with pytest.raises(ValidationError, match="what kind of file"):
        files.load("output", name)


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "csv.gz"])
def test_nothing_stays_of_the_rows_that_wait_for_their_header(
    suffix: str, own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie in a file without a name, on the disk of the file itself, also while they are written."""
    monkeypatch.setattr(hidden_files, "IN_MEMORY", 100)
    seen: list[list[str]] = []

    def rows() -> Iterator[dict[str, int]]:
        for n in range(5_000):
            if n == 4_000:
                seen.append(names(own_root / "output"))
            yield {"n": n}

    files.save(rows(), "output", f"a.{suffix}")

    assert len(files.load("output", f"a.{suffix}")) == 5_000
    assert [len(each) for each in seen] == [1]
    assert names(own_root / "output") == [f"a.{suffix}"]


# No room, no permission


@pytest.fixture
def small_disk(own_root: Path) -> Iterator[Path]:
    """Mount a disk of one megabyte as the output folder, where that is allowed."""
    folder = own_root / "output"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("disks cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@as_root
@pytest.mark.parametrize("suffix", ["xlsx", "json", "jsonl", "csv", "csv.gz", "txt", "yaml"])
def test_a_full_disk_leaves_the_old_file(suffix: str, small_disk: Path) -> None:
    """A real one: the write itself fails."""
    name = f"a.{suffix}"
    text = suffix == "txt"
    old = files.save("old" if text else [{"n": 1}], "output", name).read_bytes()
    rows = ({"n": os.urandom(400).hex()} for _ in range(4_000 if suffix != "yaml" else 2_000))

    with pytest.raises(FileOperationError, match="No space left") as caught:
        files.save(os.urandom(2**20).hex() if text else rows, "output", name)

    assert "make room" in caught.value.how_to_fix
    assert (small_disk / name).read_bytes() == old
    assert names(small_disk) == [name]


DENIED = """
import os, sys
from txo_core.exceptions import FileOperationError
from txo_core.files import TxoDataHandler
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    TxoDataHandler().save([1], "output", "a.json")
except FileOperationError as error:
    print(error.what_went_wrong, "|", error.how_to_fix)
"""


def test_a_folder_that_may_not_be_written_to_is_an_error_for_a_person(own_root: Path) -> None:
    """The old file is as it was."""
    files.save(["old"], "output", "a.json")
    for folder in (own_root.parent, own_root, *own_root.parent.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/") and "pytest" in str(folder):
            folder.chmod(0o755)
    (own_root / "output").chmod(0o555)

    done = run(DENIED)

    (own_root / "output").chmod(0o755)
    assert "Permission denied | Close the file if it is open in Excel, and check that you may write" in done.stdout
    assert files.load("output", "a.json") == ["old"]
    assert names(own_root / "output") == ["a.json"]


def test_a_bad_value_in_the_last_row_leaves_the_old_file(own_root: Path) -> None:
    """Also where thousands of rows have been written, and are on the disk."""
    for suffix in ("json", "jsonl", "csv", "tsv", "xlsx", "yaml", "csv.gz", "xlsx.gz"):
        old = files.save([{"n": 1}], "output", f"a.{suffix}").read_bytes()
        rows = [*({"n": n} for n in range(2_500)), {"n": object()}]

        with pytest.raises(ValidationError, match="Row 2501, column 'n' is a value of type"):
            files.save(iter(rows), "output", f"a.{suffix}")

        assert (own_root / "output" / f"a.{suffix}").read_bytes() == old
    assert hidden(own_root / "output") == []


# Mode and owner


def state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"),
    [
        (0o700, 0o600),
        (0o755, 0o600),
        (0o777, 0o600),
        (0o2750, 0o640),
        (0o2770, 0o660),
        (0o2700, 0o600),
        (0o2777, 0o660),
    ],
)
def test_a_new_file_is_its_owners_alone_unless_the_folder_is_its_groups(
    folder_mode: int, file_mode: int, own_root: Path
) -> None:
    """The set-group-id bit is how a folder says that what is in it belongs to the group; never to all."""
    folder = own_root / "output"
    folder.mkdir()
    folder.chmod(folder_mode)
    before = os.umask(0o077)
    try:
        paths = [files.save([1], "output", "a.json"), files.save_with_timestamp([1], "output", "b.json")]
    finally:
        os.umask(before)

    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [file_mode] * 2


@as_root
def test_what_root_writes_belongs_to_the_owner_of_the_folder(own_root: Path) -> None:
    """Or they could not read it; the owner of an old file stays its owner."""
    folder = own_root / "output"
    folder.mkdir()
    os.chown(folder, 1234, 2345)

    path = files.save([1], "output", "a.json")
    assert state(path) == (0o600, 1234, 2345)

    os.chown(path, 5678, 6789)
    path.chmod(0o640)
    assert state(files.save([2], "output", "a.json")) == (0o640, 5678, 6789)
    assert files.load("output", "a.json") == [2]


# Names


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [("a.csv.gz", "a", ".csv.gz"), ("a.b.csv", "a.b", ".csv"), ("a.gz", "a", ".gz"), ("x.y/a.json", "x.y/a", ".json")],
)
def test_the_suffix_of_a_packed_file_is_both(name: str, stem: str, suffix: str) -> None:
    assert split_suffix(name) == (stem, suffix)
    assert with_number(name, 2) == f"{stem}-2{suffix}"


def test_a_second_packed_file_within_the_minute_keeps_its_kind(own_root: Path) -> None:
    first = files.save_with_timestamp([{"n": 1}], "output", "a.csv.gz")
    while (second := files.save_with_timestamp([{"n": 2}], "output", "a.csv.gz")).name.count("-") == 2:
        first = second  # the minute has just ended

    assert second.name == first.name.replace("Z.csv", "Z-2.csv")
    assert files.load("output", first.name) == [{"n": "1"}]


def test_killed_by_the_clock_of_a_scheduler_nothing_half_stands_there(own_root: Path) -> None:
    """SIGTERM, too: Python ends without a word."""
    code = """
import os, signal
from txo_core.files import TxoDataHandler
def rows():
    yield 1
    os.kill(os.getpid(), signal.SIGTERM)
    yield 2
TxoDataHandler().save(rows(), "output", "a.json")
"""

    assert run(code).returncode == -signal.SIGTERM
    assert [name for name in names(own_root / "output") if not name.startswith(".txo-")] == []
