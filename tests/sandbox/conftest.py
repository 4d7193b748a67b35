"""One running sandbox for all these tests, as new for each, and a caller who is allowed in."""

from collections.abc import Iterator

import pytest
import requests

from tests.support.sandbox import API_KEY, Sandbox
from tests.support.sandbox_caller import Caller


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox(second_origin=True) as sandbox:
        yield sandbox


@pytest.fixture
def erp(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def call(erp: Sandbox) -> Iterator[Caller]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Api-Key"] = API_KEY
        yield Caller(erp, session)
