import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.support.programs import REPOSITORY
from tests.support.scripted import FakeTime
from txo_core.concurrency.progress import ERASE, Progress, progress_text

PROGRAM = """
import sys
from txo_core.clock import sleep
from txo_core.concurrency import parallel_map
from txo_core.logger import setup_logger

logger = setup_logger()

def work(number):
    sleep(0.02)
    if number % 30 == 7:
        logger.warning("Item %d is odd", number)
    if number % 30 == 8:
        print(f"item {number} prints")
    if number % 30 == 9:
        raise ValueError("no")

result = parallel_map(work, ITEMS, max_workers=2)
logger.info(result.summary())
"""


class Terminal(io.StringIO):
    """A text that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Return what puts a terminal in the place of standard error and output; to be called in the test itself."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)

    def take_over() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return take_over


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def seen(text: str) -> list[str]:
    """Return the lines that stand on the screen in the end."""
    return [line.rpartition(ERASE)[2] for line in text.replace("\r\n", "\n").split("\n")]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((123, 2, 500, 12.9), "123 of 500, 2 failed, 00:12"),
        ((123, 0, 500, 61), "123 of 500, 01:01"),
        ((7, 1, None, 3725), "7 done, 1 failed, 1:02:05"),
    ],
)
def test_the_line_says_how_many_how_many_failed_and_how_long(
    numbers: tuple[int, int, int | None, float], text: str
) -> None:
    assert progress_text(*numbers) == text


def test_the_line_is_rewritten_and_goes_away(terminal: Callable[[], Terminal], time: FakeTime) -> None:
    stream = terminal()
    with Progress(3, clock=time.clock) as progress:
        for done in range(4):
            time.now += 1
            progress.show(done, 0)

    assert stream.getvalue() == "".join(
        ERASE + text for text in ("0 of 3, 00:01", "1 of 3, 00:02", "2 of 3, 00:03", "3 of 3, 00:04", "")
    )
    assert (sys.stderr, sys.stdout) == (stream, stream)


def test_it_is_written_ten_times_a_second_at_most_and_not_for_a_moment(
    terminal: Callable[[], Terminal], time: FakeTime
) -> None:
    stream = terminal()
    with Progress(1000, clock=time.clock) as progress:
        progress.show(0, 0)
        assert stream.getvalue() == ""
        time.now += 1
        for done in range(1000):
            time.now += 0.001
            progress.show(done, 0)

    assert stream.getvalue().count(" of 1000") == 10


def test_what_others_write_stands_above_it_whole(terminal: Callable[[], Terminal], time: FakeTime) -> None:
    """Also where it comes in pieces, and over both streams."""
    stream = terminal()
    with Progress(3, clock=time.clock) as progress:
        time.now += 1
        progress.show(1, 0)
        sys.stderr.write("a line\n")
        sys.stdout.write("in ")
        time.now += 1
        progress.show(2, 0)
        sys.stdout.write("pieces\n")
        sys.stderr.writelines(["one\n", "two\n"])
        assert seen(stream.getvalue()) == ["a line", "in pieces", "one", "two", "2 of 3, 00:02"]
        kept = sys.stderr
    kept.write("from one who kept the stream\n")

    assert seen(stream.getvalue())[3:] == ["two", "from one who kept the stream", ""]


def test_one_piece_of_work_at_a_time_shows_its_progress(terminal: Callable[[], Terminal], time: FakeTime) -> None:
    stream = terminal()
    with Progress(10, clock=time.clock) as outer, Progress(99, clock=time.clock) as inner:
        time.now += 1
        inner.show(1, 0)
        outer.show(1, 0)

    assert seen(stream.getvalue()) == [""]
    assert "of 10," in stream.getvalue()
    assert "of 99," not in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("CI", "true")])
def test_where_nothing_can_be_rewritten_nothing_is_shown(
    terminal: Callable[[], Terminal], time: FakeTime, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    stream = terminal()
    monkeypatch.setenv(name, value)

    with Progress(3, clock=time.clock) as progress:
        time.now += 1
        progress.show(1, 0)

    assert stream.getvalue() == ""


def test_who_does_not_want_it_does_not_get_it(terminal: Callable[[], Terminal], time: FakeTime) -> None:
    stream = terminal()
    with Progress(3, wanted=False, clock=time.clock) as progress:
        time.now += 1
        progress.show(1, 0)

    assert stream.getvalue() == ""


def test_a_terminal_that_goes_away_is_no_failure(terminal: Callable[[], Terminal], time: FakeTime) -> None:
    stream = terminal()
    with Progress(3, clock=time.clock) as progress:
        time.now += 1
        stream.close()
        progress.show(1, 0)


def read_all(descriptor: int) -> Iterator[bytes]:
    """Yield what a program writes to its terminal, until it has ended."""
    with suppress(OSError):
        while piece := os.read(descriptor, 4096):
            yield piece


@pytest.mark.slow
@pytest.mark.parametrize(("items", "count"), [("range(90)", " of 90, "), ("(n for n in range(90))", " done, ")])
def test_on_a_terminal_the_progress_is_a_line_that_leaves_no_trace(items: str, count: str) -> None:
    ours, theirs = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm"}
    command = [sys.executable, "-c", PROGRAM.replace("ITEMS", items)]
    program = subprocess.Popen(command, cwd=REPOSITORY, env=variables, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    screen = b"".join(read_all(ours)).decode()
    os.close(ours)

    assert program.wait(30) == 0
    assert count in screen
    lines = [line.replace("\x1b[33m", "").replace("\x1b[0m", "") for line in seen(screen)]
    told = [re.sub(r"\d\d:\d\d:\d\d [A-Z]+ +", "", line) for line in lines]
    odd, printed = (
        [f"Item {number} is odd" for number in (7, 37, 67)],
        [f"item {number} prints" for number in (8, 38, 68)],
    )
    assert sorted(told) == sorted([*odd, *printed, "87 ok, 3 failed", ""])


@pytest.mark.slow
def test_in_a_log_there_is_no_trace_of_the_progress() -> None:
    command = [sys.executable, "-c", PROGRAM.replace("ITEMS", "range(90)")]

    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["item 8 prints", "item 38 prints", "item 68 prints"]
    assert len(done.stderr.splitlines()) == 4
    assert "\r" not in done.stderr + done.stdout
