"""Logging: everything to the screen and to `logs/app_YYYY-MM-DD.log`, nothing of it with a secret.

Every record of every logger is cleaned before any handler has it (`logs.records`), so that handlers added later
(Prefect's, a library's) get it clean too; what nobody caught comes as a record (`logs.uncaught`). The screen shows INFO
and above without stack traces of errors that explain themselves; the file has all.
"""

import logging
import sys
import time
from typing import Any

from txo_core.clock import stopping
from txo_core.logs import children, uncaught
from txo_core.logs import records as log_records
from txo_core.logs.file import DayFileHandler
from txo_core.logs.records import withheld
from txo_core.logs.streams import below

__all__ = ["ROOMS", "DayFileHandler", "ScreenHandler", "configure", "setup_logger", "withheld"]

ROOMS = ("txo", "txo_core")
SENDING = ("EventsWorker", "APILogWorker")
COLORS = {logging.WARNING: "\033[33m", logging.ERROR: "\033[31m", logging.CRITICAL: "\033[1;31m"}

log_records.install()


def setup_logger() -> logging.Logger:
    """Return the logger of the calling module; the first call sets up screen and file."""
    configure()
    module = sys._getframe(1).f_globals.get("__name__", "script")
    return logging.getLogger(f"txo.{module}")


def configure(debug: bool = False) -> None:
    """Set up screen, file and redaction for this process; calling it again repairs what was changed since."""
    log_records.install()
    uncaught.install()
    children.install()
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
        self.stream = below(sys.stderr)
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
        if record.stack_info:
            line += "\n" + record.stack_info
        color = COLORS.get(record.levelno, "")
        return f"{color}{line}\033[0m" if color and self.stream.isatty() else line


def worth_a_line(record: logging.LogRecord) -> bool:
    """Tell whether a record belongs on the screen: what Prefect says of each run's state is said better elsewhere.

    Its services that send events and log lines have loggers of their own names; that they still do so is no news.
    """
    if record.name in SENDING:
        return not record.getMessage().startswith("Still processing items")
    if not record.name.startswith("prefect"):
        return True
    if stopping.is_set():
        return False
    return not record.getMessage().startswith("Finished in state")
