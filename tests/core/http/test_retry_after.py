from datetime import UTC, datetime

import pytest

from tests.support.scripted import prepared, response_of
from txo_core.http.retry_after import LONGEST, retry_after

NOON = "Sun, 22 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": " 3 "}, 3.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:20 GMT"}, 20.0),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 2026 15:00:20 GMT", "Date": "Sun, 22 Nov 2026 15:00:00 GMT"}, 20.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:20 -0000"}, 20.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "soon", "retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "2", "retry-after-ms": "1500"}, 2.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "9" * 400}, LONGEST),
        ({"Retry-After": "86400000000000000000"}, LONGEST),
        ({"retry-after-ms": "9" * 30}, LONGEST / 1000),
        ({"Retry-After": "60, 120"}, 120.0),
        ({"Retry-After": "60, soon"}, None),
        ({"Retry-After": "1."}, 1.0),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Sun, 99 Nov 2026 99:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_a_server_says_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    response = response_of(prepared(), 429, headers)

    assert retry_after(response, lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)) == seconds
