"""The hidden files beside a file that is being written, and what becomes of those whose writer was killed."""

import fcntl
import hashlib
import os
import re
import secrets
import socket
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from stat import S_IMODE, S_ISGID, S_ISREG
from typing import BinaryIO, cast

HIDDEN = ".txo-{host}-{pid}-{token}.tmp"
LEFT_OVER = re.compile(r"\.txo-(?P<host>[0-9a-f]{8})-[0-9]{1,10}-[0-9a-f]{16}\.tmp")
OWNER, GROUP = 0o600, 0o060
IN_MEMORY = 4 * 2**20
"""Bytes of a scratch file that are kept in memory."""
FEW = 1_000
"""Files in a folder that is looked through at every save."""
REST = 0.0001
"""Seconds for each file in which a larger one is not looked through again: a hundred times as long as it takes."""

_rest: dict[Path, float] = {}


def create(folder: Path, old: os.stat_result | None = None) -> tuple[Path, int]:
    """Return the path and descriptor of a new hidden file in the folder, held by a lock while this process lives.

    It has the mode and owner of the file that it is to replace, else those that the folder asks for. What killed
    writers left in the folder is removed first.
    """
    sweep(folder)
    while True:
        path = folder / HIDDEN.format(host=_host(), pid=os.getpid(), token=secrets.token_hex(8))
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER)
        if _held(descriptor):
            break
        os.close(descriptor)  # a sweep came between the two calls and took it for a left-over
    _dress(descriptor, old, folder)
    return path, descriptor


def scratch(file: BinaryIO) -> BinaryIO:
    """Return a file without a name, on the disk of this one where it grows large; even a kill leaves nothing of it."""
    name = getattr(file, "name", None)
    folder = str(Path(name).parent) if isinstance(name, str) and name else None
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY, prefix=".txo-", suffix=".tmp", dir=folder))


def sweep(folder: Path) -> None:
    """Remove the hidden files of this host's writers that are gone: those that nobody holds by a lock.

    Which is what a kill leaves. The number of a process would not tell: it is given again, and means nothing in
    another container. Where the file system has no locks, files stay.
    """
    if time.monotonic() < _rest.get(folder, 0.0):
        return
    count = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            count += 1
            found = LEFT_OVER.fullmatch(entry.name)
            if found and found["host"] == _host():
                _remove_if_free(entry.path)
    if count > FEW:
        _rest[folder] = time.monotonic() + count * REST


def _held(descriptor: int) -> bool:
    """Lock the file as long as it is open; False if it has been removed meanwhile."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return os.fstat(descriptor).st_nlink > 0


def _remove_if_free(path: str) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if S_ISREG(os.fstat(descriptor).st_mode):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(path).unlink()
        finally:
            os.close(descriptor)


def _dress(descriptor: int, old: os.stat_result | None, folder: Path) -> None:
    """Give the file its owner and mode; where that is not allowed, it stays its writer's alone."""
    place = folder.stat()
    if old:
        owner, group, mode = old.st_uid, old.st_gid, S_IMODE(old.st_mode)
    else:
        # What root writes into somebody's folder is theirs; a folder with the set-group-id bit shares its files.
        owner, group = (place.st_uid, place.st_gid) if os.geteuid() == 0 else (-1, -1)
        mode = OWNER | (place.st_mode & GROUP if place.st_mode & S_ISGID else 0)
    with suppress(OSError):
        os.fchown(descriptor, owner, group)
    with suppress(OSError):
        os.fchmod(descriptor, mode)


@cache
def _host() -> str:
    """Return what tells this host from others that share the folder."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
