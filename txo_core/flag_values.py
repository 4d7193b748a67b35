"""What a flag of the command line takes: the type, default and help of a parameter, and its value out of words."""

import argparse
import inspect
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import PydanticUserError, TypeAdapter
from pydantic import ValidationError as ModelError

from txo_core.settings.checks import closest

MANY = (list, tuple, set, frozenset)
WORDS: Mapping[str, str] = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "Decimal": "a number",
    "bool": "yes or no",
    "date": "a date, such as 2026-11-22",
    "datetime": "a date with a time, such as 2026-11-22T14:30",
    "Path": "a path",
    "UUID": "a GUID",
}


class BadValue(Exception):
    """A value that a flag does not take; the text says why."""


@dataclass(frozen=True)
class Flag:
    """One parameter of a flow as a flag: its name, its type, and its default where it has one."""

    name: str
    annotation: Any
    default: Any
    text: str = ""

    @property
    def option(self) -> str:
        """What a person types, such as `--dry-run`."""
        return f"--{self.name.strip('_').replace('_', '-')}"

    @property
    def is_required(self) -> bool:
        """Tell whether it has to be given."""
        return self.default is inspect.Parameter.empty

    @property
    def help(self) -> str:
        """What `--help` says of it."""
        has_default = not self.is_required and self.default not in (None, False, "")
        default = self.default.value if isinstance(self.default, Enum) else self.default
        return " ".join(filter(None, (self.text, f"(default: {default})" if has_default else "")))

    @property
    def options(self) -> dict[str, Any]:
        """What argparse has to know of it; a flag that is not given leaves no trace."""
        common = {"default": argparse.SUPPRESS, "required": self.is_required}
        kinds = self._kinds()
        if kinds == [bool]:
            return common | {"action": "store_true" if self.default is False else argparse.BooleanOptionalAction}
        if self._takes_many():
            return common | {"nargs": "+", "action": "extend", "metavar": self.option[2:].upper()}
        return common | {"metavar": "|".join(self._choices()) or self.option[2:].upper()}

    def value(self, given: Any) -> Any:
        """Return the value that words on the command line mean. Raises BadValue."""
        if isinstance(given, bool):
            return given
        choices = self._choices()
        if choices and isinstance(given, str):
            return self._choice(given, choices)
        try:
            return TypeAdapter(self.annotation).validate_python(_data(given))
        except ModelError as error:
            first = error.errors(include_url=False)[0]
            raise BadValue(self._refusal(given, str(first["msg"]))) from None
        except PydanticUserError:
            return given

    def _choice(self, given: str, choices: Mapping[str, Any]) -> Any:
        if given in choices:
            return choices[given]
        like = closest(given, choices)
        meant = f"; did you mean {like}?" if like else ""
        raise BadValue(f"{given!r} is none of: {', '.join(choices)}{meant}")

    def _refusal(self, given: Any, message: str) -> str:
        shown = given if isinstance(given, str) else " ".join(given)
        words = [WORDS.get(getattr(kind, "__name__", ""), "") for kind in self._kinds()]
        return f"{shown!r} is not {words[0]}" if len(words) == 1 and words[0] else f"{shown!r} is refused: {message}"

    def _kinds(self) -> list[Any]:
        return [kind for kind in _parts(self.annotation) if kind is not type(None)]

    def _takes_many(self) -> bool:
        return any(kind in MANY or get_origin(kind) in MANY for kind in self._kinds())

    def _choices(self) -> dict[str, Any]:
        """Return the words of a `Literal` or an `Enum`, each with what it stands for."""
        found: dict[str, Any] = {}
        for kind in self._kinds():
            if get_origin(kind) is Literal:
                found |= {str(value): value for value in get_args(kind)}
            elif isinstance(kind, type) and issubclass(kind, Enum):
                found |= {str(member.value): member for member in kind}
        return found


def flags_of(function: Callable[..., Any], without: frozenset[str], texts: Mapping[str, str]) -> list[Flag]:
    """Return a flag for each parameter of a function but those that are left out, with the text that explains it."""
    hints = get_type_hints(function, include_extras=True)
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name not in without]
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    return [Flag(each.name, hints.get(each.name, str), each.default, texts.get(each.name, "")) for each in named]


def _parts(annotation: Any) -> list[Any]:
    """Return the types that a type is made of: those of `str | None` are str and NoneType."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _parts(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [kind for part in get_args(annotation) for kind in _parts(part)]
    return [annotation]


def _data(given: Any) -> Any:
    """Return what words mean: an object of JSON where they are one."""
    if isinstance(given, str) and given.startswith("{"):
        try:
            return json.loads(given)
        except ValueError:
            return given
    return given
