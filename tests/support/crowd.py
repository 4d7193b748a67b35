"""Many threads that do the same thing at the same moment."""

import threading
from collections.abc import Callable
from typing import Any


def crowd(size: int, work: Callable[[], Any]) -> list[Any]:
    """Let so many threads do the work at once, and return what came of each: its result, or its error."""
    together, outcomes = threading.Barrier(size), []

    def one() -> None:
        together.wait()
        try:
            outcomes.append(work())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=one) for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
