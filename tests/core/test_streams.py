"""S1, S7: what is printed, by a script or by Python itself, has no secret; in all else streams are what they were."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY
from txo_core.logs import streams
from txo_core.logs.records import withheld
from txo_core.logs.streams import CleanStream, below
from txo_core.redaction import MASK, register_secret

SECRET = "Kx9-sesame-opens-the-mountain"


@pytest.fixture
def below_it() -> io.StringIO:
    """Give the stream below, and let the process know the secret."""
    register_secret(SECRET)
    return io.StringIO()


@pytest.fixture
def stream(below_it: io.StringIO) -> CleanStream:
    return CleanStream(below_it)


def test_a_known_secret_is_masked(stream: CleanStream, below_it: io.StringIO) -> None:
    assert stream.write(f"by {SECRET}\n") == len(SECRET) + 4
    print("printed", SECRET, file=stream)

    assert below_it.getvalue() == f"by {MASK}\nprinted {MASK}\n"


def test_pieces_of_a_line_are_looked_at_together(stream: CleanStream, below_it: io.StringIO) -> None:
    """`print("password:", value)` writes four pieces, and only together they tell."""
    print("password:", "hunter-4711", file=stream)
    stream.write(SECRET[:9])
    stream.write(SECRET[9:] + "\n")

    assert below_it.getvalue() == f"password: {MASK}\n{MASK}\n"


def test_a_line_that_has_only_begun_waits_for_its_end_or_a_flush(stream: CleanStream, below_it: io.StringIO) -> None:
    stream.write("first\nbegun")
    assert below_it.getvalue() == "first\n"

    stream.flush()
    assert below_it.getvalue() == "first\nbegun"

    stream.write(" 10 %\r 20 %\r 30")
    assert below_it.getvalue() == "first\nbegun 10 %\r 20 %\r"


def test_several_lines_at_once_are_cleaned_as_one_text(stream: CleanStream, below_it: io.StringIO) -> None:
    """A secret may stand on several lines."""
    register_secret("open sesame,\nsaid the mountain")

    stream.writelines(["before\nopen sesame,\nsaid the mountain\n", "after\n"])

    assert below_it.getvalue() == f"before\n{MASK}\nafter\n"


def test_a_line_without_an_end_is_written_some_time(stream: CleanStream, below_it: io.StringIO) -> None:
    stream.write("word " * (streams.LONGEST_LINE // 4))

    assert below_it.getvalue().startswith("word word")


def test_where_redaction_fails_nothing_is_shown(
    stream: CleanStream, below_it: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2."""

    def broken(text: str) -> str:
        raise RuntimeError(text)

    monkeypatch.setattr(streams, "redact", broken)
    before = withheld.count

    stream.write(f"by {SECRET}\n")

    assert below_it.getvalue() == "[record withheld: redaction failed]\n"
    assert withheld.count == before + 1


def test_what_is_clean_already_goes_below_in_order(stream: CleanStream, below_it: io.StringIO) -> None:
    stream.write("begun, ")
    below(stream).write("by a handler\n")

    assert below_it.getvalue() == "begun, by a handler\n"
    assert below(below_it) is below_it


def test_in_all_else_it_is_the_stream_below() -> None:
    with io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="replace") as wrapped:
        stream = CleanStream(wrapped)
        stream.write("begun ")
        stream.buffer.write(b"data")

        assert (stream.encoding, stream.errors, stream.isatty()) == ("latin-1", "replace", False)
        with pytest.raises(TypeError, match="must be str, not bytes"):
            stream.write(b"x")  # type: ignore[arg-type]
        assert not hasattr(stream, "nothing_of_this_name")


def test_threads_that_print_at_once_lose_nothing(stream: CleanStream, below_it: io.StringIO) -> None:
    def work(name: str) -> None:
        for number in range(200):
            stream.write(f"{name}-{number}\n")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(below_it.getvalue().split()) == sorted(f"{name}-{number}" for name in "abcd" for number in range(200))


def test_they_are_put_in_place_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)

    streams.install()
    first = sys.stdout
    streams.install()

    assert isinstance(first, CleanStream)
    assert sys.stdout is first
    assert sys.stderr is None, "a program without a console has none"


PROGRAM = f"""
import os, subprocess, sys, traceback, warnings
SECRET = "{SECRET[:10]}" + "{SECRET[10:]}"
from txo_core.logger import configure
from txo_core.redaction import register_secret
configure()
register_secret(SECRET)
"""
LOCALS = """
from rich.traceback import install
install(show_locals=True, width=300)
def f(mine):
    raise ValueError("x")
f("by " + SECRET)
"""
DEBUG_LEVEL = """
import http.client
class Sock:
    def makefile(self, *a, **k): raise OSError
    def sendall(self, data): pass
    def close(self): pass
c = http.client.HTTPConnection("127.0.0.1")
c.sock = Sock()
c.set_debuglevel(1)
c.request("GET", "/", headers={"X": "by " + SECRET})
"""
FORKED = """
sys.stdout.write("once ")
pid = os.fork()
print("by", SECRET)
pid and os.waitpid(pid, 0)
"""
WAYS = {
    "print": ("print('by', SECRET)", 0),
    "print to standard error": ("print('by', SECRET, file=sys.stderr)", 0),
    "print at the very end": ("print('by', SECRET, end='')", 0),
    "the traceback module": ("try: raise ValueError('by ' + SECRET)\nexcept ValueError: traceback.print_exc()", 0),
    "the last word": ("sys.exit('by ' + SECRET)", 1),
    "the last word is no text": ("sys.exit(['by ' + SECRET])", 1),
    "a hook put in later": ("sys.excepthook = sys.__excepthook__\nraise ValueError('by ' + SECRET)", 1),
    "locals, by Rich": (LOCALS, 1),
    "a warning to a file": ("warnings.showwarning('by ' + SECRET, UserWarning, 'f', 1, file=sys.stderr)", 0),
    "the debug level of http.client": (DEBUG_LEVEL, 0),
    "a forked process": (FORKED, 0),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_python_writes_shows_a_secret(own_root: Path, way: str) -> None:
    """S7: no log record is made in any of these cases."""
    code, expected = WAYS[way]

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code],
        cwd=REPOSITORY,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == expected, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert f"by {MASK}" in done.stdout + done.stderr
    assert done.stdout.count("once") <= 1, "a copy of the process does not say again what was begun"
