"""Values come back as they went, whoever reads the file: ours is never the only reader that is asked."""

import csv
import io
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from txo_core.exceptions import ValidationError
from txo_core.files import TxoDataHandler
from txo_core.formats import packing
from txo_core.formats.packing import checksum_of_both

files = TxoDataHandler()
TEXTS = [
    "00123", "NA", "N/A", "#N/A", "null", "None", "nan", "", " ", " a ", "\n", "a\nb", "a\r\nb", "a\rb", "\ttab",
    "12345678901234567", "1E5", "0x10", "1_000", "1.10", "-0", "TRUE", "yes", "no", "~", "2026-01-02", "12:30",
    "=1+1", "+47 22 33", "-1", "@x", "'quoted", '"', ",", ";", "a,b;c|d", "&<>\"'", "&amp;", "]]>", "<!--",
    "_x0041_", "_x005F_", "_x000D_", "x_x41_", "Tromsø", "日本語", "עברית", "😀", "e\u0301", "\xa0", "\u2028", "\ufeff",
    "\x01", "\x00", "a\x1fb", "\x7f", "\x85", "\uffff", "- a", "a: b", "# c", "{a}", "[1]", "|", ">", "%", "`", "!",
    "x" * 32_767, "😀" * 16_383,
]  # fmt: skip
OSLO = timezone(timedelta(hours=2))


def at(*parts: int) -> datetime:
    """Return a moment without a zone, as workbooks have them."""
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001


class Status(StrEnum):
    OPEN = "open"


def excel(value: Any) -> list[Any]:
    """Return what openpyxl and what we read from a cell that was written with the value."""
    path = files.save([{"k": "first", "v": value}], "output", "a.xlsx")
    return [load_workbook(path)["Data"]["B2"].value, files.load("output", "a.xlsx")[0].get("v")]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "tsv", "xlsx", "yaml", "csv.gz"])
def test_a_text_is_the_same_text_in_every_kind_of_file(suffix: str) -> None:
    """Whatever it looks like; in CSV a missing value and an empty text are the same."""
    rows: list[dict[str, Any]] = [
        {"k": "1", "all": text, "some": text if n % 2 else None} for n, text in enumerate(TEXTS)
    ]

    files.save(rows, "output", f"a.{suffix}")

    missing = "" if "sv" in suffix else None
    held = [row | {"some": missing if row["some"] is None else row["some"]} for row in rows]
    assert files.load("output", f"a.{suffix}") == held


def test_each_text_alone_is_the_same_in_a_workbook() -> None:
    """A column is looked at as a whole; here it has one value."""
    sheets = {f"s{n}": [{"v": text}] for n, text in enumerate(TEXTS) if text}

    files.save(sheets, "output", "a.xlsx")

    assert files.load("output", "a.xlsx", sheet=None) == sheets


def test_a_second_reader_finds_the_same_text() -> None:
    """The standard library's, PyYAML's and pandas'; what a spreadsheet would run has its apostrophe in CSV."""
    rows = [{"k": "1", "v": text} for text in TEXTS]
    paths = {suffix: files.save(rows, "output", f"a.{suffix}") for suffix in ("json", "jsonl", "csv", "tsv", "yaml")}
    raw = {suffix: path.read_bytes().decode() for suffix, path in paths.items()}

    assert json.loads(raw["json"]) == yaml.safe_load(raw["yaml"]) == rows
    assert [json.loads(line) for line in raw["jsonl"].split("\n")[:-1]] == rows
    for suffix, delimiter in (("csv", ","), ("tsv", "\t")):
        read = [row["v"] for row in csv.DictReader(io.StringIO(raw[suffix], newline=""), delimiter=delimiter)]
        frame = pd.read_csv(paths[suffix], sep=delimiter, dtype=str, keep_default_na=False)
        for text, field, value in zip(TEXTS, read, frame["v"], strict=True):
            assert field.replace("'", "") == text.replace("'", "")
            assert any(sign in text for sign in "=+-@\t\r\n'") or field == text
            assert value == field or "\x00" in text or "\r" in text


def test_half_a_character_is_kept_where_there_is_a_form_for_it() -> None:
    """JSON and workbooks have an escape; CSV has none, and says so by row or column."""
    for suffix in ("json", "jsonl", "xlsx", "yaml"):
        files.save([{"k": "a\ud83db"}], "output", f"a.{suffix}")
        assert files.load("output", f"a.{suffix}") == [{"k": "a\ud83db"}]
    with pytest.raises(ValidationError, match="Row 2 holds half"):
        files.save([{"k": "a"}, {"k": "\ud83d"}], "output", "a.csv")
    with pytest.raises(ValidationError, match="column name holds half"):
        files.save([{"\ud83d": "a"}], "output", "a.csv")


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (0, 0),
        (-5, -5),
        (True, True),
        (0.1 + 0.2, 0.1 + 0.2),
        (1e300, 1e300),
        (-1.5e-300, -1.5e-300),
        (999_999_999_999_999, 999_999_999_999_999),
        (10**15, "1000000000000000"),
        (-(10**17) - 1, "-100000000000000001"),
        (Decimal("12.30"), 12.3),
        (Decimal("1E+5"), 100_000.0),
        (Decimal("0.1234567890123456"), "0.1234567890123456"),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        (Decimal("Infinity"), "Infinity"),
        (Decimal("sNaN"), None),
        (float("nan"), None),
        (float("-inf"), "-Infinity"),
        (None, None),
        ("", ""),
        (Status.OPEN, "open"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ({"a": [Decimal("1.10")]}, '{"a": ["1.10"]}'),
    ],
    ids=repr,
)
def test_a_value_in_a_workbook_is_exact_or_a_text_of_it(value: Any, held: Any) -> None:
    """Never rounded in silence."""
    read = excel(value)

    assert read == [held, held]
    assert type(read[1]) is type(held)


@pytest.mark.parametrize(
    ("value", "openpyxl_reads", "we_read"),
    [
        (date(2026, 1, 2), at(2026, 1, 2), date(2026, 1, 2)),
        (date(9999, 12, 31), at(9999, 12, 31), date(9999, 12, 31)),
        (date(1900, 3, 1), at(1900, 3, 1), date(1900, 3, 1)),
        (date(1900, 2, 28), "1900-02-28", "1900-02-28"),
        (date(1900, 1, 1), "1900-01-01", "1900-01-01"),
        (date(1, 1, 1), "0001-01-01", "0001-01-01"),
        (at(2026, 1, 2), at(2026, 1, 2), at(2026, 1, 2)),
        (at(2026, 3, 29, 2, 30, 59), at(2026, 3, 29, 2, 30, 59), at(2026, 3, 29, 2, 30, 59)),
        (at(2026, 1, 2, 3, 4, 5, 678_901), at(2026, 1, 2, 3, 4, 5, 679_000), at(2026, 1, 2, 3, 4, 5, 678_901)),
        (datetime(2026, 1, 2, 1, 30, tzinfo=OSLO), at(2026, 1, 1, 23, 30), at(2026, 1, 1, 23, 30)),
        (at(1900, 1, 1, 12), "1900-01-01T12:00:00", "1900-01-01T12:00:00"),
        (pd.Timestamp("2026-01-02T03:04:05Z"), at(2026, 1, 2, 3, 4, 5), at(2026, 1, 2, 3, 4, 5)),
        (time(12, 30, 15), time(12, 30, 15), time(12, 30, 15)),
        (time(0), time(0), time(0)),
        (time(1, 2, tzinfo=UTC), "01:02:00+00:00", "01:02:00+00:00"),
        (timedelta(hours=30, seconds=1), timedelta(hours=30, seconds=1), timedelta(hours=30, seconds=1)),
        (timedelta(0), timedelta(0), timedelta(0)),
        (-timedelta(hours=26, minutes=30), "-26:30:00", "-26:30:00"),
        (pd.NaT, None, None),
    ],
    ids=repr,
)  # fmt: skip
def test_dates_and_times_in_a_workbook(value: Any, openpyxl_reads: Any, we_read: Any) -> None:
    """Dates with their formats, where all programs count alike; ISO 8601 where they do not."""
    assert excel(value) == [openpyxl_reads, we_read]
    assert type(files.load("output", "a.xlsx")[0].get("v")) is type(we_read)


@given(st.lists(st.datetimes(min_value=at(1900, 3, 1), max_value=at(2100, 1, 1)), min_size=1, max_size=100))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_moment_in_a_workbook_is_off_by_a_microsecond_at_most(moments: list[datetime]) -> None:
    """Excel itself counts in milliseconds, and those are exact."""
    rows = [
        {"exact": moment, "ms": moment.replace(microsecond=moment.microsecond // 1000 * 1000)} for moment in moments
    ]
    files.save(rows, "output", "a.xlsx")

    for row, read in zip(rows, files.load("output", "a.xlsx"), strict=True):
        assert abs(pd.Timestamp(read["exact"]) - row["exact"]) <= timedelta(microseconds=1)
        assert pd.Timestamp(read["ms"]) == row["ms"]


def test_a_moment_outside_the_calendar_in_utc_is_named() -> None:
    with pytest.raises(ValidationError, match="Row 1, column 'at' is a moment outside"):
        files.save([{"at": datetime(1, 1, 1, tzinfo=OSLO)}], "output", "a.xlsx")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12345678901234567890.10"), "12345678901234567890.10"),
        (10**17 + 1, "100000000000000001"),
        (0.1 + 0.2, "0.30000000000000004"),
        (float("inf"), "Infinity"),
        (float("nan"), ""),
        (None, ""),
        (True, "true"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 1, 30, tzinfo=OSLO), "2026-01-02T01:30:00+02:00"),
        (at(2026, 1, 2, 3, 4, 5, 6), "2026-01-02T03:04:05.000006"),
        (time(1, 2), "01:02:00"),
        (timedelta(days=100, microseconds=1), "8640000.000001"),
        (timedelta(microseconds=-1), "-0.000001"),
        (timedelta(hours=1), "3600"),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_a_value_in_csv_is_its_exact_text(value: Any, text: str) -> None:
    """With zone, fraction and all digits."""
    path = files.save([{"v": value, "k": 1}], "output", "a.csv")

    assert next(csv.DictReader(io.StringIO(path.read_text())))["v"] == text
    assert files.load("output", "a.csv") == [{"v": text, "k": "1"}]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "yaml"])
def test_values_in_documents_are_numbers_or_their_exact_text(suffix: str) -> None:
    """A reader of floating-point numbers loses no digit of an amount; nothing is written that JSON does not have."""
    row = {
        "decimal": Decimal("12345678901234567890.10"),
        "long": 10**17 + 1,
        "float": 0.1 + 0.2,
        "nan": float("nan"),
        "inf": float("inf"),
        "date": date(2026, 1, 2),
        "moment": datetime(2026, 1, 2, 1, 30, tzinfo=OSLO),
        "span": timedelta(days=100, microseconds=1),
        "empty": "",
        "missing": None,
        "nested": {"a": [Decimal("1.10"), {"b": (1, 2)}]},
    }
    held = row | {
        "decimal": "12345678901234567890.10",
        "nan": None,
        "inf": "Infinity",
        "date": "2026-01-02",
        "moment": "2026-01-02T01:30:00+02:00",
        "span": "8640000.000001",
        "nested": {"a": ["1.10", {"b": [1, 2]}]},
    }

    path = files.save([row], "output", f"a.{suffix}")

    raw = path.read_text()
    second = yaml.safe_load(raw) if suffix == "yaml" else json.loads(f"[{raw}]" if suffix == "jsonl" else raw)
    assert files.load("output", f"a.{suffix}") == second == [held]


def test_two_keys_that_are_the_same_text_are_refused() -> None:
    """One of the values would be lost."""
    for name in ("a.csv", "a.xlsx"):
        with pytest.raises(ValidationError, match="Two columns are called '1'"):
            files.save([{1: "a", "1": "b"}], "output", name)
    for name in ("a.json", "a.jsonl", "a.yaml"):
        with pytest.raises(ValidationError, match="two keys are the same"):
            files.save([{1: "a", "1": "b", "n": float("nan")}], "output", name)


def test_two_columns_of_one_name_are_refused_in_every_kind_of_file() -> None:
    """A frame may have them, a row that comes back may not."""
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])

    for suffix in ("json", "jsonl", "csv", "xlsx", "yaml"):
        with pytest.raises(ValidationError, match="Two columns are called 'a'"):
            files.save(frame, "output", f"a.{suffix}")


def test_a_number_with_more_digits_than_can_be_written_is_named() -> None:
    for suffix in ("json", "jsonl", "csv", "xlsx", "yaml"):
        large = 10 ** (50 if suffix == "yaml" else 4_000)
        path = files.save([{"n": large}], "output", f"a.{suffix}")
        assert str(large) in "".join(map(str, files.load("output", path.name)[0].values()))
        with pytest.raises(ValidationError, match="Row 2, column 'n' is a whole number of more digits"):
            files.save([{"n": 1}, {"n": 10**5_000}], "output", f"a.{suffix}")


# Columns and rows


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "tsv", "xlsx", "yaml", "csv.gz", "xlsx.gz"])
def test_no_rows_are_no_rows(suffix: str) -> None:
    empty: tuple[Any, ...] = ([], iter(()), pd.DataFrame(), pd.DataFrame(columns=["a", "b"]))
    for data in empty:
        files.save(data, "output", f"a.{suffix}")
        assert files.load("output", f"a.{suffix}") == []


def test_a_frame_without_rows_keeps_its_header() -> None:
    empty = pd.DataFrame(columns=["a", "b"])

    assert files.save(empty, "output", "a.csv").read_bytes() == b"a,b\r\n"
    assert [cell.value for cell in load_workbook(files.save(empty, "output", "a.xlsx"))["Data"][1]] == ["a", "b"]


def late(rows: int) -> Iterator[dict[str, Any]]:
    """Yield rows of which the last alone has one more column, and the one before it no value at all."""
    for n in range(rows):
        yield {"n": n, "text": "a,\n'b"} if n != rows - 1 or n == 0 else {}
    yield {"late": "x"}


@pytest.mark.parametrize("rows", [1, 999, 1_000, 1_001, 2_500])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "xlsx", "csv.gz", "xlsx.gz"])
def test_a_column_that_comes_late_is_not_lost(suffix: str, rows: int) -> None:
    """Columns are the union of all keys, also of a generator, whose first rows are on the disk by then."""
    files.save(late(rows), "output", f"a.{suffix}")

    read = files.load("output", f"a.{suffix}")
    missing = None if "xlsx" in suffix else ""
    kept = [{"n": missing, "text": missing, "late": missing} | row for row in late(rows)]
    assert [{key: str(value) for key, value in row.items()} for row in read] == [
        {key: str(value) for key, value in row.items()} for row in kept
    ]


def test_every_line_of_a_csv_has_as_many_fields() -> None:
    """Strict readers ask for it."""
    path = files.save(late(1_500), "output", "a.csv")

    with path.open(newline="") as file:
        assert {len(row) for row in csv.reader(file)} == {3}


def test_rows_of_several_kinds_make_one_table() -> None:
    @dataclass
    class Item:
        no: str
        at: datetime

    rows = [{"no": "1"}, Item("2", at(2026, 1, 2)), {"qty": 3}]

    files.save(iter(rows), "output", "a.xlsx")

    assert files.load("output", "a.xlsx") == [
        {"no": "1", "at": None, "qty": None},
        {"no": "2", "at": at(2026, 1, 2), "qty": None},
        {"no": None, "at": None, "qty": 3},
    ]


def test_a_column_may_hold_values_of_every_kind() -> None:
    values = ["a", 1, 2.5, True, None, date(2026, 1, 2), "=1", Decimal("1.5"), "", float("nan"), 10**16] * 300

    files.save([{"n": n, "v": value} for n, value in enumerate(values)], "output", "a.xlsx")

    held = ["a", 1, 2.5, True, None, date(2026, 1, 2), "=1", 1.5, "", None, str(10**16)] * 300
    assert [row["v"] for row in files.load("output", "a.xlsx")] == held


@pytest.mark.parametrize(
    "dtype", ["int64", "float64", "Int64", "bool", "boolean", "str", "string", "category", "object"]
)
def test_the_values_of_a_frame_are_those_that_pandas_shows(dtype: str) -> None:
    values: dict[str, list[Any]] = {
        "int64": [1, 2], "float64": [1.5, float("nan")], "Int64": [1, None], "bool": [True, False],
        "boolean": [True, None], "str": ["00123", None], "string": ["NA", None], "category": ["a", "b"],
        "object": [Decimal("1.5"), date(2026, 1, 2)],
    }  # fmt: skip
    frame = pd.DataFrame({"v": pd.Series(values[dtype], dtype=dtype), "k": 1})

    files.save(frame, "output", "a.xlsx")

    held = [None if value != value else value for value in values[dtype]]
    assert [row["v"] for row in files.load("output", "a.xlsx")] == held


def test_moments_of_a_frame_keep_their_zone() -> None:
    zoned = pd.to_datetime(pd.Series(["2026-01-02T01:30+02:00", None]), utc=False)
    frame = pd.DataFrame({"at": zoned, "plain": pd.to_datetime(pd.Series(["1600-01-01", "2026-01-02"]))})

    assert '"2026-01-02T01:30:00+02:00"' in files.save(frame, "output", "a.jsonl").read_text()
    files.save(frame, "output", "a.xlsx")
    assert files.load("output", "a.xlsx") == [
        {"at": at(2026, 1, 1, 23, 30), "plain": "1600-01-01T00:00:00"},
        {"at": None, "plain": at(2026, 1, 2)},
    ]


# The two engines


VALUES = [
    *TEXTS, 1, -1.5, 10**17, Decimal("1.10"), True, None, float("inf"), date(2026, 1, 2), date(1900, 1, 1),
    at(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 1, 30, tzinfo=OSLO), time(12, 30), timedelta(hours=30), [1],
]  # fmt: skip


def test_both_engines_write_the_same_values() -> None:
    """As openpyxl and pandas read them: values, types, formats; only an empty text is no cell to openpyxl's writer."""
    random.Random(7).shuffle(VALUES)
    rows = [{"=k": n, "v": value, f"c{n % 3}": value} for n, value in enumerate(VALUES) if value != ""]
    ours = files.save({"A": rows, "B & Co": rows[:3]}, "output", "ours.xlsx")
    trusted = files.save({"A": rows, "B & Co": rows[:3]}, "output", "theirs.xlsx", engine="openpyxl")

    cells = [
        [
            [(cell.value, cell.data_type, cell.number_format, cell.quotePrefix, cell.font.b) for cell in row]
            for sheet in load_workbook(path)
            for row in sheet
        ]
        for path in (ours, trusted)
    ]
    assert cells[0] == cells[1]
    assert [load_workbook(path).sheetnames for path in (ours, trusted)] == [["A", "B & Co"]] * 2
    assert load_workbook(ours)["A"].freeze_panes == load_workbook(trusted)["A"].freeze_panes == "A2"
    first, second = (
        pd.read_excel(path, sheet_name="A", dtype=object, keep_default_na=False) for path in (ours, trusted)
    )
    pd.testing.assert_frame_equal(first, second)
    assert files.load("output", "ours.xlsx", sheet=None) == files.load("output", "theirs.xlsx", sheet=None)


def test_an_engine_that_is_none_is_an_error() -> None:
    for name, engine in (("a.xlsx", "rust"), ("a.csv", "openpyxl")):
        with pytest.raises(ValidationError, match="engine"):
            files.save([], "output", name, engine=engine)
        with pytest.raises(ValidationError, match="engine"):
            files.load("output", name, engine=engine)


def test_the_workbook_is_a_zip_file_to_others() -> None:
    """Its checksums and sizes are right, although the header is packed last; the same rows make the same bytes."""
    path = files.save(({"n": n, "text": "x" * (n % 50)} for n in range(5_000)), "output", "a.xlsx")

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "[Content_Types].xml"
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
    again = files.save([{"n": n, "text": "x" * (n % 50)} for n in range(5_000)], "output", "b.xlsx")
    assert again.read_bytes() == path.read_bytes()


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_checksum_of_two_texts_is_that_of_both_together(first: bytes, second: bytes) -> None:
    import zlib

    assert checksum_of_both(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


# Limits


@pytest.mark.parametrize("engine", [None, "openpyxl"])
def test_more_rows_than_a_sheet_holds_are_an_error_before_anything_is_written(
    engine: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No second sheet by itself: who loads the first would take a part for the whole."""
    monkeypatch.setattr("txo_core.formats.cells.MAX_ROWS", 2_000)
    rows = [{"n": n} for n in range(2_000)]

    for data in (rows, iter(rows), pd.DataFrame(rows), {"Few": rows[:-1], "Many": rows}):
        with pytest.raises(ValidationError, match=r"more rows, and Excel holds 1,999") as caught:
            files.save(data, "output", "a.xlsx", engine=engine)
        assert "several sheets" in caught.value.how_to_fix
    files.save(rows[:-1], "output", "a.xlsx", engine=engine)
    assert len(files.load("output", "a.xlsx")) == 1_999


def test_more_columns_than_a_sheet_holds_are_an_error() -> None:
    widest = {f"c{n}": n for n in range(16_384)}
    files.save([widest], "output", "a.xlsx")
    assert files.load("output", "a.xlsx") == [widest]

    with pytest.raises(ValidationError, match="16,385 columns"):
        files.save([widest | {"more": 1}], "output", "a.xlsx")


def test_more_bytes_than_a_sheet_holds_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LARGEST", 100_000)

    with pytest.raises(ValidationError, match="4 GiB"):
        files.save([{"n": n} for n in range(5_000)], "output", "a.xlsx")


@pytest.mark.parametrize("engine", [None, "openpyxl"])
@pytest.mark.parametrize("name", ["x" * 31, "😀" * 15, "Größe & <Maß>", 'a"b', " a ", "Ünïcode", "日本"])
def test_a_sheet_may_have_every_name_that_excel_takes(name: str, engine: str | None) -> None:
    path = files.save({name: [{"a": 1}]}, "output", "a.xlsx", engine=engine)

    assert load_workbook(path).sheetnames == [name]
    assert files.load("output", "a.xlsx", sheet=name) == [{"a": 1}]


@pytest.mark.parametrize("name", ["😀" * 16, "a\ud83d", "a\x85", "a\x00", "History", 7, None])
def test_a_name_that_excel_does_not_take_is_refused(name: Any) -> None:
    with pytest.raises(ValidationError, match="sheet"):
        files.save({name: [{"a": 1}]}, "output", "a.xlsx")
