"""Writing to the sandbox: what is done, and how often."""

import socket
import threading
from typing import Any

import pytest

from tests.support.sandbox import API_KEY, Sandbox
from tests.support.sandbox_caller import Caller


def test_a_customer_is_created_under_the_next_number(call: Caller, erp: Sandbox) -> None:
    answer = call.post("customers", json={"name": "Neu GmbH", "externalId": "EXT-1", "city": None})
    assert answer.status_code == 201
    assert answer.json()["no"] == "C0043"
    assert answer.headers["ETag"] == answer.json()["@odata.etag"]
    assert call.get(answer.headers["Location"]).json()["name"] == "Neu GmbH"
    assert erp.stats()["writes"] == {"customers": {"POST C0043": 1}}
    assert erp.stats()["creates"] == {"customers": {"EXT-1": 1}}


def test_a_doubled_create_shows_in_the_stats(call: Caller, erp: Sandbox) -> None:
    for _ in range(2):
        call.post("customers", json={"name": "Neu GmbH", "externalId": "EXT-1"})
    assert erp.stats()["creates"] == {"customers": {"EXT-1": 2}}


def test_a_key_that_is_taken_is_a_409(call: Caller, erp: Sandbox) -> None:
    assert call.post("customers", json={"no": "C0001", "name": "Again"}).status_code == 409
    assert erp.stats()["writes"] == {}


@pytest.mark.parametrize("sent", [b"", b'{"name"', b'{"name": "Half"'])
def test_half_a_request_is_none(call: Caller, erp: Sandbox, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", erp.port), timeout=3) as sock:
        head = f"POST /api/v1/customers HTTP/1.1\r\nHost: localhost:{erp.port}\r\nX-Api-Key: {API_KEY}\r\n"
        sock.sendall(f"{head}Idempotency-Key: half\r\nContent-Length: 16\r\n\r\n".encode() + sent)
    answer = call.post("customers", data=b'{"name": "Half"}', headers={"Idempotency-Key": "half"})

    assert answer.status_code == 201
    assert erp.stats()["creates"] == {"customers": {"Half": 1}}
    assert erp.stats()["requests"]["POST /api/v1/customers"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"balance": "much"}', b'{"createdOn": "soon"}', b'{"no": ""}']
)
def test_a_bad_body_is_a_400_and_nothing_is_done(call: Caller, erp: Sandbox, body: Any) -> None:
    assert call.post("customers", data=body).status_code == 400
    assert erp.stats()["writes"] == {}


def test_a_patch_merges_and_a_put_replaces(call: Caller) -> None:
    merged = call("PATCH", "customers('C0001')", json={"city": "Bonn"}).json()
    assert (merged["city"], merged["name"]) == ("Bonn", "O'Brien & Söhne GmbH")
    replaced = call("PUT", "customers('C0001')", json={"name": "All new"}).json()
    assert (replaced["name"], replaced["city"]) == ("All new", None)


def test_a_put_creates_what_is_not_there(call: Caller) -> None:
    answer = call("PUT", "customers('NEW-1')", json={"name": "New"})
    assert (answer.status_code, answer.json()["no"]) == (201, "NEW-1")
    assert call("PUT", "customers('NEW-1')", json={"name": "Newer"}).status_code == 200
    assert call("PUT", "customers('NEW-2')", json={}, headers={"If-Match": "*"}).status_code == 412


def test_a_key_cannot_be_changed(call: Caller) -> None:
    assert call("PATCH", "customers('C0001')", json={"no": "C0999"}).status_code == 400


def test_deleting_twice_is_a_404_the_second_time(call: Caller, erp: Sandbox) -> None:
    assert [call("DELETE", "customers('C0001')").status_code for _ in range(2)] == [204, 404]
    assert erp.stats()["writes"] == {"customers": {"DELETE C0001": 1}}


def test_the_customer_that_is_gone_cannot_be_changed_but_made_anew(call: Caller) -> None:
    assert call("PATCH", "customers('C0013')", json={"city": "Bonn"}).status_code == 404
    assert call("DELETE", "customers('C0013')").status_code == 404
    assert call.post("customers", json={"no": "C0013", "name": "Back again"}).status_code == 201
    assert call.get("customers('C0013')").json()["name"] == "Back again"
    assert len(call.rows("customers")) == 42


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_stale_etag_is_a_412(call: Caller, method: str) -> None:
    etag = call.get("customers('C0001')").headers["ETag"]
    call("PATCH", "customers('C0001')", json={"city": "Bonn"})
    stale = call(method, "customers('C0001')", json={}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "Request_EntityChanged")
    fresh = call.get("customers('C0001')").headers["ETag"]
    assert call(method, "customers('C0001')", json={}, headers={"If-Match": fresh}).status_code in (200, 204)


def test_an_etag_is_not_reused_after_delete_and_create(call: Caller) -> None:
    before = call.get("customers('C0002')").headers["ETag"]
    call("DELETE", "customers('C0002')")
    assert call("PUT", "customers('C0002')", json={"name": "x"}).headers["ETag"] != before


def test_an_idempotency_key_works_once_and_replays_the_answer(call: Caller, erp: Sandbox) -> None:
    headers = {"Idempotency-Key": "key-1"}
    first, second = (call.post("customers", json={"name": "Neu"}, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert erp.stats()["writes"] == {"customers": {"POST C0043": 1}}


def test_an_idempotency_key_with_another_body_is_a_422(call: Caller) -> None:
    headers = {"Idempotency-Key": "key-1"}
    call.post("customers", json={"name": "Neu"}, headers=headers)
    assert call.post("customers", json={"name": "Alt"}, headers=headers).status_code == 422


def test_an_idempotency_key_in_progress_is_a_409(call: Caller, erp: Sandbox) -> None:
    headers = {"Idempotency-Key": "key-1"}
    slow = threading.Thread(
        target=call.post,
        args=("customers?fault=slow-work%3D0.3",),
        kwargs={"json": {"name": "Neu"}, "headers": headers},
    )
    slow.start()
    while not erp.stats()["total"]:
        pass
    assert call.post("customers?fault=slow-work%3D0.3", json={"name": "Neu"}, headers=headers).status_code == 409
    slow.join()
    replayed = call.post("customers?fault=slow-work%3D0.3", json={"name": "Neu"}, headers=headers)
    assert replayed.status_code == 201
    assert erp.stats()["creates"] == {"customers": {"Neu": 1}}


def test_a_batch_answers_each_request_on_its_own(call: Caller, erp: Sandbox) -> None:
    requests = [
        {"id": "1", "method": "GET", "url": "customers('C0001')"},
        {"id": "2", "method": "POST", "url": "/customers", "body": {"name": "Aus dem Stapel"}},
        {"id": "3", "method": "GET", "url": "/api/v1/customers('C0013')"},
        {"id": "4", "method": "PATCH", "url": f"{erp.api_url}/customers('C0002')", "body": {"city": "Bonn"},
         "headers": {"If-Match": "stale"}},
        {"id": "5", "method": "GET", "url": "customers?$top=2&$filter=blocked%20eq%20true"},
        {"id": "6", "method": "GET", "url": "orders/$count", "dependsOn": ["3"]},
    ]  # fmt: skip
    answers = call.post("$batch", json={"requests": requests}).json()["responses"]
    assert [(each["id"], each["status"]) for each in answers] == [
        ("1", 200), ("2", 201), ("3", 404), ("4", 412), ("5", 200), ("6", 424),
    ]  # fmt: skip
    assert answers[1]["body"]["no"] == "C0043"
    assert len(answers[4]["body"]["value"]) == 2
    assert erp.stats()["batch_parts"] == 6


def test_a_change_set_is_done_whole_or_not_at_all(call: Caller, erp: Sandbox) -> None:
    requests = [
        {"id": "1", "method": "POST", "url": "customers", "atomicityGroup": "g", "body": {"no": "N1", "name": "x"}},
        {"id": "2", "method": "POST", "url": "customers", "atomicityGroup": "g", "body": {"no": "C0001"}},
    ]
    answers = call.post("$batch", json={"requests": requests}).json()["responses"]
    assert [each["status"] for each in answers] == [424, 409]
    assert call.get("customers('N1')").status_code == 404
    assert erp.stats()["writes"] == {}


def test_a_batch_may_stop_at_the_first_error(call: Caller) -> None:
    requests = [{"id": str(n), "method": "GET", "url": f"customers('C00{n}')"} for n in (12, 13, 14)]
    headers = {"Prefer": "odata.continue-on-error=false"}
    answers = call.post("$batch", json={"requests": requests}, headers=headers).json()["responses"]
    assert [each["status"] for each in answers] == [200, 404]


def test_one_part_of_a_batch_can_be_throttled(call: Caller, erp: Sandbox) -> None:
    erp.faults([{"match": {"path": "C0002", "nth": [1]}, "fault": "status=429;retry-after=1"}])
    requests = [{"id": str(n), "method": "GET", "url": f"customers('C000{n}')"} for n in (1, 2, 3)]
    answers = call.post("$batch", json={"requests": requests}).json()["responses"]
    assert [each["status"] for each in answers] == [200, 429, 200]
    assert answers[1]["headers"]["retry-after"] == "1"


@pytest.mark.parametrize(
    "requests",
    [
        "none",
        [1],
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "method": "BREW", "url": "customers"}],
        [{"id": "1", "method": "GET", "url": "customers"}] * 2,
        [{"id": "1", "method": "GET", "url": "customers", "dependsOn": 7}],
        [{"id": "1", "method": "GET", "url": "customers", "dependsOn": [{}]}],
        [{"id": str(n), "method": "GET", "url": "customers"} for n in range(101)],
    ],
)
def test_a_malformed_batch_is_a_400(call: Caller, requests: Any) -> None:
    assert call.post("$batch", json={"requests": requests}).status_code == 400


def test_a_batch_stays_on_its_server_and_holds_no_batch(call: Caller) -> None:
    requests = [
        {"id": "1", "method": "GET", "url": "http://elsewhere.example/api/v1/customers"},
        {"id": "2", "method": "POST", "url": "$batch", "body": {"requests": []}},
        {"id": "3", "method": "GET", "url": "http://[broken"},
        {"id": "4", "method": "GET", "url": "customers/Ä"},
        {"id": "5", "method": "GET", "url": "customers", "headers": "none"},
    ]
    answers = call.post("$batch", json={"requests": requests}).json()["responses"]
    assert [each["status"] for each in answers] == [400, 400, 400, 404, 400]


@pytest.mark.parametrize("body", [b'{"no": "\\ud800"}', b'{"balance": NaN}', b"[" * 100_000, b'{"no": 7}', b"\xff"])
def test_json_that_only_lax_readers_take_is_a_400(call: Caller, body: bytes) -> None:
    assert call.post("customers", data=body).status_code == 400


def test_every_answer_has_a_twin_without_body(call: Caller) -> None:
    for path in ("customers", "customers('C0001')", "/health"):
        answer = call("HEAD", path)
        assert (answer.status_code, answer.content) == (200, b"")
