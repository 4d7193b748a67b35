"""Delta links: everything at first, then what has changed; never a change lost between two readings."""

import pickle
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from requests import PreparedRequest, Response

from tests.support.clients import connected
from tests.support.sandbox import Sandbox
from tests.support.scripted import API, response_of
from txo_core.exceptions import ApiError, ApiOperationError, ConfigurationError, EntityNotFoundError, ValidationError
from txo_core.http.errors import ErrorMapping
from txo_core.http.policy import Policy
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter
from txo_core.rest import RestClient
from txo_core.rest.delta import Changes, track_changes
from txo_core.rest.removals import Removal


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        yield client


def numbers(changes: Changes) -> list[str]:
    return [row["no"] for row in changes]


# At the server


def test_everything_is_read_first_and_then_what_has_changed(api: RestClient) -> None:
    first = api.delta("customers")
    assert len(numbers(first)) == 42
    api.patch("customers/C0005", {"city": "Oslo"})
    api.delete("customers/C0003")
    api.post("customers", {"no": "N0001", "name": "New"})

    second = api.delta("customers", since=first.link)
    assert (numbers(second), second.removed) == (["C0005", "N0001"], [Removal("C0003")])
    third = api.delta("customers", since=second.link)
    assert (numbers(third), third.removed) == ([], [])
    assert api.delta("customers", since=first.link).__class__ is Changes


def test_a_change_between_two_pages_is_not_lost(api: RestClient) -> None:
    changes = api.delta("customers", headers={"prefer": "odata.maxpagesize=20"})
    rows = iter(changes)
    assert len(list(islice(rows, 20))) == 20
    api.patch("customers/C0001", {"city": "Oslo"})
    assert len(list(rows)) == 22

    assert numbers(api.delta("customers", since=changes.link)) == ["C0001"]


def test_the_filter_stays_and_a_row_that_no_longer_fits_is_removed(api: RestClient) -> None:
    first = api.delta("customers", {"$filter": "blocked eq false"})
    listed = numbers(first)
    api.patch(f"customers/{listed[0]}", {"blocked": True})

    second = api.delta("customers", {"$filter": "blocked eq false"}, since=first.link)

    assert (numbers(second), second.removed) == ([], [Removal(listed[0], "changed")])


def test_a_page_is_read_only_when_its_rows_are_wanted(api: RestClient, sandbox: Sandbox) -> None:
    changes = api.delta("customers", headers={"Prefer": "odata.maxpagesize=20"})
    assert sandbox.stats()["total"] == 0

    assert len(list(islice(changes, 20))) == 20
    assert sandbox.stats()["requests"]["GET /api/v1/customers"] == 1


def test_a_link_that_is_no_longer_known_says_to_read_afresh(api: RestClient, sandbox: Sandbox) -> None:
    first = api.delta("customers")
    list(first)
    api.patch("customers/C0001", {"city": "Oslo"})
    second = api.delta("customers", since=first.link)
    list(second)
    sandbox.reset()

    with pytest.raises(ApiOperationError, match="read the list afresh, without `since`") as gone:
        list(api.delta("customers", since=second.link))

    assert (gone.value.code, gone.value.status_code, gone.value.retryable) == ("delta-link-expired", 410, False)
    assert not isinstance(gone.value, EntityNotFoundError)
    assert "deltatoken" not in str(gone.value)
    assert pickle.loads(pickle.dumps(gone.value)).code == "delta-link-expired"


def test_relative_links_are_made_whole(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"path": "/customers$"}, "fault": "relative-links", "times": 3}])

    changes = api.delta("customers")

    assert len(list(changes)) == 42
    assert changes.link.startswith(f"{sandbox.api_url}/customers?$deltatoken=")


def test_a_page_that_fails_gives_no_link(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"path": "/customers$", "from": 2}, "fault": "status=500"}])
    changes = api.delta("customers")

    with pytest.raises(ApiError, match="500"):
        list(changes)
    with pytest.raises(ValidationError, match="after the last row only"):
        _ = changes.link


@pytest.mark.parametrize(
    "since", ["https://evil.example.com/customers?$deltatoken=x", "//evil.example.com/customers?$deltatoken=1"]
)
def test_a_link_to_another_server_is_not_followed(api: RestClient, sandbox: Sandbox, since: str) -> None:
    with pytest.raises((ConfigurationError, ApiError)):
        list(api.delta("customers", since=since))

    assert sandbox.stats()["tokens_issued"] <= 1
    assert "GET /api/v1/customers" not in sandbox.stats()["requests"]


# On a scripted network


class Pages(Policy):
    """A list on a server: what stands at each address below the API."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages
        self.requests: list[PreparedRequest] = []

    def __call__(self, request: PreparedRequest, send: Any) -> Response:
        self.requests.append(request)
        page = self.pages[(request.url or "").removeprefix(f"{API}/")]
        return response_of(request, *page) if isinstance(page, tuple) else response_of(request, 200, {}, page)

    def changes(self, url: str = "p1", **options: Any) -> Changes:
        return RestClient(Sessions(PolicyAdapter([ErrorMapping(), self])), API).delta(url, **options)


def gone(key: str, reason: str = "deleted") -> dict[str, Any]:
    return {"@removed": {"reason": reason}, "no": key}


def test_the_wish_for_a_link_goes_with_the_first_reading_and_not_with_a_link() -> None:
    pages = Pages(p1={"value": [], "@odata.deltaLink": "p1"})

    list(pages.changes())
    list(pages.changes(headers={"prefer": "odata.maxpagesize=5"}))
    list(pages.changes(since=f"{API}/p1"))

    sent = [request.headers.get("Prefer") for request in pages.requests]
    assert sent == ["odata.track-changes", "odata.maxpagesize=5, odata.track-changes", None]


def test_the_headers_of_the_caller_are_left_alone() -> None:
    own = {"Prefer": "respond-async"}

    assert track_changes(own) == {"Prefer": "respond-async, odata.track-changes"}
    assert own == {"Prefer": "respond-async"}


@pytest.mark.parametrize("key", ["@odata.deltaLink", "@deltaLink", "odata.deltaLink", "deltaLink"])
@pytest.mark.parametrize("link", ["d1", "/v1/d1", f"{API}/d1"])
def test_each_form_of_the_link_is_understood(key: str, link: str) -> None:
    changes = Pages(p1={"value": [1], key: link}).changes()

    assert (list(changes), changes.link) == ([1], f"{API}/d1")


def test_the_link_of_the_last_page_counts() -> None:
    pages = Pages(p1={"value": [1], "nextLink": "p2", "deltaLink": "d0"}, p2={"value": [2], "deltaLink": "d1"})
    changes = pages.changes()

    assert (list(changes), changes.link) == ([1, 2], f"{API}/d1")


def test_before_the_end_there_is_neither_link_nor_removals() -> None:
    changes = Pages(p1={"value": [1, 2], "deltaLink": "d1"}).changes()
    rows = iter(changes)
    next(rows)

    for ask in (lambda: changes.link, lambda: changes.removed):
        with pytest.raises(ValidationError, match="known after the last row only"):
            ask()
    assert (next(rows), next(rows, None), changes.link) == (2, None, f"{API}/d1")


def test_changes_are_read_once() -> None:
    """A second reading would find nothing, which looks like no change."""
    changes = Pages(p1={"value": [1], "deltaLink": "d1"}).changes()
    list(changes)

    with pytest.raises(ValidationError, match="once only"):
        list(changes)


def test_an_api_that_tracks_nothing_gives_its_rows_but_no_link() -> None:
    changes = Pages(p1={"value": [1]}).changes()

    assert list(changes) == [1]
    with pytest.raises(ApiOperationError, match="does not track the changes") as refused:
        _ = changes.link
    assert refused.value.code == "no-delta-link"


def test_what_was_removed_and_came_back_is_not_removed() -> None:
    rows = [gone("a"), {"no": "a"}, gone("b"), {"no": "c"}, gone("c", "changed"), gone("b")]
    changes = Pages(p1={"value": rows, "deltaLink": "d"}).changes()

    assert [row["no"] for row in changes] == ["a", "c"]
    assert changes.removed == [Removal("b"), Removal("c", "changed")]


@pytest.mark.parametrize(
    ("entry", "removal"),
    [
        ({"@removed": {}, "id": "7"}, Removal("7")),
        ({"@odata.removed": {"reason": "changed"}, "id": 7}, Removal(7, "changed")),
        ({"@removed": {"reason": "deleted"}, "no": "1", "line": 2}, Removal({"no": "1", "line": 2})),
        ({"@removed": {"reason": "deleted"}, "@odata.id": "customers('1')"}, Removal("customers('1')")),
        (
            {"@odata.context": f"{API}/$metadata#accounts/$deletedEntity", "id": "g-1", "reason": "deleted"},
            Removal("g-1"),
        ),
        ({"@context": "#accounts/$deletedEntity", "id": "g-1", "reason": "changed"}, Removal("g-1", "changed")),
    ],
)
def test_each_form_of_a_removal_is_understood(entry: dict[str, Any], removal: Removal) -> None:
    changes = Pages(p1={"value": [entry], "deltaLink": "d"}).changes()

    assert (list(changes), changes.removed) == ([], [removal])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (410, "Gone"),
        (400, "SyncStateNotFound"),
        (400, "syncStateInvalid"),
        (400, "resyncRequired"),
        (409, "ExpiredVersionStamp"),
    ],
)
def test_each_way_to_have_forgotten_the_link_is_understood(status: int, code: str) -> None:
    pages = Pages(d1=(status, {}, {"error": {"code": code, "message": "Too old"}}))

    with pytest.raises(ApiOperationError, match="read the list afresh") as refused:
        list(pages.changes("d1", since=f"{API}/d1"))
    assert refused.value.code == "delta-link-expired"


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(EntityNotFoundError):
        list(Pages(p1=(404, {}, {})).changes())


@pytest.mark.parametrize(
    ("first", "text"),
    [
        ({"value": [1], "nextLink": "p1"}, "already read"),
        ({"value": [1], "nextLink": "http://api.example.com/v1/p2"}, "not encrypted"),
        ({"value": [1], "deltaLink": "http://api.example.com/v1/p2"}, "not encrypted"),
        ({"rows": "none"}, "list of rows"),
    ],
)
def test_an_incomplete_reading_is_an_error(first: Any, text: str) -> None:
    changes = Pages(p1=first).changes()

    with pytest.raises((ApiOperationError, ConfigurationError), match=text):
        list(changes)
    with pytest.raises(ValidationError):
        _ = changes.link


EARLIER = {"@odata.context": f"{API}/$metadata#l"}
ENTRY = {"@odata.context": f"{API}/$metadata#l/$deletedEntity", "reason": "deleted"}


@pytest.mark.parametrize(
    ("removed", "back"),
    [
        ({"@removed": {}, "@id": "l('C1')"}, {"@odata.id": "l('C1')", "no": "C1"}),
        ({"@removed": {}, "@odata.id": "l('C1')"}, {"@id": "l('C1')", "no": "C1"}),
        ({"@removed": {}, "@id": "l('C1')"}, {"@odata.id": f"{API}/l(%27C1%27)", "no": "C1"}),
        ({"@removed": {}, "@id": f"{API}/l('C1')", "name": "old"}, {"@odata.id": "l('C1')", "name": "new"}),
        ({"@removed": {}, "@id": "l('C1')"}, {"name": "x", "no": "C1"}),
        ({"@removed": {}, "@id": "l('O''Brien,1')"}, {"code": "O'Brien,1"}),
        ({"@removed": {}, "@id": "l(no='C1',line=1)"}, {"line": 1, "no": "C1", "name": "x"}),
        ({"@removed": {}, "@id": "l(7)"}, {"entry": 7}),
        ({"@removed": {}, "@id": f"{API}/l/C1"}, {"no": "C1"}),
        ({**ENTRY, "id": "l('C1')"}, {"no": "C1", "name": "again"}),
        ({**ENTRY, "id": f"{API}/l('C1')"}, {"@odata.id": "l('C1')", "name": "again"}),
        ({**ENTRY, "id": "g-1"}, {"accountid": "g-1"}),
        ({**ENTRY, "id": "g-1"}, {"@odata.id": f"{API}/accounts(g-1)", "name": "again"}),
        ({**ENTRY, "id": 7}, {"name": "x", "id": 7}),
        ({"@removed": {}, "id": "1", "@odata.type": "#user", "name": "old"}, {"id": "1", "name": "new", "no": "C1"}),
        ({"@removed": {}, "no": "C1", "name": "old", "city": "Oslo"}, {"no": "C1", "name": "new", "city": "Bergen"}),
        ({"@removed": {}, "no": "C1", "line": 2, "name": "old"}, {"name": "new", "line": 2, "no": "C1"}),
    ],
)
def test_a_row_that_came_back_is_not_removed_however_it_is_told(removed: dict[str, Any], back: dict[str, Any]) -> None:
    """Who deletes what was removed would delete a row that is there."""
    changes = Pages(p1={**EARLIER, "value": [removed, back, removed, back], "deltaLink": "d"}).changes()

    assert (list(changes), changes.removed) == ([back, back], [])


@pytest.mark.parametrize(
    ("removed", "other"),
    [
        ({"@removed": {}, "@id": "l('C1')"}, {"@odata.id": "l('C2')", "no": "C2"}),
        ({"@removed": {}, "@id": "a(1)/l('C1')"}, {"@odata.id": "a(2)/l('C1')", "no": "C1"}),
        ({"@removed": {}, "@id": "l('C1')", "name": "x"}, {"@odata.id": "l('C2')", "name": "x"}),
        ({"@removed": {}, "@id": "l(no='C1',line=1)"}, {"no": "C1", "line": 2}),
        ({"@removed": {}, "@id": "l('C1')"}, {"no": "C2", "customerNo": "C1"}),
        ({**ENTRY, "id": "g-1"}, {"contactid": "g-2", "accountid": "g-1"}),
        ({"@removed": {}, "no": "C1", "line": 1, "name": "x"}, {"no": "C1", "line": 2, "name": "x"}),
        ({"@removed": {}, "no": "C1", "type": "Quote"}, {"no": "C1", "type": "Order"}),
        ({"@removed": {}, "id": "1", "name": "x"}, {"id": "2", "name": "x"}),
        ({"@removed": {}, "name": "x", "city": "Oslo"}, {"name": "x", "city": "Bergen"}),
        ({"@removed": {}}, {"no": "C1"}),
        ({"@removed": {}, "no": "C1"}, "C1"),
    ],
)
def test_another_row_is_no_return(removed: dict[str, Any], other: Any) -> None:
    changes = Pages(p1={**EARLIER, "value": [removed, other], "deltaLink": "d"}).changes()

    assert (list(changes), len(changes.removed)) == ([other], 1)


def test_what_came_back_and_went_again_is_removed_once() -> None:
    row = {"@odata.id": "l('C1')", "no": "C1"}
    rows = [gone("C1"), row, gone("C1"), {"@removed": {}, "no": "C2", "name": "x"}, {"@removed": {}, "@id": "l(3)"}]

    changes = Pages(p1={"value": rows, "deltaLink": "d"}).changes()

    assert list(changes) == [row]
    assert changes.removed == [Removal("C1"), Removal({"no": "C2", "name": "x"}), Removal("l(3)")]


def test_a_link_of_another_list_is_refused_and_nothing_is_read(api: RestClient, sandbox: Sandbox) -> None:
    customers = api.delta("customers")
    list(customers)
    sandbox.clear_stats()

    with pytest.raises(ValidationError, match=r"belongs to .*/customers, and not to .*/orders") as refused:
        api.delta("orders", since=customers.link)

    assert "deltatoken" not in str(refused.value)
    assert sandbox.stats()["total"] == 0


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("customers", "customers?$deltatoken=1"),
        ("customers?$filter=a eq 1", "Customers/?!deltatoken='1'"),
        ("customers/", "customers/$delta?$deltatoken=1"),
        ("users/delta", "users/delta()?$deltatoken=1"),
        ("drives/7/root/delta", "drives/7/root/delta(token='1')"),
        ("users/7/contacts/delta", "users('7')/contacts/delta?t=1"),
        ("me/contacts/delta", "users('7')/contacts/delta?t=1"),
        ("customers", "https://api.example.com/gateway/odata/v1/customers?t=1"),
        ("companies(1)/customers", "companies(1)/customers?t=1"),
        ("companies('A%20B')/customers", "companies('A B')/customers?t=1"),
        ("customers", "$delta?t=1"),
        ("sync", "sync?t=1"),
        ("d1", "d1"),
    ],
)
def test_a_link_of_the_list_is_followed_however_its_path_is_written(url: str, link: str) -> None:
    assert isinstance(Pages().changes(url, since=link), Changes)


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("orders", "customers?t=1"),
        ("companies(2)/customers", "companies(1)/customers?t=1"),
        ("users/1/contacts/delta", "users/2/contacts/delta?t=1"),
        ("orders", "companies(1)/customers?t=1"),
        ("me/events/delta", "me/messages/delta?t=1"),
    ],
)
def test_a_link_with_another_path_is_not_followed(url: str, link: str) -> None:
    with pytest.raises(ValidationError, match="The delta link belongs to"):
        Pages().changes(url, since=link)


class Carousel(Policy):
    """A list whose pages name ever new next pages, with the rows of each by its number."""

    def __init__(self, rows: Callable[[int], list[Any]], pages: int = 5000) -> None:
        self.rows, self.pages, self.requests = rows, pages, 0

    def __call__(self, request: PreparedRequest, send: Any) -> Response:
        self.requests += 1
        after = {"nextLink": f"p1?t={self.requests}"} if self.requests < self.pages else {"deltaLink": "p1?d=1"}
        return response_of(request, 200, {}, {"value": self.rows(self.requests), **after})

    def changes(self) -> Changes:
        return RestClient(Sessions(PolicyAdapter([ErrorMapping(), self])), API).delta("p1")


@pytest.mark.parametrize(("rows", "requests"), [(5, 2), (1, 11), (0, 1001)])
def test_the_same_page_under_ever_new_links_ends_with_an_error(rows: int, requests: int) -> None:
    pages = Carousel(lambda number: [{"no": row} for row in range(rows)])

    with pytest.raises(ApiOperationError, match="same page again; the changes are incomplete") as refused:
        list(pages.changes())

    assert (refused.value.code, pages.requests) == ("repeated-page", requests)


def test_rows_that_change_while_they_are_read_may_come_again() -> None:
    changes = Carousel(lambda number: [{"no": row, "version": number} for row in range(5)], pages=50).changes()

    assert len(list(changes)) == 250
    assert changes.link


@pytest.mark.parametrize("since", ["", " ", 7, b"x", True])
def test_a_link_that_is_none_is_refused(since: Any) -> None:
    with pytest.raises(ValidationError, match="no delta link"):
        Pages().changes(since=since)
