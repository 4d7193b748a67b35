"""The names of options that methods take: a misspelt one is told at once, with the nearest."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any, TypeVar

from txo_core.exceptions import ValidationError

Options = TypeVar("Options", bound=Mapping[str, Any])

KINDS = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
ELSEWHERE = {
    "filter": ("odata_filter",), "top": ("limit", "params"), "page_size": ("paging",), "size": ("paging",),
    "query": ("params",), "data": ("json",), "body": ("json",), "threads": ("workers",), "max_workers": ("workers",),
    "retries": ("idempotent",), "order_by": ("orderby",), "fields": ("select", "params"),
}  # fmt: skip
"""What other clients call it."""


def known(method: Callable[..., Any], options: Options, kind: type) -> Options:
    """Return the options as they are; a ValidationError names one that the method does not take, and the nearest.

    `kind` is the TypedDict of the options.
    """
    for name in options:
        if name not in kind.__annotations__:
            _refuse(method, name, kind)
    return options


def _refuse(method: Callable[..., Any], name: str, kind: type) -> None:
    own = [each.name for each in signature(method).parameters.values() if each.kind in KINDS]
    names = [*own, *(each for each in kind.__annotations__ if each not in own)]
    near = [*(each for each in ELSEWHERE.get(name, ()) if each in names), *get_close_matches(name, names, 1)]
    called = getattr(method, "__name__", "The method")
    raise ValidationError(
        f"{called}() takes no option {name!r}",
        (f"Did you mean {near[0]!r}? " if near else "") + f"It takes {', '.join(names)}",
        f"api.{called}({', '.join(own[:1])}, {near[0] if near else names[-1]}=...)",
    )
