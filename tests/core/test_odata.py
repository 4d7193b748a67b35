"""Filters and keys of OData: no value changes what they ask for, and the server sees exactly the value.

Cross-checked with two parsers that are not the builder's: odata-query, and the strict one of the sandbox.
"""

import enum
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import numpy
import pandas
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser

from deployments.sandbox.filter import compile_filter
from deployments.sandbox.schema import SCHEMAS
from tests.support.clients import connected
from tests.support.sandbox import Sandbox
from txo_core.exceptions import EntityNotFoundError, ValidationError
from txo_core.odata import (
    all_of,
    any_of,
    between,
    build_odata_filter,
    contains,
    endswith,
    eq,
    filter_expression,
    ge,
    gt,
    in_,
    key_segment,
    le,
    literal,
    lt,
    ne,
    raw,
    startswith,
)
from txo_core.odata.conditions import Condition
from txo_core.rest import RestClient

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NASTY = st.text(st.sampled_from("'\"&#%+=?;/\\ ()$,:@\t\r\n\x00\x7f\u2028\ufeffäß´🌷41eqor"), max_size=20)
VALUES = st.one_of(
    TEXTS,
    NASTY,
    st.booleans(),
    st.none(),
    st.integers(),
    st.floats(allow_nan=False),
    st.uuids(),
    st.dates(min_value=date(1000, 1, 1)),
    st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()),  # noqa: DTZ001
)
QUICK = settings(max_examples=300, deadline=None, derandomize=True)
SLOWER = settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def parsed(expression: str) -> Any:
    return ODataParser().parse(ODataLexer().tokenize(expression))


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        yield client


# ---- the form of the guide -------------------------------------------------------------------------------------------


def test_the_example_of_the_guide_comes_out_to_the_letter() -> None:
    conditions = {"status": "eq 'active'", "created": "gt 2024-01-01", "value": "ge 100"}

    assert build_odata_filter(conditions) == "$filter=status eq 'active' and created gt 2024-01-01 and value ge 100"


@pytest.mark.parametrize(
    "form",
    [
        "eq 'active'", "ne ''", "eq 'O''Brien or 1 eq 1'", "gt 2024-01-01", "ge 2024-01-31T08:30:00Z",
        "ge 2024-01-31T08:30:00.125+01:00", "lt 08:30:00", "le -12.5e3", "eq true", "ne null", "eq NaN", "lt -INF",
        "eq 12345678-1234-1234-1234-1234567890ab", "eq duration'PT1H'", "eq Sales.Color'Red'",
    ],
)  # fmt: skip
def test_one_operator_and_one_literal_are_taken_as_they_are(form: str) -> None:
    assert filter_expression({"field": form}) == f"field {form}"


@pytest.mark.parametrize(
    "text",
    [
        "Electronics", "Seattle", "George", "completed", "released", "Vegetables", "Requested", "generic", "Leopard",
        "eq", "ne ", "eq Solutions", "gt", "le Café d'Or", "le d'Or", "ge Health", "equal 5", "eq'x'", "EQ 'x'",
        "not null", "true", "01234", "555-1234", "2024-01-01", "null", "in ('a','b')", "a eq 'b'", "",
    ],
)  # fmt: skip
def test_every_other_text_is_data(text: str) -> None:
    """Also a word that holds an operator's letters, and a postal code of digits."""
    assert filter_expression({"category": text}) == f"category eq '{text.replace(chr(39), chr(39) * 2)}'"


@pytest.mark.parametrize(
    "form",
    [
        "eq 'x' or 1 eq 1", "eq 'x' and no ne 'y'", "eq 'O'Brien'", "eq 'open", "ge 100 or true", "gt 2024-01-01 or 1",
        "ge 2024-01-31T08:30:00", "eq 'a', 'b'", "eq 100%", "eq 555-1234", "eq null)",
    ],
)  # fmt: skip
def test_a_literal_with_more_behind_it_is_refused(form: str) -> None:
    with pytest.raises(ValidationError, match="more than one operator and one literal"):
        build_odata_filter({"name": form})


# ---- values ----------------------------------------------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Phase(enum.StrEnum):
    LATE = "ge 100"


class Escaped(str):
    """A text as template engines have it: its methods give markup."""

    def replace(self, *_: Any) -> "Escaped":
        return Escaped("x' or 1 eq 1 or 'x")

    def split(self, *_: Any) -> list[str]:
        return ["name"]

    def __str__(self) -> str:
        return "x' or 1 eq 1 or 'x"

    def __format__(self, _: str) -> str:
        return "x' or 1 eq 1 or 'x"


class Loud(Decimal):
    def __format__(self, *_: Any) -> str:
        return "1 or 1 eq 1"

    def __str__(self) -> str:
        return "1 or 1 eq 1"


class LoudDate(date):
    def isoformat(self) -> str:
        return "2024-01-31 or 1 eq 1"


class LoudId(uuid.UUID):
    def __str__(self) -> str:
        return "1 or 1 eq 1"


EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O'Brien", "'O''Brien'"),
        ("''", "''''''"),
        ("", "''"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (0, "0"),
        (-7, "-7"),
        (2**63, "9223372036854775808"),
        (1.5, "1.5"),
        (1e300, "1e300"),
        (-1e-7, "-1e-07"),
        (float("inf"), "INF"),
        (float("-inf"), "-INF"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E+100000"), "1E100000"),
        (Decimal("-Infinity"), "-INF"),
        (date(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31, 8, 30, tzinfo=UTC), "2024-01-31T08:30:00Z"),
        (datetime(2024, 1, 31, 8, 30, 0, 125000, EAST), "2024-01-31T06:30:00.125000Z"),
        (time(8, 30), "08:30:00"),
        (timedelta(hours=1, milliseconds=500), "duration'PT3600.5S'"),
        (timedelta(seconds=-90), "duration'-PT90S'"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Color.RED, "'red'"),
        (Level.HIGH, "3"),
        (Rights.READ | Rights.WRITE, "3"),
        (Phase.LATE, "'ge 100'"),
        (Escaped("O'Brien"), "'O''Brien'"),
        (Loud("1.50"), "1.50"),
        (LoudDate(2024, 1, 31), "2024-01-31"),
        (LoudId(int=5), "00000000-0000-0000-0000-000000000005"),
        (numpy.float32(0.1), "0.1"),
        (numpy.float16(-1e-5), "-1e-05"),
        (numpy.array("O'Brien"), "'O''Brien'"),
        (numpy.array(0.1, dtype="float32"), "0.1"),
        (numpy.int64(5), "5"),
        (numpy.float64(1.5), "1.5"),
        (numpy.bool_(True), "true"),
        (pandas.Timestamp("2024-01-31T08:30:00Z"), "2024-01-31T08:30:00Z"),
    ],
)
def test_each_type_has_its_literal(value: Any, text: str) -> None:
    assert literal(value) == text
    assert filter_expression({"field": eq(value)}) == f"field eq {text}"


@pytest.mark.parametrize("value", [float("nan"), Decimal("NaN"), Decimal("sNaN"), numpy.float64("nan")])
def test_what_is_no_number_has_a_word_but_nothing_can_be_compared_with_it(value: Any) -> None:
    """It equals nothing, not even itself (OData 4.01, 5.1.1.1.1); in tables it stands for what is missing."""
    assert literal(value) == "NaN"
    for make in (eq, ne, gt, ge, lt, le, lambda each: in_([1, each]), lambda each: between(1, each), lambda each: each):
        with pytest.raises(ValidationError, match="cannot compare with NaN") as refused:
            filter_expression({"balance": make(value)})
        assert "eq(None)" in str(refused.value)
    with pytest.raises(ValidationError, match="key is missing"):
        key_segment(value)


@pytest.mark.parametrize("value", [Rights.READ | Rights.WRITE, Level.HIGH, Phase.LATE, Escaped("eq 'x' or 1 eq 1")])
def test_a_value_of_a_class_of_its_own_is_a_single_value_and_data(value: Any) -> None:
    """Also where it could be gone through, or reads like a condition."""
    for given_as in (eq(value), value, [value], in_([value])):
        if isinstance(value, Escaped) and not isinstance(given_as, Condition):
            continue  # a text like any other: the short form, or an error
        assert filter_expression({"status": given_as}) == f"status eq {literal(value)}"


def test_a_name_of_a_class_of_its_own_is_checked_as_what_it_is() -> None:
    with pytest.raises(ValidationError, match="not the name of a field"):
        filter_expression({Escaped("a eq 1 or b"): 1})
    assert filter_expression({Escaped("city"): 1}) == "city eq 1"


@pytest.mark.parametrize("value", [numpy.array(5), numpy.array("x")])
def test_an_array_without_dimensions_is_a_single_value(value: Any) -> None:
    assert filter_expression({"a": value}) == f"a eq {literal(value)}"
    with pytest.raises(ValidationError, match="takes a list"):
        in_(value)


@pytest.mark.parametrize("naive", [datetime(2024, 1, 31, 8, 30), pandas.Timestamp("2024-01-31"), pandas.NaT])  # noqa: DTZ001
def test_a_point_in_time_without_a_zone_is_refused(naive: Any) -> None:
    with pytest.raises(ValidationError, match="without a zone"):
        build_odata_filter({"lastModified": ge(naive)})


@pytest.mark.parametrize(
    "value", [b"bytes", bytearray(b"ab"), memoryview(b"ab"), {"a": 1}, object(), pandas.NA, 1j,
              "half \ud83c", 10**2000, time(8, tzinfo=UTC),
              datetime(1, 1, 1, tzinfo=EAST)],
)  # fmt: skip
def test_what_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        literal(value)
    with pytest.raises(ValidationError):
        build_odata_filter({"field": value})


# ---- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "expression"),
    [
        ({"a": eq(1), "b": ne(None), "c": gt(1), "d": ge(1), "e": lt(1), "f": le(1)},
         "a eq 1 and b ne null and c gt 1 and d ge 1 and e lt 1 and f le 1"),
        ({"a": contains("x'"), "b": startswith("y"), "c": endswith("")},
         "contains(a,'x''') and startswith(b,'y') and endswith(c,'')"),
        ({"a": ("ge", "10"), "b": ("in", ["x"]), "c": ("contains", "y")}, "a ge '10' and b eq 'x' and contains(c,'y')"),
        ({"a": ["x", "y", "x"]}, "a in ('x','y')"),
        ({"a": in_(["eq 'x'", "ge 1"])}, "a in ('eq ''x''','ge 1')"),
        ({"a": {3, 1, 2}}, "a in (1,2,3)"),
        ({"a": (each for each in (1, 2))}, "a in (1,2)"),
        ({"a": pandas.Series([1, 2])}, "a in (1,2)"),
        ({"a": ["x"]}, "a eq 'x'"),
        ({"a": []}, "false"),
        ({"a": [gt(0), lt(100)]}, "a gt 0 and a lt 100"),
        ({"a": [ge(0), "lt 100", ne(None)]}, "a ge 0 and a lt 100 and a ne null"),
        ({"a": between(1, 5), "b": 2}, "a ge 1 and a le 5 and b eq 2"),
        ({"address/city": "Oslo", "Sales.Order/größe": 1}, "address/city eq 'Oslo' and Sales.Order/größe eq 1"),
        ({"color": raw("has Sales.Color'Red'")}, "color has Sales.Color'Red'"),
        (raw("tolower(name) eq 'x'"), "tolower(name) eq 'x'"),
        (any_of({"a": 1, "b": 2}, {"c": 3}, raw("d eq 4")), "(a eq 1 and b eq 2) or c eq 3 or (d eq 4)"),
        (all_of(any_of({"a": 1}, {"b": 2}), {"c": 3}), "(a eq 1 or b eq 2) and c eq 3"),
        (all_of({"a": 1}, raw("b eq 2 or c eq 3")), "a eq 1 and (b eq 2 or c eq 3)"),
        (any_of(), "false"),
        ({}, ""),
    ],
)  # fmt: skip
def test_conditions_read_as_they_are_meant(conditions: Any, expression: str) -> None:
    assert filter_expression(conditions) == expression


def test_fields_are_joined_by_or_where_that_is_said() -> None:
    conditions = {"a": 1, "b": between(2, 3), "c": [4, 5]}

    assert filter_expression(conditions, "or") == "a eq 1 or (b ge 2 and b le 3) or c in (4,5)"


def test_a_list_becomes_a_chain_for_servers_without_in() -> None:
    """Business Central is one."""
    assert filter_expression({"a": ["x", "y"], "b": 1}, or_chains=True) == "(a eq 'x' or a eq 'y') and b eq 1"
    assert filter_expression({"a": ["x"], "b": []}, or_chains=True) == "a eq 'x' and false"


def test_no_conditions_are_no_filter() -> None:
    assert build_odata_filter({}) == ""


def test_an_empty_list_matches_nothing(api: RestClient) -> None:
    assert api.get("customers", build_odata_filter({"no": []}))["value"] == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"a": ("x", "y")}, "A tuple in a filter"),
        (lambda: {"a": ("equals", 1)}, "A tuple in a filter"),
        (lambda: {"a": ["Oslo", "eq 'x'"]}, "reads like a condition"),
        (lambda: {"a": in_("Oslo")}, "takes a list"),
        (lambda: {"a": in_(5)}, "takes a list"),  # type: ignore[arg-type]
        (lambda: {"a": eq([1, 2])}, "Use in_ for a list"),
        (lambda: {"a": in_([[1]])}, "list of single values, and one of them is list"),
        (lambda: {"a": [[1], [2]]}, "one of them is list"),
        (lambda: {"a": in_({1: 2}.items())}, "one of them is tuple"),
        (lambda: {"a": numpy.array([[1]])}, "one of them is ndarray"),
        (lambda: {"a": in_(bytearray(b"ab"))}, "takes a list"),
        (lambda: {"a": gt(None)}, "would match nothing"),
        (lambda: {"a": contains(5)}, "looks for a text"),  # type: ignore[arg-type]
        (lambda: {"a": raw(" ")}, "raw needs"),
        (lambda: [("a", 1)], "holds no conditions"),
        (lambda: any_of({}, {"a": 1}), "empty"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        build_odata_filter(make())


def test_only_and_and_or_join() -> None:
    with pytest.raises(ValidationError, match="does not join"):
        build_odata_filter({"a": 1}, "xor")


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a eq 1 or b", "a'", "1a", "a/", "/a", "a//b", "a&b", "a)", "null", "true", "not", "a.", "a-b",
     5, None, "a\n"],
)  # fmt: skip
def test_a_name_injects_nothing(name: Any) -> None:
    with pytest.raises(ValidationError, match="not the name of a field"):
        build_odata_filter({name: "x"})
    with pytest.raises(ValidationError):
        key_segment({name: "x", "line": 1})


# ---- no value changes the expression ---------------------------------------------------------------------------------


@QUICK
@given(value=VALUES, operator=st.sampled_from(["eq", "ne"]))
@example(value="x' or no ne 'y", operator="eq")
def test_another_parser_reads_one_comparison_with_exactly_the_value(value: Any, operator: str) -> None:
    tree = parsed(filter_expression({"name": (operator, value), "last": 1}))

    comparison = tree.left
    assert isinstance(tree.op, ast.And)
    assert isinstance(comparison.comparator, ast.Eq if operator == "eq" else ast.NotEq)
    assert comparison.left == ast.Identifier("name")
    if isinstance(value, str):
        assert comparison.right == ast.String(value)
    elif value is None:
        assert comparison.right == ast.Null()
    elif not (isinstance(value, float) and abs(value) == float("inf")):
        assert comparison.right.py_val == value


@QUICK
@given(data=st.data())
def test_groups_mean_what_they_say_however_they_are_nested(data: st.DataObject) -> None:
    """The strict server and a plain evaluation agree on rows."""
    letters = st.sampled_from(["a", "b", "' or 1 eq 1"])
    fields = st.dictionaries(st.sampled_from(["name", "city"]), letters.map(eq), min_size=1)
    several = lambda inner: st.tuples(st.sampled_from([any_of, all_of]), st.lists(inner, min_size=1, max_size=3))  # noqa: E731
    group = st.recursive(fields, several, max_leaves=8)
    tree, row = data.draw(group), data.draw(st.fixed_dictionaries({"name": letters, "city": letters}))

    condition = compile_filter(filter_expression(grouped(tree)), SCHEMAS["customers"])

    assert condition(row) == evaluated(tree, row)


def grouped(tree: Any) -> Any:
    return tree if isinstance(tree, dict) else tree[0](*map(grouped, tree[1]))


def evaluated(tree: Any, row: dict[str, str]) -> bool:
    if isinstance(tree, dict):
        return all(literal(row[name]) == condition.literals[0] for name, condition in tree.items())
    results = [evaluated(member, row) for member in tree[1]]
    return any(results) if tree[0] is any_of else all(results)


@QUICK
@given(values=st.lists(st.one_of(TEXTS, NASTY), min_size=2, unique=True))
def test_another_parser_reads_a_list_with_exactly_the_values(values: list[str]) -> None:
    tree = parsed(filter_expression({"name": in_(values)}))

    assert tree.right == ast.List([ast.String(value) for value in values])


@QUICK
@given(value=st.one_of(TEXTS, NASTY))
def test_a_plain_text_is_the_value_or_an_error_unless_it_is_the_short_form(value: str) -> None:
    try:
        tree = parsed(filter_expression({"name": value}))
    except ValidationError:
        return
    assert isinstance(tree, ast.Compare)
    assert tree.left == ast.Identifier("name")


@QUICK
@given(value=st.one_of(TEXTS, NASTY))
def test_the_strict_server_finds_exactly_the_row_with_the_value(value: str) -> None:
    condition = compile_filter(filter_expression({"name": eq(value)}), SCHEMAS["customers"])

    assert condition({"name": value})
    assert not condition({"name": value + "x"})


@QUICK
@given(value=st.one_of(TEXTS, NASTY))
def test_what_is_encoded_decodes_to_the_expression(value: str) -> None:
    text = build_odata_filter({"name": eq(value)})

    assert unquote(text, errors="strict") == f"$filter={filter_expression({'name': eq(value)})}"
    assert not set(text.removeprefix("$filter=")) & set('&#+;?="\\\r\n\t\x00\x7f\u2028')


# ---- on the wire -----------------------------------------------------------------------------------------------------


@SLOWER
@given(value=st.one_of(TEXTS, NASTY))
@example(value="Tom & Jerry #1")
@example(value="100% + 1 %41 %")
@example(value="a\tb\r\nc")
@example(value="  Łódź 🌷 ")
def test_the_server_sees_exactly_the_value(sandbox_program: Sandbox, value: str) -> None:
    """In the address and in the parameters; a space that came as + would be a + there."""
    conditions = {"name": eq(value), "other": in_([value, "é"])}
    text, url = build_odata_filter(conditions), f"{sandbox_program.url}/echo"
    with connected(sandbox_program) as api:
        echoes = [
            api.get(f"{url}?{text}"),
            api.get(url, text),
            api.get(f"{url}?$top=5&{text}&$skip=1"),
            api.get(url, {"$filter": filter_expression(conditions)}),
        ]

    assert [dict(echo["query"])["$filter"] for echo in echoes] == [filter_expression(conditions)] * 4
    assert [len(echo["query"]) for echo in echoes] == [1, 1, 3, 1]


@pytest.mark.parametrize(
    "name", ["Tom & Jerry #1", "100 % + 1", "O'Brien; or 1 eq 1", "x' or no ne 'y", "Müller 🌷", "eq 'x'", "a=b?c/d\\"]
)
def test_a_row_is_found_by_its_name_and_no_other(api: RestClient, name: str) -> None:
    api.post("customers", {"no": "N1", "name": name})

    for text in (build_odata_filter({"name": eq(name)}), build_odata_filter({"name": in_([name, "nobody"])})):
        assert [row["name"] for row in api.get("customers?" + text)["value"]] == [name]
        assert [row["name"] for row in api.paginate("customers", text)] == [name]


def test_typed_conditions_are_understood_by_the_server(api: RestClient) -> None:
    conditions = {
        "createdOn": [ge(date(2024, 1, 1)), lt(date(2030, 1, 1))],
        "lastModified": ge(datetime(2025, 12, 31, 23, tzinfo=UTC)),
        "balance": between(Decimal("-1000.50"), 1e9),
        "blocked": False,
        "email": ne(None),
        "id": ne(uuid.UUID(int=1)),
        "name": contains("&"),
    }

    rows = list(api.paginate("customers", build_odata_filter(conditions)))

    assert rows
    assert all("&" in row["name"] and not row["blocked"] for row in rows)


def test_the_rows_of_a_filter_come_from_all_pages(api: RestClient) -> None:
    assert len(list(api.paginate("orders", build_odata_filter({"status": ["open", "shipped"]})))) > 500


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "segment"),
    [
        ("C0001", "('C0001')"),
        (42, "(42)"),
        (uuid.UUID(int=5), "(00000000-0000-0000-0000-000000000005)"),
        ({"no": "X", "line": 1}, "(no='X',line=1)"),
        ({"day": date(2024, 1, 31)}, "(day=2024-01-31)"),
        ("O'Brien & Söhne/1 #2?", "('O''Brien%20%26%20S%C3%B6hne%2F1%20%232%3F')"),
        ("') or ('", "(''')%20or%20(''')"),
        ("100%+1;", "('100%25%2B1%3B')"),
        ("..", "('..')"),
    ],
)
def test_a_key_becomes_a_part_of_an_address(key: Any, segment: str) -> None:
    assert key_segment(key) == segment


@pytest.mark.parametrize("key", [None, {}, {"no": None}, ["a"], b"x", "\ud800"])
def test_a_key_that_names_nothing_is_refused(key: Any) -> None:
    with pytest.raises(ValidationError):
        key_segment(key)


@SLOWER
@given(key=st.one_of(TEXTS, NASTY).filter(lambda key: key and "\n" not in key))
def test_an_entity_is_reached_by_exactly_its_key(sandbox_program: Sandbox, key: str) -> None:
    """Line feeds are left out: Starlette's routes end at one."""
    sandbox_program.reset()
    with connected(sandbox_program) as api:
        api.post("items", {"no": key, "description": "made up"})
        assert api.get("items" + key_segment(key))["no"] == key
        assert api.get("items" + key_segment({"no": key}))["no"] == key
        with pytest.raises(EntityNotFoundError):
            api.get("items" + key_segment(key + "'"))
