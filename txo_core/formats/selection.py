"""Which rows and columns of a table are wanted, and as what: dicts, a DataFrame, or either of them piece by piece."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from txo_core.exceptions import ValidationError

LISTED = 20
"""Columns that an error names."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a table is wanted. `skiprows` are left out above the header, or above the rows where there is none."""

    usecols: tuple[str, ...] | None = None
    nrows: int | None = None
    skiprows: int = 0
    chunks: int | None = None
    as_frame: bool = False

    @property
    def whole(self) -> bool:
        """Tell whether all rows are to be in memory together."""
        return self.nrows is None and self.chunks is None


@dataclass(slots=True)
class Grid:
    """Rows below named columns. A row may be shorter, or longer: then columns without a name come to be."""

    names: list[str]
    rows: Iterator[list[Any]]
    missing: Any
    """What stands for a field that is not there: "" in text, None in a workbook."""


def selection(
    usecols: Sequence[str] | None, nrows: int | None, skiprows: int, chunks: int | None, as_frame: bool
) -> Selection:
    """Return the checked selection. Raises ValidationError."""
    for name, value, least in (("nrows", nrows, 0), ("skiprows", skiprows, 0), ("chunks", chunks, 1)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise ValidationError(f"{name} is a whole number from {least} on", "Count rows", f"{name}=1_000")
    if usecols is not None and (isinstance(usecols, str) or not all(isinstance(name, str) for name in usecols)):
        raise ValidationError("usecols is a list of column names", "Give the names", 'usecols=["no", "name"]')
    return Selection(None if usecols is None else tuple(usecols), nrows, skiprows, chunks, as_frame)


def picked(grid: Grid, wanted: Selection) -> Any:
    """Return the wanted rows of a table, or an iterator over pieces of them, which reads on as it is asked."""
    rows: Iterator[list[Any]] = islice(grid.rows, wanted.nrows)
    names = grid.names
    if wanted.usecols is not None:
        places = _places(names, wanted.usecols)
        missing = grid.missing
        rows = ([row[place] if place < len(row) else missing for place in places] for row in rows)
        names = list(wanted.usecols)
    return shaped(wanted, rows, lambda piece: _as_dicts(names, piece, grid.missing), names)


def shaped(
    wanted: Selection, rows: Iterable[Any], finish: Callable[[Iterable[Any]], list[Any]], names: Sequence[str] = ()
) -> Any:
    """Return all rows, or an iterator over pieces of `chunks` rows; as DataFrames where they are wanted."""
    if wanted.chunks is None:
        return _framed(wanted, finish(rows), names)
    return _pieces(wanted, iter(rows), finish, names)


def unique_names(names: Iterable[Any]) -> list[str]:
    """Return a name for each column: one without gets its position, a second `name` becomes `name (2)`."""
    unique: dict[str, None] = {}
    for position, name in enumerate(names, 1):
        given = column = str(name) if name not in (None, "") else f"column {position}"
        number = 1
        while column in unique:
            number += 1
            column = f"{given} ({number})"
        unique[column] = None
    return list(unique)


def _pieces(
    wanted: Selection, rows: Iterator[Any], finish: Callable[[Iterable[Any]], list[Any]], names: Sequence[str]
) -> Iterator[Any]:
    while piece := finish(islice(rows, wanted.chunks)):
        yield _framed(wanted, piece, names)


def _framed(wanted: Selection, rows: list[Any], names: Sequence[str]) -> Any:
    if not wanted.as_frame:
        return rows
    from txo_core.formats.frames import as_frame

    return as_frame(rows, names)


def _as_dicts(names: list[str], rows: Iterable[list[Any]], missing: Any) -> list[Row]:
    """Return the rows as dicts, which all have the same keys."""
    width = len(names)
    result: list[Row] = []
    for row in rows:
        if len(row) < width:
            row = row + [missing] * (width - len(row))
        elif len(row) > width:
            names.extend(unique_names([*names, *[None] * (len(row) - width)])[width:])
            width = len(names)
        result.append(dict(zip(names, row, strict=True)))
    for record in result:
        if len(record) == width:
            break
        record.update(dict.fromkeys(names[len(record) :], missing))
    return result


def _places(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    unknown = [name for name in wanted if name not in names]
    if unknown:
        more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
        raise ValidationError(
            f"There is no column {unknown[0]!r}", f"There are: {', '.join(names[:LISTED])}{more}", 'usecols=["no"]'
        )
    return [names.index(name) for name in wanted]
