"""What an Excel cell holds, and in which form: the rules that every writer of workbooks follows."""

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from txo_core.exceptions import ValidationError
from txo_core.formats.formulas import Formula
from txo_core.formats.tables import SCALARS, Unsavable, compact, native, scalar_text

MAX_ROWS, MAX_COLUMNS, MAX_TEXT, MAX_DIGITS = 1_048_576, 16_384, 32_767, 15
MAX_WHOLE: int = 10**MAX_DIGITS
MAX_FORMULA = 8_192
LONGEST_NAME = 31
FIRST_DATE = date(1900, 3, 1)
"""The first day on which all programs agree: Excel counts a 29 February 1900, which there was not, others do not."""
FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss", timedelta: "[h]:mm:ss"}
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|^'|'$")

Content = tuple[str | date | time | timedelta | None, str]


def content(value: Any) -> Content:
    """Return what stands in a cell and its type (s text, n number, b boolean, d date, f formula). Raises Unsavable.

    Numbers are text of their digits, dates and times are those of Python, without a zone.
    """
    value = native(value)
    if value is None:
        return None, "n"
    if isinstance(value, Formula):
        return _formula(value), "f"
    if isinstance(value, str):
        return cell_text(value), "s"
    if isinstance(value, bool):
        return str(int(value)), "b"
    if isinstance(value, (int, float, Decimal)):
        return (str(value), "n") if _exact(value) else (scalar_text(value), "s")
    if isinstance(value, (date, time, timedelta)):
        return _moment(value)
    return cell_text(scalar_text(value) if isinstance(value, SCALARS) else compact(value)), "s"


def cell_text(text: str) -> str:
    """Return text in the form that Excel wants: what XML does not have, such as control characters, as `_x0001_`."""
    if not fits_cell(text):
        raise Unsavable(f"a text of {len(text):,} characters, and an Excel cell holds {MAX_TEXT:,}")
    return NOT_IN_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def fits_cell(text: str) -> bool:
    """Tell whether Excel, which counts an emoji as two characters, takes this text into one cell."""
    return len(text) <= MAX_TEXT // 2 or _units(text) <= MAX_TEXT


def check_sheet_names(names: list[str]) -> None:
    """Refuse names that Excel does, such as two that differ only in case."""
    lower = [str(name).lower() for name in names]
    for name in names:
        if not isinstance(name, str) or not 0 < _units(name) <= LONGEST_NAME or NOT_IN_SHEET_NAME.search(name):
            problem = f"{name!a} cannot be the name of a sheet"
        elif lower.count(name.lower()) > 1 or name.lower() == "history":
            problem = f"The sheet name {name!r} is taken; upper and lower case are the same to Excel"
        else:
            continue
        raise ValidationError(problem, "Use 1 to 31 characters without [ ] : * ? / \\", '{"Customers": rows}')
    if not names:
        raise ValidationError("A workbook has at least one sheet", "Give rows, or a dict of sheets", '{"Data": rows}')


def check_size(sheet: str, rows: int, columns: int) -> None:
    """Refuse a sheet of more rows, besides its header, or columns than Excel holds. There is no second sheet by itself.

    Who loads the first sheet would take a part for the whole.
    """
    if columns > MAX_COLUMNS:
        raise too_large(sheet, f"{columns:,} columns", f"{MAX_COLUMNS:,}")
    if rows >= MAX_ROWS:
        raise too_large(sheet, "more rows", f"{MAX_ROWS - 1:,}")


def too_large(sheet: str, what: str, limit: str) -> ValidationError:
    """Return the error for a sheet with more than Excel holds."""
    return ValidationError(
        f"The sheet {sheet!r} would have {what}, and Excel holds {limit}",
        "Save the rows as .csv or .jsonl, or spread them over several sheets",
        'TxoDataHandler().save({"North": north, "South": south}, "output", "customers.xlsx")',
    )


def _units(text: str) -> int:
    """Return the length of a text as Excel counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _formula(formula: Formula) -> str:
    if len(formula) > MAX_FORMULA or NOT_IN_XML.search(formula):
        raise Unsavable(f"a formula of more than {MAX_FORMULA:,} characters, or with a control character in it")
    return str(formula)


def _exact(value: int | float | Decimal) -> bool:
    """Tell whether Excel keeps this number: it holds doubles and shows 15 digits."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < MAX_WHOLE
    digits = "".join(map(str, value.as_tuple().digits)).strip("0")
    return value.is_finite() and len(digits) <= MAX_DIGITS and -300 < value.adjusted() < 300


def _moment(value: date | time | timedelta) -> Content:
    """Return a date or time as Excel has it: without a zone, so in UTC; text where it has none, as before 1900."""
    if isinstance(value, datetime):
        value = in_utc(value)
    if isinstance(value, date) and (value.date() if isinstance(value, datetime) else value) < FIRST_DATE:
        return value.isoformat(), "s"
    if isinstance(value, timedelta) and value < timedelta(0):
        return _below_zero(value), "s"
    if isinstance(value, time) and value.tzinfo:
        return value.isoformat(), "s"
    return value, "d"


def _below_zero(span: timedelta) -> str:
    """Return a negative span as Excel writes hours, `-26:30:00`: it has no such number."""
    hours, rest = divmod(-span, timedelta(hours=1))
    return f"-{hours}{str(rest)[1:]}"


def in_utc(moment: datetime) -> datetime:
    """Return the same moment in UTC, without a zone; one without a zone stays as it is. Raises Unsavable."""
    if not moment.tzinfo:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise Unsavable("a moment outside the years 1 to 9999 in UTC") from None
