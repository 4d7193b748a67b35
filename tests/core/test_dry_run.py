"""A dry run: what would be written is said, and nothing is, counted at the server; whatever a script calls."""

import pickle
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from requests import Response

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.changes import changes_text
from txo_core.config import TxoConfig
from txo_core.config_loader import load_config
from txo_core.dry_run import dry_run, is_dry_run
from txo_core.exceptions import HelpfulError
from txo_core.oauth import ClientCredentials
from txo_core.orchestration import flow
from txo_core.report import report_of
from txo_core.reports.picture import picture
from txo_core.rest import BatchRequest, RestClient
from txo_core.rest.writes import create_or_update
from txo_core.results import ItemResult, ProcessingResults, would_be_created, would_be_updated

NEW = {"no": "C0099", "name": "New", "city": "Oslo", "creditLimit": 12.5}


def client(sandbox: Sandbox, dry: bool = True) -> RestClient:
    data = {"global": {"api-base-url": sandbox.api_url}}
    tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET)
    return create_rest_api(TxoConfig("txo", "test", data, dry_run=dry), tokens=tokens, use_cache=True)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    forget_shared()
    with client(sandbox) as found:
        yield found
    forget_shared()


def test_what_would_be_created_is_said_with_all_that_it_has(api: RestClient, sandbox: Sandbox) -> None:
    result = api.create_or_update("customers", NEW, key="no")

    assert (result.key, result.outcome, result.value) == ("C0099", "would be created", NEW)
    assert changes_text(result) == "no: C0099; name: New; city: Oslo; creditLimit: 12.5"
    assert sandbox.stats()["writes"] == {}


def test_what_would_be_updated_is_said_with_before_and_after(api: RestClient, sandbox: Sandbox) -> None:
    result = api.create_or_update("customers", {"no": "C0001", "city": "Bonn", "creditLimit": 5}, key="no")

    assert (result.outcome, result.value["city"], result.value["name"]) == (
        "would be updated",
        "Bonn",
        "O'Brien & Söhne GmbH",
    )
    assert changes_text(result) == "city: Köln → Bonn; creditLimit: (empty) → 5"
    assert sandbox.stats()["writes"] == {}


def test_what_is_as_it_should_be_is_unchanged_in_a_dry_run_too(api: RestClient) -> None:
    result = api.create_or_update("customers", {"no": "C0001", "city": "Köln"}, key="no")

    assert (result.outcome, result.changes) == ("unchanged", {})


def test_a_real_run_tells_the_same_changes(sandbox: Sandbox) -> None:
    with client(sandbox, dry=False) as api:
        created = api.create_or_update("customers", NEW, key="no")
        updated = api.create_or_update("customers", {**NEW, "city": "Bergen"}, key="no")

    assert changes_text(created) == "no: C0099; name: New; city: Oslo; creditLimit: 12.5"
    assert changes_text(updated) == "city: Oslo → Bergen"


def test_what_another_has_written_in_between_is_what_was_there_before(sandbox: Sandbox) -> None:
    """The first PATCH meets a 412, since somebody else was faster; the change that counts is the second."""
    with client(sandbox, dry=False) as api:
        api.post("customers", NEW)
        others = [lambda: api.patch("customers/C0099", {"city": "Turku"})]

        def send(method: str, url: str, **arguments: Any) -> Response:
            if method == "PATCH" and others:
                others.pop()()
            return api._caller.send(method, url, **arguments)

        result = create_or_update(send, f"{sandbox.api_url}/customers", {"no": "C0099", "city": "Bergen"}, "no")

    assert (result.outcome, changes_text(result)) == ("updated", "city: Turku → Bergen")


WRITES: list[tuple[str, Callable[[RestClient], Any]]] = [
    ("post", lambda api: api.post("customers", NEW)),
    ("put", lambda api: api.put("customers/C0001", NEW)),
    ("patch", lambda api: api.patch("customers/C0001", {"city": "Bonn"}, etag="*")),
    ("delete", lambda api: api.delete("customers/C0001")),
    ("start", lambda api: api.start("POST", "exports", {"entity": "customers"})),
    ("batch", lambda api: api.batch([BatchRequest("PATCH", "customers/C0001", json={"city": "Bonn"})])),
    ("upload", lambda api: api.upload("attachments/a.txt", Path(__file__))),
    ("a safe post", lambda api: api.post("customers", NEW, idempotent=True, idempotency_key="k")),
]


@pytest.mark.parametrize("call", [call for _, call in WRITES], ids=[name for name, _ in WRITES])
def test_nothing_that_could_write_reaches_the_server(
    api: RestClient, sandbox: Sandbox, call: Callable[[RestClient], Any]
) -> None:
    api.get("customers/C0001")
    before = sandbox.stats()["total"]

    with pytest.raises(HelpfulError, match="This is a dry run") as caught:
        call(api)

    assert sandbox.stats()["total"] == before
    assert "config.dry_run" in caught.value.example


def test_reads_are_as_ever(api: RestClient) -> None:
    assert len(list(api.paginate("customers"))) == 42


def test_a_client_of_a_dry_run_shares_nothing_with_one_that_writes(api: RestClient, sandbox: Sandbox) -> None:
    with client(sandbox, dry=False) as writing:
        assert writing.create_or_update("customers", NEW, key="no").outcome == "created"
    assert api.create_or_update("customers", {**NEW, "city": "Bergen"}, key="no").outcome == "would be updated"


# ---- how it is asked for ---------------------------------------------------------------------------------------------


@flow(name="asked")
def asked(org_id: str, env_type: str, dry_run: bool = False) -> bool:
    """Tell whether the configuration of a flow with this parameter is one of a dry run."""
    return load_config(org_id, env_type).dry_run


def test_the_parameter_of_a_flow_is_enough() -> None:
    """No script can forget to pass it on: a configuration that is loaded inside carries it."""
    assert [asked.fn("demo", "test", True), asked.fn("demo", "test", dry_run=True)] == [True, True]
    assert [asked.fn("demo", "test"), asked.fn("demo", "test", False)] == [False, False]
    assert not is_dry_run()


def test_a_flow_inside_of_a_dry_run_is_one() -> None:
    @flow(name="outer")
    def outer(org_id: str, env_type: str, dry_run: bool = True) -> bool:
        return asked.fn(org_id, env_type, dry_run=False)

    assert outer.fn("demo", "test") is True


def test_a_thread_of_a_script_and_a_copy_carry_it_with_the_configuration() -> None:
    with dry_run():
        config = load_config("demo", "test")
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(config.dry_run))
    thread.start()
    thread.join()

    assert seen == [True]
    assert pickle.loads(pickle.dumps(config)).dry_run is True
    assert config.with_token(lambda: "t").dry_run is True
    assert config != load_config("demo", "test")


def test_results_of_a_dry_run_do_not_say_that_anything_was_done() -> None:
    results = ProcessingResults.of([would_be_created(), would_be_updated(), ItemResult("c", "failed", "x")], True)

    assert results.summary() == ("dry run, nothing was written: 1 would be created, 1 would be updated, 1 failed")
    assert (results.success, results.failed) == (["", ""], ["c"])
    assert (ProcessingResults() + results).dry_run


def test_the_report_of_a_dry_run_says_so_first_and_what_to_do() -> None:
    results = ProcessingResults.of([would_be_created(), would_be_updated()], True)
    report = report_of(load_config("demo", "test"), "sync", results)

    assert report.verdict == ("good", "Dry run, nothing was written: 1 would be created, 1 would be updated")
    assert "without --dry-run" in report.next_steps[0]


def test_the_picture_has_room_for_the_names_of_a_dry_run() -> None:
    """Names end at their right edge; eight units a letter keep the longest one inside of the picture."""
    drawn = picture({"would be updated": 1, "failed": 0})

    ends = [int(place) for place in re.findall(r'<text x="(\d+)" y="\d+" text-anchor="end"', drawn)]
    assert min(ends) >= 8 * len("would be updated")
