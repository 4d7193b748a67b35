"""Files that are written whole or not at all."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from txo_core.exceptions import FileOperationError
from txo_core.file_names import with_number
from txo_core.hidden_files import create
from txo_core.paths import make_folder

WITHOUT_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})
ADVICE = {
    errno.ENOSPC: "The disk is full: make room on it",
    errno.EDQUOT: "Your disk quota is used up: make room",
    errno.EFBIG: "The file would be larger than this place or account allows: save less, or raise the limit",
    errno.EROFS: "The place is read-only: mount it so that it can be written",
    errno.EACCES: "Close the file if it is open in Excel, and check that you may write to its folder",
    errno.EPERM: "Close the file if it is open in Excel, and check that you may write to its folder",
    errno.EBUSY: "Another program holds the file: close it there and try again",
    errno.ENAMETOOLONG: "Give the file a shorter name",
    errno.EIO: "The disk reports an error: save to another place",
}


@contextmanager
def atomic_write(path: Path, inside: Path | None = None) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes `path`, whole, when the block ends well; it can seek and be read.

    Until then the bytes are in a hidden file in the same folder. On any error, or a kill, the old file is as it was.
    On an error the hidden file is gone; after a kill the next one who writes into the folder removes it.

    An old file keeps its mode and owner. A new one is its owner's alone (0600); in a folder with the set-group-id bit
    its group may do with it what it may do with the folder; what root writes into somebody's folder is theirs. A link
    is followed, but not out of the folder `inside`. Raises FileOperationError, also for a full disk inside the block.
    """
    path = _resolved(path, inside)
    with _staged(path, _old(path)) as (file, temporary):
        yield file
        _finish(file)
        with explained(path):
            temporary.replace(path)
            _sync_folder(path.parent)


def write_new(path: Path, write: Callable[[BinaryIO], None], inside: Path | None = None) -> Path:
    """Return the path that `write` filled: `path`, or with `-2`, `-3` before its suffix where that name is taken.

    Never replaces a file, not even one that appears in the meantime. Otherwise as `atomic_write`.
    """
    place = _resolved(path.parent, inside) / path.name
    with _staged(place) as (file, temporary):
        write(file)
        _finish(file)
        with explained(path):
            taken = _link(temporary, place)
            _sync_folder(place.parent)
    return path.with_name(taken.name)


def _resolved(path: Path, inside: Path | None) -> Path:
    """Return the path without links, which does not leave the folder."""
    with explained(path):
        try:
            found = path.resolve()
        except RuntimeError:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    if inside is not None and not found.is_relative_to(inside.resolve()):
        raise _led_away(path)
    return found


def _led_away(path: Path) -> FileOperationError:
    return FileOperationError(
        f"{path} is not where it was: a link has taken the place of a folder or of the file",
        "See who may write to the folder, and take the link away",
        f"ls -ld {path.parent}",
    )


def _old(path: Path) -> os.stat_result | None:
    """Return the state of the file that is to be replaced; None where there is none."""
    with explained(path):
        try:
            old = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    if S_ISREG(old.st_mode):
        return old
    raise FileOperationError(
        f"{path} is in the way: it is not a file", "Move it away, or choose another name", f"mv {path} {path}.old"
    )


@contextmanager
def _staged(path: Path, old: os.stat_result | None = None) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new hidden file beside `path`, and its name; it is gone afterwards unless it was renamed."""
    make_folder(path.parent)
    with explained(path):
        temporary, descriptor = create(path.parent, old)
    try:
        # opened by its name, so that whoever writes knows on which disk it lies
        raw = io.FileIO(str(temporary), "w+", opener=lambda *_: descriptor)
        with explained(path, in_block=True), io.BufferedRandom(raw) as file:
            if not _is_there(temporary, descriptor):
                raise _led_away(path)
            yield file, temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _is_there(path: Path, descriptor: int) -> bool:
    """Tell whether the file that was opened is the one of that path, and no link has led elsewhere since.

    The rename later on finds the file only in the same folder, so that a link which comes then leads nowhere.
    """
    try:
        return path.resolve() == path and os.path.samestat(path.lstat(), os.fstat(descriptor))
    except (OSError, RuntimeError):
        return False


def _finish(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _link(temporary: Path, path: Path) -> Path:
    """Give the file the first free name; a hard link, unlike a rename, never replaces what is there."""
    candidate, number = path, 1
    while True:
        try:
            candidate.hardlink_to(temporary)
            return candidate
        except FileExistsError:
            number += 1
            candidate = path.with_name(with_number(path.name, number))
        except OSError as error:
            if error.errno not in WITHOUT_LINKS or candidate.exists():
                raise
            return temporary.replace(candidate)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut; not every file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def explained(path: Path, in_block: bool = False) -> Iterator[None]:
    """Turn an error of the operating system into one for a person.

    In the caller's block only what writing raises: no file name in it, and a cause that a disk has; a lost
    connection is an OSError too, and none of ours.
    """
    try:
        yield
    except OSError as error:
        if in_block and (error.filename is not None or error.errno not in ADVICE):
            raise
        raise FileOperationError(
            f"{path} could not be saved: {error.strerror or error}",
            ADVICE.get(error.errno or 0, "Check that the folder exists and that you may write to it"),
            f"df -h {path.parent}; ls -ld {path.parent}",
        ) from error
