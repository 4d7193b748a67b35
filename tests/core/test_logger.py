"""Every record of every logger, clean on screen and in the file."""

import logging
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from txo_core.exceptions import HelpfulError
from txo_core.logger import DayFileHandler, ScreenHandler, configure, setup_logger
from txo_core.logs import file as log_file
from txo_core.logs import records as log_records
from txo_core.redaction import register_secret

SECRET = "sesame-opens-the-mountain"


@pytest.fixture(autouse=True)
def fresh_handlers() -> Iterator[None]:
    """Let each test begin without our handlers, and end so."""
    root = logging.getLogger()

    def remove() -> None:
        for handler in [h for h in root.handlers if isinstance(h, ScreenHandler | DayFileHandler)]:
            root.removeHandler(handler)

    remove()
    register_secret(SECRET)
    configure()
    yield
    remove()


def file_text(root: Path) -> str:
    (path,) = (root / "logs").iterdir()
    return path.read_text(encoding="utf-8")


def test_a_line_goes_to_screen_and_file(own_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup_logger().info("Processing started for %d records", 3)

    assert capsys.readouterr().err.endswith("INFO    Processing started for 3 records\n")
    assert "Processing started for 3 records" in file_text(own_root)


def test_details_go_to_the_file_only(own_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup_logger().debug("a detail")

    assert capsys.readouterr().err == ""
    assert "a detail" in file_text(own_root)


def test_debug_shows_the_details_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure(debug=True)

    setup_logger().debug("a detail")

    assert "a detail" in capsys.readouterr().err


def test_the_file_is_of_the_utc_day_and_for_its_owner_only(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "utc_now", lambda: datetime(2026, 11, 22, 23, 59, tzinfo=UTC))

    setup_logger().info("x")

    path = own_root / "logs" / "app_2026-11-22.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["txo.flows.report", "txo_core.http", "urllib3.connectionpool", "prefect.client", "x"])
def test_a_known_secret_is_masked_whoever_says_it(
    own_root: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    logging.getLogger(name).warning("opened by %s and {}", SECRET)

    assert SECRET not in capsys.readouterr().err + file_text(own_root)
    assert "[REDACTED]" in file_text(own_root)


def test_a_traceback_is_clean_and_in_the_file(own_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError(f"password was {SECRET}")
    except ValueError:
        setup_logger().exception("failed")

    assert SECRET not in capsys.readouterr().err + file_text(own_root)
    assert "ValueError: password was [REDACTED]" in file_text(own_root)


def test_an_error_that_explains_itself_has_its_stack_trace_in_the_file_only(
    own_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        raise HelpfulError("The file is not there", "Create it")
    except HelpfulError as error:
        setup_logger().error("no report", exc_info=error)

    assert "Traceback" not in capsys.readouterr().err
    assert "Traceback" in file_text(own_root)


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        ("%d of %5.1f", (3, 2.5), "3 of   2.5"),
        ("%(a)s and %(b)d", ({"a": "x", "b": 1},), "x and 1"),
        ("100 %", (), "100 %"),
        ("%s", ({"token": "abcdefgh1234"},), "{'token': '[REDACTED]'}"),
    ],
)
def test_no_form_of_a_log_call_is_broken(
    own_root: Path, message: str, arguments: tuple[object, ...], said: str
) -> None:
    setup_logger().info(message, *arguments)

    assert said in file_text(own_root)


def test_a_record_that_cannot_be_redacted_is_withheld(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> str:
        raise RuntimeError

    monkeypatch.setattr(log_records, "redact", broken)

    setup_logger().info("raw text")

    assert "raw text" not in file_text(own_root)
    assert "[record withheld: redaction failed]" in file_text(own_root)


def test_a_log_folder_that_cannot_be_made_does_not_stop_the_run(
    own_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_root / "logs").write_text("in the way")

    setup_logger().info("first")
    setup_logger().info("second")

    said = capsys.readouterr().err
    assert said.count("No log file is written from here on") == 1
    assert "first" in said
    assert "second" in said
