"""How wide a text is in a cell, in digits of the report's font."""

import unicodedata
from functools import lru_cache

NARROW, SMALL, BROAD = frozenset(" .,:;'|!iljfrtI()[]/-"), frozenset("csz"), frozenset("mwMW@%")
LINE_HEIGHT, MOST_LINES = 15, 27
"""Points a line, and how many lines the highest row that Excel shows can hold."""


def text_width(text: str) -> float:
    """Return about how many digits wide a text is: capitals are wider, Chinese characters and emoji take two."""
    return sum(map(_char_width, text))


def lines(text: str, width: float) -> int:
    """Return about how many lines a text takes in a column of that width, 27 at most; Excel does not grow rows."""
    room = width - 1.5
    return min(MOST_LINES, sum(int(-(-text_width(line) // room)) or 1 for line in text.splitlines()) or 1)


def rough_lines(text: object, width: float, most: int) -> int:
    """Return the same without looking at each character, for many texts; `most` at most, and 1 for what is no text."""
    return min(most, text.count("\n") + int(len(text) // width) + 1) if isinstance(text, str) else 1


@lru_cache(maxsize=4096)
def _char_width(char: str) -> float:
    if char in NARROW:
        return 0.6
    if char in SMALL:
        return 0.8
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn"):
        return 0.0
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return 2.2
    return 1.6 if char in BROAD else 1.2 if char.isupper() else 1.0
