"""The demo's bad day: 39 customers heal or are fine, one is gone, two are refused; the same each time."""

import time
from collections import Counter

import requests

from tests.support.sandbox import Sandbox
from tests.support.sandbox_caller import Caller


def persistent_get(call: Caller, path: str) -> requests.Response:
    """What a good client gets: transient troubles are repeated, Retry-After is waited for."""
    for _ in range(4):
        try:
            answer = call.get(path, headers={"X-Api-Key": None, "Authorization": f"Bearer {call.bearer}"})
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
            continue
        if answer.status_code == 401:
            call.bearer = call.token()
        elif answer.status_code in (429, 503):
            time.sleep(min(0.01, float(answer.headers.get("Retry-After", 0))))
        else:
            return answer
    raise AssertionError(f"no luck with {path}")


def a_bad_day(call: Caller) -> dict[str, requests.Response]:
    call.bearer = call.token()
    customers = [row["no"] for row in call.rows("customers")]
    return {no: persistent_get(call, f"customers('{no}')") for no in customers}


def test_a_good_client_gets_39_of_42_customers(call: Caller, erp: Sandbox) -> None:
    erp.profile("demo")
    answers = a_bad_day(call)
    assert Counter(answer.status_code for answer in answers.values()) == {200: 39, 404: 1, 400: 2}
    refused = {no: answer.json()["error"] for no, answer in answers.items() if answer.status_code == 400}
    assert set(refused) == {"C0021", "C0034"}
    assert "locked by a posting routine" in refused["C0021"]["message"]
    assert refused["C0034"]["message"].startswith("Currency code 'XXX' is unknown")
    assert all(error["code"] and error["target"] for error in refused.values())


def test_the_stats_tell_what_was_healed_and_each_day_is_the_same(call: Caller, erp: Sandbox) -> None:
    def faults() -> object:
        erp.reset()
        erp.profile("demo")
        a_bad_day(call)
        return erp.stats()["faults"]

    first = faults()
    assert first == {"status": 4, "reset-before": 1, "truncate": 1, "expired-token": 1, "refuse": 2}
    assert faults() == first


def test_the_profile_can_be_switched_off_and_must_exist(call: Caller, erp: Sandbox) -> None:
    erp.profile("demo")
    erp.profile("none")
    assert call.get("customers('C0021')").status_code == 200
    assert call.post("/admin/profile/carnival").status_code == 404


def test_the_demo_can_be_on_from_the_start_and_survives_a_reset() -> None:
    with Sandbox("--faults", "demo") as sandbox, requests.Session() as session:
        session.trust_env = False
        session.headers["X-Api-Key"] = "demo-api-key-not-a-real-one"
        for _ in range(2):
            assert session.get(f"{sandbox.api_url}/customers('C0034')").status_code == 400
            sandbox.reset()
