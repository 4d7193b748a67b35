"""Numbers as people and programs write them: 1.234,50 or 1,234.50 or 1 234,50 or 12,5-; what may mean two is none."""

import re
from decimal import Decimal

from txo_core.intake.cells import Unreadable

SIGNED = re.compile(r"(?P<sign>[+\-\u2212\u2013]?)\s*(?P<digits>\d[\d.,\s'\u2019]*|[.,]\d+)\s*(?P<after>-?)")
SPACES = re.compile(r"[\s'\u2019]")
SPACED = re.compile(r"\d{1,3}(?:(?P<mark>[\s'\u2019])\d{3})(?:(?P=mark)\d{3})*")
NO_NUMBER = "is not a number"


def number_of(text: str, decimal_comma: bool | None = None) -> Decimal:
    """Return the number that a text means. Raises Unreadable for what is none, or may be one of two.

    `decimal_comma` says how the file writes decimals where a single mark could be either: `1,234` is 1.234 if it is
    true, 1234 if it is false, and refused if nobody has said.
    """
    match = SIGNED.fullmatch(text)
    if match is None or (match["sign"] and match["after"]):
        raise Unreadable(NO_NUMBER)
    number = _unsigned(match["digits"].rstrip(), decimal_comma)
    negative = match["after"] == "-" or (match["sign"] not in ("", "+"))
    return -number if negative else number


def _unsigned(digits: str, decimal_comma: bool | None) -> Decimal:
    marks = [sign for sign in digits if sign in ".,"]
    if not marks:
        return Decimal(_ungrouped(digits, None))
    last = marks[-1]
    whole, _, decimals = digits.rpartition(last)
    if len(set(marks)) == 2:
        if marks.count(last) > 1:
            raise Unreadable(NO_NUMBER)
        return _joined(_ungrouped(whole, marks[0]), decimals)
    if len(marks) > 1:
        return Decimal(_ungrouped(digits, last))
    return _one_mark(whole, last, decimals, decimal_comma)


def _one_mark(whole: str, mark: str, decimals: str, decimal_comma: bool | None) -> Decimal:
    """Return the number with one comma or point, which may end the whole number or the thousands."""
    is_spaced = SPACES.search(whole) is not None
    could_group = len(decimals) == 3 and 1 <= len(whole) <= 3 and whole != "0" and whole.isdigit()
    if not could_group:
        return _joined(_ungrouped(whole, None) if is_spaced else whole, decimals)
    if decimal_comma is None:
        raise Unreadable(f"can be read as {whole}{decimals} and as {whole}.{decimals}: write it without thousands")
    return _joined(whole, decimals) if (mark == ",") is decimal_comma else Decimal(whole + decimals)


def _joined(whole: str, decimals: str) -> Decimal:
    if not (whole or "0").isdigit() or not (decimals or "0").isdigit():
        raise Unreadable(NO_NUMBER)
    return Decimal(f"{whole or '0'}.{decimals or '0'}")


def _ungrouped(digits: str, mark: str | None) -> str:
    """Return digits without what groups them by threes: the mark, or else blanks or apostrophes."""
    if mark is not None:
        first, *groups = digits.split(mark)
        if not 1 <= len(first) <= 3 or not all(len(group) == 3 for group in groups):
            raise Unreadable(NO_NUMBER)
        digits = first + "".join(groups)
    elif SPACED.fullmatch(digits):
        digits = SPACES.sub("", digits)
    if not digits.isdigit():
        raise Unreadable(NO_NUMBER)
    return digits
