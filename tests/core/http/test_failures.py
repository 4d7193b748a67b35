import ssl
from typing import Any

import pytest
import urllib3
from requests import exceptions as network

from txo_core.http.failures import BodyTooLarge, Failure, failure_of

URL = "https://user:hidden@api.example.com/v1/customers?key=hidden"
POOL: Any = urllib3.HTTPConnectionPool("api.example.com")


def wrapped(reason: Exception) -> urllib3.exceptions.MaxRetryError:
    return urllib3.exceptions.MaxRetryError(POOL, "/v1/customers?key=hidden", reason)


@pytest.mark.parametrize(
    ("error", "code", "sent", "transient"),
    [
        (network.ConnectionError(wrapped(urllib3.exceptions.NewConnectionError(POOL, "x"))), "refused", False, True),
        (
            network.ConnectionError(wrapped(urllib3.exceptions.NameResolutionError("h", POOL, OSError()))),  # type: ignore[arg-type]
            "unknown-host",
            False,
            True,
        ),
        (network.ConnectTimeout("late"), "connect-timeout", False, True),
        (network.ReadTimeout("late"), "read-timeout", True, True),
        (network.ConnectionError(urllib3.exceptions.ReadTimeoutError(POOL, "", "late")), "read-timeout", True, True),
        (urllib3.exceptions.ReadTimeoutError(POOL, "", "late"), "read-timeout", True, True),
        (network.ChunkedEncodingError("short"), "truncated", True, True),
        (urllib3.exceptions.DecodeError("bad"), "undecodable", True, True),
        (
            network.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError())),
            "connection-lost",
            True,
            True,
        ),
        (network.SSLError(wrapped(urllib3.exceptions.SSLError(ssl.SSLCertVerificationError()))), "tls", False, False),
        (network.SSLError("handshake"), "tls", False, False),
        (urllib3.exceptions.ProxyError("no", urllib3.exceptions.NewConnectionError(POOL, "x")), "proxy", False, True),
        (urllib3.exceptions.ProxyError("no", OSError("Tunnel connection failed: 407 x")), "proxy", False, False),
        (urllib3.exceptions.ProxyError("no", OSError("Tunnel connection failed: 403 x")), "proxy", False, False),
        (urllib3.exceptions.ProxyError("no", OSError("Tunnel connection failed: 502 x")), "proxy", False, True),
        (urllib3.exceptions.ProxyError("no", ConnectionResetError()), "connection-lost", True, True),
        (
            urllib3.exceptions.ProxyError("no", urllib3.exceptions.ReadTimeoutError(POOL, "", "late")),
            "read-timeout",
            True,
            True,
        ),
        (network.InvalidURL("x"), "malformed-url", False, False),
        (network.InvalidHeader("x"), "malformed-header", False, False),
        (network.InvalidSchema("x"), "malformed-url", False, False),
        (BodyTooLarge("too long"), "body-too-large", True, False),
        (OSError("no certificates"), "local", False, False),
        (network.RequestException("?"), "connection", True, True),
    ],
)
def test_each_exception_of_the_network_has_a_meaning(error: Exception, code: str, sent: bool, transient: bool) -> None:
    failure = failure_of(error, URL)

    assert (failure.code, failure.sent, failure.transient) == (code, sent, transient)
    assert "hidden" not in failure.sentence


def test_a_refused_connection_says_what_to_look_at() -> None:
    refused = network.ConnectionError(wrapped(urllib3.exceptions.NewConnectionError(POOL, "x")))

    assert failure_of(refused, "http://127.0.0.1:8765/api/v1/customers?x=1") == Failure(
        "refused", "nothing answers at http://127.0.0.1:8765; is the server running?", sent=False
    )


def test_what_the_caller_was_just_handling_is_not_our_failure() -> None:
    error = network.ReadTimeout("late")
    error.__context__ = ConnectionRefusedError()

    assert failure_of(error, URL).code == "read-timeout"
