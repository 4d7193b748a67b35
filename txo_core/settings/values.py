"""Read-only values of a configuration that say where a missing key belongs."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, Self

from txo_core.exceptions import MissingKeyError
from txo_core.settings.checks import closest


def _read_only(*_: Any, **__: Any) -> NoReturn:
    raise TypeError("The configuration is read-only; change the file, or a copy: config.to_dict(), dict(), list()")


class Section(dict[str, Any]):
    """One object of a configuration file, read-only: a missing key is an error that names it, the file and its likes.

    It is a dict, so that `json.dumps`, `requests` and `zeep` take it as it is; whatever would change it raises
    TypeError. A shallow `dict(section)` can be changed, but its nested values cannot.
    """

    __slots__ = ("_file", "_path")

    def __init__(self, values: Mapping[str, Any], path: str = "", file: str = "the configuration") -> None:
        super().__init__((key, freeze(value, join(path, key), file)) for key, value in values.items())
        self._path = path
        self._file = file

    def __missing__(self, key: object) -> NoReturn:
        raise missing_key(key, self, self._path, self._file)

    def __reduce__(self) -> tuple[Any, ...]:
        return Section, (dict(self), self._path, self._file)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    __setitem__ = __delitem__ = __ior__ = _read_only
    clear = pop = popitem = setdefault = update = _read_only


class Items(list[Any]):
    """One list of a configuration file, read-only; a list, so that libraries take it as it is."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Items, (list(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _read_only
    append = extend = insert = remove = pop = clear = sort = reverse = _read_only


def freeze(value: Any, path: str, file: str) -> Any:
    """Return a read-only copy of what JSON can hold; `path` is where it stands in `file`."""
    if isinstance(value, Mapping):
        return Section(value, path, file)
    if isinstance(value, list | tuple):
        return Items(freeze(item, f"{path}[{number}]", file) for number, item in enumerate(value))
    return value


def thaw(value: Any) -> Any:
    """Return a copy made of plain dicts and lists, which belongs to the caller."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    return value


def join(path: str, key: object) -> str:
    """Return the dotted path of a key below a path; a key that is no plain word is quoted, and cut at 60 characters."""
    text = str(key)
    plain = text.isprintable() and text and not set(text) & set('."[] ')
    label = text[:60] if plain else json.dumps(text[:60])
    return f"{path}.{label}" if path else label


def missing_key(key: object, present: Mapping[str, Any], path: str, file: str, hint: str = "") -> MissingKeyError:
    """Return the error for a key that is not there: it names the key, the file and the key that was perhaps meant."""
    like = closest(str(key), present)
    meant = f"Did you mean {like!r}? " if like else ""
    keys = [part for part in (path.split(".") if path else []) if "[" not in part]
    nested: Any = "..."
    for part in reversed([*keys, str(key)]):
        nested = {part: nested}
    return MissingKeyError(
        f"There is no key {join(path, key)!r} in {file}",
        hint or f"{meant}Add the key to the file, or ask with .get() where it is optional",
        json.dumps(nested),
    )
