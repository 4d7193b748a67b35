"""Faults on demand: what reaches the caller, and whether the work was done."""

import gzip
import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.support.sandbox import API_KEY, Sandbox
from tests.support.sandbox_caller import Caller


def spoiled(spec: str) -> dict[str, str]:
    return {"X-Sandbox-Fault": spec}


def raw_request(erp: Sandbox, head: str, body: bytes = b"") -> tuple[bytes, str]:
    """What arrives on a bare socket, and how the connection ended: closed or reset."""
    received = b""
    with socket.create_connection(("127.0.0.1", erp.port), timeout=3) as sock:
        sock.sendall(
            f"{head}\r\nHost: x\r\nX-Api-Key: {API_KEY}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        try:
            while piece := sock.recv(65536):
                received += piece
        except ConnectionResetError:
            return received, "reset"
    return received, "closed"


@pytest.mark.parametrize("status", [400, 404, 408, 409, 429, 500, 502, 503, 504, 418])
def test_any_status_can_be_asked_for_and_no_work_is_done(call: Caller, erp: Sandbox, status: int) -> None:
    answer = call.post("customers", json={"name": "x"}, headers=spoiled(f"status={status}"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, f"Sandbox_{status}")
    stats = erp.stats()
    assert (stats["writes"], stats["faults"], stats["statuses"]) == ({}, {"status": 1}, {str(status): 1})


@pytest.mark.parametrize("value", ["2", "0.5", "-5", "soon", "86400"])
def test_retry_after_is_sent_as_written(call: Caller, value: str) -> None:
    answer = call.get("customers", headers=spoiled(f"status=503;retry-after={value}"))
    assert answer.headers["Retry-After"] == value


def test_retry_after_can_be_a_date_or_milliseconds(call: Caller) -> None:
    headers = call.get("customers", headers=spoiled("status=503;retry-after=date+2;retry-after-ms=50")).headers
    ahead = (parsedate_to_datetime(headers["Retry-After"]) - parsedate_to_datetime(headers["Date"])).total_seconds()
    assert 1 <= ahead <= 3
    assert headers["retry-after-ms"] == "50"


@pytest.mark.parametrize(
    ("spec", "ending", "writes"),
    [
        ("reset-before", "reset", 0),
        ("reset-after", "reset", 1),
        ("close-before", "closed", 0),
        ("close-after", "closed", 1),
    ],
)
def test_a_connection_ends_without_an_answer_before_or_after_the_work(
    erp: Sandbox, spec: str, ending: str, writes: int
) -> None:
    body = json.dumps({"name": "x"}).encode()
    assert raw_request(erp, f"POST /api/v1/customers?fault={spec} HTTP/1.1", body) == (b"", ending)
    stats = erp.stats()
    assert len(stats["writes"]) == writes
    assert stats["statuses"] == {ending: 1}


def test_a_truncated_body_is_shorter_than_it_says(erp: Sandbox) -> None:
    received, ending = raw_request(erp, "GET /api/v1/customers?__fault=truncate HTTP/1.1")
    head, _, body = received.partition(b"\r\n\r\n")
    promised = int(next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:")).split(b":")[1])
    assert (0 < len(body) < promised, ending) == (True, "closed")


def test_a_truncated_answer_was_work_done(call: Caller, erp: Sandbox) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        call.post("customers", json={"name": "x"}, headers=spoiled("truncate"))
    assert erp.stats()["creates"] == {"customers": {"x": 1}}


@pytest.mark.parametrize(("spec", "writes"), [("hang=30", 0), ("hang-after=30", 1)])
def test_a_hanging_request_gets_no_answer(call: Caller, erp: Sandbox, spec: str, writes: int) -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        call.post("customers", json={"name": "x"}, headers=spoiled(spec), timeout=0.1)
    assert len(erp.stats()["writes"]) == writes


def test_a_hang_ends_with_a_closed_connection(erp: Sandbox) -> None:
    assert raw_request(erp, "GET /api/v1/customers?fault=hang=0.1 HTTP/1.1") == (b"", "closed")


def test_a_server_slower_than_the_caller_does_the_work_all_the_same(call: Caller, erp: Sandbox) -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        call.post("customers", json={"name": "x"}, headers=spoiled("delay=0.15"), timeout=0.05)
    deadline = time.monotonic() + 2
    while not erp.stats()["writes"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert erp.stats()["creates"] == {"customers": {"x": 1}}


def test_a_slow_body_dribbles(call: Caller) -> None:
    began = time.monotonic()
    answer = call.get("customers", headers=spoiled("slow-body=0.3"), timeout=0.2)
    assert time.monotonic() - began >= 0.28
    assert len(answer.json()["value"]) == 20


def test_an_error_after_the_work_was_done(call: Caller, erp: Sandbox) -> None:
    assert call.post("customers", json={"name": "x"}, headers=spoiled("status-after=500")).status_code == 500
    assert erp.stats()["creates"] == {"customers": {"x": 1}}


def test_html_instead_of_json(call: Caller) -> None:
    portal = call.get("customers", headers=spoiled("content-type=text/html"))
    assert (portal.status_code, portal.headers["Content-Type"]) == (200, "text/html")
    broken = call.get("customers", headers=spoiled("html-error=502;retry-after=1"))
    assert (broken.status_code, broken.text[:9], broken.headers["Retry-After"]) == (502, "<!DOCTYPE", "1")


def test_a_body_that_is_no_json_or_empty(call: Caller) -> None:
    broken = call.get("customers", headers=spoiled("not-json"))
    assert broken.headers["Content-Type"].startswith("application/json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        broken.json()
    assert call.get("customers", headers=spoiled("empty")).content == b""


def test_compressed_bodies_that_are_broken_or_a_bomb(call: Caller) -> None:
    with pytest.raises(requests.exceptions.ContentDecodingError):
        call.get("customers", headers=spoiled("bad-gzip"))
    bomb = call.get("customers", headers=spoiled("gzip-bomb=5"), stream=True).raw.read(decode_content=False)
    assert len(bomb) < 20_000
    assert len(gzip.decompress(bomb)) == 5_000_000


def test_a_huge_body(call: Caller) -> None:
    answer = call.get("customers", headers=spoiled("huge=2"))
    assert len(answer.content) > 2_000_000
    assert "Content-Length" not in answer.headers


def test_an_expired_token_is_revoked(call: Caller) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"Bearer {call.token()}"}
    assert call.get("customers", headers={**headers, **spoiled("expired-token")}).status_code == 401
    assert call.get("customers", headers=headers).status_code == 401
    assert call.get("customers", headers={**headers, "Authorization": f"Bearer {call.token()}"}).status_code == 200


@pytest.mark.parametrize(
    "spec",
    ["nonsense", "status", "status=99", "status=x", "status=503;color=red", "hang=-1", "hang=9999", "reset-before=1",
     "huge=0", "content-type=a%0d%0ab", ";", "="],
)  # fmt: skip
def test_a_bad_specification_is_a_400_that_says_so(call: Caller, erp: Sandbox, spec: str) -> None:
    assert call.get(f"customers?fault={spec}").json()["error"]["code"] == "Sandbox_BadFault"
    assert erp.stats()["faults"] == {}


def test_rules_strike_the_requests_they_match(call: Caller, erp: Sandbox) -> None:
    erp.faults([{"match": {"method": "GET", "path": "customers"}, "fault": "status=503", "times": 2}])
    assert [call.get("customers").status_code for _ in range(3)] == [503, 503, 200]
    assert call.get("items").status_code == 200


@pytest.mark.parametrize(
    ("which", "struck"),
    [
        ({"nth": [1, 3]}, [1, 3]),
        ({"nth": "first"}, [1]),
        ({"first": 2}, [1, 2]),
        ({"every": 2}, [1, 3, 5]),
        ({"every": 2, "from": 2}, [2, 4]),
        ({"from": 4}, [4, 5]),
        ({"nth": "every"}, [1, 2, 3, 4, 5]),
        ({"probability": 0}, []),
        ({"probability": 1}, [1, 2, 3, 4, 5]),
        ({"query": "skip=1"}, []),
        ({"authenticated": False}, []),
    ],
)
def test_a_rule_says_which_of_the_requests(
    call: Caller, erp: Sandbox, which: dict[str, Any], struck: list[int]
) -> None:
    erp.faults([{"match": which, "fault": "status=503"}])
    answers = [call.get("items?$top=1").status_code for _ in range(5)]
    assert [number for number, status in enumerate(answers, 1) if status == 503] == struck


def test_each_path_is_counted_by_itself_unless_asked_otherwise(call: Caller, erp: Sandbox) -> None:
    paths = ["customers('C0001')", "customers/C0001", "customers/C0002"]
    erp.faults([{"match": {"nth": 1}, "fault": "status=503"}])
    assert [call.get(path).status_code for path in paths] == [503, 200, 503]
    erp.clear_faults()
    erp.faults([{"match": {"nth": 1, "count": "together"}, "fault": "status=503"}])
    assert [call.get(path).status_code for path in paths] == [503, 200, 200]


def test_chance_is_the_same_each_time(call: Caller, erp: Sandbox) -> None:
    def run() -> list[int]:
        erp.reset()
        erp.faults([{"match": {"probability": 0.5}, "fault": "status=503"}])
        return [call.get("items?$top=1").status_code for _ in range(20)]

    first = run()
    assert set(first) == {200, 503}
    assert run() == first


@pytest.mark.parametrize(
    "rule",
    [
        7,
        {"match": {}},
        {"fault": "nonsense"},
        {"fault": "status=503", "colour": "red"},
        {"fault": "status=503", "times": 0},
        {"fault": "status=503", "match": {"path": "("}},
        {"fault": "status=503", "match": {"nth": 0}},
        {"fault": "status=503", "match": {"nth": "last"}},
        {"fault": "status=503", "match": {"probability": 2}},
        {"fault": "status=503", "match": {"wether": "rain"}},
        {"fault": "status=503", "match": []},
        {"fault": "status=503", "match": {"method": 7}},
        {"fault": "status=503", "match": {"authenticated": "x"}},
        {"fault": "status=503", "match": {"count": "sheep"}},
    ],
)
def test_a_malformed_rule_is_refused_and_none_is_added(call: Caller, rule: Any) -> None:
    answer = call.post("/admin/faults", json=["status=500", rule])
    assert (answer.status_code, answer.json()["error"]["message"] != "") == (400, True)
    assert call.get("customers").status_code == 200


def test_rules_can_be_listed_and_taken_away(call: Caller, erp: Sandbox) -> None:
    erp.faults(["status=503"])
    call.get("customers")
    assert call.get("/admin/faults").json()[0] == {
        "rule": "0 status=503",
        "fired": 1,
        "seen": {"GET /api/v1/customers": 1},
    }
    erp.clear_faults()
    assert call.get("customers").status_code == 200
