"""Processes that this one starts: they mask the same secrets, from their first line on.

A forked process is a copy and knows them. A spawned one begins from nothing, so it gets them with its start, through
the pipe by which multiprocessing hands it its work, and sets up the same doors. They are in no argument list, file or
variable.
"""

from multiprocessing.context import assert_spawning
from multiprocessing.process import current_process
from typing import Any

from txo_core.logs import records, streams
from txo_core.redaction import known_values, register_secret

PLACE = "txo_core"


class Handover:
    """Stands among what each new process inherits; its pickle, which is made for a start only, holds the secrets."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to be pickled in any other case."""
        assert_spawning(self)
        return received, (sorted(known_values().values),)


def install() -> None:
    """Let every process that is spawned from now on know what this one knows at that moment."""
    config: dict[str, Any] = current_process()._config  # type: ignore[attr-defined]
    config.setdefault(PLACE, Handover())


def received(secrets: list[str]) -> Handover:
    """Set up a process that has just been spawned, and let its own children have the same."""
    records.install()
    streams.install()
    for secret in secrets:
        register_secret(secret)
    return Handover()
