"""Log records without secrets: cleaned at the doors that every record of every logger has to pass.

`Filterer.filter`, which loggers and handlers ask about each record, and `Logger.callHandlers` are these doors: whatever
a record is made of, by whom, and with which fields, it goes through one of them before a handler has it, also one that
is added later, that has a formatter of its own, or filters that change the record. A record that came in through a
queue or a socket meets the first. What a handler says of a failure of its own is cleaned, too.
"""

import functools
import logging
import re
import sys
import threading
from contextlib import suppress
from typing import Any
from uuid import UUID

from txo_core.exceptions import ScriptError, TxoError
from txo_core.logs.clean_data import clean_member
from txo_core.logs.marks import Mark, Record, Trace, further_fields, is_clean_trace, mark_of, set_mark
from txo_core.logs.scrubbing import sentence, traceback_text
from txo_core.logs.text import cut, indented, on_lines, one_line
from txo_core.logs.words import clean_words, plain_name, withhold_words
from txo_core.redaction import known_values, redact

WITHHELD = "[record withheld: redaction failed]"
LARGEST_RECORD = 65_536
MESSAGE_BYTES, TRACE_BYTES, STACK_BYTES, FIELD_BYTES = 30_000, 20_000, 5_000, 4_000
LONGEST_TEXT, LOOSE_END = 1_000_000, 20_000
"""A text longer than the first is cut before it is redacted; the second is what is thrown away with the cut."""

PROBLEM = "\n❌ Problem: "
"""How the text of a HelpfulError begins, which is made to be read on several lines."""

TRACEBACK = "Traceback (most recent call last):"
"""What scripts log as a message, by `traceback.format_exc()`, and a QueueHandler merges into it."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Counter:
    """How many records were withheld in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self.count += 1


withheld = Counter()


def install() -> None:
    """Let no record of any logger reach a handler as it was made; calling it again changes nothing."""
    if logging.getLogRecordFactory() is logging.LogRecord:
        logging.setLogRecordFactory(Record)
    for owner, name, made in (
        (logging.Filterer, "filter", _cleaning_filter),
        (logging.Logger, "callHandlers", _cleaning_call),
        (logging.Handler, "handleError", _cleaning_failure),
    ):
        if not getattr(getattr(owner, name), "cleans", False):
            door = made(getattr(owner, name))
            door.cleans = True
            setattr(owner, name, door)


def _cleaning_filter(ask: Any) -> Any:
    @functools.wraps(ask)
    def filter_clean(self: Any, record: logging.LogRecord) -> Any:
        clean(record)
        passes = ask(self, record)
        if passes and self.filters:
            clean(passes if isinstance(passes, logging.LogRecord) else record, names_too=True)
        return passes

    return filter_clean


def _cleaning_call(call: Any) -> Any:
    @functools.wraps(call)
    def call_clean(self: Any, record: logging.LogRecord) -> Any:
        clean(record)
        return call(self, record)

    return call_clean


def _cleaning_failure(tell: Any) -> Any:
    @functools.wraps(tell)
    def tell_clean(self: logging.Handler, record: logging.LogRecord) -> None:
        if not logging.raiseExceptions or sys.stderr is None:
            return
        try:
            trace = indented(traceback_text(sys.exc_info()[1]))
            text = f"--- Logging error ---\n{trace}\n    in {type(self).__name__}: {clean(record).getMessage()}\n"
        except Exception:
            text = WITHHELD + "\n"
        with suppress(Exception):
            sys.stderr.write(text)

    return tell_clean


def clean(record: logging.LogRecord, names_too: bool = False) -> logging.LogRecord:
    """Return the record without secrets and on one line; one that cannot be cleaned says only that it is withheld.

    The names it stands under are cleaned once, or again where somebody may have changed them.
    """
    mark = mark_of(record)
    try:
        if mark is None or names_too:
            clean_words(record)
        if mark is not None and mark.fits(record):
            return record
        _clean(record, mark)
    except Exception:
        withheld.add()
        _withhold(record)
    set_mark(record)
    return record


def _clean(record: logging.LogRecord, mark: Mark | None) -> None:
    if record.__dict__.get("txo_mark", mark) is not mark:
        record.__dict__["mark"] = record.__dict__.pop("txo_mark")  # somebody's own field of this name
    if mark is not None and mark.known is not known_values():
        mark = None
    if mark is None:
        record.__dict__.pop("message", None)  # what a formatter made of it before
    further = further_fields(record)
    if further:
        _clean_fields(record, further, mark.fields if mark else {})
    if mark is None or record.msg is not mark.message or record.args:
        record.msg, record.args = _message(record), ()
        if type(record).getMessage is not logging.LogRecord.getMessage:
            record.__class__ = logging.LogRecord  # it would make a message of the message
    _clean_traces(record, again=mark is None)


def _clean_traces(record: logging.LogRecord, again: bool) -> None:
    told = record.exc_info
    error = told[1] if isinstance(told, tuple) and len(told) > 1 else told
    if isinstance(error, TxoError) and not isinstance(error, ScriptError):
        record.txo_sentence = Trace(one_line(sentence(error)))
    if isinstance(error, BaseException):
        record.exc_text = _trace(traceback_text(error))
        record.txo_short_trace = _trace(traceback_text(error, ours_only=True))
    elif record.exc_text is not None and (again or not is_clean_trace(record.exc_text)):
        record.exc_text = _trace(_redacted(str(record.exc_text)))
    record.exc_info = None
    if record.stack_info is not None and (again or not is_clean_trace(record.stack_info)):
        record.stack_info = _trace(_redacted(str(record.stack_info)), STACK_BYTES)


def _trace(text: str, limit: int = TRACE_BYTES) -> Trace:
    return Trace(cut(indented(text), limit, both_ends=True))


def _message(record: logging.LogRecord) -> str:
    """Return the merged message; one whose arguments do not fit it stands before them."""
    try:
        merged = record.getMessage()
    except Exception:
        merged = f"{record.msg!s} {record.args!r} [these arguments do not fit the message]"
    text = redact(merged) if len(merged) <= LONGEST_TEXT else _redacted(merged)
    if not text.isprintable():
        text = _on_its_line(record.name, text)
    return text if len(text) * 4 <= MESSAGE_BYTES else cut(text, MESSAGE_BYTES)


def _on_its_line(name: str, text: str) -> str:
    """Return a message as one line; an error of ours, made to be read on several, a traceback and a warning go on."""
    if PROBLEM in text:
        head, _, rest = text.partition(PROBLEM)
        return on_lines(f"{head}{PROBLEM[1:]}{rest}")
    return on_lines(text) if name == "py.warnings" or TRACEBACK in text else one_line(text)


def _redacted(text: str) -> str:
    """Return the text without secrets; a very long one without its end, in which a secret could be cut in two."""
    if len(text) <= LONGEST_TEXT:
        return redact(text)
    return redact(text[:LONGEST_TEXT])[:-LOOSE_END] + f" ... [{len(text):,} characters in all, cut here]"


def _clean_fields(record: logging.LogRecord, further: dict[Any, Any], clean_before: dict[Any, Any]) -> None:
    """Clean what `extra` brought, names and values; together the fields keep to a few kilobytes."""
    room = FIELD_BYTES
    for name, value in further.items():
        if name in clean_before and clean_before[name] is value:
            continue
        if type(value) is Trace:
            record.__dict__[name] = Trace(redact(value))
            continue
        told = plain_name(name)
        if told != name:
            del record.__dict__[name]
        value = clean_member(told, value)
        if isinstance(value, str):
            value = cut(one_line(value), max(200, room))
        elif isinstance(value, dict | list | tuple | set) and len(str(value)) > room:
            value = cut(one_line(str(value)), max(200, room))
        room -= len(str(value))
        record.__dict__[told] = value


def _withhold(record: logging.LogRecord) -> None:
    record.msg, record.args, record.exc_info, record.exc_text, record.stack_info = WITHHELD, (), None, None, None
    withhold_words(record)
    for name, value in further_fields(record).items():
        if _is_id(name, value):
            continue
        del record.__dict__[name]
        if isinstance(name, str) and name.isidentifier() and len(name) < 40:
            record.__dict__[name] = WITHHELD


def _is_id(name: Any, value: Any) -> bool:
    """Tell whether a field only says which run a line belongs to, without which Prefect's server refuses the line."""
    if not (isinstance(name, str) and name.endswith("_id")):
        return False
    return isinstance(value, UUID) or (type(value) is str and _UUID.fullmatch(value) is not None)
