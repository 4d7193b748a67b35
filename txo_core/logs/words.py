"""The words that a record brings beside its message: names of loggers, threads, processes and places in the code.

They hardly ever change, so what was found clean is remembered for as long as no further secret becomes known. A word is
masked only where it holds a known secret: how a name looks says nothing.
"""

import logging
from operator import itemgetter
from typing import Any

from txo_core import redaction
from txo_core.logs.text import one_line

NAMES = ("name", "levelname", "pathname", "filename", "module", "funcName", "threadName", "processName")
ALWAYS_SHOWN = ("name", "levelname")
FURTHER = tuple(name for name in ("taskName",) if name in vars(logging.LogRecord("", 0, "", 0, "", (), None)))
MOST_REMEMBERED = 4096
UNTOLD = "?"
"""What stands in place of a word that is missing, or of which nobody can tell whether it is clean."""

_words_of = itemgetter(*NAMES, *FURTHER)


class Remembered:
    """Words that are clean, as far as the process knows its secrets at the moment."""

    def __init__(self) -> None:
        self._known: object = None
        self._clean: set[Any] = set()

    def __contains__(self, words: Any) -> bool:
        return words in self._clean and redaction.known_values() is self._known

    def add(self, words: Any) -> None:
        """Remember that these are clean."""
        known = redaction.known_values()
        if known is not self._known or len(self._clean) >= MOST_REMEMBERED:
            self._known, self._clean = known, set()
        self._clean.add(words)


_remembered = Remembered()


def clean_words(record: logging.LogRecord) -> None:
    """Clean the names that a record stands under, where one of them has a secret or would end the line."""
    fields = record.__dict__
    try:
        words = _words_of(fields)
        if words in _remembered:
            return
    except (KeyError, TypeError):  # a record made by hand, without some of them, or with lists for names
        words = None
    for name in (*NAMES, *FURTHER):
        word = fields.get(name)
        if word is not None:
            fields[name] = plain_name(word)
        elif name in ALWAYS_SHOWN:
            fields[name] = UNTOLD
    if words is not None and words == _words_of(fields):
        _remembered.add(words)


def plain_name(word: Any) -> str:
    """Return a name on one line, without the secrets that the process knows."""
    text = word if type(word) is str else str(word)
    if redaction.holds_known_secret(text):
        text = redaction.redact(text)
    return text if text.isprintable() else one_line(text)


def withhold_words(record: logging.LogRecord) -> None:
    """Take away the names that nobody has found clean before."""
    fields = record.__dict__
    try:
        if _words_of(fields) in _remembered:
            return
    except (KeyError, TypeError):
        pass
    fields.update((name, UNTOLD) for name in (*NAMES, *FURTHER) if fields.get(name) is not None)
