"""The plan of a pacer in a small file, so that all processes of a host keep one pace together."""

import fcntl
import os
import stat
import struct
import threading
import weakref
import zlib
from pathlib import Path
from types import TracebackType

from txo_core.clock import Clock, Sleep, monotonic, sleep
from txo_core.exceptions import FileOperationError
from txo_core.http.schedule import NUMBERS, NUMBERS_OF, Schedule


def _boot_id() -> bytes:
    """Return what the kernel calls this boot; where it does not tell, the moments of a plan have to do."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return b"\n"


MAGIC = b"TXO-PACE-2 " + _boot_id()
LAYOUT = struct.Struct(f"<{len(NUMBERS)}d")
CHECKSUM = struct.Struct("<I")
SIZE = len(MAGIC) + LAYOUT.size + CHECKSUM.size
FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
PATIENCE = 10.0
FIRST_LOOK, LONGEST_LOOK = 0.0005, 0.02


class SharedFile:
    """A plan that all processes share which open the same file: `with store as schedule` locks it, reads and writes it.

    The kernel gives the lock back when a process ends, however it ends. A file that is empty, torn or of another boot
    holds no plan: a new one begins. Moments are those of CLOCK_MONOTONIC, which all processes of a host share, those in
    containers too; hosts do not share it, so a file on a network drive has to have the host in its name.

    Raises FileOperationError if the file cannot be used: no limit at all would be the worse surprise.
    """

    def __init__(self, path: Path, clock: Clock = monotonic, sleep: Sleep = sleep) -> None:
        self._path = path
        self._clock = clock
        self._sleep = sleep
        self._file = -1
        self._lock = threading.Lock()
        self._content = b""
        self._schedule: Schedule | None = None
        _in_use.add(self)
        with self:
            pass

    def __enter__(self) -> Schedule:
        self._lock.acquire()
        try:
            self._take()
            self._schedule = self._read()
        except BaseException as error:
            self._close()
            self._lock.release()
            if isinstance(error, OSError):
                raise self._problem(error) from error
            raise
        return self._schedule

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if self._schedule is not None and kind is None:
                self._write(self._schedule)
            fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError as failed:
            self._close()
            raise self._problem(failed) from failed
        finally:
            self._lock.release()

    def begin_anew(self) -> None:
        """Open the file again with the next use: after a fork, parent and child would hold its lock together."""
        self._close()
        self._lock = threading.Lock()

    def _take(self) -> None:
        """Lock the file that has the path now, which may be another one than before."""
        while True:
            if self._file < 0:
                self._file = self._open()
            self._await_lock()
            if os.fstat(self._file).st_nlink:
                return
            self._close()

    def _open(self) -> int:
        file = os.open(self._path, FLAGS, 0o600)
        found = os.fstat(file)
        if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
            os.close(file)
            raise PermissionError(0, "it belongs to somebody else, or is no file")
        return file

    def _await_lock(self) -> None:
        """Wait for the lock by looking again, so that Ctrl-C and a process that was stopped cannot hold us."""
        until, pause = self._clock() + PATIENCE, FIRST_LOOK
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if self._clock() > until:
                    raise TimeoutError(0, "another process holds it; perhaps it was stopped by Ctrl-Z") from None
                self._sleep(pause)
                pause = min(2 * pause, LONGEST_LOOK)

    def _read(self) -> Schedule:
        content = self._content = os.pread(self._file, SIZE, 0)
        now = self._clock()
        body, checksum = content[: -CHECKSUM.size], content[-CHECKSUM.size :]
        if len(content) == SIZE and body.startswith(MAGIC) and checksum == CHECKSUM.pack(zlib.crc32(body)):
            schedule = Schedule(*LAYOUT.unpack_from(body, len(MAGIC)))
            if schedule.plausible(now):
                return schedule
        return Schedule.starting(now)

    def _write(self, schedule: Schedule) -> None:
        body = MAGIC + LAYOUT.pack(*NUMBERS_OF(schedule))
        content = body + CHECKSUM.pack(zlib.crc32(body))
        if content != self._content and os.pwrite(self._file, content, 0) != SIZE:
            raise OSError(0, "it could not be written whole")

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self._close()

    def _problem(self, error: OSError) -> FileOperationError:
        return FileOperationError(
            f"The file of the shared rate limit cannot be used: {self._path}: {error.strerror or error}",
            "Make its folder writable for this user and make room on the disk, or set rate-limit-scope to process",
            f"ls -l {self._path.parent}; df -h {self._path.parent}",
        )


def _after_fork() -> None:
    for store in tuple(_in_use):
        store.begin_anew()


_in_use: "weakref.WeakSet[SharedFile]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)
