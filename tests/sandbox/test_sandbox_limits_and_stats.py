"""The rate limit of the sandbox, and its counts of what arrived."""

import hashlib
from typing import Any

import pytest

from deployments.sandbox.rate_limit import RateLimiter
from deployments.sandbox.stats import busiest_second
from tests.support.sandbox import API_KEY, PASSWORD, USERNAME, Sandbox
from tests.support.sandbox_caller import Caller


def test_over_the_limit_is_a_429_with_retry_after(call: Caller, erp: Sandbox) -> None:
    erp.rate_limit(1)
    first, second = call.get("items?$top=1"), call.get("items?$top=1")
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["Retry-After"] == "1"
    assert second.headers["RateLimit-Limit"] == "1"
    assert second.headers["RateLimit-Remaining"] == "0"
    assert second.headers["RateLimit"] == '"default";r=0;t=1'
    assert first.headers["RateLimit-Policy"] == '"default";q=1;w=1'
    erp.rate_limit(None)
    assert call.get("items?$top=1").status_code == 200


def test_each_credential_has_its_own_limit(call: Caller, erp: Sandbox) -> None:
    erp.rate_limit(1)
    assert call.get("items?$top=1").status_code == 200
    other = {"headers": {"X-Api-Key": None}, "auth": (USERNAME, PASSWORD)}
    assert [call.get("items?$top=1", **other).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("settings", [{"per_second": 0}, {"per_second": "x"}, {"per_second": 1, "burst": 0}, []])
def test_a_bad_limit_is_refused(call: Caller, settings: Any) -> None:
    assert call.post("/admin/rate-limit", json=settings).status_code == 400


def test_the_limiter_paces_evenly_and_lets_a_burst_through() -> None:
    now = 0.0
    paced = RateLimiter(10, burst=1, clock=lambda: now)
    burst = RateLimiter(10, burst=3, clock=lambda: now)
    assert [paced.ask("a").allowed for _ in range(2)] == [True, False]
    assert [burst.ask("a").allowed for _ in range(4)] == [True, True, True, False]
    now = 0.1
    assert [paced.ask("a").allowed for _ in range(2)] == [True, False]
    assert [burst.ask("a").allowed for _ in range(2)] == [True, False]


def test_the_busiest_second_is_found_wherever_it_lies() -> None:
    assert busiest_second([]) == 0
    assert busiest_second([0.0, 0.9, 1.0, 1.5, 1.85]) == 4


def test_requests_are_counted_by_template_status_and_second(call: Caller, erp: Sandbox) -> None:
    for path in ("customers('C0001')", "customers/C0002", "customers('C0013')", "orders?$top=1", "/echo"):
        call.get(path)
    stats = erp.stats()
    assert stats["total"] == 5
    assert stats["requests"]["GET /api/v1/customers({key})"] == 3
    assert stats["statuses"] == {"200": 4, "404": 1}
    assert (stats["max_per_second"], stats["max_per_second_api"]) == (5, 4)
    arrivals = erp.arrivals()
    assert len(arrivals) == 5
    assert arrivals == sorted(arrivals)


def test_clearing_the_counts_leaves_the_data(call: Caller, erp: Sandbox) -> None:
    call.post("customers", json={"name": "Neu"})
    erp.clear_stats()
    assert erp.stats()["total"] == 0
    assert call.get("customers('C0043')").status_code == 200


def test_a_reset_brings_everything_back(call: Caller, erp: Sandbox) -> None:
    token = call.token()
    call.post("customers", json={"name": "Neu"})
    call("DELETE", "customers('C0001')")
    call("PATCH", "customers('C0002')", json={"name": "x"})
    erp.faults(["status=503"])
    erp.rate_limit(1)
    erp.reset()
    assert [row["no"] for row in call.rows("customers")][::41] == ["C0001", "C0042"]
    assert call.get("customers('C0002')").json()["name"] == "Müller's Bäckerei"
    assert call.get("customers", headers={"X-Api-Key": None, "Authorization": f"Bearer {token}"}).status_code == 401


def test_credentials_are_noted_by_the_origin_they_reached(call: Caller, erp: Sandbox) -> None:
    call.get("customers")
    call.get(f"{erp.second_url}/api/v1/customers", headers={"X-Api-Key": None, "Cookie": "a=b"})
    call.get(f"{erp.second_url}/echo", headers={"X-Api-Key": None, "Authorization": "Bearer stolen"})
    seen = erp.stats()["credentials"]
    first, second = (url.removeprefix("http://") for url in (erp.url, erp.second_url))
    assert seen[first] == {"api-key": [hashlib.sha256(API_KEY.encode()).hexdigest()[:12]]}
    assert set(seen[second]) == {"bearer", "cookie"}
    assert seen[second]["bearer"] == [hashlib.sha256(b"stolen").hexdigest()[:12]]


def test_an_origin_that_got_no_credential_is_listed_empty(call: Caller, erp: Sandbox) -> None:
    call.get(f"{erp.second_url}/echo", headers={"X-Api-Key": None})
    assert erp.stats()["credentials"] == {erp.second_url.removeprefix("http://"): {}}


def test_the_counts_can_be_read_as_a_page(call: Caller) -> None:
    page = call.get("/stats?format=html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "max_per_second" in page.text


def test_a_redirect_goes_where_it_is_told(call: Caller) -> None:
    answer = call.post("redirect?to=/echo&status=307", json={})
    assert (answer.status_code, answer.headers["Location"]) == (307, "/echo")
    assert call.get("redirect?status=302").status_code == 400
    assert call.get("redirect?to=/echo&status=200").status_code == 400


def test_the_echo_shows_the_request_but_no_secret(call: Caller) -> None:
    shown = call("PATCH", "/anything?a=b+c", json={"x": 1}).json()
    assert (shown["method"], shown["query"], shown["json"]) == ("PATCH", [["a", "b+c"]], {"x": 1})
    assert API_KEY not in str(shown)


def test_there_is_a_page_for_people_and_a_404_for_the_rest(call: Caller) -> None:
    assert "<h1>TXO sandbox</h1>" in call.get("/").text
    assert call.get("/nothing").status_code == 404
    assert call.get("/health", headers={"X-Api-Key": None}).json() == {"status": "ok"}
