from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from txo_core.exceptions import ConfigurationError, ValidationError
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
    with pytest.raises(ValidationError, match="'htps://h/x' is not an address"):
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


def test_a_query_is_added_to_the_one_that_is_there() -> None:
    assert with_query("https://h/x", {"a": 1}) == "https://h/x?a=1"
    assert with_query("https://h/x?b=2#part", {"a": 1}) == "https://h/x?b=2&a=1#part"
    assert with_query("https://h/x", None) == "https://h/x"
