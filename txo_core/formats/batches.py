"""A table of any kind, taken in batches of columns: in flat memory, and no key is lost that comes late."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from txo_core.exceptions import ValidationError
from txo_core.formats.tables import Unsavable, as_record, named

BATCH = 1_000
"""Rows that are in memory together."""


class Batch(NamedTuple):
    """The values of some rows: one list a column, in the order of the columns, each with a value for every row."""

    rows: int
    values: list[list[Any]]


@dataclass(slots=True)
class Table:
    """Column names and batches of rows. A batch may bring further columns: all are known when the last one is taken."""

    columns: list[str]
    batches: Iterator[Batch]
    length: int | None = None
    """Rows, where that is known before."""


def as_table(data: Any) -> Table:
    """Return the data as a table: a DataFrame without its index, or dicts, dataclasses or pydantic models.

    Rows may come from a generator. Columns are the union of the keys in first-seen order; a missing key is None.
    Raises ValidationError for all else, and for two columns of one name.
    """
    if is_frame(data):
        columns = [str(name) for name in data.columns]
        _check_twice(columns)
        return Table(columns, _frame_batches(data), len(data))
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable) or as_record(data) is not None:
        raise no_table(f"A table is a list of rows, not {named(data)}")
    table = Table([], iter(()), len(data) if isinstance(data, Sequence) else None)
    table.batches = _record_batches(data, table.columns)
    return table


def is_frame(data: Any) -> bool:
    """Tell whether this is a pandas DataFrame, without importing pandas to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def refused(columns: Sequence[str], batch: Batch, before: int, form: Callable[[Any], object]) -> ValidationError:
    """Return the error that names the first value of a refused batch that has no such form; `before` rows went well."""
    for number, row in enumerate(zip(*batch.values, strict=True), before + 1):
        for column, value in zip(columns, row, strict=True):
            try:
                form(value)
            except Unsavable as error:
                return error.below(column).in_row(number)
    raise AssertionError("the batch was refused, yet each of its values is accepted")


def _record_batches(rows: Iterable[Any], columns: list[str]) -> Iterator[Batch]:
    keys: dict[Any, None] = {}
    records = _records(rows)
    while batch := list(islice(records, BATCH)):
        for record in batch:
            if record.keys() != keys.keys():
                _add_keys(record, keys, columns)
        yield Batch(len(batch), [[record.get(key) for record in batch] for key in keys])


def _add_keys(record: Mapping[Any, Any], keys: dict[Any, None], columns: list[str]) -> None:
    new = [key for key in record if key not in keys]
    if new:
        keys.update(dict.fromkeys(new))
        columns.extend(map(str, new))
        _check_twice(columns)


def _records(rows: Iterable[Any]) -> Iterator[Mapping[Any, Any]]:
    for number, row in enumerate(rows, 1):
        record = as_record(row)
        if record is None:
            raise no_table(f"Row {number} is {named(row)}, not a dict")
        yield record


def _frame_batches(frame: Any) -> Iterator[Batch]:
    columns = [frame.iloc[:, position].array for position in range(frame.shape[1])]
    for start in range(0, len(frame), BATCH):
        values = [_plain_values(column[start : start + BATCH]) for column in columns]
        yield Batch(min(BATCH, len(frame) - start), values)


def _plain_values(values: Any) -> list[Any]:
    """Return the values of an array of pandas, as Python's own where all of them can be turned at once."""
    kind = getattr(getattr(values.dtype, "numpy_dtype", values.dtype), "kind", "O")
    if kind in "biuf":
        return list(values.to_numpy().tolist())
    if kind == "M" and getattr(values.dtype, "tz", None) is None:
        moments = values.to_numpy().astype("datetime64[us]").tolist()
        if not any(type(moment) is int for moment in moments):  # which are years that Python has not
            return list(moments)
    return list(values.to_numpy(dtype=object).tolist())


def _check_twice(columns: Sequence[str]) -> None:
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise ValidationError(
            f"Two columns are called {twice!r}, and a row could keep only one of them",
            "Give each column a name of its own; to a table, the keys 1 and '1' are the same name",
            'frame.columns = ["no", "name", "name_2"]',
        )


def no_table(problem: str) -> ValidationError:
    """Return the error for data that is no table."""
    return ValidationError(
        problem,
        "Give a list of dicts, dataclasses or pydantic models, or a DataFrame",
        '[{"no": "01234", "name": "A"}]',
    )
