"""S15: what a run shows on Prefect's server, without secrets; and data cleaned at any depth."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from prefect import artifacts, events
from prefect.context import TagsContext
from prefect.variables import Variable

from txo_core.logs.clean_data import DEEPEST, clean_data
from txo_core.redaction import register_secret
from txo_core.runs import publishing

SECRET = "sesame-opens-the-mountain"


class Recorder:
    """Takes down what was handed to Prefect."""

    def __init__(self, answer: Any = None) -> None:
        self.taken: list[Any] = []
        self.answer = answer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.taken.append((args, kwargs))
        return self.answer


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Stand in for each function of Prefect that stores something."""
    register_secret(SECRET)
    recorder = Recorder()
    for owner, name in [
        (artifacts, "create_table_artifact"),
        (artifacts, "create_markdown_artifact"),
        (artifacts, "create_link_artifact"),
        (artifacts, "create_image_artifact"),
        (artifacts, "create_progress_artifact"),
        (Variable, "set"),
        (events, "emit_event"),
    ]:
        monkeypatch.setattr(owner, name, recorder)
    return recorder


def unused(value: Any) -> None:
    """Take what nobody wants."""


PUBLISHED: dict[str, Callable[[], None]] = {
    "table": lambda: publishing.publish_table("key", [{"a": SECRET, SECRET: [{"b": SECRET}]}], SECRET),
    "markdown": lambda: publishing.publish_markdown("key", f"# {SECRET}", SECRET),
    "link": lambda: publishing.publish_link("key", f"https://x.example/?token={SECRET}", SECRET, SECRET),
    "image": lambda: publishing.publish_image("key", f"https://x.example/?sig={SECRET}", SECRET),
    "progress": lambda: unused(publishing.publish_progress("key", 20, f"at {SECRET}")),
    "variable": lambda: publishing.set_variable("name", {"a": [SECRET]}),
    "event": lambda: publishing.publish_event(f"a.{SECRET}", SECRET, {"a": {SECRET: SECRET}}),
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_nothing_is_published_with_a_secret(prefect: Recorder, kind: str) -> None:
    PUBLISHED[kind]()

    assert len(prefect.taken) == 1
    assert SECRET not in str(prefect.taken)
    assert "[REDACTED]" in str(prefect.taken)


def test_progress_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made, moved = Recorder("artifact"), Recorder()
    monkeypatch.setattr(artifacts, "create_progress_artifact", made)
    monkeypatch.setattr(artifacts, "update_progress_artifact", moved)

    move = publishing.publish_progress("key", 20)
    move(60)

    assert made.taken == [((), {"progress": 20, "key": "key", "description": None})]
    assert moved.taken == [((), {"artifact_id": "artifact", "progress": 60})]


def test_tags_hold_none_either() -> None:
    register_secret(SECRET)
    with publishing.tagged("plain", f"by-{SECRET}"):
        assert TagsContext.get().current_tags == {"plain", "by-[REDACTED]"}


class Colour(Enum):
    RED = "red"


@dataclass
class Holder:
    proof: str


DATA: list[tuple[Any, Any]] = [
    ("text", "text"),
    (SECRET, "[REDACTED]"),
    (1, 1),
    (1.5, 1.5),
    (Decimal("2.50"), Decimal("2.50")),
    (True, True),
    (None, None),
    (float("nan"), float("nan")),
    (date(2026, 11, 22), date(2026, 11, 22)),
    (datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)),
    (UUID(int=5), UUID(int=5)),
    (Colour.RED, "Colour.RED"),
    (SECRET.encode(), "[REDACTED]"),
    ((1, SECRET), (1, "[REDACTED]")),
    ({SECRET}, {"[REDACTED]"}),
    ({"a": {"b": [SECRET]}}, {"a": {"b": ["[REDACTED]"]}}),
    ({SECRET: 1, 2: 3}, {"[REDACTED]": 1, 2: 3}),
    (Holder(SECRET), "Holder(proof='[REDACTED]')"),
    (
        {"password": "x-1-y-2", "token": 12345, "apiKey": "a"},
        dict.fromkeys(["password", "token", "apiKey"], "[REDACTED]"),
    ),
    ({"password": None, "has_token": True, "token_count": 3}, {"password": None, "has_token": True, "token_count": 3}),
    ({"no": "C0001", "name": "Åkerlund & Rausing AB"}, {"no": "C0001", "name": "Åkerlund & Rausing AB"}),
]


@pytest.mark.parametrize(("value", "clean"), DATA, ids=repr)
def test_data_is_cleaned_at_every_depth_and_keeps_its_kind(value: Any, clean: Any) -> None:
    register_secret(SECRET)

    found = clean_data(value)

    assert repr(found) == repr(clean)
    assert repr(clean_data(found)) == repr(found)


def test_a_number_that_is_a_secret_goes_too() -> None:
    register_secret("4711081542")

    assert clean_data({"rows": [4711081542, 4711]}) == {"rows": ["[REDACTED]", 4711]}


def test_data_without_a_bottom_comes_to_an_end() -> None:
    register_secret(SECRET)
    circle: dict[str, Any] = {"by": SECRET}
    circle["again"] = circle
    deep: Any = SECRET
    for _ in range(DEEPEST * 3):
        deep = [deep]

    assert SECRET not in str(clean_data(circle))
    assert SECRET not in str(clean_data(deep))
