"""Log records without secrets: cleaned at the two doors that every record of every logger has to pass.

`Logger.handle` and `Handler.handle` are these doors: whatever a record is made of, by whom, and with which fields, it
goes through them before any handler sees it, also one that is added later or that has a formatter of its own. A record
that came in through a queue or a socket meets the second.
"""

import functools
import logging
import threading
from typing import Any

from txo_core.exceptions import ScriptError, TxoError
from txo_core.logs.clean_data import clean_member
from txo_core.logs.scrubbing import sentence, traceback_text
from txo_core.logs.text import cut, indented, one_line
from txo_core.redaction import redact

WITHHELD = "[record withheld: redaction failed]"
LARGEST_RECORD = 65_536
MESSAGE_BYTES, TRACE_BYTES, STACK_BYTES, FIELD_BYTES = 30_000, 20_000, 5_000, 4_000
LONGEST_TEXT, LOOSE_END = 1_000_000, 20_000
"""A text longer than the first is cut before it is redacted; the second is what is thrown away with the cut."""

PROBLEM = "\n❌ Problem: "
"""How the text of a HelpfulError begins, which is made to be read on several lines."""

_PLAIN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
_STANDARD = _PLAIN | {"message", "asctime", "txo_mark"}


class Record(logging.LogRecord):
    """A log record that remembers what it was when it was cleaned, where no formatter shows it."""

    __slots__ = ("txo_mark",)


class Trace(str):
    """A traceback that has been cleaned."""

    __slots__ = ()


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
    for owner in (logging.Logger, logging.Handler):
        if not getattr(owner.handle, "cleans", False):
            owner.handle = _cleaning(owner.handle)  # type: ignore[method-assign]


def _cleaning(handle: Any) -> Any:
    @functools.wraps(handle)
    def handle_clean(self: Any, record: logging.LogRecord) -> Any:
        clean(record)
        return handle(self, record)

    handle_clean.cleans = True  # type: ignore[attr-defined]
    return handle_clean


def clean(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record without secrets and on one line; one that cannot be cleaned says only that it is withheld."""
    mark = getattr(record, "txo_mark", None)
    same = mark is not None and mark[0] is record.msg
    if mark is not None and same and mark[1] == _size(record):
        return record
    try:
        _clean(record, same)
    except Exception:
        withheld.add()
        _withhold(record)
    if type(record) is not Record:
        record.__dict__.setdefault("txo_mark")
    record.txo_mark = (record.msg, _size(record))
    return record


def _size(record: logging.LogRecord) -> int:
    """Return how many fields a record has, those aside that formatters add."""
    fields = record.__dict__
    return len(fields) - ("message" in fields) - ("asctime" in fields)


def _clean(record: logging.LogRecord, same: bool) -> None:
    if len(record.__dict__) > len(_PLAIN):
        _clean_fields(record)
    if not same:
        record.msg, record.args = _message(record), ()
    if not record.name.isprintable():
        record.name = one_line(record.name)
    if record.exc_info or record.exc_text or record.stack_info:
        _clean_traces(record)


def _clean_traces(record: logging.LogRecord) -> None:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, TxoError) and not isinstance(error, ScriptError):
        record.txo_sentence = one_line(sentence(error))
    if error is not None:
        record.exc_text = _trace(traceback_text(error))
        record.txo_short_trace = _trace(traceback_text(error, ours_only=True))
    elif record.exc_text and not isinstance(record.exc_text, Trace):
        record.exc_text = _trace(_redacted(record.exc_text))
    record.exc_info = None
    if record.stack_info and not isinstance(record.stack_info, Trace):
        record.stack_info = _trace(_redacted(record.stack_info), STACK_BYTES)


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
    """Return a message as one line; an error of ours, made to be read on several, and a warning go on below."""
    if PROBLEM in text:
        head, _, rest = text.partition(PROBLEM)
        return on_lines(f"{head}{PROBLEM[1:]}{rest}")
    return on_lines(text) if name == "py.warnings" else one_line(text)


def on_lines(text: str) -> str:
    """Return a text whose first line stands for itself and whose others follow indented."""
    first, _, rest = text.partition("\n")
    return one_line(first) + ("\n" + indented(rest) if rest.strip() else "")


def _redacted(text: str) -> str:
    """Return the text without secrets; a very long one without its end, in which a secret could be cut in two."""
    if len(text) <= LONGEST_TEXT:
        return redact(text)
    return redact(text[:LONGEST_TEXT])[:-LOOSE_END] + f" ... [{len(text):,} characters in all, cut here]"


def _clean_fields(record: logging.LogRecord) -> None:
    """Clean what `extra` brought; together the fields keep to a few kilobytes."""
    room = FIELD_BYTES
    for name in [name for name in record.__dict__ if name not in _STANDARD]:
        value = record.__dict__[name]
        if isinstance(value, Trace):
            continue
        value = clean_member(name, value)
        if isinstance(value, str):
            value = cut(one_line(value), max(200, room))
        elif isinstance(value, dict | list | tuple | set) and len(str(value)) > room:
            value = cut(one_line(str(value)), max(200, room))
        room -= len(str(value))
        record.__dict__[name] = value


def _withhold(record: logging.LogRecord) -> None:
    record.msg, record.args, record.exc_info, record.exc_text, record.stack_info = WITHHELD, (), None, None, None
    for name, value in record.__dict__.items():
        if name not in _STANDARD and not _is_id(name, value):
            record.__dict__[name] = WITHHELD


def _is_id(name: str, value: Any) -> bool:
    """Tell whether a field only says which run a line belongs to, without which Prefect's server refuses the line."""
    return name.endswith("_id") and len(str(value)) == 36 and not set(str(value)) - set("0123456789abcdef-")
