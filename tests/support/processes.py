"""What a program leaves running: its orphans come to this process and can be counted (Linux, prctl(2))."""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 10.0


@contextmanager
def orphans() -> Iterator[Callable[[], list[str]]]:
    """Give a function that returns the command lines of the processes that were started meanwhile and still run.

    It waits up to ten seconds for them to end; those that are left at the end of the block are ended.
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("orphans can be counted on Linux only")
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = descendants()

    def left() -> list[str]:
        deadline = time.monotonic() + GRACE_SECONDS
        while (found := descendants() - before) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [command_line(pid) for pid in found]

    try:
        yield left
    finally:
        for pid in descendants() - before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def descendants() -> set[int]:
    """Return the running processes that this one started, and those that they started."""
    parents = dict(filter(None, map(parent_of, Path("/proc").glob("[0-9]*"))))
    found: set[int] = set()
    ring = {os.getpid()}
    while ring:
        ring = {pid for pid, parent in parents.items() if parent in ring}
        found |= ring
    return found


def parent_of(folder: Path) -> tuple[int, int] | None:
    """Return a process and its parent; None for one that has ended."""
    try:
        state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else (int(folder.name), int(parent))


def command_line(pid: int) -> str:
    """Return what a process was started as."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
