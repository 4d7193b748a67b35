"""What a spreadsheet takes for a formula, and how data is kept from being one."""

import re
from typing import Self

from txo_core.exceptions import ValidationError

_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
_BLANK = r"[\s\x00-\x1f\u200b\ufeff]*"
_STARTS = re.compile(rf"'*(?:{_BLANK}{_SIGN}|[\t\r\n])")
# A program with another separator begins a new field there, and half a field further on its quotes mean nothing.
_LEAD = r"[;\s\"\x00-\x1f\u200b\ufeff]"
_INSIDE = re.compile(rf"(?<!{_LEAD})({_LEAD}++)('*+{_SIGN})")
_GUARDED_INSIDE = re.compile(rf"(?<!{_LEAD})({_LEAD}++)'('*+{_SIGN})")
_SEPARATORS = re.compile(r"[;\t\r\n]")


class Formula(str):
    """A formula of the script's own for a cell: `Formula("=SUM(B2:B10)")`. Never make one of data."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Refuse what is none."""
        if not text.startswith("=") or len(text) < 2:
            raise ValidationError("A formula begins with an equals sign", "Write it as in a cell", 'Formula("=A1+B1")')
        return super().__new__(cls, text)


def starts_a_formula(text: str) -> bool:
    """Tell whether a spreadsheet could take the text for a formula: by = + - @, also full-width, tab or line break."""
    return _STARTS.match(text) is not None


def guarded(text: str) -> str:
    """Return the text for a CSV field, with an apostrophe before each place where a formula could begin.

    That is at its start, and behind a semicolon, tab or line break in it, where a program that takes those for ends of
    fields would begin a new one. `unguarded` takes them away again.
    """
    if _SEPARATORS.search(text):
        text = _INSIDE.sub(lambda found: _after(found, f"{found[1]}'{found[2]}"), text)
    return f"'{text}" if _STARTS.match(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given."""
    if text.startswith("'") and _STARTS.match(text):
        text = text[1:]
    if _SEPARATORS.search(text):
        text = _GUARDED_INSIDE.sub(lambda found: _after(found, found[1] + found[2]), text)
    return text


def _after(found: re.Match[str], changed: str) -> str:
    """Return what stands instead of a match: it is left alone where only blanks and quotes go before the sign."""
    return changed if _SEPARATORS.search(found[1]) else found[0]
