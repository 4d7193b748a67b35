"""The errors of a create or update tell of all its requests: how many, what became of each, what may be done."""

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.recorder import Received, Recorder, Reply
from txo_core.api_factory import create_rest_api
from txo_core.concurrency import parallel_map
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiError, ApiOperationError, CircuitOpenError
from txo_core.rest import RestClient

ROW = {"no": "C1", "city": "Paris", "@odata.etag": 'W/"1"', "@odata.id": "customers('C1')"}
Answer = int | dict[str, Any] | None


def rows(*found: dict[str, Any]) -> dict[str, Any]:
    return {"value": list(found)}


@contextmanager
def api_with(*answers: Answer, **behavior: Any) -> Iterator[RestClient]:
    """Return a client of a server that gives these answers: a status, a body, or None for no answer at all."""
    left = list(answers)

    def answer(received: Received) -> Reply:
        given = left.pop(0)
        if given is None:
            raise ConnectionAbortedError
        status = given if isinstance(given, int) else 200
        return status, {"Content-Type": "application/json"}, b"" if status != 200 else json.dumps(given).encode()

    with Recorder(answer) as server:
        settings = {"api-timeouts": {"rest-timeout-seconds": 5, "backoff-factor": 0.01}, **behavior}
        config = TxoConfig("txo", "test", {"global": {"api-base-url": server.url}, "script-behavior": settings})
        with create_rest_api(config, require_auth=False) as api:
            yield api


def refused(api: RestClient, city: str = "Oslo") -> ApiError:
    with pytest.raises(ApiError) as error:
        api.create_or_update("customers", {"no": "C1", "city": city}, key="no")
    return error.value


def outcomes(error: ApiError) -> list[str]:
    """Return what became of each request: `GET 200`."""
    return [f"{detail.split(' http')[0].split()[-1]} {detail.split(': ')[-1].split()[0]}" for detail in error.details]


def test_an_error_of_its_own_tells_of_its_requests() -> None:
    with api_with(503, rows(ROW, ROW)) as api:
        error = refused(api)

    assert (error.code, error.attempts, error.in_doubt) == ("key-not-unique", 2, False)
    assert outcomes(error) == ["GET 503", "GET 200"]
    assert str(error).endswith("; nothing was written")
    assert pickle.loads(pickle.dumps(error)).details == error.details


def test_an_error_of_its_own_after_a_lost_write_says_that_it_may_be_done() -> None:
    stranger = {"no": "C2", "city": "Rome"}
    with api_with(rows(), None, rows({"no": "C1", "@odata.id": "customers('C1')"}), stranger) as api:
        error = refused(api)

    assert (error.code, error.attempts, error.in_doubt) == ("wrong-entity", 4, True)
    assert outcomes(error) == ["GET 200", "POST connection-lost", "GET 200", "GET 200"]
    assert "nothing was written" not in str(error)


def test_an_error_of_the_client_tells_of_what_was_done_before_it() -> None:
    with api_with(rows(), None, rows(ROW), 400) as api:
        error = refused(api)

    assert outcomes(error) == ["GET 200", "POST connection-lost", "GET 200", "PATCH 400"]
    assert (type(error), error.status_code, error.attempts, error.in_doubt) == (ApiOperationError, 400, 4, True)


def test_a_refused_write_is_not_in_doubt() -> None:
    with api_with(rows(), 400, rows()) as api:
        error = refused(api)

    assert (error.status_code, error.attempts, error.in_doubt) == (400, 3, False)


def test_an_item_whose_write_may_be_done_is_not_one_that_was_not_begun() -> None:
    """`parallel_map` would skip it, since the circuit let nothing more through."""
    behavior = {"enable-circuit-breaker": True, "circuit-breaker-threshold": 1}
    with api_with(rows(), 500, **behavior) as api:
        result = parallel_map(
            lambda city: api.create_or_update("customers", {"no": "C1", "city": city}, "no"), ["Oslo"]
        )

    assert (result.skipped, [item for item, _ in result.failed]) == ([], ["Oslo"])
    error = result.failed[0][1]
    assert isinstance(error, ApiError)
    assert (error.attempts, error.in_doubt) == (2, True)


def test_a_call_that_the_circuit_ends_says_that_it_was_sent_before() -> None:
    with api_with(500, **{"enable-circuit-breaker": True, "circuit-breaker-threshold": 1}) as api:
        with pytest.raises(CircuitOpenError, match="was not sent again: ") as error:
            api.get("customers")
        assert error.value.attempts == 1
        with pytest.raises(CircuitOpenError, match="was not sent: "):
            api.get("customers")


def test_an_error_of_a_list_tells_of_the_requests_for_its_last_page() -> None:
    with api_with(503, {"value": [{"no": 1}], "@odata.count": 5}) as api, pytest.raises(ApiError) as error:
        list(api.paginate("customers"))

    assert (error.value.code, error.value.attempts) == ("incomplete", 2)
    assert outcomes(error.value) == ["GET 503", "GET 200"]
