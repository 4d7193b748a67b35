"""The plan that processes share: one file, and whatever can be wrong with a file."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY
from tests.support.scripted import FakeTime, prepared, response_of
from txo_core.exceptions import FileOperationError
from txo_core.http import shared_file
from txo_core.http.pacer import Pacer
from txo_core.http.shared_file import SIZE, SharedFile


class Host:
    """A machine with one file; each pacer is that of a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.time = FakeTime()
        self.path = folder / "plan"

    def store(self) -> SharedFile:
        return SharedFile(self.path, self.time.clock, self.time.sleep)

    def process(self, rate: float | None = 10.0) -> Pacer:
        return Pacer(rate, clock=self.time.clock, store=self.store())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def wait_of(pacer: Pacer) -> float:
    booked = pacer.book()
    assert booked is not None
    return round(booked[1], 3)


def test_processes_take_turns(host: Host) -> None:
    one, two, three = host.process(), host.process(), host.process()

    assert [wait_of(pacer) for pacer in (one, two, three, one)] == [0.0, 0.1, 0.2, 0.3]


def test_what_a_server_says_to_one_process_holds_for_all(host: Host) -> None:
    one, two = host.process(), host.process()

    one.learn(response_of(prepared(), 429, {"Retry-After": "7"}), host.time.now)
    assert wait_of(two) == 7.0

    host.time.now += 60
    assert wait_of(two) == 0.0
    two.learn(response_of(prepared(), 429), host.time.now)
    assert wait_of(one) == pytest.approx(0.1 / 0.7, abs=1e-3)


def test_refusals_that_all_processes_together_get_slow_all_down(host: Host) -> None:
    processes = [host.process() for _ in range(4)]

    for one in processes:
        wait_of(one)
        one.learn(response_of(prepared(), 429, {"Retry-After": "0.01"}), host.time.now)
        host.time.now += 0.2

    waits = [wait_of(one) for one in processes]
    assert min(after - before for before, after in pairwise(waits)) > 0.14


def test_each_process_keeps_to_its_own_rate(host: Host) -> None:
    fast, slow = host.process(10.0), host.process(1.0)

    assert [wait_of(pacer) for pacer in (slow, fast, fast)] == [0.0, 1.0, 1.1]


def test_the_file_is_for_its_owner_and_holds_numbers_only(host: Host) -> None:
    host.process().book()

    assert stat.S_IMODE(host.path.stat().st_mode) == 0o600
    assert host.path.stat().st_size == SIZE


@pytest.mark.parametrize(
    "content",
    [b"", b"TXO", b"\0" * SIZE, b"\xff" * SIZE, b"something else", b"x" * 100_000],
    ids=lambda item: len(item),
)
def test_a_file_that_holds_no_plan_begins_a_new_one(host: Host, content: bytes) -> None:
    one = host.process()
    one.pause(1000)
    host.path.write_bytes(content)

    assert [wait_of(one), wait_of(host.process())] == [0.0, 0.1]


def test_a_torn_plan_is_none(host: Host) -> None:
    one = host.process()
    one.pause(1000)
    content = bytearray(host.path.read_bytes())
    content[40] ^= 1
    host.path.write_bytes(content)

    assert wait_of(one) == 0.0


def test_a_plan_of_the_last_boot_is_none(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process().pause(1000)

    monkeypatch.setattr(shared_file, "MAGIC", bytes(reversed(shared_file.MAGIC)))

    assert wait_of(host.process()) == 0.0


def test_a_clock_that_began_anew_begins_a_new_plan(host: Host) -> None:
    """Where the kernel does not tell one boot from another."""
    host.process().pause(1000)

    host.time.now = 5.0

    assert wait_of(host.process()) == 0.0


def test_a_limit_of_one_a_week_is_kept(host: Host) -> None:
    one = host.process(1 / 604800)

    assert [wait_of(one), wait_of(one)] == [0.0, 604800.0]


def test_a_file_that_somebody_cleared_away_is_made_anew_for_all(host: Host) -> None:
    one, two = host.process(), host.process()
    one.book()

    host.path.unlink()

    assert [wait_of(one), wait_of(two), wait_of(host.process())] == [0.0, 0.1, 0.2]


def program(code: str, path: Path) -> "subprocess.CompletedProcess[str]":
    preface = "import os, signal, sys; from pathlib import Path; from txo_core.http import shared_file\n"
    return subprocess.run(
        [sys.executable, "-c", preface + code, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


KILLED = """
with shared_file.SharedFile(Path(sys.argv[1])):
    print("locked", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
FORKED = """
shared_file.PATIENCE = 0.1
store = shared_file.SharedFile(Path(sys.argv[1]))
with store:
    if os.fork() == 0:
        try:
            store.__enter__()
        except shared_file.FileOperationError:
            print("kept out", flush=True)
        os._exit(0)
    os.wait()
if os.fork() == 0:
    with store:
        print("let in", flush=True)
    os._exit(0)
os.wait()
"""


def test_a_process_killed_with_the_lock_holds_nobody_up(host: Host) -> None:
    done = program(KILLED, host.path)

    assert (done.stdout, done.returncode) == ("locked\n", -signal.SIGKILL)
    assert wait_of(host.process()) == 0.0
    assert host.time.slept == []


def test_a_child_keeps_out_of_what_its_parent_has_locked(host: Host) -> None:
    """After a fork both would hold the one lock together."""
    done = program(FORKED, host.path)

    assert (done.stdout, done.stderr) == ("kept out\nlet in\n", "")


def test_a_process_that_was_stopped_with_the_lock_is_named_as_the_reason(host: Host) -> None:
    one = host.process()
    with host.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FileOperationError, match="another process holds it"):
            one.book()

    assert 9 < sum(host.time.slept) < 11
    assert wait_of(one) == 0.0


@pytest.mark.parametrize("kind", ["folder", "link", "device"])
def test_what_is_no_file_of_ours_is_refused(host: Host, tmp_path: Path, kind: str) -> None:
    if kind == "folder":
        host.path.mkdir()
    elif kind == "link":
        host.path.symlink_to(tmp_path / "elsewhere")
    else:
        host.path = Path("/dev/null")

    with pytest.raises(FileOperationError, match="shared rate limit cannot be used"):
        host.process()

    assert not (tmp_path / "elsewhere").exists()


def test_a_file_of_somebody_else_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    with pytest.raises(FileOperationError, match="belongs to somebody else"):
        host.process()


@pytest.mark.parametrize(("call", "code"), [("open", errno.EACCES), ("open", errno.ENOENT), ("pwrite", errno.ENOSPC)])
def test_a_place_that_cannot_be_written_is_an_error_at_once(
    host: Host, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def fail(*arguments: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)

    with pytest.raises(FileOperationError, match=os.strerror(code)) as problem:
        host.process()

    assert "rate-limit-scope" in problem.value.how_to_fix


def test_a_disk_that_fills_up_later_stops_calls_and_not_the_limit(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    one = host.process()
    monkeypatch.setattr(os, "pwrite", lambda *arguments: 3)
    with pytest.raises(FileOperationError, match="written whole"):
        one.book()
    monkeypatch.undo()

    assert [wait_of(one), wait_of(one)] == [0.0, 0.1]
