"""Threads that nobody has to wait for: they do not keep the program from ending."""

import threading
from collections.abc import Callable


def start_alone(work: Callable[[], object], name: str) -> None:
    """Do the work in a thread of its own, which keeps nobody; in this one, where the system has no more of them."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError:
        work()


class Threads:
    """Up to `size` threads that each run `serve`; they start when they are wanted, and one that hangs is left alone."""

    def __init__(self, serve: Callable[[], None], size: int, name: str) -> None:
        self.size = size
        self._serve = serve
        self._name = name
        self._started: list[threading.Thread] = []

    def __len__(self) -> int:
        return len(self._started)

    def grow(self, wanted: int) -> None:
        """Start one more thread if there are fewer than are wanted, and than may be."""
        if len(self._started) >= min(wanted, self.size):
            return
        thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._started) + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more of them: go on with those that there are
            if not self._started:
                raise
        else:
            self._started.append(thread)

    def join(self) -> None:
        """Wait until all have ended."""
        for thread in self._started:
            thread.join()
