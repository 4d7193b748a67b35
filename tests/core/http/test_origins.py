import pytest

from txo_core.exceptions import ConfigurationError
from txo_core.http.origins import TrustedOrigins, address_of, origin_of, refuse_downgrade

TRUSTED = TrustedOrigins(["https://api.example.com/v1", "http://127.0.0.1:8765/api"])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com/v1", "https://api.example.com:443"),
        ("HTTPS://API.Example.com:443", "https://api.example.com:443"),
        ("http://api.example.com:8080/x", "http://api.example.com:8080"),
        ("https://user:pw@api.example.com/", "https://api.example.com:443"),
        ("https://[::1]:8443/", "https://::1:8443"),
        ("customers", ""),
        ("https://api.example.com:none/", ""),
        ("ftp://api.example.com/", ""),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/other",
        "https://API.example.com:443/v1",
        "http://127.0.0.1:8765/x",
    ],
)
def test_a_trusted_origin_may_be_called(url: str) -> None:
    TRUSTED.require(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "https://api.example.com.evil.example/",
        "https://api.example.com@evil.example/",
        "https://api.example.com:8443/",
        "http://api.example.com/v1",
        "http://127.0.0.1:8766/",
        "https:///v1",
    ],
)
def test_any_other_origin_is_refused_with_the_key_to_set(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TRUSTED.require(f"{url}?key=hidden")

    assert "global.trusted-origins" in refused.value.how_to_fix
    assert "hidden" not in str(refused.value)


def test_the_refusal_gives_the_line_to_add() -> None:
    with pytest.raises(ConfigurationError) as refused:
        TRUSTED.require("https://files.example.com/a/b", source="https://api.example.com/v1/file")

    assert refused.value.example == '{"global": {"trusted-origins": ["https://files.example.com"]}}'
    assert "to which https://api.example.com sends us" in refused.value.what_went_wrong


def test_a_step_down_to_http_is_refused_even_to_a_trusted_origin() -> None:
    with pytest.raises(ConfigurationError, match="not encrypted"):
        TRUSTED.require("http://127.0.0.1:8765/x", source="https://api.example.com/v1")
    with pytest.raises(ConfigurationError, match="not encrypted"):
        refuse_downgrade("https://api.example.com/", "HTTP://api.example.com/")


def test_an_address_is_shown_without_user_and_query() -> None:
    assert (
        address_of("https://me:hidden@api.example.com:8443/v1/x?key=hidden#part") == "https://api.example.com:8443/v1/x"
    )
    assert address_of("customers?key=hidden") == "customers"
