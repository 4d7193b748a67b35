"""S7: what nobody caught, in the main program, threads, destructors and child processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY
from txo_core.redaction import MASK

SECRET = "Kx9-sesame-opens-the-mountain"
BEGIN = f"""
import multiprocessing, os, sys, threading, warnings
SECRET = "{SECRET[:10]}" + "{SECRET[10:]}"
from txo_core.logger import configure, setup_logger
from txo_core.redaction import register_secret
register_secret(SECRET)
"""
BARE = BEGIN.replace("from txo_core.logger import configure, setup_logger\n", "")
FAIL = """
def fail(*arguments):
    error = ValueError("by " + SECRET)
    error.add_note("note " + SECRET)
    raise error from KeyError(SECRET)
"""
PROGRAMS = {
    "main": "configure()\nfail()",
    "thread": "configure()\nt = threading.Thread(target=fail); t.start(); t.join()",
    "destructor": "configure()\nclass X:\n    def __del__(self): fail()\nX()",
    "weak callback": "configure()\nimport weakref\nclass X: pass\nx = X()\nr = weakref.ref(x, fail)\ndel x",
    "atexit": "configure()\nimport atexit\natexit.register(fail)",
    "warning": "configure()\nwarnings.warn('by ' + SECRET)",
    "forked process": "configure()\np = multiprocessing.get_context('fork').Process(target=fail); p.start(); p.join()",
    "forked thread": "configure()\ndef more():\n    t = threading.Thread(target=fail); t.start(); t.join()\n"
    "p = multiprocessing.get_context('fork').Process(target=more); p.start(); p.join()",
    "pool of processes": "configure()\nfrom concurrent.futures import ProcessPoolExecutor\n"
    "with ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as pool:\n    pool.submit(fail).result()",
    "own hook before": "sys.excepthook = lambda kind, error, trace: print('hook', repr(error), error.__notes__, "
    "repr(error.__cause__), file=sys.stderr)\nconfigure()\nfail()",
    "own thread hook before": "def hook(what): print('hook', repr(what.exc_value), file=sys.stderr)\n"
    "threading.excepthook = hook\nconfigure()\nt = threading.Thread(target=fail); t.start(); t.join()",
    "Prefect's signal handling beside it": "import txo_core.orchestration\nfail()",
    "the guide's beginning": "from txo_core.script_runner import show_uncaught\n"
    "sys.excepthook = show_uncaught\nconfigure()\nfail()",
}

ENDING = {
    "main",
    "pool of processes",
    "own hook before",
    "Prefect's signal handling beside it",
    "the guide's beginning",
}


def run(code: str, root: Path, begin: str = BEGIN) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TXO_HOME": str(root), "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, "-c", begin + FAIL + code],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str], root: Path) -> str:
    files = sorted((root / "logs").iterdir()) if (root / "logs").exists() else []
    return done.stdout + done.stderr + "".join(path.read_text() for path in files)


@pytest.mark.parametrize("where", PROGRAMS)
def test_an_error_that_nobody_caught_shows_no_secret(own_root: Path, where: str) -> None:
    """S7: neither on the screen nor in the file; that it happened is shown."""
    done = run(PROGRAMS[where], own_root)

    text = told(done, own_root)
    assert SECRET not in text
    assert "by " + MASK in text
    assert done.returncode == (1 if where in ENDING else 0)


SPAWNED = """
import multiprocessing
from txo_core.logger import setup_logger
from txo_core.redaction import register_secret
logger = setup_logger()

def fail():
    register_secret({secret!r})
    raise ValueError("by " + {secret!r}[:4] + {secret!r}[4:])

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=fail)
    process.start()
    process.join()
"""


def test_a_spawned_process_that_loads_our_logger_shows_none_either(own_root: Path, tmp_path: Path) -> None:
    """S7: it begins from nothing, and is set up where its module imports the logger."""
    program = tmp_path / "spawned.py"
    program.write_text(SPAWNED.format(secret=SECRET))

    done = subprocess.run(
        [sys.executable, str(program)], cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False
    )

    source = [line for line in done.stderr.splitlines() if "raise ValueError" in line]
    assert SECRET not in done.stderr.replace("".join(source), "")
    assert "ValueError: by " + MASK in done.stderr


def test_an_error_that_explains_itself_is_shown_in_words(own_root: Path) -> None:
    """Problem, solution and example, no stack trace; the file has that."""
    code = (
        "configure()\nfrom txo_core.exceptions import HelpfulError\nraise HelpfulError('No file', 'Make it', 'touch x')"
    )

    done = run(code, own_root)

    assert done.returncode == 1
    assert "❌ Problem: No file\n    ✅ Solution: Make it\n    📝 Example:\n    touch x\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in told(done, own_root)


def test_an_interrupt_is_one_line(own_root: Path) -> None:
    done = run("configure()\ntry:\n    fail()\nexcept ValueError:\n    raise KeyboardInterrupt", own_root)

    assert "Interrupted" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("where", ["main", "thread", "destructor"])
def test_a_hook_that_fails_shows_nothing(own_root: Path, where: str) -> None:
    """S2, S7: Python would show the error as it is."""
    broken = "configure()\nimport logging\ndef bad(*a, **k): raise RuntimeError(SECRET)\nlogging.Logger._log = bad\n"

    done = run(PROGRAMS[where].replace("configure()\n", broken), own_root)

    assert SECRET not in told(done, own_root)
    assert "[record withheld: redaction failed]" in done.stderr


def test_a_thread_may_end_itself(own_root: Path) -> None:
    done = run("configure()\nt = threading.Thread(target=sys.exit); t.start(); t.join()", own_root)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["api_factory", "credentials", "orchestration", "script_runner"])
def test_no_set_up_is_needed_for_clean_records(own_root: Path, module: str) -> None:
    """S1: a script that sets up logging by itself and only uses a client, or a block, is as safe."""
    code = (
        f"import logging; logging.basicConfig(level='DEBUG'); import txo_core.{module}\n"
        "logging.getLogger('urllib3.connectionpool').debug('GET %s', SECRET, extra={'x': SECRET})"
    )

    done = run(code, own_root, BARE)

    assert SECRET not in told(done, own_root)
    assert f"GET {MASK}" in done.stderr


def test_setting_up_again_does_not_pile_up_hooks(own_root: Path) -> None:
    code = "configure()\nhooks = sys.excepthook, threading.excepthook, sys.unraisablehook\nconfigure()\n"

    done = run(code + "print(hooks == (sys.excepthook, threading.excepthook, sys.unraisablehook))", own_root)

    assert done.stdout == "True\n"
