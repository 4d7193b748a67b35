"""Rows of a file: read as a person means them, checked, and all that is wrong told at once with its place."""

import logging
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

import openpyxl
import pytest
from pydantic import AliasChoices, Field, field_validator, model_validator

from tests.support.input_files import TITLES, Customer, Formatted, read, reasons, text, workbook
from txo_core.exceptions import ConfigurationError, ValidationError
from txo_core.http.idempotency import key_for
from txo_core.http.scopes import scope
from txo_core.intake import cells, workbook_cells
from txo_core.intake.bad_rows import write_bad_rows
from txo_core.paths import get_path
from txo_core.redaction import register_secret
from txo_core.results import ItemResult
from txo_core.rows import InputRow, read_rows, sync_record

# ---- good rows -------------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_model_that_knows_where_it_stands() -> None:
    rows = read(["C0001", " Nordlicht ", "Kiel", "24103", "a@b.example", 12.5, "SEK", date(2026, 1, 2), True])

    (row,) = rows.good
    assert row.model_dump() == {
        "no": "C0001",
        "name": "Nordlicht",
        "city": "Kiel",
        "postal_code": "24103",
        "email": "a@b.example",
        "balance": Decimal("12.5"),
        "currency": "SEK",
        "created_on": date(2026, 1, 2),
        "blocked": True,
    }
    assert (row.row_number, row.sheet_name, row.row_key, rows.bad) == (2, "Customers", "C0001", [])


def test_what_is_sent_has_the_names_of_the_api_and_nothing_that_is_blank() -> None:
    (row,) = read(["C0001", "A", None, "01067", "  "]).good

    assert row.payload() == {"no": "C0001", "name": "A", "postalCode": "01067", "currency": "EUR"}


def test_blank_cells_empty_a_field_only_where_that_is_asked_for() -> None:
    """A column that the file does not have is never emptied."""
    workbook([["No.", "Name", "City", "Currency"], ["C0001", "A", None, None]])

    (row,) = read_rows("c.xlsx", Customer).good

    assert row.payload(clear_blank=True) == {"no": "C0001", "name": "A", "city": None, "currency": "EUR"}


def test_rows_without_a_value_do_not_count_and_keep_their_numbers() -> None:
    rows = read(["C0001", "A"], [], ["  ", " ", None], ["C0002", "B"], [None, "\u200b"])

    assert [(row.no, row.row_number) for row in rows.good] == [("C0001", 2), ("C0002", 5)]
    assert rows.bad == []


class Everything(InputRow):
    """A column of each type, each of which may be blank."""

    time_zone = "Europe/Oslo"

    text: str | None = None
    whole: int | None = None
    real: float | None = None
    exact: Decimal | None = None
    yes: bool | None = None
    day: date | None = None
    moment: datetime | None = None
    clock: time | None = None
    guid: UUID | None = None
    either: int | str | None = None


MEANT: list[tuple[str, Any, Any]] = [
    ("text", 123, "123"),
    ("text", 123.0, "123"),
    ("text", 0.1 + 0.2, "0.3"),
    ("text", True, "TRUE"),
    ("text", Formatted(123, "00000"), "00123"),
    ("text", Formatted(7, '"C"0000'), "C0007"),
    ("text", Formatted(123, "0"), "123"),
    ("text", date(2026, 11, 22), "2026-11-22"),
    ("text", " \u00a0x\u200b ", "x"),
    ("text", "a\nb", "a\nb"),
    ("text", 999_999_999_999_999, "999999999999999"),
    ("whole", "007", 7),
    ("whole", 5.0, 5),
    ("whole", "1 234 567", 1234567),
    ("real", "12,5", 12.5),
    ("exact", 12.1, Decimal("12.1")),
    ("exact", 0.1 + 0.2, Decimal("0.3")),
    ("exact", "1.234,50", Decimal("1234.50")),
    ("exact", "1,234.50", Decimal("1234.50")),
    ("exact", "12,50-", Decimal("-12.50")),
    ("yes", "Ja", True),
    ("yes", 0, False),
    ("yes", "x", True),
    ("day", datetime.combine(date(2026, 11, 22), time()), date(2026, 11, 22)),
    ("day", "22.11.2026", date(2026, 11, 22)),
    ("day", "11/22/2026", date(2026, 11, 22)),
    ("day", "20261122", date(2026, 11, 22)),
    ("day", "2026-11-22 00:00:00", date(2026, 11, 22)),
    ("clock", time(14, 30), time(14, 30)),
    ("clock", "9:05", time(9, 5)),
    ("guid", "3F2504E0-4F89-11D3-9A0C-0305E82C3301", UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
    ("either", 5, 5),
    ("either", "five", "five"),
]


@pytest.mark.parametrize(("column", "value", "meant"), MEANT, ids=lambda each: repr(getattr(each, "value", each)))
def test_a_cell_means_what_a_person_sees_in_it(column: str, value: Any, meant: Any) -> None:
    workbook([["Text", column], ["x" if column != "text" else None, value]])
    workbook([[column], [value]], "own.xlsx")

    (row,) = read_rows("own.xlsx", Everything).good

    assert getattr(row, column) == meant
    assert type(getattr(row, column)) is type(meant)


def test_a_time_of_day_gets_the_zone_of_the_model() -> None:
    moment = datetime.combine(date(2026, 7, 1), time(8, 30))
    workbook([["Moment"], [moment], ["2026-07-01 08:30"], ["2026-07-01T08:30:00Z"]])

    moments = [row.moment for row in read_rows("c.xlsx", Everything).good]

    assert [str(moment) for moment in moments] == [
        "2026-07-01 08:30:00+02:00",
        "2026-07-01 08:30:00+02:00",
        "2026-07-01 08:30:00+00:00",
    ]


def test_a_list_of_words_is_read_in_any_case() -> None:
    class Kind(Enum):
        SMALL = "small"
        LARGE = 2

    class Sized(InputRow):
        kind: Kind
        currency: Annotated[str, Field(title="Curr.")] = "EUR"

    workbook([["Kind", "Curr."], ["Small", "NOK"], ["2", None]])

    rows = read_rows("c.xlsx", Sized)

    assert [(row.kind, row.currency) for row in rows.good] == [(Kind.SMALL, "NOK"), (Kind.LARGE, "EUR")]
    assert [row.row_key for row in rows.good] == ["row 2", "row 3"]


def test_a_row_is_the_same_to_an_idempotency_key_wherever_it_stands() -> None:
    """Keys are made of the item's text; a row that was moved or read again keeps its key."""
    (first,), (moved,) = read(["C0001", "A"]).good, read([], ["C0001", "A"]).good

    keys = []
    for row in (first, moved, first.model_copy(update={"name": "B"})):
        with scope("sync-customer", {"item": row}):
            keys.append(key_for("POST", "https://api.example.com/customers", b"{}"))
    assert keys[0] == keys[1] != keys[2]


# ---- bad rows --------------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_told_at_once_with_its_place() -> None:
    rows = read(
        ["C0001", "A"],
        ["X1", None, "Kiel", None, "nobody", "much", "USD", "22/11/26", "perhaps"],
        ["C0003", "B", None, None, None, -1],
    )

    assert [row.no for row in rows.good] == ["C0001"]
    assert [row.name for row in rows.bad] == ["row 3 of Customers (X1)", "row 4 of Customers (C0003)"]
    assert reasons(rows) == [
        'A3 "X1" has another form than it should, such as C0042',
        "B3 is empty, and has to be filled in",
        'E3 "nobody" has another form than it should, such as name@company.example',
        'F3 "much" is not a number',
        'G3 "USD" is none of: EUR, NOK, SEK',
        'H3 "22/11/26" has a year of two digits',
        'I3 "perhaps" is neither yes nor no',
        'F4 "-1" has to be at least 0',
    ]
    assert rows.bad[1].reason == 'Balance (F4) "-1" has to be at least 0'


def test_rows_with_one_key_name_each_other_whatever_its_case() -> None:
    class Named(Customer):
        no: str

    workbook([TITLES, ["c1", "A"], ["C1", "B"], ["C2", "C"], ["C1 ", "D"]])

    rows = read_rows("c.xlsx", Named)

    assert [row.no for row in rows.good] == ["C2"]
    assert reasons(rows) == [
        'A2 "c1" stands in rows 3, 5, too',
        'A3 "C1" stands in rows 2, 5, too',
        'A5 "C1" stands in rows 2, 3, too',
    ]


def test_a_row_that_is_bad_in_itself_and_double_tells_both() -> None:
    rows = read(["C0001", "A"], ["C0001", None])

    assert reasons(rows) == [
        'A2 "C0001" stands in row 3, too',
        'A3 "C0001" stands in row 2, too',
        "B3 is empty, and has to be filled in",
    ]


def test_a_key_may_be_made_of_several_columns() -> None:
    class Line(InputRow):
        key_columns = ("order", "line")

        order: str
        line: int

    workbook([["Order", "Line"], ["A", 1], ["A", 2], ["A", "1"]])

    rows = read_rows("c.xlsx", Line)

    assert [row.row_key for row in rows.good] == ["A / 2"]
    assert reasons(rows) == ['A2 "A / 1" stands in row 4, too', 'A4 "A / 1" stands in row 2, too']


REFUSED: list[tuple[str, Any, str]] = [
    ("text", "4,00638E+12", "is a number that a spreadsheet has rounded"),
    ("text", 1_234_567_890_123_456, "is a number of more than 15 digits"),
    ("text", "#N/A", "is the error #N/A"),
    ("text", "=A1+1", "is a formula whose result is not saved"),
    ("whole", 5.5, "has decimals, and a whole number is asked for"),
    ("whole", "1.234", "can be read as 1234 and as 1.234"),
    ("whole", True, "is yes or no, and a number is asked for"),
    ("exact", "1,234", "can be read as 1234 and as 1.234"),
    ("exact", "12 %", "is not a number"),
    ("exact", "€ 5", "is not a number"),
    ("exact", date(2026, 1, 1), "is a date or a time, and a number is asked for"),
    ("exact", "12.34.56", "is not a number"),
    ("real", "nan", "is not a number"),
    ("yes", "perhaps", "is neither yes nor no"),
    ("day", 45000, "is a number, and not formatted as a date"),
    ("day", "03/04/2026", "can be read as two days"),
    ("day", "31.02.2026", "is no day of the calendar"),
    ("day", "22.11.26", "has a year of two digits"),
    ("day", "soon", "is not a date, such as 2026-11-22"),
    ("day", datetime.combine(date(2026, 1, 1), time(8)), "has a time of day, and a date alone is asked for"),
    ("moment", "2026-11-22 25:00", "is not a time of day"),
    ("clock", "late", "is not a time of day, such as 14:30"),
    ("guid", "7", "is not a GUID"),
]


@pytest.mark.parametrize(("column", "value", "reason"), REFUSED, ids=lambda each: repr(each)[:30])
def test_what_may_mean_two_things_or_none_is_refused_with_the_reason(column: str, value: Any, reason: str) -> None:
    workbook([[column, "either"], [value, "x"]])

    (told,) = reasons(read_rows("c.xlsx", Everything))

    assert reason in told


def test_a_model_says_how_its_files_write_decimals() -> None:
    class German(InputRow):
        decimal_comma: ClassVar[bool | None] = True

        amount: Decimal

    class English(German):
        decimal_comma = False

    workbook([["Amount"], ["1,234"], ["1.234"]])

    assert [row.amount for row in read_rows("c.xlsx", German).good] == [Decimal("1.234"), Decimal(1234)]
    assert [row.amount for row in read_rows("c.xlsx", English).good] == [Decimal(1234), Decimal("1.234")]


class Strict(InputRow):
    """A model with a check of each kind."""

    short: str | None = Field(None, max_length=3)
    long: str | None = Field(None, min_length=3)
    less: int | None = Field(None, lt=10)
    places: Decimal | None = Field(None, decimal_places=2)
    digits: Decimal | None = Field(None, max_digits=4)
    form: str | None = Field(None, pattern=r"^\d+$")
    dozens: int | None = Field(None, multiple_of=12)
    own: str | None = None
    lower: str | None = None
    upper: str | None = None

    @field_validator("own")
    @classmethod
    def no_test(cls, value: str | None) -> str | None:
        if value == "test":
            raise ValueError("is for tests only")
        return value

    @model_validator(mode="after")
    def ordered(self) -> "Strict":
        if self.lower and self.upper and self.lower > self.upper:
            raise ValueError("lower is above upper")
        return self


CHECKS = [
    ({"short": "long"}, 'A2 "long" is too long: at most 3 characters are allowed'),
    ({"long": "ab"}, 'A2 "ab" is too short: at least 3 characters are needed'),
    ({"less": 10}, 'A2 "10" has to be less than 10'),
    ({"places": 1.234}, 'A2 "1.234" has more than 2 decimals'),
    ({"digits": 12345}, 'A2 "12345" has more than 4 digits'),
    ({"form": "x"}, 'A2 "x" has another form than it should (^\\d+$)'),
    ({"dozens": 13}, 'A2 "13" is not a multiple of 12'),
    ({"own": "test"}, 'A2 "test" is for tests only'),
    ({"lower": "b", "upper": "a"}, "2 lower is above upper"),
]


@pytest.mark.parametrize(("row", "told"), CHECKS, ids=lambda each: str(each)[:30])
def test_the_checks_of_a_model_are_told_in_words_of_people(row: dict[str, Any], told: str) -> None:
    workbook([list(row), list(row.values())])

    assert reasons(read_rows("c.xlsx", Strict)) == [told]


def test_a_check_of_the_whole_row_names_the_row() -> None:
    workbook([["lower", "upper"], ["b", "a"]])

    (bad,) = read_rows("c.xlsx", Strict).bad

    assert (bad.name, bad.reason) == ("row 2 of Customers", "the row as a whole lower is above upper")


def test_shown_values_are_cut_and_hold_no_secret() -> None:
    class Login(InputRow):
        name: str = Field(max_length=5)
        password: str = Field(max_length=5)
        note: str = Field(max_length=5)

    register_secret("sesame-opens-the-mountain")
    workbook([["Name", "Password", "Note"], ["x" * 100, "hunter2-hunter2", "sesame-opens-the-mountain"]])

    rows = read_rows("c.xlsx", Login)

    told = "\n".join(reasons(rows))
    assert f'"{"x" * 39}…"' in told
    assert told.count("[REDACTED]") == 2
    assert "hunter2" not in told + repr(rows.bad)
    assert "sesame" not in told + repr(rows.bad)


# ---- what becomes of them --------------------------------------------------------------------------------------------


def test_one_bad_row_keeps_all_back_and_each_is_accounted_for() -> None:
    rows = read(["C0001", "A"], ["C0002", None], ["C0003", "C"])

    assert rows.to_send == []
    assert rows.kept_back.records == [
        ItemResult("row 3 of Customers (C0002)", "failed", "Name (B3) is empty, and has to be filled in"),
        ItemResult("C0001", "skipped", "not sent, since another row of the file cannot be used"),
        ItemResult("C0003", "skipped", "not sent, since another row of the file cannot be used"),
    ]


def test_the_good_rows_go_on_where_that_is_asked_for() -> None:
    workbook([TITLES, ["C0001", "A"], ["C0002", None]])

    rows = read_rows("c.xlsx", Customer, on_bad_rows="continue")

    assert [row.no for row in rows.to_send] == ["C0001"]
    assert rows.kept_back.summary() == "0 ok, 1 failed"
    assert (rows.kept_back + rows.kept_back).failed == ["row 3 of Customers (C0002)"] * 2


def test_a_result_tells_the_report_where_the_row_stands_and_what_differed() -> None:
    (row,) = read(["C0001", "A"]).good
    updated = ItemResult("C0001", "updated", changes={"name": ("B", "A"), "city": (None, "Kiel"), "pin": (None, "9")})

    assert sync_record(row, updated).value == {
        "row": 2,
        "outcome": "updated",
        "changes": "name: B → A; city: (empty) → Kiel; pin: (empty) → [REDACTED]",
        "no": "C0001",
        "name": "A",
        "currency": "EUR",
    }
    assert sync_record(row, ItemResult("C0001", "created", changes={"no": (None, "C0001")})).value["changes"] == "(new)"
    assert sync_record(row, ItemResult("C0001", "unchanged")).value["changes"] is None


def test_the_list_of_bad_rows_is_a_workbook_whose_texts_are_no_formulas(tmp_path: Path) -> None:
    workbook([TITLES, ["C0001", "=1+1 " * 10, None, None, "=evil()"]], sheet="=Sheet")
    book = openpyxl.load_workbook(get_path("data", "c.xlsx"))
    for cell in ("B2", "E2"):
        book["=Sheet"][cell].data_type = "s"
    book.save(get_path("data", "c.xlsx"))
    path = tmp_path / "bad.xlsx"

    with path.open("wb") as file:
        write_bad_rows(read_rows("c.xlsx", Customer).bad_cells, file)

    page = openpyxl.load_workbook(path)["Bad rows"]
    told = [[cell.value for cell in row] for row in page.iter_rows()]
    assert told[0] == ["Sheet", "Row", "Column", "Title", "Value", "Reason"]
    assert [row[:4] for row in told[1:]] == [["=Sheet", 2, "B", "Name"], ["=Sheet", 2, "E", "E-mail"]]
    assert {cell.data_type for row in page.iter_rows() for cell in row} == {"s", "n"}


# ---- titles ----------------------------------------------------------------------------------------------------------


def test_titles_are_known_by_name_title_and_alias_in_any_order_and_spelling() -> None:
    class Aliased(InputRow):
        no: str = Field(title="No.")
        since: date | None = Field(None, alias="createdOn")
        amount: int | None = Field(None, validation_alias=AliasChoices("Betrag", "Montant"))

    workbook([["CREATED_ON", "montant", "no"], [date(2026, 1, 2), 5, "A"]])

    (row,) = read_rows("c.xlsx", Aliased).good

    assert (row.no, row.since, row.amount) == ("A", date(2026, 1, 2), 5)
    assert row.payload()["createdOn"] == date(2026, 1, 2)


def test_a_unit_behind_a_title_does_not_matter() -> None:
    workbook([["No. *", "Name\n(as in the contract)", "Balance [EUR]"], ["C0001", "A", 5]])

    (row,) = read_rows("c.xlsx", Customer).good

    assert (row.name, row.balance) == ("A", Decimal(5))


def test_titles_may_stand_below_a_heading() -> None:
    workbook([["Customers as of today"], [], TITLES, ["C0001", "A"], ["C0002", None]])

    rows = read_rows("c.xlsx", Customer)

    assert [row.row_number for row in rows.good] == [4]
    assert reasons(rows) == ["B5 is empty, and has to be filled in"]


def refusal(*titles: Any) -> str:
    workbook([titles, ["C0001", "A"]])
    with pytest.raises(ValidationError) as caught:
        read_rows("c.xlsx", Customer)
    return str(caught.value)


def test_everything_wrong_with_the_titles_is_told_at_once() -> None:
    told = refusal("No.", "Nmae", "Postal cod", "City", "city", "Notes")

    assert "the titles in row 1 of c.xlsx, sheet Customers" in told
    assert "'Nmae' in B1 is unknown; did you mean 'Name'?" in told
    assert "'Postal cod' in C1 is unknown; did you mean 'Postal code'?" in told
    assert "'City' stands twice, in D1 and E1" in told
    assert "Notes" not in told
    assert "The columns are: No.*, Name*, City, Postal code, E-mail" in told


def test_a_column_that_every_row_needs_is_missed() -> None:
    assert "'Name' is missing, and every row needs it" in refusal("No.", "City")


def test_a_sheet_without_any_of_the_titles_says_what_it_has() -> None:
    told = refusal("Datum", "Betrag")

    assert "No row at the top of c.xlsx, sheet Customers has the titles of the columns" in told
    assert "row 1 has: Datum, Betrag" in told


def test_an_empty_sheet_is_explained() -> None:
    workbook([])
    with pytest.raises(ValidationError, match="no row at all"):
        read_rows("c.xlsx", Customer)


def test_what_is_not_read_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Columns of others are common; one without a title may be a merged title, so that is a warning."""
    with caplog.at_level(logging.INFO):
        workbook([["No.", "Name", "Notes"], ["C0001", "A", "n", "stray"]])
        read_rows("c.xlsx", Customer)

    assert "Not used, since the model does not have it: Notes (C)" in caplog.messages
    absent = "City, Postal code, E-mail, Balance, Currency (its default is sent), Created on, Blocked"
    assert f"Not in the file: {absent}" in caplog.messages
    assert any("no title above: column D" in message for message in caplog.messages)


def test_a_file_with_titles_alone_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rows = read()

    assert (rows.good, rows.bad) == ([], [])
    assert "c.xlsx, sheet Customers has no rows below its titles" in caplog.messages


# ---- sheets ----------------------------------------------------------------------------------------------------------


def test_the_first_visible_sheet_with_the_columns_is_read() -> None:
    workbook([TITLES, ["C0009", "hidden"]], sheet="Old")
    path = workbook([["Fill in the next sheet"]], sheet="Read me")
    workbook([TITLES, ["C0001", "A"]], sheet="Customers")
    book = openpyxl.load_workbook(path)
    book["Old"].sheet_state = "hidden"
    book.active = 1
    book.save(path)

    assert [row.no for row in read_rows("c.xlsx", Customer).good] == ["C0001"]
    assert [row.no for row in read_rows("c.xlsx", Customer, sheet=" old").good] == ["C0009"]


def test_a_sheet_that_is_not_there_is_told_with_those_that_are() -> None:
    workbook([TITLES], sheet="Customers")
    workbook([TITLES], sheet="Archive")

    with pytest.raises(ValidationError) as caught:
        read_rows("c.xlsx", Customer, sheet="Custmers")

    assert "Did you mean 'Customers'? It has: Customers, Archive" in caught.value.how_to_fix


def test_the_error_of_a_sheet_names_the_others() -> None:
    workbook([["nothing"]], sheet="One")
    workbook([["nothing"]], sheet="Two")

    with pytest.raises(ValidationError, match="other sheets are: Two"):
        read_rows("c.xlsx", Customer)


def test_a_text_file_has_no_sheets() -> None:
    text("No.,Name\nC0001,A\n")

    with pytest.raises(ValidationError, match="is a text file and has no sheets"):
        read_rows("c.csv", Customer, sheet="Customers")


# ---- what a person sees in a workbook and a plain reader does not ----------------------------------------------------


def test_hidden_rows_are_read_and_said(caplog: pytest.LogCaptureFixture) -> None:
    path = workbook([TITLES, ["C0001", "A"], ["C0002", "B"], ["C0003", "C"]])
    book = openpyxl.load_workbook(path)
    book["Customers"].row_dimensions[3].hidden = True
    book.save(path)

    rows = read_rows("c.xlsx", Customer)

    assert len(rows.good) == 3
    assert any("1 hidden row is read like the others" in message for message in caplog.messages)


def test_merged_cells_below_the_titles_have_a_value_once() -> None:
    path = workbook([TITLES, ["C0001", "A", "Kiel"], ["C0002", "B"], ["C0003", "C"]])
    book = openpyxl.load_workbook(path)
    book["Customers"].merge_cells("C2:C3")
    book.save(path)

    rows = read_rows("c.xlsx", Customer)

    assert [row.no for row in rows.good] == ["C0001", "C0003"]
    assert reasons(rows) == ["C3 is merged with the cell before it, and only the first of merged cells has a value"]


def test_a_formula_gives_its_saved_result() -> None:
    """Written by hand, since nothing here computes: `<f>` with `<v>` as Excel saves it."""
    from zipfile import ZipFile

    path = workbook([["Whole", "Text"], [1, "=A2+1"]])
    parts = {}
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in parts if name.startswith("xl/worksheets/"))
    parts[name] = (
        parts[name]
        .replace(b"<f>A2+1</f><v />", b"<f>A2+1</f><v>2</v>")
        .replace(b"<f>A2+1</f><v></v>", b"<f>A2+1</f><v>2</v>")
    )
    with ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)

    assert [row.text for row in read_rows("c.xlsx", Everything).good] == ["2"]


def test_more_rows_than_are_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_cells, "MOST_ROWS", 3)

    with pytest.raises(ValidationError, match="more than 3 rows"):
        read(*[[f"C{number:04d}", "A"] for number in range(5)])


def test_a_far_cell_is_not_filled_up_to() -> None:
    """The last cell that a sheet can have: what lies between costs nothing."""
    path = workbook([TITLES, ["C0001", "A"]])
    book = openpyxl.load_workbook(path)
    book["Customers"]["XFD1048576"] = "stray"
    book.save(path)

    rows = read_rows("c.xlsx", Customer)

    assert (len(rows.good), rows.bad) == (1, [])


# ---- models that are none --------------------------------------------------------------------------------------------


def test_a_model_that_is_none_is_explained() -> None:
    class Wrong(Customer):
        key_columns = ("number",)

    class Blank(Customer):
        key_columns = ("city",)

    for model, said in ((dict, "is no model of a row"), (Wrong, "is no column"), (Blank, "may be empty")):
        with pytest.raises(ConfigurationError, match=said) as caught:
            read_rows("c.xlsx", model)  # type: ignore[type-var]
        assert caught.value.example


def test_letters_of_columns_are_those_of_a_spreadsheet() -> None:
    assert [cells.column_letter(number) for number in (1, 26, 27, 702, 703, 16_384)] == [
        "A", "Z", "AA", "ZZ", "AAA", "XFD",
    ]  # fmt: skip


def test_a_file_below_the_folder_or_named_with_it_is_found() -> None:
    get_path("data", "sub/x.txt")
    workbook([TITLES, ["C0001", "A"]], "sub/c.xlsx")

    assert read_rows("sub/c.xlsx", Customer).path == read_rows("data/sub/c.xlsx", Customer).path
