"""Input files as they really come: from Excel and other programs, half copied, locked, or with other things inside."""

import logging
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.input_files import TITLES, Customer, reasons, text, workbook
from txo_core.exceptions import ConfigurationError, FileOperationError, HelpfulError, ValidationError
from txo_core.intake import sources
from txo_core.intake.cells import Unreadable
from txo_core.intake.numbers import number_of
from txo_core.rows import read_rows

HEAD = "No.;Name;City;Balance"


def names(filename: str = "c.csv") -> list[str]:
    return [row.name for row in read_rows(filename, Customer).good]


# ---- text with separators --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_separator_is_found(separator: str) -> None:
    lines = [("No.", "Name", "City"), ("C0001", '"O, B; C|D"', "Kiel"), ("C0002", "B", "Oslo")]
    text("\n".join(separator.join(line) for line in lines))

    assert names() == ["O, B; C|D", "B"]


def test_decimal_commas_are_no_separators() -> None:
    text(f"{HEAD}\nC0001;A;Kiel;12,50\nC0002;B;Oslo;1.234,00\n")

    assert [row.balance for row in read_rows("c.csv", Customer).good] == [Decimal("12.50"), Decimal(1234)]


@pytest.mark.parametrize("name", ["c.csv", "c.tsv"])
def test_the_hint_of_excel_counts_and_is_no_row(name: str) -> None:
    text("sep=|\r\nNo.|Name\r\nC0001|\r\n", name)

    assert reasons(read_rows(name, Customer)) == ["B2 is empty, and has to be filled in"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_of_excel_are_understood(encoding: str) -> None:
    text("No.;Name\r\nC0001;Müller's Bäckerei\r\n", encoding=encoding)

    assert names() == ["Müller's Bäckerei"]


def test_a_guessed_encoding_is_said(caplog: pytest.LogCaptureFixture) -> None:
    text("No.;Name\nC0001;Köln\n", encoding="cp1252")
    with caplog.at_level(logging.INFO):
        names()

    assert any("read as Windows-1252" in message for message in caplog.messages)


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    """A value of two lines is in one row, an empty line is one."""
    text('No.;Name\n"C0001";"two\nlines"\n\nC0002;\n')

    rows = read_rows("c.csv", Customer)

    assert [row.row_number for row in rows.good] == [2]
    assert [row.name for row in rows.bad] == ["row 4 (C0002)"]


def test_leading_zeros_and_text_that_looks_like_a_formula_stay(own_root: Path) -> None:
    """Also as TxoDataHandler writes them, with its apostrophe."""
    text("No.;Name;Postal code\nC0001;'=1+1 Trading;01067\n")

    (row,) = read_rows("c.csv", Customer).good

    assert (row.name, row.postal_code) == ("=1+1 Trading", "01067")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'No.;Name\nC0001;"O"Brien"\n', "row 2, line 2: a quotation mark"),
        (b'No.;Name\nC0001;"open\nC0002;B\n', "a quotation mark"),
        (b"No.;Name\n\x81\x8d;x\n", "no text in UTF-8, UTF-16 or Windows-1252"),
        (b"N\0o\0;\0", "no text in UTF-8, UTF-16 or Windows-1252"),
        (b"PK\x03\x04rest", "is a workbook inside"),
        (b"", "is empty (0 bytes)"),
        (b"\n\n", "no row at all"),
    ],
)
def test_text_that_cannot_be_read_is_explained(content: bytes, said: str) -> None:
    text(content)

    with pytest.raises(ValidationError) as caught:
        read_rows("c.csv", Customer)

    assert said in caught.value.what_went_wrong
    assert caught.value.how_to_fix


# ---- which file ------------------------------------------------------------------------------------------------------


def refused(filename: str, kind: type[HelpfulError]) -> HelpfulError:
    with pytest.raises(kind) as caught:
        read_rows(filename, Customer)
    return caught.value


def test_a_missing_file_is_told_with_those_that_are_there() -> None:
    for name in ("customers.xlsx", "~$customers.xlsx", ".hidden.csv", "notes.docx", "orders.csv"):
        text("x", name)

    error = refused("custmers.xlsx", FileOperationError)

    assert error.how_to_fix == (
        "Did you mean customers.xlsx? Put it there, or give one that is there: customers.xlsx, orders.csv"
    )
    assert error.example == "--file customers.xlsx"


def test_a_missing_folder_is_no_other_error(own_root: Path) -> None:
    assert "There is no file" in refused("c.xlsx", FileOperationError).what_went_wrong
    assert not (own_root / "data").exists()


def test_a_folder_is_no_file() -> None:
    text("x", "orders/c.csv")

    assert "is a folder" in refused("orders", FileOperationError).what_went_wrong


@pytest.mark.parametrize("name", ["../secrets.json", "/etc/passwd", "", "a\nb.csv"])
def test_no_file_outside_of_the_folder_is_read(name: str) -> None:
    refused(name, ConfigurationError)


@pytest.mark.parametrize(
    ("name", "fix"),
    [("c.xls", "save it as an Excel workbook"), ("c.xlsm", "without macros"), ("c.pdf", "as CSV"), ("c", "as CSV")],
)
def test_a_file_of_another_kind_is_told_with_what_to_do(name: str, fix: str) -> None:
    text("x", name)

    error = refused(name, ValidationError)

    assert ".xlsx, .csv, .tsv" in error.what_went_wrong
    assert fix in error.how_to_fix


INSIDE = [
    (b"No.;Name\nC0001;A\n", "it is plain text, perhaps CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "an old .xls workbook, or one with a password"),
    (b"<html><table><tr><td>No.</td></tr></table></html>", "a web page"),
    (b"%PDF-1.7\n", "it is a PDF"),
    (b"\0\1\2\3", "is no Excel workbook inside, whatever its name says"),
    (b"PK\x03\x04" + b"x" * 100, "one that is still being written"),
]


@pytest.mark.parametrize(("content", "said"), INSIDE, ids=[said[:20] for _, said in INSIDE])
def test_a_workbook_that_is_none_is_told_by_what_it_is(content: bytes, said: str) -> None:
    text(content, "c.xlsx")

    assert said in refused("c.xlsx", ValidationError).what_went_wrong


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_workbook_that_is_half_copied_is_no_short_list(share: float) -> None:
    path = workbook([TITLES, *([f"C{number:04d}", "A"] for number in range(200))])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    assert "still being written" in refused("c.xlsx", ValidationError).what_went_wrong


def test_a_file_that_changes_while_it_is_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    path = text("No.;Name\nC0001;A\n")
    read = sources._source

    def read_and_write(found: Path) -> object:
        source = read(found)
        path.write_text("No.;Name\nC0001;A\nC0002;B\n")
        return source

    monkeypatch.setattr(sources, "_source", read_and_write)

    assert "was changed while it was read" in refused("c.csv", FileOperationError).what_went_wrong


def test_a_file_that_may_not_be_read_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Excel on Windows keeps others out."""
    text("No.;Name\nC0001;A\n")

    def locked(path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sources, "_source", locked)

    assert "cannot be read: Permission denied" in refused("c.csv", FileOperationError).what_went_wrong


@pytest.mark.parametrize("lock", ["~$c.xlsx", ".~lock.c.xlsx#"])
def test_a_file_that_is_open_elsewhere_is_read_and_said(lock: str, caplog: pytest.LogCaptureFixture) -> None:
    workbook([TITLES, ["C0001", "A"]])
    text("who", lock)

    assert names("c.xlsx") == ["A"]
    assert any("c.xlsx is open in a spreadsheet program" in message for message in caplog.messages)


def test_the_lock_itself_is_no_input() -> None:
    text("who", "~$c.xlsx")

    assert refused("~$c.xlsx", ValidationError).example == "--file c.xlsx"


# ---- numbers ---------------------------------------------------------------------------------------------------------


def written(value: Decimal, group: str, point: str) -> str:
    return f"{value:,}".replace(",", "\0").replace(".", point).replace("\0", group)


@given(
    st.decimals(-(10**12), 10**12, places=2),
    st.sampled_from([(".", ","), (",", "."), (" ", ","), ("'", "."), ("\u202f", ","), ("", "."), ("", ",")]),
)
def test_a_number_is_read_back_however_a_country_writes_it(value: Decimal, signs: tuple[str, str]) -> None:
    assert number_of(written(value, *signs)) == value


@given(st.text(alphabet="0123456789.,-+ '", max_size=12), st.sampled_from([None, True, False]))
def test_no_text_is_read_as_a_number_with_other_digits(given_text: str, comma: bool | None) -> None:
    """Signs may be understood or refused; digits are never lost, added or swapped."""
    try:
        number = number_of(given_text, comma)
    except Unreadable:
        return
    digits = "".join(filter(str.isdigit, given_text)).lstrip("0")
    found = "".join(filter(str.isdigit, f"{number:f}")).lstrip("0")
    assert found.rstrip("0") == digits.rstrip("0")


@pytest.mark.parametrize("wrong", ["", "-", "1-2", "--1", "-1-", "1,23,456", "12 34", "1.2.3", "1e5", "0x1F", "١٢,٥ ٦"])
def test_what_is_no_number_is_refused(wrong: str) -> None:
    with pytest.raises(Unreadable):
        number_of(wrong)
