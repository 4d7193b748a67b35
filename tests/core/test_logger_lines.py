"""One record, one line: nothing forged, nothing too long, and nothing raw where redaction fails."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.core.test_logger import file_text, fresh_handlers
from txo_core.exceptions import HelpfulError
from txo_core.logger import setup_logger, withheld
from txo_core.logs import records as log_records
from txo_core.logs.text import cut, indented, one_line
from txo_core.redaction import register_secret
from txo_core.screen import say, show_error

__all__ = ["fresh_handlers"]

SECRET = "sesame-opens-the-mountain"
FORGED = "2026-11-22T10:00:00Z INFO     1 txo: all is well"
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
INVISIBLE = ["\x00", "\x08", "\x1b[2J", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u061c", "\ud800"]


def lines(root: Path) -> list[str]:
    return file_text(root).splitlines()


@pytest.mark.parametrize("sign", BREAKS, ids=ascii)
def test_no_line_can_be_forged(own_root: Path, capsys: pytest.CaptureFixture[str], sign: str) -> None:
    """S6: by a message, an argument, a field, an error or a note, in the file and on the screen."""
    log, text = setup_logger(), f"x{sign}{FORGED}"
    error = ValueError(text)
    error.add_note(text)

    log.warning(text)
    log.warning("%s and %r", text, [text])
    log.warning("field", extra={"task_run_name": text})
    log.error("failed", exc_info=error, stack_info=True)
    logging.getLogger(text).warning("named")

    told = file_text(own_root) + capsys.readouterr().err
    assert FORGED in told
    assert [
        line
        for line in told.splitlines()
        if line.lstrip("|+- ").startswith(FORGED[:10]) and line[0] != " " and FORGED in line[:60]
    ] == []
    assert len([line for line in lines(own_root) if not line.startswith("    ")]) == 5


@pytest.mark.parametrize("sign", INVISIBLE, ids=ascii)
def test_what_moves_a_cursor_or_turns_the_text_is_shown_as_an_escape(
    own_root: Path, capsys: pytest.CaptureFixture[str], sign: str
) -> None:
    """S6: ESC, the other control characters, and the marks of bidirectional text."""
    setup_logger().warning("a%sb", sign)

    told = file_text(own_root) + capsys.readouterr().err
    assert sign[0] not in told
    assert f"a\\{'u' if ord(sign[0]) > 0xFF else 'x'}" in told


@pytest.mark.parametrize("text", ["plain", "Å ä ö 漢字 🙂", "a b", "👩‍👩‍👧", "back\\slash", ""])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


def test_escapes_are_made_once() -> None:
    assert one_line(one_line("a\nb\x1b")) == "a\\nb\\x1b"


def test_a_traceback_follows_its_line_indented(own_root: Path) -> None:
    """S6: so that whoever reads the file by lines knows what belongs together."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        setup_logger().exception("failed")

    first, *rest = lines(own_root)
    assert first.endswith("failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-2:] == ["    ValueError: two", "    lines"]
    assert all(line.startswith("    ") for line in rest)


def test_our_own_errors_keep_their_lines(own_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Problem, solution and example stand below each other, as the guide's scripts log them."""
    error = HelpfulError("The file is not there", "Create it", "touch x.csv\nls")

    setup_logger().error("[prod:customers] %s", error)

    shown = ["[prod:customers] ❌ Problem: The file is not there", "    ✅ Solution: Create it"]
    shown += ["    📝 Example:", "    touch x.csv", "    ls"]
    screen = capsys.readouterr().err.splitlines()
    assert [screen[0].partition("ERROR   ")[2], *screen[1:]] == shown
    assert lines(own_root)[1:] == shown[1:]


def test_the_lines_of_our_errors_are_no_way_to_forge_one(own_root: Path) -> None:
    """S6: data that looks like the text of an error of ours stays below its line."""
    setup_logger().error("x\n❌ Problem: y\n" + FORGED + "\r" + FORGED)

    first, second = lines(own_root)
    assert first.endswith("x❌ Problem: y")
    assert second == f"    {FORGED}\\r{FORGED}"


@pytest.mark.parametrize("size", [70_000, 300_000, 3_000_000])
def test_no_record_is_larger_than_64_kilobytes(own_root: Path, capsys: pytest.CaptureFixture[str], size: int) -> None:
    """S9: message, traceback, stack and fields together; how much was cut is told."""
    long = "word å " * (size // 7)

    setup_logger().error(long, exc_info=ValueError(long), stack_info=True, extra={"task_run_name": long, "b": [long]})

    for told in (file_text(own_root), capsys.readouterr().err):
        assert 20_000 < len(told.encode()) <= log_records.LARGEST_RECORD
        assert "characters in all, cut here" in told


@pytest.mark.parametrize("at", [log_records.MESSAGE_BYTES, log_records.LONGEST_TEXT])
@pytest.mark.parametrize("shift", [-30, -12, 0])
def test_a_secret_on_the_edge_of_a_cut_is_gone(own_root: Path, at: int, shift: int) -> None:
    """S5: what is cut has been redacted before."""
    register_secret(SECRET)
    for note in range(0, 120, 6):
        begin = at + shift - note
        setup_logger().info("ab " * (begin // 3) + SECRET + " xyz" * 100_000)

    assert "sesame" not in file_text(own_root)


def test_a_secret_cut_in_two_before_redaction_is_gone(own_root: Path) -> None:
    """S5: a very long text is cut first, and shrinks so much that the end of the cut comes into sight."""
    long = " ".join(f"sesame{number:04}" for number in range(270))
    register_secret(long)

    setup_logger().info((long + " | ") * 400)

    assert "sesame0" not in file_text(own_root)
    assert "characters in all, cut here" in file_text(own_root)


def test_what_remains_of_a_cut_is_whole_text() -> None:
    assert cut("å" * 100, 200) == "å" * 100
    assert cut("å" * 200, 200).startswith("å" * 20)
    assert len(cut("🙂" * 1_000, 2_000).encode()) <= 2_000
    both = cut("head" + "x" * 5_000 + "tail", 500, both_ends=True)
    assert (both[:4], both[-4:], "5,008 characters in all" in both) == ("head", "tail", True)


def test_what_a_person_reads_at_the_end_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    """S6: keys and reasons come from a server; our own lines stay lines."""
    say("a\x1b[2Jb\rc")
    show_error(HelpfulError("x\x1b]0;title\x07", "y\u202e", "one\ntwo"))

    told = capsys.readouterr()
    assert told.out == "a\\x1b[2Jb\\rc\n"
    assert told.err.splitlines()[1:] == [
        "❌ Problem: x\\x1b]0;title\\x07", "", "✅ Solution: y\\u202e", "", "📝 Example:", "one", "two"
    ]  # fmt: skip


def test_empty_lines_are_left_out_of_what_is_indented() -> None:
    assert indented("a\n\n  b\n") == "    a\n      b"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let redaction fail, and give how many records were withheld before."""

    def fail(text: str) -> str:
        raise RuntimeError(text)

    before = withheld.count
    monkeypatch.setattr(log_records, "redact", fail)
    return before


@pytest.mark.parametrize(
    "arguments",
    [
        {"msg": "raw text"},
        {"msg": "x %s", "args": ("raw text",)},
        {"msg": "x", "exc_info": (ValueError, ValueError("raw text"), None)},
        {"msg": "x", "extra": {"field": "raw text", "flow_run_id": "6dbb3a8c-86f0-4b9d-9f0e-9a4f4f5d7c11"}},
    ],
    ids=["message", "argument", "traceback", "field"],
)
def test_a_record_that_cannot_be_redacted_is_withheld_and_counted(
    own_root: Path, capsys: pytest.CaptureFixture[str], broken: int, arguments: dict[str, Any]
) -> None:
    """S2: it says so in its place, never what it was, and the program goes on."""
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append  # type: ignore[assignment, method-assign]
    log = setup_logger()
    log.addHandler(handler)

    log.error(
        arguments["msg"], *arguments.get("args", ()), extra=arguments.get("extra"), exc_info=arguments.get("exc_info")
    )
    log.removeHandler(handler)

    told = file_text(own_root) + capsys.readouterr().err
    assert "raw text" not in told + str(vars(seen[0]))
    assert told.count("[record withheld: redaction failed]") == 2
    assert withheld.count == broken + 1
    assert getattr(seen[0], "flow_run_id", "").count("-") in (0, 4)


class NoText:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


def test_an_object_that_has_no_text_does_not_stop_the_program(own_root: Path) -> None:
    """S2: neither as message nor as argument nor as field."""
    register_secret(SECRET)
    log = setup_logger()

    log.warning("a %s", NoText())
    log.warning(NoText())
    log.warning("c", extra={"field": NoText()})

    assert len(lines(own_root)) == 3
    assert SECRET not in file_text(own_root)
