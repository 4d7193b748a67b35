"""Reading what lies on a disk: only regular files, which end, and of them no more than was agreed."""

import errno
import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


HOLES_FROM = 2**20
"""Bytes from which on a file is looked through for holes."""


class TooLarge(Exception):
    """A file has more bytes than were asked for."""


def open_regular(path: Path) -> BinaryIO:
    """Return the file, open for reading bytes; an OSError for a pipe, a device or a socket, which could have no end.

    What was opened is what is looked at, so that nothing can take its place in between; a pipe is not waited for.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if not S_ISREG(mode):
            number = errno.EISDIR if S_ISDIR(mode) else errno.EINVAL
            raise OSError(number, os.strerror(number) if S_ISDIR(mode) else "it is a device or a pipe, not a file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_solid(path: Path, largest: int | None = None) -> BinaryIO:
    """Return the file as `open_regular` does; TooLarge for more than `largest` bytes, an OSError for one with holes.

    What claims to be large and takes no place on the disk is no text.
    """
    file = open_regular(path)
    size = os.fstat(file.fileno()).st_size
    try:
        if largest is not None and size > largest:
            raise TooLarge
        if size > HOLES_FROM and _has_holes(file.fileno(), size):
            raise OSError(errno.EINVAL, "it has holes, as a sparse or damaged file has")
    except BaseException:
        file.close()
        raise
    return file


def _has_holes(descriptor: int, size: int) -> bool:
    """Tell whether the file system leaves out parts of a file that hold nothing but zeros."""
    if not hasattr(os, "SEEK_HOLE"):
        return False
    try:
        return os.lseek(descriptor, 0, os.SEEK_HOLE) < size
    except OSError:
        return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def read_regular(path: Path, largest: int) -> bytes:
    """Return the bytes of a file without holes; TooLarge for more than `largest`, also where it has just grown."""
    with open_solid(path, largest) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
        if len(content) > size:
            content += file.read(largest + 1 - len(content))
    if len(content) > largest:
        raise TooLarge
    return content
