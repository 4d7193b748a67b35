"""What came of each item, on disk: what a killed run has left is enough to go on, and nothing is made up."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from txo_core import redaction
from txo_core.exceptions import FileOperationError
from txo_core.fan_out.journal import FOLDER, Journal
from txo_core.fan_out.stored import restored, stored
from txo_core.masking.known_values import KnownValues
from txo_core.redaction import register_secret
from txo_core.results import ItemResult

RUN = "0199c5d3-7a4e-7c52-9f5e-2f6f3a9d1c11"
SECRET = "sesame-opens-the-mountain"


@dataclass
class Row:
    no: str
    amount: Decimal


def journal() -> Journal:
    return Journal.of(RUN, "send-orders-1")


def left(root: Path) -> Path:
    (path,) = (root / FOLDER / RUN).glob("*.jsonl")
    return path


def test_a_key_with_a_secret_in_it_stands_there_as_its_hash_and_is_found_again(own_root: Path) -> None:
    """S11: also by an attempt that does not know the secret yet, or another item would be done twice."""
    register_secret(SECRET)
    key = f"customer {SECRET}"
    first = Journal.of(RUN, "send-orders-1", [key, "plain"])
    first.note(ItemResult(key, "created", "", {"no": SECRET, "raw": b"1"}))
    first.operation(key, "close", "token-1", doubt=True)
    first.note(ItemResult("plain", "ok", "", SECRET.encode()))
    first.close()

    assert SECRET not in left(own_root).read_text()
    assert SECRET.encode().hex() not in left(own_root).read_text()
    redaction._redactor._known = KnownValues([])
    again = Journal.of(RUN, "send-orders-1", [key, "plain"])
    assert again.before.keys() == {key, "plain"}
    assert again.operations == {(key, "close"): "token-1"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        17,
        12345678901234567890,
        0.1,
        "00123",
        Decimal("12.340"),
        date(2026, 11, 23),
        datetime(2026, 11, 23, 14, 30, 1, 5, tzinfo=UTC),
        datetime.fromisoformat("2026-11-23T14:30"),
        time(14, 30),
        timedelta(days=-1, microseconds=3),
        b"\x00\xff",
        {"no": "1", "lines": [{"amount": Decimal("1.10")}], "ø": "✓"},
        [],
        {},
    ],
)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert restored(json.loads(json.dumps(stored(value)))) == value
    assert type(restored(stored(value))) is type(value)


def test_rows_of_other_kinds_come_back_as_dicts() -> None:
    assert restored(stored([Row("1", Decimal("2.50"))])) == [{"no": "1", "amount": Decimal("2.50")}]


def test_what_came_of_an_item_is_known_to_the_next_attempt() -> None:
    first = journal()
    first.note(ItemResult("1", "created", "", {"id": Decimal("1.0")}))
    first.note(ItemResult("2", "skipped", "it is blocked"))
    first.note(ItemResult("3", "failed", "400"))

    then = journal()

    assert then.earlier("1") == ItemResult("1", "created", "", {"id": Decimal("1.0")})
    assert then.earlier("2") == ItemResult("2", "skipped", "it is blocked")
    assert then.earlier("3") is None
    assert then.earlier("4") is None


def test_the_last_word_on_an_item_counts() -> None:
    first, second = journal(), journal()
    first.note(ItemResult("1", "failed", "503"))
    second.note(ItemResult("1", "ok"))

    assert journal().earlier("1") == ItemResult("1", "ok")


def test_a_write_that_was_under_way_is_in_doubt_until_its_end_is_known() -> None:
    first = journal()
    for key in ("ended", "killed", "lost", "refused"):
        first.writing(key)
    first.note(ItemResult("ended", "created"))
    first.note(ItemResult("lost", "failed", "timed out"), doubt=True)
    first.note(ItemResult("refused", "failed", "400"))

    assert [key for key in ("ended", "killed", "lost", "refused", "new") if journal().in_doubt(key)] == [
        "killed",
        "lost",
    ]


def test_a_line_that_was_cut_off_is_left_out(own_root: Path) -> None:
    first = journal()
    first.note(ItemResult("1", "ok"))
    first.note(ItemResult("2", "ok", "", "x" * 100))
    path = left(own_root)
    path.write_bytes(path.read_bytes()[:-20])

    assert (journal().earlier("1"), journal().earlier("2")) == (ItemResult("1", "ok"), None)


@pytest.mark.parametrize("line", ["", "{}", "[1, 2]", "null", '["1", "ok", "", ', "\x00\x00\x00"])
def test_a_line_that_is_none_hides_no_other(own_root: Path, line: str) -> None:
    first = journal()
    first.note(ItemResult("1", "ok"))
    with left(own_root).open("a") as file:
        file.write(f"{line}\n")
    first.note(ItemResult("2", "ok"))

    assert (journal().earlier("1"), journal().earlier("2")) == (ItemResult("1", "ok"), ItemResult("2", "ok"))


def test_a_killed_process_has_lost_nothing_that_it_noted() -> None:
    code = (
        "import os, signal; from tests.core.test_journal import *\n"
        "j = journal()\n"
        "for n in range(500): j.note(ItemResult(str(n), 'ok', '', {'no': n}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)

    assert [journal().earlier(str(n)) for n in range(500)] == [
        ItemResult(str(n), "ok", "", {"no": n}) for n in range(500)
    ]


def test_threads_write_whole_lines(own_root: Path) -> None:
    one = journal()

    def note(thread: int) -> None:
        for number in range(200):
            one.note(ItemResult(f"{thread}-{number}", "ok", "", "x" * number))

    threads = [threading.Thread(target=note, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(journal().before) == 1600


def test_it_holds_no_known_secret_and_is_its_owners_alone(own_root: Path) -> None:
    register_secret(SECRET)
    journal().note(ItemResult("1", "ok", f"with {SECRET}", {"note": f"{SECRET} and more", SECRET: 1}))

    path = left(own_root)
    assert SECRET not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


DEEP: list[Any] = []
for _ in range(100):
    DEEP = [DEEP]


@pytest.mark.parametrize("value", [object(), {1: 2}, {"$txo": 1}, DEEP], ids=["object", "number", "tag", "deep"])
def test_an_item_whose_value_has_no_json_form_is_done_all_the_same(value: Any) -> None:
    journal().note(ItemResult("1", "ok", "", value))

    assert journal().earlier("1") == ItemResult("1", "ok")


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(own_root: Path) -> None:
    (own_root / FOLDER).write_text("in the way")

    with pytest.raises(FileOperationError, match="journal"):
        journal().note(ItemResult("1", "ok"))


def test_outside_of_a_run_nothing_is_kept(own_root: Path) -> None:
    outside = Journal.of(None, "work")
    outside.note(ItemResult("1", "ok"))
    outside.writing("2")

    assert outside.before == {}
    assert not (own_root / FOLDER).exists()
