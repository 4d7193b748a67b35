"""docs/calling-apis.md: its recipes run, one after the other, against the sandbox."""

import re
import threading
from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY
from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from txo_core import api_factory, exceptions
from txo_core.config import TxoConfig
from txo_core.oauth import ClientCredentials
from txo_core.rest import RestClient

PAGE = (REPOSITORY / "docs" / "calling-apis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def client_for(sandbox: Sandbox) -> RestClient:
    data = {"global": {"api-base-url": sandbox.api_url}, "script-behavior": {"async-poll-interval": 0.02}}
    tokens = ClientCredentials(sandbox.token_url, CLIENT_ID, CLIENT_SECRET)
    return api_factory.create_rest_api(TxoConfig("demo", "test", data), tokens=tokens)


@pytest.mark.slow
def test_the_recipes_run(sandbox: Sandbox, own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block as it stands, in the names that those before have left; only the client is made for the sandbox."""
    before = threading.active_count()
    api = client_for(sandbox)
    monkeypatch.setattr(api_factory, "create_rest_api", lambda config: api)
    names: dict[str, object] = {"__name__": "recipes"}

    for block in BLOCKS:
        exec(compile(block, "docs/calling-apis.md", "exec"), names)

    assert names["orders"] == names["again"]
    assert isinstance(names["customers"], list)
    assert names["customers"]
    assert all(names[done]["entity"] == "customers" for done in ("result", "export"))  # type: ignore[index]
    assert (own_root / "output" / "customers.json").is_file()
    assert sandbox.stats()["exports"]["submitted"] == 2
    assert sandbox.stats()["creates"]["customers"]["New"] == 2
    api.close()
    assert threading.active_count() <= before + 1


def test_the_table_has_every_error_of_an_api() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    children = {kind.__name__ for kind in exceptions.ApiError.__subclasses__()}

    assert named == children | {"HelpfulError"}
