"""Tests that are judged by time, on machines that others use as well."""

import functools
from collections.abc import Callable
from pathlib import Path

Test = Callable[[Path], None]


def in_one_of(rounds: int) -> Callable[[Test], Test]:
    """Let a test pass if one of so many rounds does, each in a folder of its own.

    A machine that stands still between a departure and its arrival spoils a round; a fault of the code spoils all.
    """

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(tmp_path: Path) -> None:
            for number in range(1, rounds):
                folder = tmp_path / f"round-{number}"
                folder.mkdir()
                try:
                    return test(folder)
                except AssertionError:
                    continue
            return test(tmp_path)

        return run

    return decorate
