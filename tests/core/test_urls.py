import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy
import pandas
import pytest

from txo_core.exceptions import ConfigurationError, ValidationError
from txo_core.odata import any_of, build_odata_filter, gt, raw
from txo_core.urls import build_api_url, join_url, query_string, with_query


@dataclass(frozen=True)
class Globals:
    api_base_url: str | None = "https://api.example.com/v1/"


@dataclass(frozen=True)
class Config:
    globals: Globals = field(default_factory=Globals)


def test_a_url_comes_with_its_context() -> None:
    url, ctx = build_api_url(Config(), "customers", "C0001")

    assert url == "https://api.example.com/v1/customers/C0001"
    assert ctx == "[customers:C0001]"


@pytest.mark.parametrize(
    ("data", "segment"),
    [
        ("A/B", "A%2FB"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("O'Brien & Co?x=1#y", "O%27Brien%20%26%20Co%3Fx=1%23y"),
        ("100%", "100%25"),
        ("Köln", "K%C3%B6ln"),
        ("a\nb", "a%0Ab"),
        (7, "7"),
        (0, "0"),
        ("customers(1)", "customers(1)"),
    ],
)
def test_data_stays_in_its_segment(data: object, segment: str) -> None:
    assert build_api_url(Config(), "customers", data)[0] == f"https://api.example.com/v1/customers/{segment}"


def test_data_cannot_forge_a_line_of_the_log() -> None:
    assert build_api_url(Config(), "customers", "a\nERROR b")[1] == "[customers:a?ERROR b]"


@pytest.mark.parametrize("data", ["", ".", "..", None])
def test_what_names_nothing_is_refused(data: object) -> None:
    with pytest.raises(ValidationError, match="cannot be part of a URL"):
        build_api_url(Config(), "customers", data)


def test_without_a_base_the_key_to_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match="api-base-url"):
        build_api_url(Config(Globals(None)), "customers", "C0001")


@pytest.mark.parametrize(
    ("base", "url", "joined"),
    [
        ("https://h/api/v1", "customers", "https://h/api/v1/customers"),
        ("https://h/api/v1/", "/customers", "https://h/api/v1/customers"),
        ("https://h/api/v1", "customers?$top=1", "https://h/api/v1/customers?$top=1"),
        ("https://h/api/v1", "", "https://h/api/v1"),
        ("https://h/api/v1", "//evil.example/x", "https://h/api/v1/evil.example/x"),
        ("https://h/api/v1", "https://other/x", "https://other/x"),
        (None, "HTTPS://other/x", "HTTPS://other/x"),
    ],
)
def test_a_relative_url_lies_below_the_base(base: str | None, url: str, joined: str) -> None:
    assert join_url(base, url) == joined


def test_other_schemes_and_missing_bases_are_refused() -> None:
    with pytest.raises(ValidationError, match="'htps' is not an address"):
        join_url("https://h", "htps://h/x?key=hidden")
    with pytest.raises(ConfigurationError, match="api-base-url"):
        join_url(None, "customers")


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"$filter": "name eq 'O''Brien & Co'"}, "$filter=name%20eq%20'O''Brien%20%26%20Co'"),
        ({"a": "1+1", "b": "50%"}, "a=1%2B1&b=50%25"),
        ({"$count": True, "x": None, "n": 0}, "$count=true&n=0"),
        ({"id": [1, 2]}, "id=1&id=2"),
        ([("id", 1), ("id", 2)], "id=1&id=2"),
        ({"since": date(2026, 11, 22)}, "since=2026-11-22"),
        ({"city": "Köln"}, "city=K%C3%B6ln"),
        ("$filter=a eq 1", "$filter=a eq 1"),
        ("?$top=1", "$top=1"),
        ({}, ""),
    ],
)
def test_parameters_become_a_query_without_a_plus_sign(params: Any, query: str) -> None:
    assert query_string(params) == query


class Status(enum.StrEnum):
    OPEN = "is open"


class Level(enum.Enum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (numpy.bool_(True), "true"),
        (numpy.int64(5), "5"),
        (numpy.float32(0.1), "0.1"),
        (Decimal("12.50"), "12.50"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Status.OPEN, "is%20open"),
        (Level.HIGH, "3"),
        (datetime(2026, 11, 22, 8, 30, tzinfo=UTC), "2026-11-22T08:30:00%2B00:00"),
        (time(8, 30), "08:30:00"),
        (b"K\xf6ln", "K%F6ln"),
        ((1, "a"), "1&x=a"),
        (range(2), "0&x=1"),
        (frozenset({True}), "true"),
        (numpy.array([1, 2]), "1&x=2"),
        (numpy.array(5), "5"),
        (pandas.Series(["a", "b"]), "a&x=b"),
        ({"k": 1}.keys(), "k"),
    ],
)
def test_each_kind_of_value_has_its_text(value: Any, text: str) -> None:
    assert query_string({"x": value}) == f"x={text}"


@pytest.mark.parametrize(
    "value",
    [
        gt(6000), raw("gt 6000"), any_of({"a": 1}), {"gt": 6000}, (each for each in "ab"), pandas.NaT, pandas.NA,
        float("nan"), float("inf"), Decimal("NaN"), numpy.float64("nan"), [1, None], [[1]], [gt(1)], (1, {"a": 1}),
        object(), len, timedelta(1), numpy.array([[1]]), pandas.DataFrame({"a": [1]}), 1j,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_value_of_a_parameter_is_not_sent_as_one(value: Any) -> None:
    """A server that ignores what it does not understand would answer with everything."""
    with pytest.raises(ValidationError, match=r"parameter 'amount' .*cannot stand in an address"):
        query_string({"amount": value})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (gt(6000), "Condition is no set of parameters"),
        (raw("amount gt 6000"), "Raw is no set of parameters"),
        (any_of({"amount": 1}), "Group is no set of parameters"),
        (7, "int is no set"),
        (0, "int is no set"),
        (b"a=1", "bytes is no set"),
        (["no", "id"], "no pairs of a name and a value"),
        ([("a", 1, 2)], "no pairs"),
        ({"ab"}, "no pairs"),
        (pandas.DataFrame({"ab": [1]}), "no pairs"),
        ({1: "a"}, "name of a parameter is a text"),
        ({None: "a"}, "name of a parameter is a text"),
        ({"": "a"}, "name of a parameter is a text"),
        ("amount gt 6000", "no query"),
        ("name eq 'a=b'", "no query"),
        ("contains(name,'x')", "no query"),
        ("$top=5&amount gt 6000", "no query"),
        ("$filter=name eq 'Tom & Jerry'", "no query"),
    ],
)
def test_what_is_no_set_of_parameters_is_refused(params: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        with_query("https://h/x", params)
    assert "6000" not in str(refused.value).replace("gt(6000)", "")


@pytest.mark.parametrize(
    "query", ["wsdl", "comp=list&restype", "a=1&", "$filter=amount gt 6000", "filter[city]=Oslo", "q=a=b 'c'", "x="]
)
def test_a_query_that_its_author_wrote_stays_as_it_is(query: str) -> None:
    assert query_string(query) == query


@pytest.mark.parametrize("pairs", [lambda: {"a": 1, "b": None}.items(), lambda: zip("ab", [1, None], strict=True)])
def test_pairs_may_come_from_anywhere(pairs: Callable[[], Any]) -> None:
    assert query_string(pairs()) == "a=1"


def test_a_filter_of_data_goes_as_parameters() -> None:
    filtered = build_odata_filter({"name": "Tom & Jerry", "amount": gt(6000)})

    assert with_query("x", filtered) == "x?$filter=name eq 'Tom %26 Jerry' and amount gt 6000"


def test_a_query_is_added_to_the_one_that_is_there() -> None:
    assert with_query("https://h/x", {"a": 1}) == "https://h/x?a=1"
    assert with_query("https://h/x?b=2#part", {"a": 1}) == "https://h/x?b=2&a=1#part"
    assert with_query("https://h/x", None) == "https://h/x"
