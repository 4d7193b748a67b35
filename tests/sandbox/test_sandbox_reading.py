"""Reading the sandbox's OData entity sets."""

import pytest

from tests.support.sandbox import Sandbox
from tests.support.sandbox_caller import Caller


def test_there_are_42_customers_on_three_pages(call: Caller, erp: Sandbox) -> None:
    rows = call.rows("customers")
    assert [row["no"] for row in rows] == [f"C{number:04d}" for number in range(1, 43)]
    assert erp.stats()["requests"] == {"GET /api/v1/customers": 3}


def test_there_are_3000_orders_and_2000_items(call: Caller) -> None:
    headers = {"Prefer": "odata.maxpagesize=500"}
    assert len(call.rows("orders", headers=headers)) == 3000
    assert len(call.rows("items", headers=headers)) == 2000


def test_the_customers_hold_what_breaks_careless_code(call: Caller) -> None:
    details = [call.get(f"customers('C{no:04d}')") for no in (1, 2, 4, 6, 12)]
    one, two, four, six, twelve = (answer.json() for answer in details)
    assert one["name"] == "O'Brien & Söhne GmbH"
    assert two["name"] == "Müller's Bäckerei"
    assert (four["postalCode"], four["email"]) == ("01067", None)
    assert six["name"].startswith("=")
    assert any(ord(character) > 0xFFFF for character in twelve["name"])


def test_a_detail_has_more_than_the_row_of_the_list(call: Caller) -> None:
    row = call.get("customers").json()["value"][0]
    detail = call.get("customers('C0001')").json()
    assert set(row) == {"@odata.etag", "no", "name", "city", "blocked"}
    assert set(detail) > {*row, "email", "postalCode", "balance", "currency", "createdOn", "orderCount"}
    assert {name: detail[name] for name in row} == row


def test_both_forms_of_a_key_name_the_same_entity(call: Caller) -> None:
    assert call.get("customers('C0002')").json() == call.get("customers/C0002").json()
    assert call.get("customers(%27C0002%27)").json()["no"] == "C0002"
    assert call.get("customers(no='C0002')").json()["no"] == "C0002"


def test_with_full_metadata_each_entity_says_where_it_is(call: Caller) -> None:
    full = {"Accept": "application/json;odata.metadata=full"}
    row = call.get("customers", headers=full).json()["value"][0]
    detail = call.get(row["@odata.id"], headers=full).json()
    assert row["@odata.id"] == row["@odata.editLink"] == detail["@odata.id"]
    assert detail["no"] == row["no"] == "C0001"
    assert "@odata.id" not in call.get("customers").json()["value"][0]


def test_a_key_with_quotes_slashes_and_percent_signs_is_found_again(call: Caller) -> None:
    key = "A/B 'x' 100%"
    location = call.post("customers", json={"no": key, "name": "Odd"}).headers["Location"]
    assert call.get(location).json()["no"] == key
    assert call.get("customers/A%2FB%20'x'%20100%25").json()["no"] == key


def test_exactly_one_listed_customer_is_gone(call: Caller) -> None:
    missing = []
    for row in call.rows("customers"):
        answer = call.get(f"customers/{row['no']}")
        if answer.status_code == 404:
            missing.append((row["no"], answer.json()["error"]["code"]))
    assert missing == [("C0013", "BadRequest_NotFound")]
    assert call.get("customers('C0013')").status_code == 404


def test_one_customer_is_flaky_at_its_first_and_each_third_reading_after(call: Caller, erp: Sandbox) -> None:
    paths = ["customers('C0007')", "customers/C0007"] * 4
    assert [call.get(path).status_code for path in paths[:7]] == [503, 200, 200, 503, 200, 200, 503]
    assert erp.stats()["faults"] == {"status": 3}


def test_pages_follow_the_size_that_the_caller_prefers(call: Caller) -> None:
    for wanted, got in ((7, 7), (250, 250), (9999, 500)):
        answer = call.get("orders", headers={"Prefer": f"odata.maxpagesize={wanted}"})
        assert len(answer.json()["value"]) == got
        assert answer.headers["Preference-Applied"] == f"odata.maxpagesize={got}"
    for ignored in ("odata.maxpagesize=0", "odata.maxpagesize=x", "respond-async"):
        assert len(call.get("orders", headers={"Prefer": ignored}).json()["value"]) == 100


def test_next_links_are_absolute_and_keep_the_query(call: Caller, erp: Sandbox) -> None:
    answer = call.get("orders?$filter=quantity%20gt%2030&$select=no,quantity&$top=150&$count=true")
    page = answer.json()
    assert page["@odata.nextLink"].startswith(f"{erp.api_url}/orders?")
    rest = call.get(page["@odata.nextLink"]).json()
    assert len(page["value"]) + len(rest["value"]) == 150
    assert rest["@odata.count"] == page["@odata.count"] > 150
    assert "@odata.nextLink" not in rest
    assert all(set(row) == {"@odata.etag", "no", "quantity"} and row["quantity"] > 30 for row in rest["value"])


def test_next_links_can_be_relative(call: Caller) -> None:
    link = call.get("orders?fault=relative-links").json()["@odata.nextLink"]
    assert link.startswith("orders?")
    assert call.get(link).json()["value"][0]["no"] == "SO100101"


def test_rows_are_skipped_sorted_and_counted(call: Caller) -> None:
    page = call.get("customers?$orderby=city%20desc,no&$skip=2&$top=3&$count=true").json()
    cities = sorted((row["city"] for row in call.rows("customers")), reverse=True)
    assert [row["city"] for row in page["value"]] == cities[2:5]
    assert page["@odata.count"] == 42
    assert call.get("customers?$top=0").json()["value"] == []
    assert call.get("orders/$count").text == "3000"


@pytest.mark.parametrize(
    "query",
    [
        "$top=-1",
        "$top=x",
        "$top=%D9%A3",
        "$skip=1.5",
        "$count=maybe",
        "$select=nothing",
        "$orderby=name%20sideways",
        "$orderby=nothing",
        "$expand=orders",
        "$fliter=no%20eq%20'x'",
        "$top=1&$top=2",
        "$skiptoken=forged",
        "$skiptoken=W10",
        "$deltatoken=forged",
        "$orderby=name+desc",
        "$filter=%FF",
    ],
)
def test_a_bad_query_option_is_a_400_with_an_odata_error(call: Caller, query: str) -> None:
    answer = call.get(f"customers?{query}")
    assert answer.status_code == 400
    assert set(answer.json()["error"]) >= {"code", "message"}


@pytest.mark.parametrize("path", ["nothing", "customers/C0001/nothing", "customers('C9999')", "customers/$metadata"])
def test_what_is_not_there_is_a_404(call: Caller, path: str) -> None:
    assert call.get(path).status_code == 404


@pytest.mark.parametrize("path", ["customers(C0001)", "customers('C0001", "customers('a'b')", "customers(id='x')"])
def test_a_malformed_key_is_a_400(call: Caller, path: str) -> None:
    assert call.get(path).status_code == 400


def test_a_customer_that_is_known_already_is_not_sent_again(call: Caller) -> None:
    etag = call.get("customers('C0001')").headers["ETag"]
    assert call.get("customers('C0001')", headers={"If-None-Match": etag}).status_code == 304
    call("PATCH", "customers('C0001')", json={"city": "Bonn"})
    assert call.get("customers('C0001')", headers={"If-None-Match": etag}).status_code == 200


def test_a_method_that_makes_no_sense_is_a_405(call: Caller) -> None:
    assert call("DELETE", "customers").status_code == 405
    assert call.post("customers('C0001')", json={}).status_code == 405


def test_the_service_document_lists_the_sets(call: Caller) -> None:
    assert [each["name"] for each in call.get("").json()["value"]] == ["customers", "orders", "items"]


def test_a_delta_link_gives_what_changed_and_what_went(call: Caller) -> None:
    page = call.get("customers", headers={"Prefer": "odata.track-changes,odata.maxpagesize=500"}).json()
    call("PATCH", "customers('C0002')", json={"city": "Passau"})
    call("DELETE", "customers('C0003')")
    changes = call.get(page["@odata.deltaLink"]).json()
    assert [row["no"] for row in changes["value"]] == ["C0002", "C0003"]
    assert changes["value"][0]["city"] == "Passau"
    assert changes["value"][1]["@removed"] == {"reason": "deleted"}
    assert call.get(changes["@odata.deltaLink"]).json()["value"] == []


def test_a_change_between_two_pages_is_in_the_delta(call: Caller) -> None:
    prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=40"}
    first = call.get("customers", headers=prefer).json()
    call("PATCH", "customers('C0001')", json={"city": "Passau"})
    last = call.get(first["@odata.nextLink"], headers=prefer).json()
    assert [row["no"] for row in call.get(last["@odata.deltaLink"]).json()["value"]] == ["C0001"]


def test_a_delta_link_of_another_life_is_gone(call: Caller, erp: Sandbox) -> None:
    call("PATCH", "customers('C0001')", json={"city": "Passau"})
    link = call.get("customers?$top=1", headers={"Prefer": "odata.track-changes"}).json()["@odata.deltaLink"]
    erp.reset()
    assert call.get(link).status_code == 410
