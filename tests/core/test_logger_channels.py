"""S1: every record of every logger, in every form, to every handler: the matrix of the logging channels."""

import asyncio
import io
import json
import logging
import logging.handlers
import pickle
import queue
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.test_logger import file_text, fresh_handlers
from txo_core.logger import configure
from txo_core.redaction import MASK, register_secret

__all__ = ["fresh_handlers"]

SECRET = "Kx9-sesame/opens+the=mountain"
LOGGERS = [
    "root",
    "txo.flows.report",
    "txo.flows.report.child",
    "urllib3.connectionpool",
    "zeep.transports",
    "httpx",
    "prefect",
]


class Holder:
    """An object whose text has the secret."""

    def __str__(self) -> str:
        return f"held {SECRET}"

    __repr__ = __str__


class OwnJson(logging.Formatter):
    """Somebody's own JSON formatter: every field of the record, and the traceback formatted anew."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {**vars(record), "merged": record.getMessage(), "arguments": record.args}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(
            fields, default=lambda value: repr(vars(value)) if hasattr(value, "__dict__") else repr(value)
        )


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        try:
            if cause:
                raise cause
        finally:
            raise error
    except Exception as caught:
        return caught


def with_note() -> Exception:
    error = raised(ValueError("noted"))
    error.add_note(f"note {SECRET}")
    return error


def stack(log: logging.Logger) -> None:
    log.warning("x", stack_info=True)  # the next line is the source that the stack shows: Kx9-sesame/opens+the=mountain


CHANNELS: dict[str, Callable[[logging.Logger], None]] = {
    "message": lambda log: log.warning(f"opened by {SECRET}"),
    "tuple argument": lambda log: log.warning("opened by %s and %r", SECRET, SECRET),
    "bytes argument": lambda log: log.warning("opened by %s", SECRET.encode()),
    "mapping argument": lambda log: log.warning("%(who)s with %(count)d", {"who": SECRET, "count": 3}),
    "dict as argument": lambda log: log.warning("sent %s", {"deep": [{"er": SECRET}]}),
    "object argument": lambda log: log.warning("%s", Holder()),
    "object as message": lambda log: log.warning(Holder()),
    "split over message and argument": lambda log: log.warning(f"{SECRET[:11]}%s", SECRET[11:]),
    "number beside it": lambda log: log.warning("%d of %5.1f by %s", 3, 2.5, SECRET),
    "arguments that do not fit": lambda log: log.warning("%d", SECRET),
    "traceback": lambda log: log.error("failed", exc_info=raised(ValueError(f"plain {SECRET}"))),
    "chained exception": lambda log: log.error("failed", exc_info=raised(KeyError("x"), ValueError(SECRET))),
    "note of an exception": lambda log: log.error("failed", exc_info=with_note()),
    "group of exceptions": lambda log: log.error("failed", exc_info=ExceptionGroup("g", [ValueError(SECRET)])),
    "stack": stack,
    "extra text": lambda log: log.warning("x", extra={"opened_by": SECRET}),
    "extra under a telling name": lambda log: log.warning("x", extra={"password": "hunter-" + SECRET}),
    "extra container": lambda log: log.warning("x", extra={"sent": {"a": [SECRET, {"b": (SECRET,)}]}}),
    "extra key": lambda log: log.warning("x", extra={"sent": {SECRET: 1}}),
    "extra object": lambda log: log.warning("x", extra={"holder": Holder()}),
    "extra exception": lambda log: log.warning("x", extra={"error": ValueError(SECRET)}),
    "level by number": lambda log: log.log(35, "opened by %s", SECRET),
}  # fmt: skip


class Sinks:
    """Handlers of every kind, some there before the set-up and some after it."""

    def __init__(self) -> None:
        self.plain, self.own_json, self.queued = io.StringIO(), io.StringIO(), queue.SimpleQueue[logging.LogRecord]()
        first, second = logging.StreamHandler(self.plain), logging.StreamHandler(self.own_json)
        first.setFormatter(logging.Formatter("%(message)s %(opened_by)s", defaults={"opened_by": "-"}))
        second.setFormatter(OwnJson())
        self.handlers = [first, second, logging.handlers.QueueHandler(self.queued)]

    def text(self) -> str:
        taken = []
        while not self.queued.empty():
            taken.append(str(vars(self.queued.get())))
        return "\n".join([self.plain.getvalue(), self.own_json.getvalue(), *taken])


@pytest.fixture(autouse=True)
def known() -> None:
    """Let the process know the secret."""
    register_secret(SECRET)


@pytest.fixture(params=["before", "after"])
def sinks(request: pytest.FixtureRequest) -> Iterator[Sinks]:
    """Give handlers that were on the logger before the set-up, or that came after it."""
    made, root = Sinks(), logging.getLogger()
    if request.param == "after":
        configure()
    for handler in made.handlers:
        root.addHandler(handler)
    configure()
    yield made
    for handler in made.handlers:
        root.removeHandler(handler)


def is_clean(text: str) -> bool:
    return not any(form in text for form in (SECRET, SECRET[:14], SECRET[-14:], json.dumps(SECRET)[1:-1]))


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", LOGGERS)
def test_no_channel_lets_a_secret_through(
    own_root: Path, capsys: pytest.CaptureFixture[str], sinks: Sinks, name: str, channel: str
) -> None:
    """S1: whoever says it, however, on screen, in the file, in a handler of somebody else's, in a queue."""
    log = logging.getLogger(None if name == "root" else name)

    CHANNELS[channel](log)

    told = capsys.readouterr().err + file_text(own_root) + sinks.text()
    assert "--- Logging error ---" not in told
    assert "withheld" not in told
    assert is_clean(told)
    assert MASK in told


def test_a_record_made_elsewhere_is_cleaned_where_it_arrives(own_root: Path, sinks: Sinks) -> None:
    """S1: from a socket or a queue, in which nobody cleaned it."""
    raw = logging.makeLogRecord(
        {
            "name": "other",
            "levelno": 40,
            "levelname": "ERROR",
            "msg": "by %s",
            "args": (SECRET,),
            "exc_text": f"x {SECRET}",
        }
    )
    raw.opened_by = SECRET
    copied = pickle.loads(pickle.dumps(raw))

    logging.getLogger("other").handle(raw)
    for handler in logging.getLogger().handlers:
        handler.handle(copied)

    told = file_text(own_root) + sinks.text()
    assert is_clean(told)
    assert told.count("by " + MASK) >= 4


class OwnDoor(logging.StreamHandler[io.StringIO]):
    """A handler with a door of its own, as one of Prefect's has it."""

    def handle(self, record: logging.LogRecord) -> bool:
        self.emit(record)
        return True


def test_a_handler_with_a_door_of_its_own_gets_clean_records(sinks: Sinks) -> None:
    """S1: the first door is the logger's."""
    handler, log = OwnDoor(io.StringIO()), logging.getLogger("txo.own_door")
    log.addHandler(handler)

    log.warning("by %s", SECRET)
    log.removeHandler(handler)

    assert handler.stream.getvalue() == f"by {MASK}\n"


def test_a_filter_that_brings_a_secret_later_does_not_bring_it_far(own_root: Path, sinks: Sinks) -> None:
    """S1: the second door sees what the first could not."""

    def bring(record: logging.LogRecord) -> bool:
        record.opened_by = SECRET
        record.msg = f"now by {SECRET}"
        return True

    log = logging.getLogger("txo.filtered")
    log.addFilter(bring)

    log.warning("x")

    assert is_clean(file_text(own_root) + sinks.text())


def test_a_warning_becomes_a_line_without_secrets(own_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S7: `warnings.warn` is captured; what it shows of the source stands below, indented."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure()
        warnings.warn(f"old, says {SECRET}", UserWarning, stacklevel=1)
    logging.captureWarnings(False)

    told = file_text(own_root)
    assert is_clean(told + capsys.readouterr().err)
    assert f"UserWarning: old, says {MASK}\n      warnings.warn(" in told


def test_an_error_in_an_asyncio_callback_is_clean(own_root: Path) -> None:
    """S7: asyncio reports it through a logger of its own."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // len(SECRET[:0]) or SECRET)
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    async def fail() -> None:
        raise ValueError(SECRET)

    asyncio.run(main())

    assert is_clean(file_text(own_root))
    assert f"ValueError: {MASK}" in file_text(own_root)


def test_the_numbers_and_names_of_a_record_stay_what_they_are(sinks: Sinks) -> None:
    """Fields that hold no secret reach somebody's own formatter as they are."""
    fields = {"rows": 41, "share": 0.5, "done": True, "nothing": None, "names": ["a", "b"]}

    logging.getLogger("txo.fields").warning("x", extra=fields)

    (line,) = [line for line in sinks.own_json.getvalue().splitlines() if '"txo.fields"' in line]
    assert {name: json.loads(line)[name] for name in fields} == fields


def test_prefects_handler_sends_clean_lines(sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: what goes to Prefect's server is what the handler formats."""
    from prefect.logging import handlers

    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(handlers, "emit_api_log", sent.append)
    handler = handlers.APILogHandler()
    run = {"flow_run_id": "6dbb3a8c-86f0-4b9d-9f0e-9a4f4f5d7c11"}
    log = logging.getLogger("prefect.flow_runs.test")
    log.addHandler(handler)

    log.error("by %s", SECRET, extra=run, exc_info=raised(ValueError(SECRET)))
    log.removeHandler(handler)

    assert sent
    assert sent[0]["flow_run_id"] == run["flow_run_id"]
    assert is_clean(str(sent))
    assert MASK in str(sent)
