"""One entity for one key, judged by what the server has done: threads, lost answers, strangers and other writers."""

import enum
import gc
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy
import pandas
import pytest
from requests import Response

from tests.support.clients import connected
from tests.support.sandbox import Sandbox
from tests.support.scripted import prepared, response_of
from txo_core.exceptions import (
    ApiError,
    ApiOperationError,
    ConfigurationError,
    EntityNotFoundError,
    ValidationError,
)
from txo_core.odata import build_odata_filter
from txo_core.rest import RestClient, entity_keys
from txo_core.rest.entities import without_annotations
from txo_core.rest.entity_search import MOST_PAGES
from txo_core.rest.writes import TRIES, create_or_update
from txo_core.results import ItemResult

NEW = {"no": "C9", "name": "New", "city": "Oslo", "balance": 12.5}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    with connected(sandbox) as client:
        client.get("customers/C0001")
        sandbox.clear_stats()
        yield client


def arrived(sandbox: Sandbox) -> dict[str, int]:
    """Return how often each method came to the customers."""
    requests = sandbox.stats()["requests"]
    return {call.removesuffix(" /api/v1/customers").replace(" /api/v1/customers({key})", "(key)"): number
            for call, number in requests.items() if "customers" in call}  # fmt: skip


def written(sandbox: Sandbox) -> dict[str, int]:
    return dict(sandbox.stats()["writes"].get("customers", {}))


def interrupted(api: RestClient, method: str, *events: Callable[[], object]) -> Callable[..., Response]:
    """Return a way to send, in front of whose requests of the method one event after the other happens."""
    waiting = list(events)

    def send(sent: str, url: str, **arguments: Any) -> Response:
        if sent == method and waiting:
            waiting.pop(0)()
        return api._caller.send(sent, url, **arguments)

    return send


def at_once(work: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> None:
    """Do the work in as many threads as there are arguments, and wait for the last."""
    running = [threading.Thread(target=work, args=each) for each in arguments]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


# ---- the three outcomes ----------------------------------------------------------------------------------------------


def test_what_is_not_there_is_created(api: RestClient, sandbox: Sandbox) -> None:
    result = api.create_or_update("customers", NEW, key="no")

    assert (result.key, result.outcome, result.value["city"]) == ("C9", "created", "Oslo")
    assert arrived(sandbox) == {"GET": 1, "POST": 1}
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


def test_what_is_as_it_should_be_is_not_written(api: RestClient, sandbox: Sandbox) -> None:
    api.create_or_update("customers", NEW, key="no")
    sandbox.clear_stats()

    result = api.create_or_update("customers", NEW, key="no")

    assert (result.outcome, result.value["balance"]) == ("unchanged", 12.5)
    assert arrived(sandbox) == {"GET": 1, "GET(key)": 1}
    assert written(sandbox) == {}


def test_what_differs_is_changed_and_nothing_else(api: RestClient, sandbox: Sandbox) -> None:
    api.post("customers", {**NEW, "email": "a@customer.example"})
    sandbox.clear_stats()

    result = api.create_or_update("/customers", {"no": "C9", "city": "Bergen"}, key="no")

    assert result == ItemResult("C9", "updated", value=without_annotations(api.get("customers/C9")))
    assert (result.value["city"], result.value["email"]) == ("Bergen", "a@customer.example")
    assert written(sandbox) == {"PATCH C9": 1}


def test_a_key_may_be_given_with_its_values(api: RestClient, sandbox: Sandbox) -> None:
    """Typed where the field is no text; a new entity gets them as JSON has them."""
    key = {"createdOn": date(2024, 2, 29), "name": "Leap"}

    first = api.create_or_update("customers", {"city": "Oslo"}, key=key)
    second = api.create_or_update("customers", {"city": "Bergen"}, key=key)

    assert (first.key, first.outcome, second.outcome) == ("createdOn=2024-02-29,name=Leap", "created", "updated")
    assert (second.value["createdOn"], second.value["no"]) == ("2024-02-29", first.value["no"])


def test_a_key_may_be_of_several_fields(api: RestClient) -> None:
    results = [
        api.create_or_update("customers", {"name": name, "city": city, "balance": 1}, key=["name", "city"])
        for name, city in [("A", "Oslo"), ("A", "Bergen"), ("A", "Oslo")]
    ]

    assert [result.outcome for result in results] == ["created", "created", "unchanged"]
    assert results[0].key == "name=A,city=Oslo"


def test_what_was_read_can_be_handed_back(api: RestClient, sandbox: Sandbox) -> None:
    """Control information is the server's."""
    customer = api.get("customers/C0001")

    assert api.create_or_update("customers", customer, key="no").outcome == "unchanged"
    assert api.create_or_update("customers", {**customer, "city": "Oslo"}, key="no").outcome == "updated"
    assert written(sandbox) == {"PATCH C0001": 1}


def test_headers_go_with_all_requests_and_an_idempotency_key_with_the_post(api: RestClient, sandbox: Sandbox) -> None:
    seen: list[tuple[str, Mapping[str, str], Any]] = []

    def send(method: str, url: str, **arguments: Any) -> Response:
        seen.append((method, arguments["headers"], arguments.get("idempotency_key")))
        return api._caller.send(method, url, **arguments)

    url = f"{sandbox.api_url}/customers"
    options: dict[str, Any] = {"headers": {"X-Company": "c1"}, "idempotency_key": "k-1"}
    create_or_update(send, url, NEW, "no", **options)
    create_or_update(send, url, {**NEW, "city": "Bergen"}, "no", **options)

    assert {headers["X-Company"] for _, headers, _ in seen} == {"c1"}
    assert [(method, key) for method, _, key in seen if method != "GET"] == [("POST", "k-1"), ("PATCH", None)]


# ---- many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["no", "externalId"])
@pytest.mark.parametrize("threads", [2, 5, 20])
def test_threads_with_one_new_key_make_one_row(sandbox: Sandbox, key: str, threads: int) -> None:
    """Also where the server would take both: of the external ids it does not keep count."""
    entity = {key: "X-1", "city": "Oslo"}
    together, outcomes = threading.Barrier(threads), list[str]()

    def work() -> None:
        with connected(sandbox) as api:
            together.wait()
            outcomes.append(api.create_or_update("customers", entity, key=key).outcome)

    at_once(work, [()] * threads)

    assert sorted(outcomes) == ["created"] + ["unchanged"] * (threads - 1)
    assert sandbox.stats()["creates"]["customers"] == {"X-1": 1}


def test_threads_that_differ_leave_one_row_as_one_of_them_wants_it(sandbox: Sandbox) -> None:
    together, outcomes = threading.Barrier(5), list[str]()

    def work(number: int) -> None:
        with connected(sandbox) as api:
            together.wait()
            entity = {"externalId": "X-1", "balance": number}
            outcomes.append(api.create_or_update("customers", entity, key="externalId").outcome)

    at_once(work, [(number,) for number in range(5)])

    assert sorted(outcomes) == ["created"] + ["updated"] * 4
    assert sandbox.stats()["creates"]["customers"] == {"X-1": 1}


@pytest.mark.parametrize("kind", ["reset-after", "status-after=500", "hang-after=2", "status=429;retry-after=0.01"])
def test_threads_make_one_row_of_one_key_although_the_first_answer_is_lost(sandbox: Sandbox, kind: str) -> None:
    sandbox.faults([{"match": {"method": "POST", "path": "customers"}, "fault": kind, "times": 1}])
    together, outcomes = threading.Barrier(5), list[str]()

    def work() -> None:
        with connected(sandbox) as api:
            together.wait()
            entity = {"externalId": "X-1", "city": "Oslo"}
            outcomes.append(api.create_or_update("customers", entity, key="externalId").outcome)

    at_once(work, [()] * 5)

    assert sorted(outcomes) == ["created"] + ["unchanged"] * 4
    assert sandbox.stats()["creates"]["customers"] == {"X-1": 1}


def test_a_lock_lives_no_longer_than_its_call(api: RestClient) -> None:
    api.create_or_update("customers", NEW, key="no")
    gc.collect()

    assert len(entity_keys._locks) == 0


@pytest.mark.parametrize(("city", "outcome"), [("Oslo", "unchanged"), ("Bergen", "updated")])
def test_who_comes_second_at_the_server_updates(api: RestClient, sandbox: Sandbox, city: str, outcome: str) -> None:
    """Another process has created it between our look and our POST: the server answers 409."""
    send = interrupted(api, "POST", lambda: api.post("customers", {**NEW, "city": city}))

    result = create_or_update(send, f"{sandbox.api_url}/customers", NEW, "no")

    assert (result.outcome, result.value["city"]) == (outcome, "Oslo")
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}
    assert sandbox.stats()["statuses"]["409"] == 1


# ---- answers that are lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["reset-after", "close-after", "truncate", "hang-after=2", "status-after=500", "status-after=503", "not-json",
     "bad-gzip"],
)  # fmt: skip
def test_a_post_whose_answer_is_lost_makes_one_row(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.faults([{"match": {"method": "POST", "path": "customers"}, "fault": kind, "times": 1}])

    result = api.create_or_update("customers", NEW, key="no")

    assert (result.outcome, result.value["city"]) == ("created", "Oslo")
    assert arrived(sandbox)["POST"] == 1
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


def test_an_empty_answer_to_a_post_is_a_success(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults([{"match": {"method": "POST|PATCH"}, "fault": "empty", "times": 1}])
    sandbox.faults([{"match": {"method": "POST"}, "fault": "empty", "times": 1}])

    assert api.create_or_update("customers", NEW, key="no") == ItemResult("C9", "created", value=NEW)


@pytest.mark.parametrize("kind", ["reset-before", "close-before", "hang=2", "status=500", "content-type=text/html"])
def test_a_post_that_came_to_nothing_is_an_error_and_no_row(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    """It may still be on its way; a repeat could be the second. A later call begins with looking for it."""
    sandbox.faults([{"match": {"method": "POST", "path": "customers"}, "fault": kind, "times": 1}])

    with pytest.raises(ApiError):
        api.create_or_update("customers", NEW, key="no")

    assert arrived(sandbox)["POST"] == 1
    assert sandbox.stats()["creates"] == {}
    assert api.create_or_update("customers", NEW, key="no").outcome == "created"


def test_what_the_server_refuses_is_refused(api: RestClient, sandbox: Sandbox) -> None:
    with pytest.raises(ApiOperationError, match="Cannot convert the value of 'balance'") as refused:
        api.create_or_update("customers", {**NEW, "balance": "much"}, key="no")

    assert refused.value.status_code == 400
    assert written(sandbox) == {}


def test_a_post_that_was_turned_away_is_sent_again(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults(
        [{"match": {"method": "POST", "path": "customers"}, "fault": "status=429;retry-after=0.01", "times": 2}]
    )

    assert api.create_or_update("customers", NEW, key="no").outcome == "created"
    assert sandbox.stats()["creates"]["customers"] == {"New": 1}


def test_when_the_second_look_fails_the_first_error_counts(api: RestClient, sandbox: Sandbox) -> None:
    sandbox.faults([
        {"match": {"method": "POST", "path": "customers"}, "fault": "reset-after", "times": 1},
        {"match": {"method": "GET", "path": "customers", "from": 2}, "fault": "status=500"},
    ])  # fmt: skip

    with pytest.raises(ApiError, match=r"POST .* may have done it"):
        api.create_or_update("customers", NEW, key="no")


@pytest.mark.parametrize("kind", ["reset-after", "hang-after=2", "status-after=502"])
def test_a_change_whose_answer_is_lost_is_made_once(api: RestClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.faults([{"match": {"method": "PATCH"}, "fault": kind, "times": 1}])

    result = api.create_or_update("customers", {"no": "C0001", "city": "Oslo"}, key="no")

    assert (result.outcome, result.value["city"]) == ("updated", "Oslo")
    assert written(sandbox) == {"PATCH C0001": 1}


# ---- other writers ---------------------------------------------------------------------------------------------------


def test_a_change_of_another_field_in_between_is_kept(api: RestClient, sandbox: Sandbox) -> None:
    send = interrupted(api, "PATCH", lambda: api.patch("customers/C0001", {"email": "b@customer.example"}))

    result = create_or_update(send, f"{sandbox.api_url}/customers", {"no": "C0001", "city": "Oslo"}, "no")

    assert (result.outcome, result.value["city"], result.value["email"]) == ("updated", "Oslo", "b@customer.example")
    assert sandbox.stats()["statuses"]["412"] == 1


def test_of_two_writers_of_one_field_the_last_one_wins(api: RestClient, sandbox: Sandbox) -> None:
    send = interrupted(api, "PATCH", lambda: api.patch("customers/C0001", {"city": "Bergen"}))

    result = create_or_update(send, f"{sandbox.api_url}/customers", {"no": "C0001", "city": "Oslo"}, "no")

    assert (result.outcome, result.value["city"]) == ("updated", "Oslo")


def test_what_another_has_made_right_in_between_is_not_written_again(api: RestClient, sandbox: Sandbox) -> None:
    send = interrupted(api, "PATCH", lambda: api.patch("customers/C0001", {"city": "Oslo"}))

    result = create_or_update(send, f"{sandbox.api_url}/customers", {"no": "C0001", "city": "Oslo"}, "no")

    assert result.outcome == "unchanged"
    assert written(sandbox) == {"PATCH C0001": 1}


def test_against_an_endless_writer_it_gives_up(api: RestClient, sandbox: Sandbox) -> None:
    numbers = iter(range(100))

    def change() -> None:
        api.patch("customers/C0001", {"balance": next(numbers)})

    send = interrupted(api, "PATCH", *[change] * 20)
    with pytest.raises(ApiOperationError) as refused:
        create_or_update(send, f"{sandbox.api_url}/customers", {"no": "C0001", "city": "Oslo"}, "no")

    assert refused.value.status_code == 412
    assert sandbox.stats()["statuses"]["412"] == TRIES == next(numbers)
    assert api.get("customers/C0001")["city"] != "Oslo"


def test_what_is_deleted_in_between_is_created_anew(api: RestClient, sandbox: Sandbox) -> None:
    send = interrupted(api, "PATCH", lambda: api.delete("customers/C0001"))

    result = create_or_update(send, f"{sandbox.api_url}/customers", {"no": "C0001", "city": "Oslo"}, "no")

    assert (result.outcome, result.value["no"], result.value["name"]) == ("created", "C0001", None)


# ---- strangers -------------------------------------------------------------------------------------------------------


def test_more_than_one_entity_with_the_key_is_an_error_and_nothing_is_written(
    api: RestClient, sandbox: Sandbox
) -> None:
    for _ in range(2):
        api.post("customers", {"externalId": "X-1", "name": "twice"})
    sandbox.clear_stats()

    with pytest.raises(ApiOperationError, match="by externalId finds more than one") as refused:
        api.create_or_update("customers", {"externalId": "X-1", "city": "Oslo"}, key="externalId")

    assert refused.value.code == "key-not-unique"
    assert "X-1" not in str(refused.value)
    assert written(sandbox) == {}


@pytest.mark.parametrize(
    "key", ["x' or no ne 'y", "Tom & Jerry #1", "eq 'C0001'", "100%", "a+b", "C0001' or '1' eq '1", "Ö/ä?", "null"]
)
def test_no_key_reaches_a_stranger_or_doubles(api: RestClient, sandbox: Sandbox, key: str) -> None:
    outcomes = [api.create_or_update("customers", {"no": key, "city": city}, key="no").outcome for city in "AABB"]

    assert outcomes == ["created", "unchanged", "updated", "unchanged"]
    assert written(sandbox) == {f"POST {key}": 1, f"PATCH {key}": 1}


def test_an_entity_on_a_foreign_server_is_not_written(api: RestClient, sandbox: Sandbox) -> None:
    """The sandbox names its entities by the host that the caller says; here, in front of it, that is another."""
    foreign = {"headers": {"Host": f"localhost:{sandbox.port}"}}

    with pytest.raises(ConfigurationError, match=r"global\.trusted-origins"):
        api.create_or_update("customers", {"no": "C0001", "name": "made-up", "blocked": True}, key="no", **foreign)  # type: ignore[arg-type]

    assert arrived(sandbox) == {"GET": 1}


def test_what_is_listed_and_not_there_is_an_error(api: RestClient, sandbox: Sandbox) -> None:
    with pytest.raises(EntityNotFoundError):
        api.create_or_update("customers", {"no": "C0013", "city": "Oslo"}, key="no")

    assert written(sandbox) == {}


# ---- servers of other kinds ------------------------------------------------------------------------------------------

ROOT = "https://api.example.com/v2/companies(1)/customers"
GUID = "5d115c9c-44e3-ea11-bb43-000d3a2feca1"
ETAG = {"@odata.etag": 'W/"1"'}


class Server:
    """Answers each call with what stands under it, `GET /customers` without query; anything else is a 404."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[str] = []
        self.bodies: list[Any] = []

    def __call__(self, method: str, url: str, *, params: Any = None, json: Any = None, **_: Any) -> Response:
        self.calls.append(f"{method} {url.removeprefix('https://api.example.com/v2/')}")
        if json is not None:
            self.bodies.append(json)
        answer = self.answers[method]
        found = answer.get(url) if isinstance(answer, dict) and "value" not in answer else answer
        if found is None:
            raise EntityNotFoundError("there is nothing", status_code=404)
        return response_of(prepared(method, url), 200, {}, found)


def upsert(server: Server, entity: Mapping[str, Any], key: Any = "no") -> ItemResult:
    return create_or_update(server, ROOT, entity, key)


def test_an_entity_is_written_where_the_server_says_that_it_is() -> None:
    row = {**ETAG, "@odata.id": "https://api.example.com/v2/companies(1)/customers(7)", "no": "C1", "city": "Oslo"}
    server = Server(GET={ROOT: {"value": [row]}}, PATCH={"https://api.example.com/v2/companies(1)/customers(7)": {}})

    result = upsert(server, {"no": "C1", "city": "Bergen"})

    assert server.calls == ["GET companies(1)/customers", "PATCH companies(1)/customers(7)"]
    assert server.bodies == [{"city": "Bergen"}]
    assert (result.outcome, result.value) == ("updated", {"no": "C1", "city": "Bergen"})


def test_a_relative_address_is_relative_to_the_context() -> None:
    context = "https://api.example.com/v2/$metadata#companies(1)/customers"
    row = {**ETAG, "@odata.editLink": "companies(1)/customers(7)", "no": "C1", "city": "Oslo"}
    server = Server(
        GET={ROOT: {"@odata.context": context, "value": [row]}},
        PATCH={"https://api.example.com/v2/companies(1)/customers(7)": {}},
    )

    assert upsert(server, {"no": "C1", "city": "Bergen"}).outcome == "updated"


def test_without_an_address_the_entity_is_looked_for_by_its_keys() -> None:
    """First by ours, with the names of its fields, which no stranger answers; then by the id of the row."""
    row = {**ETAG, "id": GUID, "no": "C1", "city": "Oslo"}
    server = Server(GET={ROOT: {"value": [row]}, f"{ROOT}({GUID})": row}, PATCH={f"{ROOT}({GUID})": row})

    upsert(server, {"no": "C1", "city": "Bergen"})

    paths = ["", "(no='C1')", f"({GUID})"]
    assert server.calls == [f"GET companies(1)/customers{path}" for path in paths] + [
        f"PATCH companies(1)/customers({GUID})"
    ]


def test_an_entity_without_any_address_is_an_error() -> None:
    server = Server(GET={ROOT: {"value": [{"no": "C1"}]}})

    with pytest.raises(EntityNotFoundError):
        upsert(server, {"no": "C1", "city": "Bergen"})


@pytest.mark.parametrize("rows", [[{"no": "C2"}], ["C1"], [None]])
def test_a_server_that_ignores_the_filter_gets_nothing_written(rows: Any) -> None:
    server = Server(GET={ROOT: {"value": rows}})

    with pytest.raises(ApiOperationError, match="another entity") as refused:
        upsert(server, {"no": "C1", "city": "Bergen"})

    assert refused.value.code == "wrong-entity"


def test_an_entity_that_does_not_say_its_key_is_a_strangers() -> None:
    """Such as one whose server ignores the filter, and writes the name of the field in another way."""
    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "email": "a@x.example", "city": "Paris"}
    server = Server(GET={ROOT: {"value": [row]}, f"{ROOT}(7)": row}, PATCH={f"{ROOT}(7)": row})

    with pytest.raises(ApiOperationError, match="by Email answered with an entity that has no field") as refused:
        upsert(server, {"Email": "b@x.example", "city": "Oslo"}, "Email")

    assert refused.value.code == "wrong-entity"
    assert server.calls == ["GET companies(1)/customers", "GET companies(1)/customers(7)"]


def test_a_row_of_a_list_need_not_show_its_key() -> None:
    """The entity does, which is read then."""
    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "city": "Paris"}
    whole = {**row, "no": "C1"}
    server = Server(GET={ROOT: {"value": [row]}, f"{ROOT}(7)": whole}, PATCH={f"{ROOT}(7)": whole})

    assert upsert(server, {"city": "Oslo"}, {"no": "C1"}).outcome == "updated"


def test_several_rows_that_do_not_show_the_key_say_both_that_may_be() -> None:
    with pytest.raises(
        ApiOperationError, match="more than one entity with this key, or does not understand the filter"
    ):
        upsert(Server(GET={ROOT: {"value": [{"city": "Oslo"}] * 2}}), {"no": "C1"})


@pytest.mark.parametrize("rows", [[{"no": "C2"}, {"no": "C3"}], [{"no": "C1"}, {"no": "C2"}], [{"no": "C1"}, None]])
def test_several_strangers_are_told_as_strangers(rows: Any) -> None:
    """And not as entities that share the key."""
    with pytest.raises(ApiOperationError) as refused:
        upsert(Server(GET={ROOT: {"value": rows}}), {"no": "C1", "city": "Bergen"})

    assert refused.value.code == "wrong-entity"


def test_a_stranger_behind_the_address_gets_nothing_written() -> None:
    row = {"@odata.id": f"{ROOT}(7)", "no": "C1"}
    server = Server(GET={ROOT: {"value": [row]}, f"{ROOT}(7)": {**ETAG, "no": "C2", "city": "Oslo"}})

    with pytest.raises(ApiOperationError, match="another entity"):
        upsert(server, {"no": "C1", "city": "Bergen"})


@pytest.mark.parametrize("page", [{"value": "text"}, {"no": "C1"}, 5])
def test_an_answer_that_is_no_list_is_an_error(page: Any) -> None:
    with pytest.raises(ApiOperationError, match="without a list of rows"):
        upsert(Server(GET={ROOT: page}), {"no": "C1"})


def test_a_match_on_a_later_page_is_found() -> None:
    """A server may page as it likes, also with an empty first page; but a page that names itself tells nothing."""
    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "no": "C1"}
    server = Server(
        GET={
            ROOT: {"value": [], "@odata.nextLink": f"{ROOT}?$skiptoken=1"},
            f"{ROOT}?$skiptoken=1": {"value": [row], "@odata.nextLink": f"{ROOT}?$skiptoken=1"},
        }
    )

    with pytest.raises(ApiOperationError, match="already read"):
        upsert(server, {"no": "C1"})
    server.answers["GET"][f"{ROOT}?$skiptoken=1"].pop("@odata.nextLink")
    assert upsert(server, {"no": "C1"}).outcome == "unchanged"


def test_a_search_that_finds_ever_more_empty_pages_ends_with_an_error() -> None:
    calls: list[str] = []

    def send(method: str, url: str, **_: Any) -> Response:
        calls.append(method)
        page = {"value": [], "@odata.nextLink": f"{ROOT}?$skiptoken={len(calls)}"}
        return response_of(prepared(method, url), 200, {}, page)

    with pytest.raises(ApiOperationError, match="ever more pages without a row") as refused:
        create_or_update(send, ROOT, {"no": "C1", "city": "Oslo"}, "no")

    assert (refused.value.code, set(calls), len(calls)) == ("endless-pages", {"GET"}, MOST_PAGES + 1)


@pytest.mark.parametrize(("ours", "theirs"), [("c1", "C1"), ("C1", "C1  "), (7, "7"), (7, 7.0)])
def test_a_server_may_write_a_key_in_another_way(ours: Any, theirs: Any) -> None:
    """It is not changed for that."""
    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "no": theirs, "city": "Oslo"}

    assert upsert(Server(GET={ROOT: {"value": [row]}}), {"no": ours, "city": "Oslo"}).outcome == "unchanged"


def test_values_are_compared_as_values() -> None:
    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "no": "C1", "limit": 5.0, "at": "2026-01-31T08:00:00.000Z", "note": None,
           "address": {"city": "Oslo", "zip": "0150"}}  # fmt: skip
    same = {"no": "C1", "limit": 5, "at": "2026-01-31T08:00:00Z", "note": None, "address": {"city": "Oslo"}}

    assert upsert(Server(GET={ROOT: {"value": [row]}}), same).outcome == "unchanged"


@pytest.mark.parametrize("status", [400, 409, 412, 422])
def test_a_taken_key_may_be_told_by_another_status(status: int) -> None:
    """Business Central says 400."""
    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "no": "C1", "city": "Bergen"}
    server = Server(GET={ROOT: {"value": []}}, POST={}, PATCH={f"{ROOT}(7)": {**row, "city": "Oslo"}})

    def send(method: str, url: str, **arguments: Any) -> Response:
        if method == "POST":
            server.answers["GET"][ROOT] = {"value": [row]}
            raise ApiOperationError("the record already exists", status_code=status)
        return server(method, url, **arguments)

    assert create_or_update(send, ROOT, {"no": "C1", "city": "Oslo"}, "no").outcome == "updated"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, None), (401, None), (403, None), (429, None), (None, "refused"), (None, "connection-lost")],
)
def test_a_post_that_failed_for_another_reason_keeps_its_error(status: int | None, code: str | None) -> None:
    failure = ApiOperationError("no", status_code=status, code=code, in_doubt=code == "connection-lost")
    calls: list[str] = []

    def send(method: str, url: str, **arguments: Any) -> Response:
        calls.append(method)
        if method == "POST":
            raise failure
        return response_of(prepared(method, url), 200, {}, {"value": []})

    with pytest.raises(ApiOperationError) as raised:
        create_or_update(send, ROOT, {"no": "C1", "city": "Oslo"}, "no")

    assert raised.value is failure
    assert calls == (["GET", "POST", "GET"] if status == 400 or code == "connection-lost" else ["GET", "POST"])


def test_a_typed_key_is_found_and_sent_as_the_server_has_it() -> None:
    server = Server(GET={ROOT: {"value": []}}, POST={ROOT: {}})

    result = upsert(server, {"city": "Oslo"}, key={"id": uuid.UUID(GUID), "day": date(2024, 1, 31)})

    assert server.bodies == [{"id": GUID, "day": "2024-01-31", "city": "Oslo"}]
    assert result.key == f"id={GUID},day=2024-01-31"


class Level(enum.Enum):
    HIGH = 3


TYPED = {
    "day": date(2024, 1, 31), "at": datetime(2024, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=1))),
    "opens": time(8, 30), "takes": timedelta(minutes=90), "guid": uuid.UUID(GUID), "level": Level.HIGH,
    "price": Decimal("12.10"), "pieces": Decimal("3.00"), "size": numpy.int64(3), "weight": numpy.float32(0.1),
    "open": numpy.bool_(True), "lines": [{"day": date(2024, 2, 1)}], "address": {"since": date(2024, 3, 1)},
    "pair": (Decimal(1), 2),
}  # fmt: skip
AS_JSON = {
    "day": "2024-01-31", "at": "2024-01-31T08:30:00Z", "opens": "08:30:00", "takes": "PT5400S", "guid": GUID,
    "level": 3, "price": 12.1, "pieces": 3, "size": 3, "weight": 0.1, "open": True, "lines": [{"day": "2024-02-01"}],
    "address": {"since": "2024-03-01"}, "pair": [1, 2],
}  # fmt: skip


def test_typed_values_are_fields_as_well_as_keys() -> None:
    """They are compared as what the server has, too."""
    server = Server(GET={ROOT: {"value": []}}, POST={ROOT: {}})
    result = upsert(server, {"no": "C1", **TYPED})
    assert (server.bodies, result.value) == ([{"no": "C1", **AS_JSON}], {"no": "C1", **AS_JSON})

    row = {**ETAG, "@odata.id": f"{ROOT}(7)", "no": "C1", **AS_JSON, "at": "2024-01-31T09:30:00+01:00"}
    assert upsert(Server(GET={ROOT: {"value": [row]}}), {"no": "C1", **TYPED}).outcome == "unchanged"


@pytest.mark.parametrize("name", [name for name in TYPED if name not in ("lines", "address", "pair")])
def test_a_typed_key_is_sent_with_a_new_entity(name: str) -> None:
    server = Server(GET={ROOT: {"value": []}}, POST={ROOT: {}})

    upsert(server, {"city": "Oslo"}, key={name: TYPED[name]})

    assert server.bodies == [{name: AS_JSON[name], "city": "Oslo"}]


def test_the_value_is_without_the_remarks_of_the_protocol(api: RestClient) -> None:
    """As the rows of `get_odata_entities` are."""
    created = api.create_or_update("customers", NEW, key="no").value
    unchanged = api.create_or_update("customers", NEW, key="no").value
    updated = api.create_or_update("customers", {**NEW, "city": "Bergen"}, key="no").value

    assert created == unchanged == {**updated, "city": "Oslo", "lastModified": created["lastModified"]}
    assert not [name for name in (*created, *updated) if "@" in name]


@pytest.mark.parametrize(
    "key", [{"no", "line"}, frozenset({"line", "no"}), {"no": 1, "line": 2}.keys(), ("line", "no")]
)
def test_the_fields_of_a_key_may_come_in_any_collection(key: Any) -> None:
    server = Server(GET={ROOT: {"value": []}}, POST={ROOT: {}})

    assert upsert(server, {"no": "C1", "line": 2}, key).key in ("line=2,no=C1", "no=C1,line=2")
    assert upsert(server, {"no": "C1", "line": 2}, {"no"}).key == "C1"


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "key", "message"),
    [
        ({"city": "Oslo"}, "no", "no value for its key field 'no'"),
        ({"no": None}, "no", "no value for its key field"),
        ({"no": " "}, "no", "no value for its key field"),
        ({"no": "C1"}, {"no": "C2"}, "another value for 'no' than its key"),
        ({"no": "C1"}, {}, "names no field"),
        ({"no": "C1"}, [], "names no field"),
        ({"no": "C1"}, set(), "names no field"),
        ({"no": "C1"}, 5, "The key is int, and not the name of a field"),
        ({"no": "C1"}, b"no", "The key is bytes"),
        ({"no": "C1"}, iter(["no"]), "The key is list_iterator"),
        ({"no": "C1"}, {1: "C1"}, "not the name of a field"),
        ({"no": float("nan")}, "no", "no value for its key field"),
        ({"no": Decimal("NaN")}, "no", "no value for its key field"),
        ({"no": numpy.float64("nan")}, "no", "no value for its key field"),
        ({"address": {"city": "Oslo"}}, {"address/city": "Oslo"}, "is a path"),
        ({"no": "C1", 2: "x"}, "no", "names of the fields of the entity"),
        ({"no": "C1"}, [["no"]], "no texts"),
        ([("no", "C1")], "no", "not a dictionary"),
        ({"a b": "C1"}, "a b", "not the name of a field"),
        ({"no": b"C1"}, "no", "bytes has no form"),
        ({"no": ["C1"]}, "no", "has no form in OData"),
    ],
)
def test_a_key_that_tells_nothing_apart_is_refused_before_anything_is_sent(
    api: RestClient, sandbox: Sandbox, entity: Any, key: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        api.create_or_update("customers", entity, key=key)

    assert sandbox.stats()["total"] == 0


def circle() -> dict[str, Any]:
    around: dict[str, Any] = {}
    around["itself"] = around
    return around


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"x", "cannot be sent as JSON"),
        ({1}, "cannot be sent as JSON"),
        (float("nan"), "cannot be sent as JSON"),
        (Decimal("sNaN"), "cannot be sent as JSON"),
        (Decimal("-Infinity"), "cannot be sent as JSON"),
        (numpy.array([1]), "cannot be sent as JSON"),
        (numpy.datetime64("2024-01-31"), "cannot be sent as JSON"),
        (pandas.NA, "cannot be sent as JSON"),
        (circle(), "cannot be sent as JSON"),
        (datetime(2024, 1, 31, 8, 30), "without a zone"),  # noqa: DTZ001
        ([pandas.NaT], "without a zone"),
        (Decimal("0.1234567890123456789"), "19 digits is more exact"),
        (Decimal("1e400"), "more exact|cannot be sent as JSON"),
    ],
)
def test_what_has_no_json_form_is_refused_before_anything_is_sent(
    api: RestClient, sandbox: Sandbox, value: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        api.create_or_update("customers", {"no": "C9", "note": value}, key="no")

    assert sandbox.stats()["total"] == 0


def test_the_rows_that_were_made_are_found_by_a_filter(api: RestClient) -> None:
    for number in range(3):
        api.create_or_update("customers", {"no": f"N{number}", "name": "Tom & Jerry #1"}, key="no")

    assert len(api.get("customers?" + build_odata_filter({"name": "Tom & Jerry #1"}))["value"]) == 3
