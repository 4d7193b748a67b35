"""Logging: everything to the screen and to `logs/app_YYYY-MM-DD.log`, nothing of it with a secret.

Every record of every logger is redacted where it is made, so that handlers added later (Prefect's, a library's) get it
clean too. The screen shows INFO and above without stack traces of errors that explain themselves; the file has all.
"""

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from txo_core.clock import stopping, utc_now
from txo_core.exceptions import ScriptError, TxoError
from txo_core.paths import Dir, get_path
from txo_core.redaction import redact
from txo_core.scrubbing import sentence, traceback_text

WITHHELD = "[record withheld: redaction failed]"
FILE_FORMAT = "%(asctime)sZ %(levelname)-8s %(process)d %(name)s: %(message)s"
ROOMS = ("txo", "txo_core")
COLORS = {logging.WARNING: "\033[33m", logging.ERROR: "\033[31m", logging.CRITICAL: "\033[1;31m"}


def setup_logger() -> logging.Logger:
    """Return the logger of the calling module; the first call sets up screen and file."""
    configure()
    module = sys._getframe(1).f_globals.get("__name__", "script")
    return logging.getLogger(f"txo.{module}")


def configure(debug: bool = False) -> None:
    """Set up screen, file and redaction for this process; calling it again repairs what was changed since."""
    install_redaction()
    root = logging.getLogger()
    for room in ROOMS:
        logging.getLogger(room).setLevel(logging.DEBUG)
    for handler in [h for h in root.handlers if type(h).__name__ == "PrefectConsoleHandler"]:
        root.removeHandler(handler)
    screen = next((h for h in root.handlers if isinstance(h, ScreenHandler)), None)
    if screen is None:
        screen = ScreenHandler()
        root.addHandler(screen)
    if debug:
        screen.setLevel(logging.DEBUG)
    if not any(isinstance(h, DayFileHandler) for h in root.handlers):
        root.addHandler(DayFileHandler())


class ScreenHandler(logging.StreamHandler[Any]):
    """Writes one readable line a record to standard error, whatever that is at the moment."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.last_trace = ""
        self.setLevel(logging.INFO)
        self.addFilter(worth_a_line)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record to the present `sys.stderr`."""
        self.stream = sys.stderr
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return `14:30:05 INFO    message`, with the stack trace only of an error that nobody foresaw."""
        run = getattr(record, "task_run_name", None)
        when = time.strftime("%H:%M:%S", time.localtime(record.created))
        message = getattr(record, "txo_sentence", None) or record.getMessage()
        line = f"{when} {record.levelname:<7} {f'{run}: ' if run else ''}{message}"
        trace = getattr(record, "txo_short_trace", record.exc_text)
        if trace and not hasattr(record, "txo_sentence") and trace != self.last_trace:
            self.last_trace = trace
            line += "\n" + trace
        color = COLORS.get(record.levelno, "")
        return f"{color}{line}\033[0m" if color and self.stream.isatty() else line


class DayFileHandler(logging.Handler):
    """Appends every record to the log file of the UTC day, which only the user may read (mode 0600)."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.given_up = False
        self._found: tuple[tuple[str | None, str], Path] | None = None
        formatter = logging.Formatter(FILE_FORMAT, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def path(self) -> Path:
        """Return the file of the present UTC day; it is looked for once a day, since that costs more than a line."""
        wanted = (os.environ.get("TXO_HOME"), utc_now().date().isoformat())
        found = self._found
        if found is None or found[0] != wanted:
            found = self._found = (wanted, get_path(Dir.LOGS, f"app_{wanted[1]}.log"))
        return found[1]

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; a log that cannot be written says so once and lets the run go on."""
        if self.given_up:
            return
        line = self.format(record) + "\n"
        try:
            try:
                append(self.path(), line)
            except FileNotFoundError:
                self._found = None  # its folder is gone, and is made anew
                append(self.path(), line)
        except (OSError, TxoError) as error:
            self.given_up = True
            reason = getattr(error, "what_went_wrong", error)
            logging.getLogger("txo_core.logger").warning("No log file is written from here on: %s", reason)


def append(path: Path, text: str) -> None:
    """Append the text in one write, so that lines of several processes do not mix; a new file is for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, text.encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)


def worth_a_line(record: logging.LogRecord) -> bool:
    """Tell whether a record belongs on the screen: what Prefect says of each run's state is said better elsewhere."""
    if not record.name.startswith("prefect"):
        return True
    if stopping.is_set():
        return False
    return not record.getMessage().startswith(("Finished in state", "Still processing items"))


def install_redaction() -> None:
    """Let every log record be made without secrets: message, arguments and traceback."""
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return clean(make(*args, **kwargs))

    factory.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)


def clean(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record with its message merged, its traceback rendered, and both redacted."""
    try:
        message = record.getMessage()
        record.msg, record.args = redact(message), ()
        if record.exc_info:
            error = record.exc_info[1]
            if isinstance(error, TxoError) and not isinstance(error, ScriptError):
                record.txo_sentence = sentence(error)
            record.exc_text = traceback_text(error)
            record.txo_short_trace = traceback_text(error, ours_only=True)
            record.exc_info = None
    except Exception:
        record.msg, record.args, record.exc_info, record.exc_text = WITHHELD, (), None, None
    return record
