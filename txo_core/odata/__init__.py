"""OData expressions made of data: filters, literals and keys that cannot change what they ask for."""

from txo_core.odata.conditions import (
    all_of,
    any_of,
    between,
    contains,
    endswith,
    eq,
    ge,
    gt,
    in_,
    le,
    lt,
    ne,
    raw,
    startswith,
)
from txo_core.odata.filters import build_odata_filter, filter_expression
from txo_core.odata.literals import key_segment, literal

__all__ = [
    "all_of",
    "any_of",
    "between",
    "build_odata_filter",
    "contains",
    "endswith",
    "eq",
    "filter_expression",
    "ge",
    "gt",
    "in_",
    "key_segment",
    "le",
    "literal",
    "lt",
    "ne",
    "raw",
    "startswith",
]
