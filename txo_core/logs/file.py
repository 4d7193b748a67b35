"""The log file of the day, `logs/app_YYYY-MM-DD.log` in UTC: the owner's only, bounded in size and in age.

Any number of processes write to it at once: each line is one append, and a file that is full is put aside under a lock.
"""

import fcntl
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path

from txo_core.clock import monotonic, utc_now
from txo_core.exceptions import TxoError
from txo_core.paths import Dir, get_path, root

logger = logging.getLogger("txo_core.logger")

FORMAT = "%(asctime)sZ %(levelname)-8s %(process)d %(name)s: %(message)s"
MAX_BYTES = 50_000_000
"""A file of this size becomes `.1`, the next one `.2`: a higher number is later."""

MAX_PARTS = 20
"""Of one day so many full files are kept."""

KEEP_DAYS = 30

PAUSE_SECONDS = 60.0
"""A file that could not be written is tried again after so long."""

_OURS = re.compile(r"app_(\d{4}-\d\d-\d\d)\.log(?:\.(\d+))?")
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class DayFileHandler(logging.Handler):
    """Appends every record to the log file of the UTC day, which only the user may read (mode 0600)."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(logging.DEBUG)
        self.max_bytes = max_bytes
        self._failing = False
        self._silent_until = 0.0
        self._found: tuple[tuple[str | None, date], Path] | None = None
        formatter = logging.Formatter(FORMAT, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def path(self) -> Path:
        """Return the file of the present UTC day; it is looked for once a day, since that costs more than a line."""
        wanted = (os.environ.get("TXO_HOME"), utc_now().date())
        found = self._found
        if found is None or found[0] != wanted:
            found = self._found = (wanted, log_path(wanted[1]))
            sweep(found[1].parent, wanted[1])
        return found[1]

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; a log that cannot be written says so once, is tried again later, and stops no run."""
        if monotonic() < self._silent_until:
            return
        try:
            line = self.format(record) + "\n"
            try:
                append(self.path(), line, self.max_bytes)
            except FileNotFoundError:
                self._found = None  # its folder is gone, and is made anew
                append(self.path(), line, self.max_bytes)
        except (OSError, TxoError) as error:
            self._silent_until = monotonic() + PAUSE_SECONDS
            self._say("No log file is written from here on: %s", getattr(error, "what_went_wrong", error), failing=True)
        except Exception:
            self.handleError(record)
        else:
            self._say("The log file is written again; lines are missing in it", failing=False)

    def _say(self, message: str, *arguments: object, failing: bool) -> None:
        if failing != self._failing:
            self._failing = failing
            logger.warning(message, *arguments)


def log_path(day: date) -> Path:
    """Return the file of a day, in a folder that only its owner may enter; a folder that is a link is left as it is."""
    folder = root() / Dir.LOGS
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.geteuid():
            folder.chmod(0o700)
    return get_path(Dir.LOGS, f"app_{day.isoformat()}.log")


def append(path: Path, text: str, max_bytes: int = MAX_BYTES) -> None:
    """Append the text in one write, so that lines of several processes do not mix; a full file is put aside first.

    Raises OSError for a link in the file's place, for another kind of file, and for a full disk.
    """
    data = text.encode("utf-8", "backslashreplace")
    descriptor, status = _opened(path)
    try:
        if status.st_size and status.st_size + len(data) > max_bytes:
            os.close(descriptor)
            descriptor = -1
            put_aside(path, max_bytes - len(data))
            descriptor, _ = _opened(path)
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _opened(path: Path) -> tuple[int, os.stat_result]:
    """Open the file for appending; it is a plain file of its owner only, or an OSError."""
    descriptor = os.open(path, _FLAGS, 0o600)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(f"{path.name} is no plain file")
    if status.st_mode & 0o077:
        with suppress(OSError):
            os.fchmod(descriptor, 0o600)
    return descriptor, status


def put_aside(path: Path, room: int) -> None:
    """Rename a file of more than `room` bytes to the next free number; nothing if another process has just done so."""
    with _locked(path.parent):
        if not path.exists() or path.stat().st_size <= room:
            return
        numbers = sorted(part[1] for part in _parts(path.parent) if part[0].name.startswith(f"{path.name}."))
        path.rename(path.with_name(f"{path.name}.{(numbers or [0])[-1] + 1}"))
        for number in numbers[: max(0, len(numbers) + 1 - MAX_PARTS)]:
            path.with_name(f"{path.name}.{number}").unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sweep(folder: Path, today: date) -> None:
    """Remove log files of days that are long past; one that cannot be removed stays."""
    oldest = (today - timedelta(days=KEEP_DAYS)).isoformat()
    with suppress(OSError):
        for path, _, day in _parts(folder):
            if day < oldest:
                path.unlink(missing_ok=True)


def _parts(folder: Path) -> list[tuple[Path, int, str]]:
    """Return our files in the folder, each with its number (0 for the one that is written) and its day."""
    named = ((path, _OURS.fullmatch(path.name)) for path in folder.iterdir())
    return [(path, int(match[2] or 0), match[1]) for path, match in named if match]
