"""A zip file written in one pass, whose entries may get their beginning last.

The names of all columns are known when the last row has come, and stand before the first. So the rows are packed as
they come, into a scratch file; at the end the header is packed and put before them. Two packed texts, one after the
other, are one (RFC 1951: a text is a sequence of blocks), and so are their checksums, with some arithmetic.
"""

import shutil
import struct
import zlib
from typing import BinaryIO

LARGEST = 2**32 - 1
"""Bytes of an entry, and of the whole: beyond them a zip file has another form, which nobody needs here."""
LEVEL = 4
"""Of zlib: half of the time that 6 takes, and a fourteenth more bytes."""
POLYNOMIAL = 0xEDB88320
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _DEFLATED, _TIME, _DATE, _UNIX = 20, 8, 0, 0x21, 3 << 8


class TooLarge(Exception):
    """An entry or the whole file would have 4 GiB or more."""


class Packed:
    """Packs what is written to it into a scratch file: its size and checksum, before and after."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = self.packed_size = self.checksum = 0
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)

    def write(self, data: bytes) -> None:
        """Add a piece."""
        self.size += len(data)
        self.checksum = zlib.crc32(data, self.checksum)
        self._add(self._packer.compress(data))
        if self.size > LARGEST:
            raise TooLarge

    def finish(self) -> None:
        """Add what is still held back; nothing can be written any more."""
        self._add(self._packer.flush())

    def _add(self, packed: bytes) -> None:
        self.packed_size += len(packed)
        self.file.write(packed)


class Archive:
    """The zip file: entries one after the other, then their list. The same entries always make the same bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._list: list[bytes] = []
        self._at = 0

    def add(self, name: str, beginning: bytes, rest: Packed | None = None) -> None:
        """Add an entry: its beginning, and the rest that was packed before, if any."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        first = packer.compress(beginning) + packer.flush(zlib.Z_FULL_FLUSH if rest else zlib.Z_FINISH)
        checksum, size, packed = zlib.crc32(beginning), len(beginning), len(first)
        if rest:
            checksum = checksum_of_both(checksum, rest.checksum, rest.size)
            size, packed = size + rest.size, packed + rest.packed_size
        encoded = name.encode("ascii")
        if max(size, self._at + packed) > LARGEST:
            raise TooLarge
        facts = (_VERSION, 0, _DEFLATED, _TIME, _DATE, checksum, packed, size, len(encoded), 0)
        entry = _CENTRAL.pack(b"PK\x01\x02", _UNIX | _VERSION, *facts, 0, 0, 0, 0o100600 << 16, self._at)
        self._list.append(entry + encoded)
        self._write(_LOCAL.pack(b"PK\x03\x04", *facts) + encoded + first)
        if rest:
            rest.file.seek(0)
            shutil.copyfileobj(rest.file, self.file, 2**20)
            self._at += rest.packed_size

    def finish(self) -> None:
        """Write the list of the entries."""
        begin = self._at
        self._write(b"".join(self._list))
        if self._at > LARGEST:
            raise TooLarge
        count = len(self._list)
        self._write(_END.pack(b"PK\x05\x06", 0, 0, count, count, self._at - begin, begin, 0))

    def _write(self, data: bytes) -> None:
        self.file.write(data)
        self._at += len(data)


def checksum_of_both(first: int, second: int, length: int) -> int:
    """Return the CRC-32 of two texts, one after the other, from those of each; `length` is that of the second.

    A text that moves by n bits to the front is multiplied by x to the n, modulo the polynomial of the checksum. Bits
    are mirrored there: the highest is 1, the next one x.
    """
    factor, power = 1 << 31, 1 << 30
    bits = 8 * length
    while bits:
        if bits & 1:
            factor = _product(factor, power)
        power = _product(power, power)
        bits >>= 1
    return _product(first, factor) ^ second


def _product(a: int, b: int) -> int:
    result = 0
    for bit in range(31, -1, -1):
        if a >> bit & 1:
            result ^= b
        b = b >> 1 ^ (POLYNOMIAL if b & 1 else 0)
    return result
