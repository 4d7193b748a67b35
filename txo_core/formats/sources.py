"""Files to read: opened, unpacked where they are gzipped, and bounded; and those to write packed."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from txo_core.exceptions import ValidationError
from txo_core.regular_files import TooLarge, open_solid

LARGEST_TEXT = 512 * 2**20
"""Bytes of a text file that is read as a whole, unpacked; its rows take several times as much memory."""
HARMLESS = 64 * 2**20
"""Bytes that a file may unpack to from as little as it likes."""
HIGHEST_RATIO = 250
"""How many bytes one byte may unpack to beyond that; rows that differ come to 5 to 30, a bomb to 1,000."""
LEVEL = 6
SUFFIX = ".gz"
PACKAGE = ".rapidstart"
"""Packages of Business Central: bytes, packed."""


def is_gzipped(path: Path) -> bool:
    """Tell whether the name says that the file is packed."""
    return path.suffix.lower() in (SUFFIX, PACKAGE)


@contextmanager
def packing(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a file whose bytes go packed into this one. The same bytes always pack to the same: no name, no time."""
    with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=file, mtime=0) as packed:
        packed.name = getattr(file, "name", "")  # where scratch files of the writer may lie
        yield cast(BinaryIO, packed)


def opened(path: Path, largest: int | None = None) -> BinaryIO:
    """Return the file to read, unpacked on the way where its name ends in .gz. Raises OSError.

    Reading raises ValidationError for more than `largest` bytes, and for a packed file that is damaged or unpacks to
    more than an ordinary one does.
    """
    if is_gzipped(path):
        return io.BufferedReader(_Unpacking(path, largest), 2**16)
    try:
        return open_solid(path, largest)
    except TooLarge:
        raise too_large(path, largest or 0) from None


def damaged(path: Path, line: int | None, problem: str) -> ValidationError:
    """Return the error for a file that cannot be read; the problem quotes nothing of it."""
    place = f", line {line}" if line else ""
    return ValidationError(f"{path}{place} cannot be read: {problem}", "Correct the file, or save it anew")


def too_large(path: Path, largest: int) -> ValidationError:
    """Return the error for a file that has more bytes than can be read as a whole."""
    return ValidationError(
        f"{path} has more than {largest // 2**20:,} MiB, too much to be read as a whole",
        "Read it piece by piece, if it has rows; split it otherwise",
        'for rows in TxoDataHandler().load("data", "big.csv", chunks=10_000):',
    )


class _Unpacking(io.RawIOBase):
    def __init__(self, path: Path, largest: int | None) -> None:
        self._path, self._largest = path, largest
        self._packed = open_solid(path)
        self._file = gzip.GzipFile(fileobj=self._packed, mode="rb")
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self._file.read(len(view))
        except (gzip.BadGzipFile, EOFError, zlib.error):
            self._refuse("it is no gzip file, or a damaged one", "Pack it anew")
        view[: len(data)] = data
        self._count += len(data)
        if self._largest is not None and self._count > self._largest:
            raise too_large(self._path, self._largest)
        if self._count > max(HARMLESS, HIGHEST_RATIO * self._packed.tell()):
            self._refuse("it unpacks to many times its size, which no ordinary file does", "Ask who sent it")
        return len(data)

    def close(self) -> None:
        self._file.close()
        self._packed.close()
        super().close()

    def _refuse(self, problem: str, how_to_fix: str) -> NoReturn:
        raise ValidationError(f"{self._path} is not read: {problem}", how_to_fix) from None
