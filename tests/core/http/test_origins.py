import random

import pytest
from requests import PreparedRequest, RequestException
from requests.adapters import HTTPAdapter

from txo_core.exceptions import ConfigurationError
from txo_core.http.origins import (
    TrustedOrigins,
    address_of,
    credential_headers,
    origin_of,
    refuse_downgrade,
    resolved,
)

TRUSTED = TrustedOrigins(["https://api.example.com/v1", "http://127.0.0.1:8765/api"])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com/v1", "https://api.example.com:443"),
        ("HTTPS://API.Example.com:443", "https://api.example.com:443"),
        ("http://api.example.com:8080/x", "http://api.example.com:8080"),
        ("https://api.example.com:/v1?x=1", "https://api.example.com:443"),
        ("https://api.example.com:0443#part", "https://api.example.com:443"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        ("https://bücher.example/", "https://xn--bcher-kva.example:443"),
        ("https://BÜCHER.example:8443", "https://xn--bcher-kva.example:8443"),
        ("customers", ""),
        ("https://api.example.com:none/", ""),
        ("ftp://api.example.com/", ""),
        ("httpx://api.example.com:443/", ""),
        ("https://api.example.com:0/", ""),
        ("", ""),
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
        "https://[::1]/",
        "https://2130706433:8765/",
        "https://api.example.com./v1",
        "//evil.example/v1",
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
    for target in ("HTTP://api.example.com/", " http://api.example.com/", "ht\ntp://api.example.com/"):
        with pytest.raises(ConfigurationError, match="not encrypted"):
            refuse_downgrade("https://api.example.com/", target)


def test_an_address_is_shown_without_user_and_query() -> None:
    assert (
        address_of("https://me:hidden@api.example.com:8443/v1/x?key=hidden#part") == "https://api.example.com:8443/v1/x"
    )
    assert address_of("customers?key=hidden") == "customers"


DOUBTFUL = [
    "https://api.example.com@evil.example/",
    "https://user:pw@api.example.com/",
    "https://@api.example.com/",
    "https://evil.example\\@api.example.com/",
    "https://api.example.com\\@evil.example/",
    "https://api.example.com\\.evil.example/",
    "https://api.example.com%2eevil.example/",
    "https://api.example.com\t.evil.example/",
    "https://api.exam\nple.com/",
    "https://api.example.com\n",
    " https://api.example.com/",
    "https:\\\\api.example.com/",
    "https:api.example.com/",
    "https:///api.example.com/",
    "https://api.example.com:443:80/",
    "https://api.example.com:80@evil.example/",
    "https://api.example.com:４４３/",
    "https://api.example.com／.evil.example/",
    "https://api.example.com＠evil.example/",
    "https://[::1/",
    "https://[::1]evil.example/",
    "https://[fe80::1%25eth0]/",
    "https://*.example.com/",
    "https://api.example.com;evil.example/",
]


@pytest.mark.parametrize("url", DOUBTFUL)
def test_a_url_that_two_parsers_may_read_differently_has_no_origin(url: str) -> None:
    assert origin_of(url) == ""
    with pytest.raises(ConfigurationError, match="is not clear about its host"):
        TRUSTED.require(url)


WORDS = ["api.example.com", "evil.example", ":443", ":80", "//", "%2f", "%40", "user:pw", "[::1]", "xn--", "\u200b"]
PIECES = [*WORDS, *"@\\/?#:.[]-_;,*|0ü＠／。 \t\n"]
GOOD = [
    "https://api.example.com/v1",
    "http://127.0.0.1:8765/x",
    "https://bücher.example/",
    "HTTPS://A:1",
    "https://[::1]",
]
ADAPTER = HTTPAdapter()


def prepared(url: str) -> PreparedRequest | None:
    """Return the request as requests would send it; None if it refuses the URL."""
    request = PreparedRequest()
    try:
        request.prepare_url(url, None)
    except (RequestException, ValueError):
        return None
    return request


def connected_to(request: PreparedRequest) -> str:
    """Return the origin that requests opens a connection to."""
    try:
        host, _ = ADAPTER.build_connection_pool_key_attributes(request, verify=True)
    except ValueError:
        return ""
    name = f"[{host['host']}]" if ":" in (host["host"] or "") else host["host"]
    return f"{host['scheme']}://{name}:{host['port'] or {'http': 80, 'https': 443}.get(host['scheme'])}"


def mutated(chance: random.Random) -> str:
    url = chance.choice(chance.choice([DOUBTFUL, GOOD]))
    for _ in range(chance.randint(0, 3)):
        at = chance.randint(0, len(url))
        url = url[:at] + chance.choice(PIECES) + url[at + chance.randint(0, 2) :]
    return url


def test_what_is_checked_is_where_the_connection_goes() -> None:
    """20,000 mutations of good and bad addresses: an origin, where there is one, is the one of the connection."""
    chance, judged = random.Random(7), 0
    for url in (mutated(chance) for _ in range(20_000)):
        request = prepared(url)
        if request is None:
            continue
        reached = connected_to(request)
        assert origin_of(request.url or "") in ("", reached), url
        if origin_of(url):
            judged += 1
            assert origin_of(url) == reached == origin_of(request.url or ""), url

    assert judged > 2_000


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("next?page=2", "https://api.example.com/v1/next?page=2"),
        ("/next", "https://api.example.com/next"),
        ("?page=2", "https://api.example.com/v1/list?page=2"),
        ("//evil.example/x", "https://evil.example/x"),
        ("https://[::1", "https://[::1"),
        ("/café", "https://api.example.com/café"),
    ],
)
def test_a_link_of_a_server_becomes_a_whole_url(link: str, url: str) -> None:
    assert resolved("https://api.example.com/v1/list", link) == url


def test_the_headers_that_prove_who_is_calling() -> None:
    secret = ["Authorization", "cookie", "X-Api-Key", "Ocp-Apim-Subscription-Key", "x-functions-key", "X-CSRF-Token"]
    plain = ["Accept", "Prefer", "Idempotency-Key", "If-Match", "X-Company", "Content-Type", "User-Agent"]

    assert credential_headers([*secret, *plain]) == secret
