"""Texts out of XML that is known to be simple: cut out by regular expressions, in flat memory."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from zipfile import ZipFile

BLOCK = 2**20
LONGEST_PIECE = 16 * 2**20
"""Bytes between two ends of rows or texts: more no row and no text of Excel has."""
_PLAIN = re.compile(r'<si><t(?: xml:space="preserve")?>([^<>]*)</t></si>')
_SHARED_BEGIN = re.compile(rb"<sst(?: [^<>]*)?>")
_ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"'](?!utf-8|UTF-8)")
_ENTITY = re.compile("&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|[a-z]+);|&")
_CHARACTERS = (range(9, 11), range(13, 14), range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


class Unusual(Exception):
    """A workbook in a form that is not read here; the trusted reader can, or says what is wrong."""


class Broken(Exception):
    """A workbook that no program has written so: nobody tries to read it in another way."""


def blocks(archive: ZipFile, entry: str, begin: re.Pattern[bytes], unit: bytes, end: bytes) -> Iterator[str]:
    """Yield what stands between the tags `begin` and `end` of an entry, cut behind the last `unit` of each block.

    Line ends are those that XML means. Raises Unusual for XML that does not begin and end so, and Broken for a piece
    without end.
    """
    with archive.open(entry) as file:
        rest = file.read(4 * BLOCK)
        found = begin.search(rest)
        if not found or _ENCODING.match(rest):
            raise Unusual if end.strip(b"</>") in rest else Broken
        if found[0].endswith(b"/>"):
            return
        rest = rest[found.end() :]
        while True:
            cut = rest.rfind(unit)
            if cut >= 0:
                yield _decoded(rest[: cut + len(unit)])
                rest = rest[cut + len(unit) :]
            if len(rest) > LONGEST_PIECE:
                raise Broken
            piece = file.read(max(BLOCK, len(rest)))
            if not piece:
                break
            rest += piece
        if not rest.startswith(end):
            raise Unusual


def shared_texts(archive: ZipFile, entry: str) -> Iterator[str]:
    """Yield the texts that cells share; of one whose parts have looks of their own, the parts together."""
    for block in blocks(archive, entry, _SHARED_BEGIN, b"</si>", b"</sst>"):
        parts = _PLAIN.split(block)
        for between, text in zip(parts[::2], [*parts[1::2], None], strict=True):
            if between:
                yield from _rich_texts(between)
            if text is not None:
                yield text_of_cell(unescaped(text))


def unescaped(text: str) -> str:
    """Return what a text of XML means. Raises Unusual for what no XML has."""
    return _ENTITY.sub(_meant, text) if "&" in text else text


def text_of_cell(text: str) -> str:
    """Return the text that a cell means: `_x0001_` is a character that XML does not have."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _meant(found: re.Match[str]) -> str:
    if found[0] in _ENTITIES:
        return _ENTITIES[found[0]]
    if found[1] or found[2]:
        number = int(found[1] or found[2], 10 if found[1] else 16)
        if any(number in span for span in _CHARACTERS):
            return chr(number)
    raise Unusual


def _decoded(xml: bytes) -> str:
    text = xml.decode()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _rich_texts(xml: str) -> Iterator[str]:
    try:
        root = ElementTree.fromstring(f"<sst>{xml}</sst>")  # noqa: S314 - as above
    except ElementTree.ParseError:
        raise Unusual from None
    for item in root:
        if item.tag != "si":
            raise Unusual
        runs = [part.find("t") if part.tag == "r" else part if part.tag == "t" else None for part in item]
        yield text_of_cell("".join(run.text or "" for run in runs if run is not None))
