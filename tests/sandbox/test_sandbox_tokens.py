"""The sandbox's token endpoint and the ways into its API."""

import pytest

from tests.support.sandbox import API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, Sandbox
from tests.support.sandbox_caller import Caller

FORM = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
NO_KEY = {"X-Api-Key": None}


def test_a_token_is_issued_and_opens_the_api(call: Caller, erp: Sandbox) -> None:
    answer = call.post("/oauth/token", data=FORM, headers=NO_KEY)
    token = answer.json()
    assert (answer.status_code, token["token_type"], token["expires_in"]) == (200, "Bearer", 3600)
    assert answer.headers["Cache-Control"] == "no-store"
    opened = call.get("customers", headers={**NO_KEY, "Authorization": f"Bearer {token['access_token']}"})
    assert opened.status_code == 200
    assert erp.stats()["tokens_issued"] == 1


def test_the_client_may_identify_itself_by_basic_authentication(call: Caller) -> None:
    form = {"grant_type": "client_credentials"}
    answer = call.post("/oauth/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET), headers=NO_KEY)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"scope": "moon"}, 400, "invalid_scope"),
    ],
)
def test_a_bad_token_request_gets_the_error_of_rfc_6749(
    call: Caller, erp: Sandbox, change: dict[str, str | None], status: int, error: str
) -> None:
    form = {name: value for name, value in {**FORM, **change}.items() if value is not None}
    answer = call.post("/oauth/token", data=form, headers=NO_KEY)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)
    assert erp.stats()["tokens_issued"] == 0


def test_a_token_request_must_be_a_form_without_doubled_parameters(call: Caller) -> None:
    assert call.post("/oauth/token", json=FORM).json()["error"] == "invalid_request"
    doubled = call.post("/oauth/token", data=[*FORM.items(), ("grant_type", "client_credentials")])
    assert doubled.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Api-Key": API_KEY}, 200),
        ({"X-Api-Key": "wrong"}, 401),
        ({}, 401),
        ({"Authorization": "Bearer made-up"}, 401),
        ({"Authorization": "Basic !!!"}, 401),
        ({"Authorization": "Bearer"}, 401),
    ],
)
def test_the_api_opens_to_good_credentials_only(call: Caller, headers: dict[str, str], status: int) -> None:
    answer = call.get("customers", headers={**NO_KEY, **headers})
    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_user_name_and_password_open_the_api(call: Caller) -> None:
    assert call.get("customers", auth=(USERNAME, PASSWORD), headers=NO_KEY).status_code == 200
    assert call.get("customers", auth=(USERNAME, "wrong"), headers=NO_KEY).status_code == 401


def test_all_tokens_can_be_expired_at_once(call: Caller, erp: Sandbox) -> None:
    headers = {**NO_KEY, "Authorization": f"Bearer {call.token()}"}
    assert call.get("customers", headers=headers).status_code == 200
    assert erp.expire_tokens() == 1
    assert call.get("customers", headers=headers).status_code == 401


def test_the_lifetime_of_tokens_can_be_changed_while_it_runs(call: Caller, erp: Sandbox) -> None:
    erp.tokens(lifetime=0)
    headers = {**NO_KEY, "Authorization": f"Bearer {call.token()}"}
    assert call.get("customers", headers=headers).status_code == 401
    erp.tokens(lifetime=60, expires_in="string")
    assert call.post("/oauth/token", data=FORM).json()["expires_in"] == "60"
    erp.tokens(expires_in="missing")
    assert "expires_in" not in call.post("/oauth/token", data=FORM).json()
    assert call.post("/admin/tokens", json={"lifetime": "long"}).status_code == 400


def test_a_fault_makes_expires_in_a_string(call: Caller) -> None:
    answer = call.post("/oauth/token", data=FORM, headers={"X-Sandbox-Fault": "expires-in-string"})
    assert answer.json()["expires_in"] == "3600"
