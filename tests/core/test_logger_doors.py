"""S1, S2: ways around the doors: filters, names, odd fields, handlers that fail, copies, queues."""

import copy
import io
import logging
import logging.handlers
import pickle
import queue
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.test_logger import file_text, fresh_handlers
from txo_core.logs.marks import Record
from txo_core.redaction import MASK, register_secret

__all__ = ["fresh_handlers"]

SECRET = "Kx9-sesame/opens+the=mountain"


class Everything(logging.Formatter):
    """Somebody's own formatter: all that a record has, names of fields included."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.getMessage()} {vars(record)}"


class Sink(logging.StreamHandler[io.StringIO]):
    """Keeps what it would write."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.setFormatter(Everything())

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Give a handler of somebody's own on the root logger."""
    register_secret(SECRET)
    made = Sink()
    logging.getLogger().addHandler(made)
    yield made
    logging.getLogger().removeHandler(made)


def by_message(record: logging.LogRecord) -> bool:
    record.msg = f"now by {SECRET}"
    return True


def by_arguments(record: logging.LogRecord) -> bool:
    record.msg, record.args = "now by %s", (SECRET,)
    return True


def by_field_that_is_there(record: logging.LogRecord) -> bool:
    record.opened_by = SECRET
    return True


def by_name(record: logging.LogRecord) -> bool:
    record.threadName = record.name = SECRET
    return True


def by_traceback(record: logging.LogRecord) -> bool:
    record.exc_text = record.stack_info = f"text {SECRET}"
    return True


def by_error(record: logging.LogRecord) -> bool:
    record.exc_info = (ValueError, ValueError(SECRET), None)
    return True


FILTERS = [by_message, by_arguments, by_field_that_is_there, by_name, by_traceback, by_error]


@pytest.mark.parametrize("owner", ["logger", "handler"])
@pytest.mark.parametrize("change", FILTERS, ids=lambda change: change.__name__)
def test_what_a_filter_changes_is_cleaned_again(
    own_root: Path, sink: Sink, owner: str, change: Callable[[logging.LogRecord], bool]
) -> None:
    """S1: whether it stands at the logger or at the handler, and whatever of the record it changes."""
    log = logging.getLogger("txo.filtered")
    place: Any = log if owner == "logger" else sink
    place.addFilter(change)

    log.warning("x", extra={"opened_by": "nobody"})
    place.removeFilter(change)

    assert SECRET not in sink.text + file_text(own_root)
    assert MASK in sink.text


def in_a_thread(log: logging.Logger) -> None:
    thread = threading.Thread(target=lambda: log.warning("x"), name=f"worker {SECRET}")
    thread.start()
    thread.join()


def at_a_level(log: logging.Logger) -> None:
    logging.addLevelName(33, f"LEVEL {SECRET}")
    log.log(33, "x")


def in_a_file(log: logging.Logger) -> None:
    exec(compile("log.warning('x')", f"/tmp/{SECRET}/script.py", "exec"), {"log": log})


NAMES: dict[str, Callable[[logging.Logger], None]] = {
    "logger": lambda log: log.getChild(SECRET).warning("x"),
    "thread": in_a_thread,
    "level": at_a_level,
    "file": in_a_file,
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_names_that_a_record_stands_under_hold_none(own_root: Path, sink: Sink, kind: str) -> None:
    """S1: somebody names a logger after a customer's key, or a thread after a URL."""
    NAMES[kind](logging.getLogger("txo.named"))

    assert SECRET not in sink.text + file_text(own_root)
    assert MASK in sink.text


def test_a_name_that_becomes_a_secret_is_masked_from_then_on(sink: Sink) -> None:
    """S3: what was found clean is looked at again when one more secret is known."""
    log = logging.getLogger("txo.later-a-secret-4711")
    log.warning("before")
    assert "later-a-secret-4711" in sink.text

    register_secret("later-a-secret-4711")
    log.warning("after")

    assert "later-a-secret-4711" not in sink.text.partition("after")[2]


@pytest.mark.parametrize(
    "extra",
    [{SECRET: 1}, {1: SECRET}, {("a", SECRET): SECRET}, {"txo_mark": SECRET}, {"txo_sentence": SECRET}, {b"b": SECRET}],
    ids=["name", "number", "pair", "our own name", "our sentence", "bytes"],
)
def test_fields_of_any_name_are_clean(own_root: Path, sink: Sink, extra: dict[Any, Any]) -> None:
    """S1: also one whose name is the secret, or no text at all."""
    logging.getLogger("txo.fields").warning("x", extra=extra)

    assert SECRET not in sink.text + file_text(own_root)
    assert "withheld" not in sink.text


def test_a_record_made_by_hand_without_names_is_written(own_root: Path, sink: Sink) -> None:
    raw = logging.makeLogRecord({"msg": "by %s", "args": (SECRET,), "exc_info": (ValueError, ValueError(SECRET), None)})

    for handler in logging.getLogger().handlers:
        handler.handle(raw)

    assert f"by {MASK}" in sink.text
    assert f"by {MASK}" in file_text(own_root)
    assert SECRET not in sink.text + file_text(own_root)


@pytest.mark.parametrize("odd", [(SECRET, SECRET, SECRET), (None, None, None), SECRET, ValueError(SECRET)], ids=repr)
def test_odd_errors_do_not_hide_the_line(own_root: Path, sink: Sink, odd: Any) -> None:
    logging.getLogger("txo.odd").warning("said", exc_info=odd)

    assert "txo.odd: said" in file_text(own_root)
    assert SECRET not in sink.text + file_text(own_root)


class OwnLogger(logging.Logger):
    """A logger that asks no filter."""

    def handle(self, record: logging.LogRecord) -> None:
        self.callHandlers(record)


class OwnSink(Sink):
    """A handler that asks none either."""

    def handle(self, record: logging.LogRecord) -> bool:
        self.emit(record)
        return True


def test_doors_of_ones_own_on_both_sides_are_watched(sink: Sink) -> None:
    """S1: a logger and a handler that both go past the filters."""
    log, handler = OwnLogger("own"), OwnSink()
    log.addHandler(handler)

    log.warning("by %s", SECRET)

    assert handler.text.startswith(f"by {MASK}")
    assert SECRET not in handler.text


class Braces(logging.LogRecord):
    """A record as the logging cookbook has it, for messages such as `{} rows`; it brings something of its own."""

    def getMessage(self) -> str:
        return f"[{SECRET}] " + str(self.msg).format(*self.args or ())


def test_a_record_with_a_way_of_its_own_to_make_a_message_makes_it_once(
    own_root: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1: what it would make of the clean message later nobody would clean."""
    monkeypatch.setattr(logging, "_logRecordFactory", Braces)

    logging.getLogger("txo.braces").warning("{} of {}", {"rows": 3}, SECRET)

    assert sink.text.startswith(f"[{MASK}] {{'rows': 3}} of {MASK} ")
    assert SECRET not in sink.text + file_text(own_root)


# ---- a handler that fails --------------------------------------------------------------------------------------------


class FailsToFormat(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        raise RuntimeError(f"cannot: {SECRET}")


class FailsToSend(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            raise OSError(f"https://logs.example.com/?token={SECRET}")
        except OSError:
            self.handleError(record)


def failing(kind: str) -> logging.Handler:
    if kind == "sending":
        return FailsToSend()
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(FailsToFormat())
    return handler


@pytest.mark.parametrize("kind", ["formatting", "sending"])
def test_what_a_handler_says_of_its_own_failure_is_clean(
    own_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """S1: Python prints the error, the message and the arguments, as they are."""
    register_secret(SECRET)
    handler = failing(kind)
    log = logging.getLogger("txo.failing")
    log.addHandler(handler)

    log.warning("by %s", SECRET)
    told = capsys.readouterr().err
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.warning("by %s", SECRET)
    log.removeHandler(handler)

    assert "--- Logging error ---" in told
    assert f"in {type(handler).__name__}: by {MASK}" in told
    assert SECRET not in told
    assert "Logging error" not in capsys.readouterr().err


def test_a_failure_that_cannot_be_told_is_withheld(
    own_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2: where redaction fails while a handler fails."""
    from txo_core.logs import records, scrubbing

    def broken(text: str) -> str:
        raise RuntimeError(text)

    record = logging.makeLogRecord({"msg": SECRET, "name": "x", "levelname": "ERROR"})
    monkeypatch.setattr(records, "redact", broken)
    monkeypatch.setattr(scrubbing, "redact", broken)
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.StreamHandler(io.StringIO()).handleError(record)

    assert capsys.readouterr().err == "[record withheld: redaction failed]\n"


# ---- copies and queues -----------------------------------------------------------------------------------------------


def pickled(record: logging.LogRecord) -> logging.LogRecord:
    made: logging.LogRecord = pickle.loads(pickle.dumps(record))
    return made


@pytest.mark.parametrize("again", [copy.copy, pickled, lambda record: record], ids=["copy", "pickle", "itself"])
def test_what_was_clean_once_is_looked_at_again(
    sink: Sink, again: Callable[[logging.LogRecord], logging.LogRecord]
) -> None:
    """S3: where a secret has become known since, or a copy comes from a process that may have known fewer."""
    late = "known-only-later-4711"
    taken: list[logging.LogRecord] = []
    log = logging.getLogger("txo.copied")

    def take(record: logging.LogRecord) -> bool:
        taken.append(record)
        return True

    log.addFilter(take)
    log.error("by %s", late, exc_info=ValueError(late), extra={"field": late})
    register_secret(late)

    other = again(taken[0])
    sink.stream.truncate(0)
    sink.handle(other)
    log.removeFilter(take)

    assert type(taken[0]) is Record
    assert late not in sink.text
    assert sink.text.count(MASK) >= 3


def test_a_traceback_that_came_through_a_queue_keeps_its_lines(own_root: Path) -> None:
    """S6: a QueueHandler merges it into the message."""
    register_secret(SECRET)
    waiting = queue.SimpleQueue[logging.LogRecord]()
    handler = logging.handlers.QueueHandler(waiting)
    log = logging.getLogger("txo.queued")
    log.addHandler(handler)
    log.propagate = False
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    log.removeHandler(handler)
    log.propagate = True

    logging.getLogger().handle(waiting.get())

    first, *rest = file_text(own_root).splitlines()
    assert first.endswith("txo.queued: failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-1] == f"    ValueError: {MASK}"


def test_a_traceback_that_a_script_logs_as_text_keeps_its_lines(own_root: Path) -> None:
    """S6: `logger.error(traceback.format_exc())` is what many scripts do; none of its lines stands at the margin."""
    forged = "2026-11-22T10:00:00Z INFO     1 txo: all is well"
    try:
        raise ValueError(f"x\n{forged}")
    except ValueError:
        logging.getLogger("txo.text").error("failed: %s", traceback.format_exc())

    first, *rest = file_text(own_root).splitlines()
    assert first.endswith("failed: Traceback (most recent call last):")
    assert len(rest) >= 3
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("name", ["EventsWorker", "APILogWorker"])
def test_that_prefect_still_sends_is_no_news_for_the_screen(
    own_root: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Its services say so with each run that ends with something left to send; the file has it."""
    logging.getLogger(name).warning("Still processing items: 425 items remaining...")
    logging.getLogger(name).warning("something else")

    assert "Still processing" in file_text(own_root)
    told = capsys.readouterr().err
    assert "Still processing" not in told
    assert "something else" in told
