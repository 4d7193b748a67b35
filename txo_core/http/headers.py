"""The headers of a request: spelt as they were set, found in any spelling, and cheap to copy."""

from typing import Self

from requests.structures import CaseInsensitiveDict


class Headers(CaseInsensitiveDict[str]):
    """What requests has, without its detour: a request is copied for each attempt, so its headers are, too."""

    _store: dict[str, tuple[str, str]]

    def copy(self) -> Self:
        """Return headers of their own that hold the same."""
        copied = type(self).__new__(type(self))
        copied._store = self._store.copy()
        return copied

    def plain(self) -> dict[str, str]:
        """Return them as a dictionary."""
        return dict(self._store.values())
