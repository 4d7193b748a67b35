"""Dates and times as spreadsheets and people write them; what may mean two days is none."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from txo_core.exceptions import ValidationError
from txo_core.intake.cells import Unreadable

YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d)")
YEAR_LAST = re.compile(r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})")
SHORT_YEAR = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2}")
MOMENT = re.compile(r"(?P<day>\S+?)(?:T|\s+)(?P<clock>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:Z|[+-]\d\d:?\d\d)?)")
NO_DATE = "is not a date, such as 2026-11-22"
NO_DAY = "is no day of the calendar"
NUMBER = "is a number, and not formatted as a date in the spreadsheet"


def date_of(value: Any) -> date:
    """Return the day that a cell means. Raises Unreadable."""
    if isinstance(value, datetime):
        if value.time() != time():
            raise Unreadable("has a time of day, and a date alone is asked for")
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise Unreadable(NUMBER if isinstance(value, int | float) and not isinstance(value, bool) else NO_DATE)
    moment = MOMENT.fullmatch(value)
    return date_of(moment_of(value, None)) if moment else _day(value)


def moment_of(value: Any, zone: str | None) -> datetime:
    """Return the point in time that a cell means, in the zone where the cell names none itself. Raises Unreadable."""
    if isinstance(value, datetime):
        return _in_zone(value, zone)
    if isinstance(value, date):
        return _in_zone(datetime.combine(value, time()), zone)
    match = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return _in_zone(datetime.combine(date_of(value), time()), zone)
    return _in_zone(datetime.combine(_day(match["day"]), _clock(match["clock"])), zone)


def time_of(value: Any) -> time:
    """Return the time of day that a cell means. Raises Unreadable."""
    if isinstance(value, time):
        return value
    if isinstance(value, timedelta) and timedelta(0) <= value < timedelta(days=1):
        return (datetime.combine(date.min, time()) + value).time()
    if isinstance(value, str):
        return _clock(value)
    raise Unreadable("is not a time of day, such as 14:30")


def _in_zone(moment: datetime, zone: str | None) -> datetime:
    if moment.tzinfo is not None or zone is None:
        return moment
    try:
        return moment.replace(tzinfo=ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValidationError(
            f"There is no time zone {zone!r}", "Name one in the model, such as Europe/Oslo", 'time_zone = "Europe/Oslo"'
        ) from None


def _clock(text: str) -> time:
    clock, hours = text.replace(" ", ""), text.partition(":")[0]
    try:
        return time.fromisoformat(f"0{clock}" if len(hours) == 1 else clock)
    except ValueError:
        raise Unreadable("is not a time of day, such as 14:30") from None


def _day(text: str) -> date:
    match = YEAR_FIRST.fullmatch(text)
    if match:
        return _date(match["year"], match["month"], match["day"])
    match = YEAR_LAST.fullmatch(text)
    if match is None:
        raise Unreadable("has a year of two digits" if SHORT_YEAR.fullmatch(text) else NO_DATE)
    first, second = int(match["first"]), int(match["second"])
    if match["mark"] == "." or first > 12 or first == second:
        return _date(match["year"], match["second"], match["first"])
    if second > 12:
        return _date(match["year"], match["first"], match["second"])
    raise Unreadable("can be read as two days: write it as 2026-11-22, or let the spreadsheet format it as a date")


def _date(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Unreadable(NO_DAY) from None
