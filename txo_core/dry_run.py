"""Whether this is a dry run, in which nothing may be written to an API: asked here, told by the flow."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[bool] = ContextVar("txo_dry_run", default=False)


def is_dry_run() -> bool:
    """Tell whether what happens here belongs to a dry run."""
    return _asked.get()


@contextmanager
def dry_run(asked: bool = True) -> Iterator[None]:
    """Let what happens inside be a dry run where that is asked for; inside of one, everything is."""
    token = _asked.set(asked or _asked.get())
    try:
        yield
    finally:
        _asked.reset(token)
