"""Files stand there whole or not at all, and values come back as they went."""

import csv
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import pytest
from openpyxl import load_workbook

from txo_core.atomic import atomic_write, write_new
from txo_core.exceptions import ConfigurationError, FileOperationError, ValidationError
from txo_core.files import TxoDataHandler
from txo_core.paths import Dir
from txo_core.results import Outcome

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = [{"no": "00123", "name": "=1+1 Trading"}, {"no": "NA", "name": "Café"}]
files = TxoDataHandler()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TXO_HOME", str(home))
    return home


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def broken() -> Iterator[dict[str, Any]]:
    yield {"no": "1", "owner": "Ann"}
    yield {"no": "2", "owner": object()}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "xlsx", "yaml", "yml"])
def test_rows_come_back_as_they_went(suffix: str) -> None:
    """Leading zeros, "NA", text that looks like a formula and other alphabets survive every format."""
    path = files.save(ROWS, "output", f"rows.{suffix}")

    assert path.name == f"rows.{suffix}"
    assert files.load(Dir.OUTPUT, path.name) == ROWS


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "xlsx", "yaml"])
def test_a_value_that_no_file_holds_is_named_by_row_and_column(suffix: str, home: Path) -> None:
    """The error says where it is and of what type, not what it holds; the old file stays."""
    old = files.save(ROWS, Dir.OUTPUT, f"rows.{suffix}").read_bytes()

    with pytest.raises(ValidationError) as caught:
        files.save(broken(), Dir.OUTPUT, f"rows.{suffix}")

    assert "Row 2, column 'owner' is a value of type object" in caught.value.what_went_wrong
    assert (home / "output" / f"rows.{suffix}").read_bytes() == old
    assert names(home / "output") == [f"rows.{suffix}"]


def test_text_is_kept_as_it_is() -> None:
    """No newline is changed on the way."""
    files.save("a\r\nb\n", "tmp", "note.txt")

    assert files.load("tmp", "note.txt") == "a\r\nb\n"


def test_a_document_is_json_too() -> None:
    """A dict is written as it is, with its dates, exact amounts and missing values in valid JSON."""
    data = {
        "amount": Decimal("12345678901234567890.10"),
        "due": date(2026, 1, 2),
        "at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "id": UUID(int=7),
        "rate": float("nan"),
        "most": float("inf"),
        date(2026, 1, 2): {"tags": {"b", "a"}},
    }

    path = files.save(data, "output", "document.json")

    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        "amount": "12345678901234567890.10",
        "due": "2026-01-02",
        "at": "2026-01-02T03:04:00+00:00",
        "id": "00000000-0000-0000-0000-000000000007",
        "rate": None,
        "most": "Infinity",
        "2026-01-02": {"tags": ["a", "b"]},
    }


def test_json_rows_stand_one_to_a_line() -> None:
    """A person can read and compare them, and any reader takes them; no rows are an empty list."""
    assert files.save(({"n": n} for n in (1, 2)), "output", "a.json").read_text() == '[\n{"n": 1},\n{"n": 2}\n]\n'
    assert files.save([], "output", "b.json").read_text() == "[]\n"


def test_half_a_character_survives_in_json_and_is_refused_in_csv() -> None:
    """A lone surrogate has an escape in JSON, and no form in CSV."""
    files.save([{"name": "a\ud83d"}], "output", "a.json")

    assert files.load("output", "a.json") == [{"name": "a\ud83d"}]
    with pytest.raises(ValidationError, match="Row 1"):
        files.save([{"name": "a\ud83d"}], "output", "a.csv")


def test_data_that_contains_itself_is_refused() -> None:
    """Not with a stack overflow."""
    loop: dict[str, Any] = {}
    loop["me"] = loop

    for name in ("a.json", "a.jsonl", "a.yaml"):
        with pytest.raises(ValidationError, match="contains itself"):
            files.save([loop], "output", name)


def test_a_csv_field_is_no_formula_for_a_spreadsheet() -> None:
    """Text gets an apostrophe, also text that has one; numbers do not. Loading takes it away."""
    texts = ["=1+1", "+45 12", "-x", "@cmd", "\tx", "'=1", "'ok", "a=b"]
    path = files.save([{"text": text, "n": -5} for text in texts], "output", "a.csv")

    with path.open(newline="") as raw:
        fields = [row[0] for row in csv.reader(raw)][1:]
    assert fields == ["'=1+1", "'+45 12", "'-x", "'@cmd", "'\tx", "''=1", "'ok", "a=b"]
    assert files.load("output", "a.csv") == [{"text": text, "n": "-5"} for text in texts]


def test_csv_fields_hold_every_kind_of_value() -> None:
    """Exact digits, ISO dates, JSON for what is nested, empty for what is missing."""
    row = {"a": Decimal("1.10"), "b": date(2026, 1, 2), "c": True, "d": None, "e": {"x": [1]}, "f": 10**17 + 1}

    files.save([row], "output", "a.csv")

    assert files.load("output", "a.csv") == [
        {"a": "1.10", "b": "2026-01-02", "c": "true", "d": "", "e": '{"x": [1]}', "f": "100000000000000001"}
    ]


def test_a_long_csv_field_comes_back() -> None:
    """The reader's own limit is 131,072 characters."""
    files.save([{"text": "x" * 200_000}], "output", "a.csv")

    assert len(files.load("output", "a.csv")[0]["text"]) == 200_000


def test_text_in_a_workbook_is_never_a_formula() -> None:
    """The cell's own type says text, for the reader that Excel users script with."""
    path = files.save([{"=A1": text} for text in ("=1+1", "+1", "-1", "@x", "#N/A")], "output", "a.xlsx")

    sheet = load_workbook(path)["Data"]
    assert [(cell.value, cell.data_type) for cell in sheet["A"]] == [
        (text, "s") for text in ("=A1", "=1+1", "+1", "-1", "@x", "#N/A")
    ]


def test_numbers_in_a_workbook_keep_their_digits() -> None:
    """Numbers as far as Excel holds them exactly, text beyond."""
    numbers = [0.1 + 0.2, 999_999_999_999_999, 10**16 + 1, Decimal("12.30"), Decimal("12345678901234567.89"), True]

    files.save([{"n": number} for number in [*numbers, float("nan"), float("-inf")]], "output", "a.xlsx")

    assert [row["n"] for row in files.load("output", "a.xlsx")] == [
        0.1 + 0.2, 999_999_999_999_999, "10000000000000001", 12.3, "12345678901234567.89", True, None, "-Infinity"
    ]  # fmt: skip


def test_moments_in_a_workbook_are_dates_in_utc() -> None:
    """Excel has no zones, and no dates before 1900."""
    moments = [
        datetime(2026, 1, 2, 1, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001
        date(2026, 1, 2),
        date(1, 1, 1),
    ]

    files.save([{"at": moment} for moment in moments], "output", "a.xlsx")

    assert [str(row["at"]) for row in files.load("output", "a.xlsx")] == [
        "2026-01-01 23:30:00", "2026-01-02 03:04:05", "2026-01-02", "0001-01-01"
    ]  # fmt: skip


def test_characters_that_xml_forbids_survive_in_a_workbook() -> None:
    """In the form that Excel itself uses; a text that looks like that form is no exception."""
    texts = ["a\x01b", "_x0041_", "a\nb", " spaces ", "\uffff", "x" * 32_767]

    files.save([{"text": text} for text in texts], "output", "a.xlsx")

    assert [row["text"] for row in files.load("output", "a.xlsx")] == texts


def test_a_text_that_no_cell_holds_is_refused() -> None:
    """openpyxl would cut it without a word."""
    with pytest.raises(ValidationError, match=r"Row 1, column 'text'.*32,768"):
        files.save([{"text": "x" * 32_768}], "output", "a.xlsx")


def test_a_workbook_has_as_many_sheets_as_there_are_names() -> None:
    """One is loaded by name or position, all of them on request."""
    files.save({"Customers": ROWS, "Items": [{"n": 1}]}, "output", "a.xlsx")

    assert files.load("output", "a.xlsx") == ROWS
    assert files.load("output", "a.xlsx", sheet="Items") == [{"n": 1}]
    assert files.load("output", "a.xlsx", sheet=None) == {"Customers": ROWS, "Items": [{"n": 1}]}
    with pytest.raises(ValidationError, match="It has: Customers, Items"):
        files.load("output", "a.xlsx", sheet="Orders")


@pytest.mark.parametrize("sheets", [["a", "A"], ["a/b"], ["x" * 32], [""], ["'a"], ["History"], []])
def test_sheet_names_that_excel_refuses_are_refused(sheets: list[str], home: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ValidationError):
        files.save(dict.fromkeys(sheets, ROWS), "output", "a.xlsx")

    assert names(home / "output") == []


def test_rows_may_be_dataclasses_models_or_frames() -> None:
    """Columns are the union of their keys, and what a frame calls missing is missing."""
    import pandas as pd
    from pydantic import BaseModel

    @dataclass
    class Item:
        no: str

    class Customer(BaseModel):
        no: str
        balance: Decimal

    frame = pd.DataFrame({"no": ["01"], "n": [7], "at": [pd.Timestamp("2026-01-02")], "gone": [pd.NaT]})
    files.save([Item("01"), Customer(no="02", balance=Decimal("1.50"))], "output", "mixed.csv")
    files.save(frame, "output", "frame.json")

    assert files.load("output", "mixed.csv") == [{"no": "01", "balance": ""}, {"no": "02", "balance": "1.50"}]
    assert files.load("output", "frame.json") == [{"no": "01", "n": 7, "at": "2026-01-02T00:00:00", "gone": None}]


def test_saving_rows_imports_no_pandas_and_no_openpyxl() -> None:
    """Half a second and more, for a script that writes JSON."""
    code = "import sys, txo_core.files, txo_core.report; print({'pandas', 'openpyxl', 'prefect'} & set(sys.modules))"

    assert run(code).stdout.strip() == "set()"


def test_a_timestamped_file_never_replaces_another() -> None:
    """Ten at the same time are ten files."""
    threads = [
        threading.Thread(target=files.save_with_timestamp, args=({"n": n}, Dir.OUTPUT, "sub/a.json")) for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    folder = files.save_with_timestamp({"n": 10}, Dir.OUTPUT, "sub/a.json").parent
    assert sorted(json.loads(path.read_text())["n"] for path in folder.iterdir()) == list(range(11))
    assert all(path.name.startswith("a_20") for path in folder.iterdir())


def test_a_new_file_takes_the_next_free_name(home: Path) -> None:
    """Also where something appeared while it was written, and where the file system has no hard links."""

    def write(file: BinaryIO) -> None:
        (home / "a.txt").write_text("theirs")
        file.write(b"ours")

    assert write_new(home / "a.txt", write) == home / "a-2.txt"
    assert (home / "a.txt").read_text() == "theirs"


def test_without_hard_links_a_new_file_is_renamed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a share or a stick."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    def write_ours(file: BinaryIO) -> None:
        file.write(b"ours")

    monkeypatch.setattr(Path, "hardlink_to", refuse)

    assert write_new(home / "a.txt", write_ours) == home / "a.txt"
    assert names(home) == ["a.txt"]


def test_the_mode_of_the_old_file_is_kept_and_a_new_one_is_its_owners_alone(home: Path) -> None:
    """S38: from its first byte, whatever the umask says; a file that a person has opened to others stays open."""
    shared, new = home / "shared.txt", home / "new.txt"
    shared.write_text("old")
    shared.chmod(0o640)
    before = os.umask(0o000)
    try:
        for path in (shared, new):
            with atomic_write(path) as file:
                file.write(b"x")
                assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) in (0o600, 0o640)
    finally:
        os.umask(before)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (shared, new)] == [0o640, 0o600]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "xlsx", "yaml"])
def test_whatever_a_run_saves_is_its_owners_alone(suffix: str) -> None:
    """S38: rows hold names and addresses of people."""
    paths = [files.save(ROWS, "output", f"a.{suffix}"), files.save_with_timestamp(ROWS, "output", f"a.{suffix}")]

    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]


def test_a_link_is_followed(home: Path) -> None:
    """`latest.json` goes on pointing to where it points."""
    (home / "real.txt").write_text("old")
    (home / "latest.txt").symlink_to("real.txt")

    with atomic_write(home / "latest.txt") as file:
        file.write(b"new")

    assert (home / "latest.txt").is_symlink()
    assert (home / "real.txt").read_text() == "new"


def test_who_reads_the_old_file_goes_on_reading_it(home: Path) -> None:
    """A reader sees one whole file, the old or the new."""
    path = home / "a.txt"
    path.write_text("old")

    with path.open() as reader, atomic_write(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
        file.flush()
        assert reader.read() == "old"

    assert path.read_text() == "new"


@pytest.mark.parametrize(
    "error", [ValueError("bad"), ConnectionResetError(errno.ECONNRESET, "gone"), KeyboardInterrupt()]
)
def test_an_error_in_the_block_stays_what_it_is(home: Path, error: BaseException) -> None:
    """A lost connection is no file error; in every case the old file stays and nothing else."""
    path = home / "a.txt"
    path.write_text("old")

    with pytest.raises(type(error)), atomic_write(path) as file:  # noqa: PT012 - the error comes from within the block
        file.write(b"half")
        raise error

    assert path.read_text() == "old"
    assert names(home) == ["a.txt"]


def test_a_folder_in_the_way_is_an_error_for_a_person(home: Path) -> None:
    """With problem, solution and example."""
    (home / "output" / "a.json").mkdir(parents=True)

    with pytest.raises(FileOperationError, match="in the way") as caught:
        files.save({}, "output", "a.json")

    assert caught.value.how_to_fix
    assert caught.value.example


def test_a_file_where_the_folder_should_be_is_an_error_for_a_person(home: Path) -> None:
    """Nothing can be created there, whoever runs it."""
    (home / "output").write_text("")

    with pytest.raises(FileOperationError, match="cannot be created"):
        files.save({}, "output", "a.json")


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.EACCES, "Excel"), (errno.EROFS, "read-only"), (errno.EBUSY, "Another program")]
)
def test_a_file_that_may_not_be_replaced_says_what_to_do(
    number: int, advice: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Windows drive when Excel has it open, or a place mounted read-only."""

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "replace", refuse)

    with pytest.raises(FileOperationError) as caught, atomic_write(home / "a.txt"):
        pass

    assert advice in caught.value.how_to_fix
    assert ".tmp" not in str(caught.value)
    assert names(home) == []


@pytest.mark.parametrize("suffix", ["json", "csv", "xlsx"])
def test_a_disk_that_fills_up_leaves_the_old_file(suffix: str, home: Path) -> None:
    """A limit on file sizes stands for the full disk: the write itself fails, in a real process."""
    files.save(ROWS, "output", f"a.{suffix}")
    code = f"""
import random, resource
from txo_core.exceptions import FileOperationError
from txo_core.files import TxoDataHandler
TxoDataHandler().save([{{}}], "output", "warm.{suffix}").unlink()
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
rows = [{{"n": random.random()}} for _ in range(9_000)]
try:
    TxoDataHandler().save(rows, "output", "a.{suffix}")
except FileOperationError as error:
    print(error.what_went_wrong, error.how_to_fix)
"""
    done = run(code)

    assert "would be larger" in done.stdout
    assert done.stderr == ""
    assert files.load("output", f"a.{suffix}") == ROWS
    assert names(home / "output") == [f"a.{suffix}"]


@pytest.mark.parametrize("suffix", ["json", "csv", "xlsx"])
def test_a_kill_in_the_middle_leaves_the_old_file(suffix: str, home: Path) -> None:
    """No partial file stands under the name; at most a hidden one stays beside it."""
    files.save(ROWS, "output", f"a.{suffix}")
    code = f"""
import os, signal
from txo_core.files import TxoDataHandler
def rows():
    for n in range(1_000_000):
        if n == 3_000:
            os.kill(os.getpid(), signal.SIGKILL)
        yield {{"n": n}}
class Rows(list):
    __iter__ = lambda self: rows()
TxoDataHandler().save(Rows(), "output", "a.{suffix}")
"""
    assert run(code).returncode == -signal.SIGKILL
    assert files.load("output", f"a.{suffix}") == ROWS
    assert [name for name in names(home / "output") if not name.startswith(".txo-")] == [f"a.{suffix}"]


@pytest.mark.parametrize("moment", ["os.fsync", "Path.replace"])
def test_a_kill_at_the_very_end_leaves_one_whole_file(moment: str, home: Path) -> None:
    """Before the bytes are safe, or before the rename: the old file; hidden ones never count."""
    files.save(ROWS, "output", "a.json")
    code = f"""
import os, signal
from pathlib import Path
from txo_core.files import TxoDataHandler
{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
TxoDataHandler().save([], "output", "a.json")
"""
    assert run(code).returncode == -signal.SIGKILL
    assert files.load("output", "a.json") == ROWS
    assert [name[:5] for name in names(home / "output")] == [".txo-", "a.json"[:5]]


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a process of its own, without byte code: a limit on file sizes would cut it short."""
    command = [sys.executable, "-B", "-c", code]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_a_name_has_to_say_what_kind_of_file_it_is() -> None:
    """The error lists the kinds there are."""
    for act in (lambda: files.save({}, "output", "a.doc"), lambda: files.load("output", "a")):
        with pytest.raises(ValidationError, match=r"\.jsonl"):
            act()


def test_a_name_does_not_leave_its_folder() -> None:
    """Neither for saving nor for loading."""
    with pytest.raises(ConfigurationError):
        files.save({}, "output", "../config/a.json")
    with pytest.raises(ConfigurationError):
        files.load("output", "../config/a.json")


@pytest.mark.parametrize(("data", "name"), [({"a": 1}, "a.csv"), ([1], "a.csv"), (b"x", "a.txt"), ("x", "a.jsonl")])
def test_data_that_is_not_of_this_kind_is_refused(data: Any, name: str) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(ValidationError):
        files.save(data, "output", name)


def test_a_name_that_is_too_long_is_an_error_for_a_person() -> None:
    """255 bytes are what most disks take."""
    with pytest.raises(FileOperationError) as caught:
        files.save({}, "output", f"{'x' * 300}.json")

    assert caught.value.how_to_fix == "Give the file a shorter name"


def test_a_missing_file_is_an_error_for_a_person() -> None:
    """With the whole path."""
    with pytest.raises(FileOperationError, match=r"output/gone\.json could not be loaded"):
        files.load("output", "gone.json")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", b'{"a": 1,}', "line 1"),
        ("a.jsonl", b'{"a": 1}\n{"a"', "line 2"),
        ("a.csv", b"a,b\r\n1,2,3\r\n", "row 1 has 3 fields"),
        ("a.csv", b"a\r\n\xff\r\n", "byte 4"),
        ("a.xlsx", b"not a zip", "not an Excel workbook"),
        ("a.yaml", b"!!python/object/apply:os.getcwd []", "cannot be read"),
    ],
)
def test_a_damaged_file_says_where(name: str, content: bytes, problem: str, home: Path) -> None:
    """Line, row or byte; and YAML never runs anything."""
    (home / "output").mkdir()
    (home / "output" / name).write_bytes(content)

    with pytest.raises(ValidationError, match=problem):
        files.load("output", name)


def test_an_outcome_is_a_text_like_any_other() -> None:
    """Rows often carry the record's outcome."""
    outcome: Outcome = "created"

    assert files.load("output", files.save([{"o": outcome}], "output", "a.json").name) == [{"o": "created"}]
