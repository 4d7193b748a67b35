"""Time as an argument: what a policy asks, and what a test replaces."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
Sleep = Callable[[float], None]

monotonic: Clock = time.monotonic
stopping = threading.Event()


def sleep(seconds: float) -> None:
    """Wait so many seconds; on Ctrl-C every waiting thread is woken and ends with KeyboardInterrupt."""
    if stopping.wait(max(0.0, seconds)):
        raise KeyboardInterrupt


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)
