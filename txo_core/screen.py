"""What a person reads at the end of a run: the outcome, the files, an error with its solution; and the exit code."""

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from txo_core.changes import changes_text
from txo_core.exceptions import ApiAuthenticationError, ApiError, ConfigurationError, HelpfulError, TxoError
from txo_core.logs.text import plain_lines
from txo_core.redaction import redact
from txo_core.results import PLANNED, ProcessingResults

if TYPE_CHECKING:
    from prefect import State

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_TERMINATED = 0, 1, 2, 143
SHOWN_FAILURES, SHOWN_PLANS = 5, 10
LONGEST_PLAN = 100


class SavedFiles(logging.Handler):
    """Collects the paths that the run reports as saved."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.paths: list[str] = []
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take the path of a record that carries one."""
        path = getattr(record, "saved_file", None)
        if path:
            self.paths.append(str(path))


def conclude(state: "State[Any]", saved: list[str], names: str = "<org> <env>") -> int:
    """Say how the run ended and where its files are; return the exit code."""
    value = state.result(raise_on_failure=False)
    if isinstance(value, ProcessingResults):
        say_results(value, saved)
    elif state.is_completed():
        say(f"✅ {state.message or 'Done'}")
        say_files(saved)
    elif isinstance(value, TxoError):
        show_error(helpful(value, names))
    else:
        say(f"❌ The run as a whole ended {state.name}: {redact(state.message or '')}")
        say_files(saved)
    if state.is_completed():
        return EXIT_OK
    return exit_code_of(value) if isinstance(value, TxoError) else EXIT_FAILED


def say_results(results: ProcessingResults, saved: list[str]) -> None:
    """Say what came of the items, the failed ones first by name, then the files; of a dry run, what it would write."""
    say_plans(results)
    failed = [record for record in results.remarks() if record.outcome == "failed"]
    for record in failed[:SHOWN_FAILURES]:
        say(f"   {record.key}: {record.reason or 'failed'}")
    if len(failed) > SHOWN_FAILURES:
        say(f"   ... and {len(failed) - SHOWN_FAILURES} more, all of them in the file")
    mark = "✅" if results.is_success() else "❌"
    tail = "" if results.is_success() else " (the run itself is whole, some of its items failed)"
    say(f"{mark} {results.summary()}{tail}")
    say_files(saved)


def say_plans(results: ProcessingResults) -> None:
    """Say which items of a dry run would be written, with what would differ."""
    plans = [record for record in results.records if record.outcome in PLANNED]
    for record in plans[:SHOWN_PLANS]:
        changes = changes_text(record)
        if len(changes) > LONGEST_PLAN:
            changes = f"{changes[:LONGEST_PLAN].rpartition('; ')[0]}; ..."
        say(f"   {record.key} {record.outcome}{f': {changes}' if changes else ''}")
    if len(plans) > SHOWN_PLANS:
        say(f"   ... and {len(plans) - SHOWN_PLANS} more, all of them in the file")


def say_files(saved: list[str]) -> None:
    """Say where the run's files are."""
    for path in saved:
        say(f"📄 {path}")


def say(line: str) -> None:
    """Write a line for the person at the screen; a screen that is gone, or cannot show a sign, is no error."""
    write(sys.stdout, plain_lines(redact(line)) + "\n")


def show_error(error: HelpfulError) -> None:
    """Show problem, solution and example on standard error."""
    write(sys.stderr, plain_lines(redact(str(error))) + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write the text, with a question mark for each sign that the stream cannot show."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def exit_code_of(error: BaseException) -> int:
    """Return 2 for what the caller or the configuration has wrong, else 1."""
    return EXIT_USAGE if isinstance(error, ConfigurationError) else EXIT_FAILED


def helpful(error: TxoError, names: str = "<org> <env>") -> HelpfulError:
    """Return any error of ours as problem, solution and example; `names` are the run's organization and environment."""
    if isinstance(error, HelpfulError):
        return error
    if isinstance(error, ApiError) and error.status_code is None:
        fix = "Check that the server is up and that the configuration names it rightly, then run again"
        return HelpfulError(str(error), fix, "make sandbox     # for the demo, in a second terminal")
    if isinstance(error, ApiAuthenticationError):
        fix = "Check the secret in the credentials block, and that the client may use this API; save it again"
        return HelpfulError(str(error), fix, f"python deployments/provision.py {names}")
    fix = "The log file has every call with its answer; run again with --debug to see them on the screen"
    return HelpfulError(str(error), fix, f"python {sys.argv[0]} {names} --debug")
