"""What a workbook from elsewhere says of itself: its sheets, its texts, and which numbers are dates (ECMA-376)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

from txo_core.formats.xml_texts import Unusual, shared_texts

DAY = timedelta(days=1)
EPOCHS = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001 - Excel knows no zones
LAST_DAY = 2_958_466
LEAP = 60
"""Day 60 is 29 February 1900, which there was not: Excel counts the days before it one less."""
STANDARD = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)), "date"),
    **dict.fromkeys((18, 19, 20, 21, *range(32, 36), 45, 47), "clock"),
    22: "moment",
    46: "span",
}
"""Formats that every program knows by their numbers."""
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")

Convert = Callable[[float], Any]


@dataclass
class Contents:
    """What the parts of a workbook say that are not its sheets."""

    archive: ZipFile
    sheets: dict[str, str] = field(default_factory=dict)
    """Names of the sheets with cells, in their order, and the entries in which they lie."""
    looks: dict[str | None, Convert] = field(default_factory=dict)
    """What makes a date or time of a number, by the position of its look."""

    @cached_property
    def texts(self) -> list[str]:
        """The texts that cells share."""
        names = [name for name in self.archive.namelist() if name.lower() == "xl/sharedstrings.xml"]
        return list(shared_texts(self.archive, names[0])) if names else []

    def text(self, number: str) -> str:
        """Return the shared text of a number. Raises IndexError, ValueError."""
        if not number.isdecimal():
            raise ValueError("no number of a text")
        return self.texts[int(number)]


def contents_of(archive: ZipFile) -> Contents:
    """Return what a workbook says of itself. Raises Unusual, and what ZipFile and the XML parser raise."""
    homes = list(_targets(archive, PurePosixPath(), "/officeDocument").values())
    if len(homes) != 1:
        raise Unusual
    home = PurePosixPath(homes[0])
    sheets = _targets(archive, home, "/worksheet")
    styles = _targets(archive, home, "/styles")
    root = _xml(archive, str(home))
    result = Contents(archive)
    for sheet in _named(root, "sheet"):
        target = next((sheets[value] for key, value in sheet.items() if key.endswith("}id") and value in sheets), None)
        if target:
            result.sheets[sheet.get("name", "")] = target
    is_1904 = any(part.get("date1904") in ("1", "true") for part in _named(root, "workbookPr"))
    for target in styles.values():
        result.looks = _looks(_xml(archive, target), is_1904)
    return result


def format_kind(code: str) -> str | None:
    """Return what a format of Excel shows: a date, a moment (with its time), a clock, a span, or None for a number."""
    code = _LITERAL.sub("", code.partition(";")[0]).lower()
    if _ELAPSED.search(code):
        return "span"
    signs = set(code)
    days, hours = bool(signs & set("yd")), bool(signs & set("hs"))
    if "m" in signs and not hours:
        days = True
    return ("moment" if hours else "date") if days else "clock" if hours else None


def _targets(archive: ZipFile, source: PurePosixPath, kind: str) -> dict[str, str]:
    """Return the entries that a part refers to, of the kind, by the name that it gives them."""
    relations = _xml(archive, str(source.parent / "_rels" / f"{source.name}.rels"))
    return {
        relation.get("Id", ""): _entry(source.parent, relation.get("Target", ""))
        for relation in _named(relations, "Relationship")
        if relation.get("Type", "").endswith(kind) and relation.get("TargetMode") != "External"
    }


def _entry(folder: PurePosixPath, target: str) -> str:
    steps: list[str] = []
    for step in (PurePosixPath(target[1:]) if target.startswith("/") else folder / target).parts:
        if step == "..":
            del steps[-1:]
        else:
            steps.append(step)
    return "/".join(steps)


def _xml(archive: ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(name))  # noqa: S314 - archives.check_workbook has seen that it declares nothing


def _named(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (part for part in root.iter() if part.tag.rpartition("}")[2] == name)


def _looks(styles: ElementTree.Element, is_1904: bool) -> dict[str | None, Convert]:
    codes = {part.get("numFmtId"): part.get("formatCode", "") for part in _named(styles, "numFmt")}
    looks: dict[str | None, Convert] = {}
    formats = next(_named(styles, "cellXfs"), ElementTree.Element("none"))
    for position, look in enumerate(formats):
        number = look.get("numFmtId", "0")
        kind = format_kind(codes[number]) if number in codes else STANDARD.get(int(number))
        if kind:
            looks[str(position)] = _converter(kind, EPOCHS[is_1904])
    return looks


def _converter(kind: str, epoch: datetime) -> Convert:
    first = epoch.toordinal()
    leap = LEAP if epoch == EPOCHS[False] else 0

    def convert(days: float) -> Any:
        if kind == "span":
            return timedelta(microseconds=_microseconds(days))
        if not 0 <= days < LAST_DAY:
            return days
        if kind == "date" and type(days) is int and days > leap:
            return date.fromordinal(first + days)
        moment = epoch + timedelta(microseconds=_microseconds(days))
        if days < 1:
            return moment.time()
        if days < leap:
            moment += DAY
        return moment.date() if kind == "date" and moment == datetime.combine(moment, _MIDNIGHT) else moment

    return convert


_MIDNIGHT = datetime.min.time()


def _microseconds(days: float) -> int:
    """Return the microseconds, to the whole millisecond where that is as near as a number of days comes."""
    exact = round(days * 86_400_000_000)
    near = round(exact, -3)
    return near if abs(exact - near) <= 1 else exact
