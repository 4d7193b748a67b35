"""Zip files from elsewhere, looked through before anything unpacks them: workbooks are such files."""

import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NoReturn
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from txo_core.exceptions import ValidationError

MEBIBYTE = 1024 * 1024
MOST_ENTRIES = 5_000
LARGEST = 1_024 * MEBIBYTE
"""Bytes that all entries may have together, unpacked."""
LARGEST_IN_MEMORY = 128 * MEBIBYTE
"""Bytes of those entries of a workbook that are read as a whole: all but the rows of its sheets."""
LARGEST_PART = 8 * MEBIBYTE
"""Bytes of each of the entries that say what there is: sheets, looks, who refers to whom."""
HIGHEST_RATIO = 100
"""How many bytes one byte may unpack to, on the average of an entry; ordinary sheets come to 5 to 30."""
MOST_SHEETS = 2_000
LARGEST_LIST = 16 * MEBIBYTE
"""Bytes of the part that lists sheets and names."""
SMALL = MEBIBYTE
"""Bytes of an entry that may unpack from as little as it likes: it does no harm."""

_PACKED = (
    ".zip",
    ".xlsx",
    ".xlsm",
    ".xlsb",
    ".docx",
    ".pptx",
    ".ods",
    ".gz",
    ".tgz",
    ".bz2",
    ".xz",
    ".7z",
    ".rar",
    ".jar",
    ".tar",
    ".zst",
)
_MAGIC = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
_SHEET = re.compile(rb"<(?:\w{1,20}:)?sheet\s")
_XML = (".xml", ".rels", ".vml")
_PART = re.compile(r"xl/(?!sharedstrings)[^/]+\.xml|.*\.rels|\[content_types\]\.xml")


class _RootReached(Exception):
    """The beginning of an XML document is over, and it was harmless."""


def check_workbook(path: Path, file: BinaryIO, largest: int | None = None) -> None:
    """Raise a ValidationError for a workbook that would unpack to too much, or reaches out of its file.

    Refused are too many entries, too large ones, a ratio over 100, an archive in the archive, an encrypted entry, links
    to other workbooks, macros, and XML with a document type, which is where entities are declared. `path` is for words,
    `largest` how many bytes it may unpack to.
    """
    with ZipFile(file) as archive:
        entries = archive.infolist()
        _check_sizes(path, entries, largest or LARGEST)
        for entry in entries:
            _check_entry(path, archive, entry)
        _check_sheets(path, archive)


def _check_sizes(path: Path, entries: list[ZipInfo], largest: int) -> None:
    if len(entries) > MOST_ENTRIES:
        _refuse(path, f"has {len(entries):,} entries, and at most {MOST_ENTRIES:,} are read")
    if len({entry.filename for entry in entries}) < len(entries):
        _refuse(path, "has two entries of the same name")
    total = sum(entry.file_size for entry in entries)
    whole = sum(entry.file_size for entry in entries if not entry.filename.startswith("xl/worksheets/sheet"))
    if total > largest or whole > LARGEST_IN_MEMORY:
        _refuse(path, f"would unpack to {total / MEBIBYTE:,.0f} MiB")
    for entry in entries:
        if entry.file_size > LARGEST_PART and _PART.fullmatch(entry.filename.lower()):
            _refuse(path, f"has {entry.file_size / MEBIBYTE:,.0f} MiB in {entry.filename!a}")
        if entry.file_size > max(SMALL, HIGHEST_RATIO * entry.compress_size):
            ratio = entry.file_size / max(1, entry.compress_size)
            _refuse(path, f"unpacks {entry.filename!a} to {ratio:,.0f} times its size, which no ordinary file does")


def _check_sheets(path: Path, archive: ZipFile) -> None:
    """Refuse a list of so many sheets that reading it alone takes long: several may mean the same part."""
    with suppress(KeyError):
        with archive.open("xl/workbook.xml") as file:
            beginning = file.read(LARGEST_LIST + 1)
        if len(beginning) > LARGEST_LIST or len(_SHEET.findall(beginning)) > MOST_SHEETS:
            _refuse(path, f"lists more than {MOST_SHEETS:,} sheets or too many names")


def _check_entry(path: Path, archive: ZipFile, entry: ZipInfo) -> None:
    name = entry.filename.lower()
    if entry.flag_bits & 0x1:
        _refuse(path, "is encrypted", "Save it without a password")
    if name.startswith("xl/externallinks/"):
        _refuse(path, "has links to other workbooks", "Break the links in Excel (Data, Edit Links), and save it anew")
    if name.endswith("vbaproject.bin"):
        _refuse(path, "has macros in it", "Save it as .xlsx in Excel, which leaves them out")
    if entry.is_dir():
        return
    with archive.open(entry) as file:
        if name.endswith(_PACKED) or file.read(8).startswith(_MAGIC):
            _refuse(path, f"has another archive in it: {entry.filename!a}")
    with archive.open(entry) as file:
        _check_beginning(path, file, name.endswith(_XML))


def _check_beginning(path: Path, file: object, is_xml: bool) -> None:
    """Read a document up to its root element; a document type, which could declare entities, is refused.

    Whatever its name, since a workbook may call a sheet as it likes; an image is none.
    """

    def refuse(*_: object) -> NoReturn:
        _refuse(path, "has XML with a document type in it, which no workbook needs and which can declare entities")

    def reached(*_: object) -> NoReturn:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = refuse, reached
    try:
        parser.ParseFile(file)  # type: ignore[arg-type]
    except _RootReached:
        return
    except expat.ExpatError:
        if is_xml:
            raise BadZipFile("an entry is no XML") from None


def _refuse(
    path: Path, problem: str, how_to_fix: str = "Open it in Excel and save it anew, or ask who sent it"
) -> NoReturn:
    raise ValidationError(f"{path} is not read: it {problem}", how_to_fix, "") from None
