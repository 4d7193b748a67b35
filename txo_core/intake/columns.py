"""The columns that a model asks for: by which titles they are known, of what type they are, which have to be filled."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from txo_core.intake.model import InputRow
from txo_core.settings.checks import squeeze

NONE = type(None)


@dataclass(frozen=True)
class Column:
    """One column: the field that it fills, its title for people, and the titles that it goes by, squeezed.

    `kinds` are the types that its values may have, None not among them; `choices` are the words of a closed list.
    """

    field: str
    title: str
    titles: frozenset[str]
    kinds: tuple[Any, ...]
    choices: Mapping[str, Any]
    is_required: bool
    takes_none: bool
    examples: tuple[str, ...]


def columns_of(model: type[InputRow]) -> list[Column]:
    """Return the columns of a model, in its order."""
    return [_column(name, field) for name, field in model.model_fields.items()]


def by_location(columns: list[Column], model: type[InputRow]) -> Mapping[str, Column]:
    """Return the columns by each name under which pydantic's errors may speak of them."""
    found = {column.field: column for column in columns}
    for column in columns:
        for name in _names(model.model_fields[column.field]):
            found.setdefault(name, column)
    return found


def _column(name: str, field: FieldInfo) -> Column:
    title = field.title or name.replace("_", " ").capitalize()
    kinds = tuple(dict.fromkeys(_kinds(field.annotation)))
    return Column(
        field=name,
        title=title,
        titles=frozenset(squeeze(each) for each in (name, title, *_names(field))),
        kinds=tuple(kind for kind in kinds if kind is not NONE),
        choices=_choices(field.annotation),
        is_required=field.is_required() and NONE not in kinds,
        takes_none=NONE in kinds and (field.is_required() or field.get_default(call_default_factory=False) is None),
        examples=tuple(map(str, field.examples or ())),
    )


def _names(field: FieldInfo) -> Iterator[str]:
    """Yield the names by which pydantic knows a field."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias, field.alias]
    yield from (each for each in choices if isinstance(each, str))


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the types that a type is made of: those of `str | None` are str and NoneType."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield annotation


def _choices(annotation: Any) -> Mapping[str, Any]:
    """Return the words of a `Literal` or an `Enum`, each with what it stands for; none for other types."""
    kinds = [kind for kind in _kinds(annotation) if kind is not NONE]
    if not kinds:
        return {}
    if all(get_origin(kind) is Literal for kind in kinds):
        return {str(value): value for kind in kinds for value in get_args(kind)}
    if all(isinstance(kind, type) and issubclass(kind, Enum) for kind in kinds):
        return {str(member.value): member for kind in kinds for member in kind}
    return {}
