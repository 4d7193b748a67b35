"""S1, S7: processes that a script starts mask what it knows, although nobody tells them in a script."""

import os
import pickle
import subprocess
import sys
from multiprocessing.process import current_process
from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY
from txo_core.logs import children
from txo_core.redaction import MASK, register_secret

SECRET = "Kx9-sesame-opens-the-mountain"
PROGRAM = """
import logging, multiprocessing, sys, warnings
from concurrent.futures import ProcessPoolExecutor

def say(secret):
    logging.getLogger("child").warning("log by %s", secret)
    print("printed by", secret)
    warnings.warn("warned by " + secret)
    try:
        raise ValueError("raised by " + secret)
    except ValueError:
        logging.getLogger("child").exception("failed")

def fail(secret):
    raise ValueError("ended by " + secret)

def start_another(secret):
    process = multiprocessing.get_context("spawn").Process(target=say, args=(secret,))
    process.start()
    process.join()

if __name__ == "__main__":
    from txo_core.logger import configure
    from txo_core.redaction import register_secret
    secret = sys.stdin.read()
    configure()
    register_secret(secret)
    context = multiprocessing.get_context(sys.argv[1])
    if sys.argv[2] == "pool":
        with ProcessPoolExecutor(1, context) as pool:
            pool.submit(say, secret).result()
            pool.submit(fail, secret).exception()
    else:
        process = context.Process(target=globals()[sys.argv[2]], args=(secret,))
        process.start()
        process.join()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "starts_others.py"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize(
    ("method", "work", "said"),
    [
        ("spawn", "say", "log by"),
        ("spawn", "fail", "ended by"),
        ("spawn", "start_another", "log by"),
        ("spawn", "pool", "log by"),
        ("forkserver", "say", "log by"),
        ("fork", "say", "log by"),
        ("fork", "fail", "ended by"),
    ],
)
def test_a_process_that_was_started_knows_what_to_mask(
    own_root: Path, program: Path, method: str, work: str, said: str
) -> None:
    """A spawned one begins from nothing; its code neither sets up logging nor registers anything."""
    done = subprocess.run(
        [sys.executable, "-W", "default", str(program), method, work], input=SECRET, cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert SECRET not in told
    assert f"{said} {MASK}" in told
    if said == "log by":
        assert f"printed by {MASK}" in told
        assert f"warned by {MASK}" in told
        assert f"ValueError: raised by {MASK}" in told


def test_what_is_handed_over_is_pickled_for_a_start_only() -> None:
    """Else whoever pickles a process object would have every secret in a file."""
    register_secret(SECRET)
    children.install()
    handover = current_process()._config[children.PLACE]  # type: ignore[attr-defined]

    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(handover)
    assert SECRET not in repr(vars(handover)) + repr(current_process()._config)  # type: ignore[attr-defined]
