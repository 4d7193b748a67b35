"""Rows out of the XML of a sheet, in flat memory, in the one form in which nearly all programs write it.

Cells are cut out by regular expressions; what they leave over makes the sheet `Unusual`. So nothing is skipped in
silence, and the trusted reader, openpyxl, reads what this one does not.
"""

import re
from collections.abc import Iterator
from typing import Any

from txo_core.formats.cells import MAX_COLUMNS
from txo_core.formats.workbook_contents import Contents, Convert
from txo_core.formats.xml_texts import Broken, Unusual, blocks, text_of_cell, unescaped

MOST_GUESSES, MOST_COLUMNS = 20, 200
"""How often the form of the rows is learned anew in one sheet, and how many columns it may have."""
_BEGIN = re.compile(rb"<sheetData/?>")
_ROW_BEGIN = r'(?:<row r="([0-9]{1,7})"[^<>]*(?<!/)>)'
_INNER = r'<is><t(?: xml:space="preserve")?>([^<>]*)</t></is>'
_CELL = re.compile(
    r"((?:<row(?: [^<>]*)?>)+)?"
    r'<c r="([A-Z]{1,3})[0-9]+"(?: s="([0-9]+)")?(?: t="([a-zA-Z]+)")?(?: [cv]m="[0-9]+")*'
    r"(?: ?/>|>(?:<f(?: [^<>]*)?/>|<f(?: [^<>]*)?>[^<>]*</f>)?"
    rf'(?:<v(?: xml:space="preserve")?>([^<>]*)</v>|<v/>|{_INNER})?</c>)'
)
_GROUPS = 7
_ROW = re.compile(r'<row (?:[^<>"]+="[^<>"]*" )*?r="([0-9]{1,7})"[^<>]*(?<!/)>')
_ROW_TAGS = re.compile(r"(?:<row(?: [^<>]*)?>)*")
_USUAL = {
    "inlineStr": rf'(?: s="[0-9]+")? t="inlineStr">{_INNER}</c>',
    "s": r'(?: s="[0-9]+")? t="s"><v>([^<>]*)</v></c>',
    "n": r'(?: s="([0-9]+)")?(?: t="n")?><v>([^<>]*)</v></c>',
    "b": r'(?: s="[0-9]+")? t="b"><v>([^<>]*)</v></c>',
}
"""A cell of each common type behind its number, the value being the last group."""
_EMPTY = r'(?: s="[0-9]+")?(?: t="[a-zA-Z]+")?(?: ?/>|></c>)'

NumberedRow = tuple[int, list[Any]]


def numbered_rows(contents: Contents, entry: str) -> Iterator[NumberedRow]:
    """Yield number and values of each row that has cells; None stands where a cell is missing.

    Raises Unusual, also after some rows; Broken, ValueError and IndexError for what no workbook has.
    """
    reader = RowReader(contents)
    before = 0
    for block in blocks(contents.archive, entry, _BEGIN, b"</row>", b"</sheetData>"):
        reader.as_it_is = "&" not in block and "_x" not in block
        for xml in block.split("</row>"):
            number, row = reader.read(xml) if xml else (0, [])
            if row:
                if number <= before:
                    raise Broken
                before = number
                yield number, row


class RowReader:
    """Reads row after row. Rows mostly have one form: it learns the columns and their types, and tries those first."""

    def __init__(self, contents: Contents) -> None:
        self.as_it_is = False
        self._contents = contents
        self._types: dict[str, str] = {}
        self._guess: re.Pattern[str] | None = None
        self._plan: list[tuple[int, str, int]] = []
        self._guesses = 0
        self._places = Places()

    def read(self, xml: str) -> NumberedRow:
        """Return number and values of a row without its end; no values where it has no cells. Raises Unusual."""
        found = self._guess.fullmatch(xml) if self._guess else None
        if not found:
            return self._read_any(xml)
        groups = found.groups()
        row: list[Any] = [None] * (self._plan[-1][0] + 1)
        for place, kind, group in self._plan:
            value = groups[group]
            if value is not None:
                if kind == "n":
                    row[place] = _number(value, self._contents.looks.get(groups[group - 1]))
                elif kind == "inlineStr" and self.as_it_is:
                    row[place] = value
                else:
                    row[place] = self._value(kind, value)
        return int(groups[0]), row

    def _read_any(self, xml: str) -> NumberedRow:
        parts = _CELL.split(xml)
        if len(parts) == 1 and _ROW_TAGS.fullmatch(xml):
            return 0, []
        if any(parts[::_GROUPS]):
            raise Unusual
        number, row, types = 0, list[Any](), dict[str, str]()
        for tags, letters, look, kind, value, text in zip(*(parts[n::_GROUPS] for n in range(1, _GROUPS)), strict=True):
            if tags is not None:
                if number:
                    raise Unusual
                number = _row_number(tags)
            place = self._places[letters]
            if place < len(row):
                raise Broken
            row += [None] * (place - len(row))
            kind = kind or "n"
            types[letters] = kind
            if kind == "n":
                row.append(_number(value, self._contents.looks.get(look)))
            else:
                row.append(self._value(kind, text if kind == "inlineStr" else value))
        self._learn(types)
        return number, row

    def _learn(self, types: dict[str, str]) -> None:
        """Take in the types of a row's columns; the latest counts, since the first row is one of names."""
        new = {letters: kind for letters, kind in types.items() if kind in _USUAL and self._types.get(letters) != kind}
        if not new or self._guesses >= MOST_GUESSES or len(self._types | new) > MOST_COLUMNS:
            return
        self._guesses += 1
        self._types = dict(sorted((self._types | new).items(), key=lambda item: self._places[item[0]]))
        pattern, group = _ROW_BEGIN, 1
        self._plan = []
        for letters, kind in self._types.items():
            pattern += f'(?:<c r="{letters}[0-9]+"(?:{_USUAL[kind]}|{_EMPTY}))?+'
            group += kind == "n"
            self._plan.append((self._places[letters], kind, group))
            group += 1
        self._guess = re.compile(pattern)

    def _value(self, kind: str, value: str | None) -> Any:
        if value is None:
            return None
        if kind == "inlineStr":
            return _text(value)
        if kind == "s":
            return self._contents.text(value)
        if kind == "b":
            return bool(int(value))
        if kind in ("str", "e"):
            return _text(value) if value else None
        raise Unusual


class Places(dict[str, int]):
    """Positions of columns by their letters: A is 0. Raises Unusual for more than a sheet has."""

    def __missing__(self, letters: str) -> int:
        place = 0
        for letter in letters:
            place = place * 26 + ord(letter) - 64
        if place > MAX_COLUMNS:
            raise Unusual
        self[letters] = place - 1
        return place - 1


def _row_number(tags: str) -> int:
    """Return the number of the row that the last of the tags opens. Raises Unusual where it has none."""
    found = _ROW.fullmatch(tags, tags.rfind("<"))
    if not found:
        raise Unusual
    return int(found[1])


def _text(text: str) -> str:
    return text_of_cell(unescaped(text))


def _number(value: str | None, convert: Convert | None) -> Any:
    if not value:
        return None
    number = float(value) if "." in value or "E" in value or "e" in value else int(value)
    return convert(number) if convert else number
