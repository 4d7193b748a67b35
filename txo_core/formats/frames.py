"""Rows as a DataFrame that keeps their values. Imports pandas: import it late."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from txo_core.exceptions import ValidationError

EXACT = 2**53
"""Whole numbers up to here are exact as floating-point numbers."""


def as_frame(rows: list[Any], names: Sequence[str] = ()) -> Any:
    """Return the rows, which are dicts, as a DataFrame; `names` are its first columns.

    Text stays text, also of digits. Whole numbers with gaps stay whole (Int64, boolean); values of several kinds stay
    what they are (object). Raises ValidationError for rows that are no dicts.
    """
    columns = dict.fromkeys(names)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ValidationError(
                f"Row {number} has no columns, it is a value of type {type(row).__name__}",
                "Load it without as_frame",
                'TxoDataHandler().load("data", "values.json")',
            )
        if row.keys() != columns.keys():
            columns.update(dict.fromkeys(row))
    series = {name: _column([row.get(name) for row in rows]) for name in columns}
    return pd.DataFrame(series, index=range(len(rows)), columns=list(columns))


def _column(values: list[Any]) -> Any:
    kinds = set(map(type, values)) - {type(None)}
    gaps = None in values if kinds & {int, bool} else False
    if kinds == {int} and all(abs(value) < 2**63 for value in values if value is not None):
        return pd.array(values, dtype="Int64") if gaps else pd.Series(values, dtype="int64")
    if kinds == {bool}:
        return pd.array(values, dtype="boolean") if gaps else pd.Series(values, dtype="bool")
    if kinds == {int, float} and all(abs(value) < EXACT for value in values if type(value) is int):
        return pd.Series(values, dtype="float64")
    if len(kinds) == 1 and kinds <= {float, str}:
        return pd.Series(values)
    series = pd.Series(values, dtype="object")
    if {kind.__name__ for kind in kinds} == {"datetime"}:
        try:
            return series.astype("datetime64[us]")
        except (ValueError, TypeError):
            return series
    return series
