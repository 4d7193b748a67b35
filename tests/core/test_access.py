"""S3: what gives access to Prefect's server itself is masked, wherever it is set."""

from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_CLIENT_CUSTOM_HEADERS,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    temporary_settings,
)

from txo_core.redaction import known_values, redact
from txo_core.server import access
from txo_core.server.encryption_key import VARIABLE

SECRET = "made-up-4711-value"


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        (PREFECT_API_KEY, SECRET, f"key {SECRET}"),
        (PREFECT_API_AUTH_STRING, f"admin:{SECRET}", f"as {SECRET}"),
        (PREFECT_API_URL, f"https://me:{SECRET}@prefect.example.com/api", f"as {SECRET}"),
        (PREFECT_SERVER_DATABASE_CONNECTION_URL, f"postgresql+asyncpg://u:{SECRET}%21@db/prefect", f"as {SECRET}!"),
        (PREFECT_CLIENT_CUSTOM_HEADERS, {"X-Api-Key": SECRET, "X-Team": "integration-4711"}, f"as {SECRET}"),
    ],
    ids=["key", "password", "address", "database", "header"],
)
def test_a_secret_of_prefects_settings_is_masked(setting: Any, value: Any, text: str) -> None:
    assert "made-up-4711" in redact(text)

    with temporary_settings({setting: value}):
        access.register()

    assert "made-up-4711" not in redact(text)
    assert redact("of integration-4711") == "of integration-4711"


def test_so_is_the_key_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)

    access.register()

    assert SECRET not in redact(f"x {SECRET}")


def test_without_any_nothing_is_registered() -> None:
    access.register()

    assert known_values().values == frozenset()


def test_an_address_that_is_none_is_no_reason_to_fail() -> None:
    assert access.password_of("http://[bad") == ""
