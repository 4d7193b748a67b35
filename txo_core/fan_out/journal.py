"""What came of each item, on disk the moment it is known: a run that died goes on where it ended.

One folder a flow run and one file a process, below the root that all workers share: `journal/<run>/<work>.<...>.jsonl`.
A line is a JSON array, `[key, outcome, reason, value, doubt]`; the last one of a key counts. That of an operation has
its name as the reason and its token as the value. A line that a kill cut off is left out. A key with a secret in it
stands there as its hash.
"""

import hashlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from txo_core.exceptions import FileOperationError
from txo_core.fan_out.stored import NotStored, restored, stored
from txo_core.paths import make_folder, root
from txo_core.redaction import holds_known_secret, redact
from txo_core.results import SUCCESSES, ItemResult

logger = logging.getLogger("txo_core.fan_out")

FOLDER = "journal"
FIELDS = 5
WRITING = "writing"
"""In the place of an outcome: a write that may not be repeated is on its way."""
OPERATION = "operation"
"""Likewise: a long-running operation was accepted, or, without a token, has failed."""
HASHED = "sha256-"
KEPT = SUCCESSES | {"skipped"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal says of an item. `doubt`: it may have taken effect, and nobody has said so."""

    outcome: str
    reason: str = ""
    value: Any = None
    doubt: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the item need not be done again."""
        return self.outcome in KEPT


@dataclass(slots=True)
class Journal:
    """The journal of one piece of work: what earlier attempts left, and what this one adds, from any thread.

    Without a folder it keeps nothing, as for work outside of a run.
    """

    folder: Path | None
    work: str
    before: dict[str, Entry] = field(default_factory=dict)
    operations: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: Sequence[str] = field(default=(), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _file: int = -1

    @classmethod
    def of(cls, run_id: str | None, work: str, keys: Sequence[str] = ()) -> "Journal":
        """Open the journal of a flow run's work on these items; raises FileOperationError where it cannot be read."""
        if run_id is None:
            return cls(None, work)
        journal = cls(root() / FOLDER / run_id, work, keys=keys)
        journal.read(run_id, journal.before)
        return journal

    def read(self, run_id: str, into: dict[str, Entry]) -> None:
        """Take in what the run's journal of the same work says of items; and of operations that have not failed."""
        names: dict[str, str] = {}
        for key, entry in entries(root() / FOLDER / run_id, self.work):
            if key.startswith(HASHED):
                names = names or {_hash(each): each for each in self.keys}
                key = names.get(key, key)
            into[key] = entry
            if entry.outcome == OPERATION and entry.value is None:
                self.operations.pop((key, entry.reason), None)
            elif entry.outcome == OPERATION:
                self.operations[key, entry.reason] = str(entry.value)

    def earlier(self, key: str) -> ItemResult | None:
        """Return what came of an item in an earlier attempt, if it need not be done again."""
        entry = self.before.get(key)
        if entry is None or not entry.is_done:
            return None
        return ItemResult(key, entry.outcome, entry.reason, restored(entry.value))  # type: ignore[arg-type]

    def in_doubt(self, key: str) -> bool:
        """Tell whether an earlier attempt may have done the item without anybody knowing."""
        entry = self.before.get(key)
        return entry is not None and not entry.is_done and entry.doubt

    def writing(self, key: str) -> None:
        """Note that a write of this item is about to be sent which may not be sent twice."""
        self._add([key, WRITING, "", None, 1])

    def operation(self, key: str, name: str, token: str | None, doubt: bool) -> None:
        """Note that an operation of this item has begun, by its token, or failed."""
        self._add([key, OPERATION, name, token, int(doubt)])

    def note(self, record: ItemResult, doubt: bool = False) -> None:
        """Note what came of an item; a value that no JSON can hold is left out."""
        if self.folder is None:
            return
        try:
            value = stored(record.value) if record.outcome in KEPT else None
        except NotStored as error:
            value = None
            logger.debug("%s: the journal cannot hold %s, so a resumed run has no value for it", record.key, error)
        self._add([record.key, record.outcome, redact(record.reason), value, int(doubt)])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _add(self, line: list[Any]) -> None:
        if self.folder is None:
            return
        if holds_known_secret(line[0]):
            line[0] = _hash(line[0])
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        with self._lock:
            try:
                if self._file < 0:
                    self._file = _create(self.folder, self.work)
                _write(self._file, data)
            except OSError as error:
                raise _unwritable(self.folder, error) from error


def _hash(key: str) -> str:
    return HASHED + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def entries(folder: Path, work: str) -> Iterator[tuple[str, Entry]]:
    """Yield what the files of a piece of work say, the oldest first; raises FileOperationError."""
    try:
        for path in sorted(folder.glob(f"{work}.*.jsonl")):
            with path.open("rb") as file:
                for line in file:
                    entry = _parsed(line)
                    if entry is not None:
                        yield entry
    except OSError as error:
        raise FileOperationError(
            f"The journal in {folder} cannot be read: {error.strerror or error}",
            "It says what earlier attempts of the run have done: see that this account may read it",
            f"ls -l {folder}",
        ) from error


def _parsed(line: bytes) -> tuple[str, Entry] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        said = json.loads(line.decode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    if not isinstance(said, list) or len(said) != FIELDS:
        return None
    key, outcome, reason, value, doubt = said
    return str(key), Entry(str(outcome), str(reason), value, bool(doubt))


def _create(folder: Path, work: str) -> int:
    """Return a new file, its owner's alone, whose name sorts behind those of earlier attempts."""
    make_folder(folder)
    path = folder / f"{work}.{time.time_ns():020}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _unwritable(folder: Path, error: OSError) -> FileOperationError:
    return FileOperationError(
        f"The journal in {folder} cannot be written: {error.strerror or error}",
        "Make room for it, or see that this account may write there: without it a run that dies cannot be gone on with",
        f"df -h {folder.parent}; ls -ld {folder.parent}",
    )
