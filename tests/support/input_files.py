"""Input files for tests: a model of customers, and workbooks and texts made of rows in the folder data/."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import openpyxl
from openpyxl.cell.cell import Cell
from pydantic import Field

from txo_core.paths import get_path
from txo_core.rows import InputRow, InputRows, read_rows

TITLES = ("No.", "Name", "City", "Postal code", "E-mail", "Balance", "Currency", "Created on", "Blocked")


class Customer(InputRow):
    """A row with a column of every usual kind."""

    key_columns = ("no",)

    no: str = Field(title="No.", pattern=r"^C\d{4}$", examples=["C0042"])
    name: str = Field(max_length=20)
    city: str | None = None
    postal_code: str | None = None
    email: str | None = Field(None, title="E-mail", pattern=r"^\S+@\S+$", examples=["name@company.example"])
    balance: Decimal | None = Field(None, ge=0, decimal_places=2)
    currency: Literal["EUR", "NOK", "SEK"] = "EUR"
    created_on: date | None = None
    blocked: bool | None = None


class Formatted:
    """A value with the number format of its cell."""

    def __init__(self, value: Any, number_format: str) -> None:
        self.value, self.number_format = value, number_format


def workbook(rows: Iterable[Sequence[Any]], name: str = "c.xlsx", sheet: str = "Customers") -> Path:
    """Write the rows to a sheet of a workbook in data/, and return its path; an existing workbook gets one more."""
    path = get_path("data", name)
    book = openpyxl.load_workbook(path) if path.exists() else openpyxl.Workbook()
    page = book.create_sheet(sheet)
    if "Sheet" in book.sheetnames:
        del book["Sheet"]
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            put(page.cell(number, column), value)
    book.save(path)
    return path


def put(cell: Cell, value: Any) -> None:
    """Put a value into a cell, with its format where it has one."""
    if isinstance(value, Formatted):
        cell.value, cell.number_format = value.value, value.number_format
    else:
        cell.value = value


def text(content: str | bytes, name: str = "c.csv", encoding: str = "utf-8") -> Path:
    """Write a text file in data/ as it is, and return its path."""
    path = get_path("data", name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(*rows: Sequence[Any], titles: Sequence[Any] = TITLES) -> InputRows[Customer]:
    """Return what is read of a workbook with these rows below the titles."""
    workbook([titles, *rows])
    return read_rows("c.xlsx", Customer)


def reasons(rows: InputRows[Any]) -> list[str]:
    """Return all that is wrong, as `F7 "abc" is not a number`."""
    return [" ".join(filter(None, (f"{cell.column}{cell.row}", cell.value, cell.reason))) for cell in rows.bad_cells]
