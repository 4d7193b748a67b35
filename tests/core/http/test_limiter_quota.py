"""What servers tell of their limits, in all spellings."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scripted import prepared, response_of
from txo_core.http import quota
from txo_core.http.quota import Quota, quotas_of

DATE = "Sun, 22 Nov 2026 14:30:00 GMT"
EPOCH = int(datetime(2026, 11, 22, 14, 30, tzinfo=UTC).timestamp())


def quotas(**headers: str) -> list[Quota]:
    return quotas_of(response_of(prepared(), 200, {name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"RateLimit": '"default";r=50;t=30'}, Quota(50, 30)),
        (
            {"RateLimit": '"a;b";r=0;t=7', "RateLimit_Policy": '"x";q=5;w=1, "a;b";q=100;w=60;pk=:Zm9v:'},
            Quota(0, 7, 100, 60),
        ),
        ({"RateLimit": "default;r=9;t=3", "RateLimit_Policy": "default;q=10;w=5"}, Quota(9, 3, 10, 5)),
        ({"RateLimit": "limit=100, remaining=50, reset=5", "RateLimit_Policy": "100;w=10"}, Quota(50, 5, 100, 10)),
        (
            {"RateLimit_Limit": "100, 100;w=60, 5000;w=3600", "RateLimit_Remaining": "9", "RateLimit_Reset": "20"},
            Quota(9, 20, 100, 60),
        ),
        (
            {"RateLimit_Limit": "10", "RateLimit_Remaining": "0", "RateLimit_Reset": "1", "RateLimit_Policy": "10;w=1"},
            Quota(0, 1, 10, 1),
        ),
        ({"X_RateLimit_Remaining": "3", "X_RateLimit_Limit": "60", "X_RateLimit_Reset": "12.5"}, Quota(3, 12.5, 60)),
        ({"X_RATELIMIT_REMAINING": "3"}, Quota(3)),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(EPOCH + 40), "Date": DATE}, Quota(0, 40)),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str((EPOCH + 40) * 1000), "Date": DATE}, Quota(0, 40)),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(EPOCH - 40), "Date": DATE}, Quota(0, 0)),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "99999999"}, Quota(0)),
        ({"X_Rate_Limit_Limit": "15", "X_Rate_Limit_Remaining": "1", "X_Rate_Limit_Reset": "900"}, Quota(1, 900, 15)),
        ({"x_ms_ratelimit_remaining_subscription_reads": "11999"}, Quota(11999)),
        ({"x_ms_ratelimit_burst_remaining_xrm_requests": "0"}, Quota(0)),
    ],
)
def test_a_quota_is_read_in_each_spelling(headers: dict[str, str], expected: Quota) -> None:
    assert quotas(**headers) == [expected]


def test_of_several_quotas_each_counts() -> None:
    policies = '"second";q=5;w=1, "day";q=9;w=86400'

    found = quotas(RateLimit='"day";r=7;t=9000, "second";r=0;t=1', RateLimit_Policy=policies)

    assert found == [Quota(7, 9000, 9, 86400), Quota(0, 1, 5, 1)]


def test_a_date_without_the_servers_own_is_taken_by_our_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "utc_now", lambda: datetime.fromtimestamp(EPOCH, UTC))

    assert quotas(X_RateLimit_Remaining="0", X_RateLimit_Reset=str(EPOCH + 3)) == [Quota(0, 3)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_Length": "5"},
        {"X_RateLimit_Limit": "60"},
        {"RateLimit_Policy": '"default";q=10;w=1'},
        {"x_ms_ratelimit_time_remaining_xrm_requests": "1,200.00"},
        {"X_RateLimit_Remaining": "many"},
    ],
)
def test_where_nothing_is_said_of_what_is_left_there_is_no_quota(headers: dict[str, str]) -> None:
    assert quotas(**headers) == []


@pytest.mark.parametrize(
    ("what", "matters"),
    [
        (Quota(0), True),
        (Quota(0, 5), True),
        (Quota(5), False),
        (Quota(5, 60), False),
        (Quota(10, 60, 100), True),
        (Quota(11, 60, 100), False),
        (Quota(1, 1, 10, 1), False),
    ],
)
def test_only_what_is_nearly_used_up_matters(what: Quota, matters: bool) -> None:
    assert what.matters is matters


TEXTS = st.text(alphabet='rtqw=;," 0123456789.-abc\t', max_size=60)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_no_header_is_an_error(one: str, two: str, three: str) -> None:
    headers = {"RateLimit": one, "RateLimit_Policy": two, "X_RateLimit_Remaining": three, "X_RateLimit_Reset": one}

    for found in quotas(**headers):
        assert found.remaining >= 0
        assert found.reset is None or 0 <= found.reset <= 86400
        assert found.interval >= 0


def test_a_very_long_header_takes_no_time() -> None:
    """The pattern for items looks at each character once; of a header, the first 2,000 count."""
    assert quotas(RateLimit='"' * 100_000) == []
    assert re.compile(quota._ITEM.pattern).findall('"a' * 1000)
