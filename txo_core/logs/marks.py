"""Records that remember as what they were found clean: what is changed later, by whomever, is cleaned again.

A mark holds in this process only, and until one more secret is known. A copy, or a record that comes out of a pickle,
has none: whoever made it may have known fewer secrets than this process does.
"""

import logging
from typing import Any

from txo_core.redaction import known_values

STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "txo_mark"}
"""The fields of a record that nobody has added one to, in this version of Python, and those that formatters add."""


class Record(logging.LogRecord):
    """A log record with a mark, where no formatter shows it."""

    __slots__ = ("txo_mark",)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """Let a copy be a record as everybody makes them."""
        return logging.makeLogRecord, (self.__dict__,)


class Trace(str):
    """A traceback that has been cleaned."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a copy be a text as any other."""
        return str, (str(self),)


class Mark:
    """What a clean record looks like."""

    __slots__ = ("fields", "known", "message")

    def __init__(self, record: logging.LogRecord) -> None:
        self.known = known_values()
        self.message = record.msg
        self.fields = further_fields(record)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let no mark go to another process."""
        return type(None), ()

    def fits(self, record: logging.LogRecord) -> bool:
        """Tell whether nothing that a handler could show was changed since, names aside, and no secret has come up."""
        if record.msg is not self.message or record.args or record.exc_info or known_values() is not self.known:
            return False
        if not (is_clean_trace(record.exc_text) and is_clean_trace(record.stack_info)):
            return False
        if not self.fields:
            return STANDARD.issuperset(record.__dict__)
        now = further_fields(record)
        return now.keys() == self.fields.keys() and all(value is self.fields[name] for name, value in now.items())


def is_clean_trace(text: Any) -> bool:
    """Tell whether a traceback is none, or has been cleaned."""
    return text is None or type(text) is Trace


def mark_of(record: logging.LogRecord) -> Mark | None:
    """Return the mark of a record, if it has one."""
    mark = getattr(record, "txo_mark", None)
    return mark if type(mark) is Mark else None


def set_mark(record: logging.LogRecord) -> None:
    """Note that the record is clean as it stands; one of somebody else's class keeps the note among its fields."""
    if type(record) is Record:
        record.__dict__.pop("txo_mark", None)
    record.txo_mark = Mark(record)


def further_fields(record: logging.LogRecord) -> dict[Any, Any]:
    """Return the fields that somebody has added."""
    fields = record.__dict__
    return {} if STANDARD.issuperset(fields) else {name: fields[name] for name in fields if name not in STANDARD}
