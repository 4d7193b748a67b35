import os
import threading

import pytest

from tests.support.scripted import FakeTime
from txo_core.exceptions import ApiAuthenticationError, ConfigurationError
from txo_core.http import token_cache
from txo_core.http.failures import DeadlinePassed
from txo_core.http.token import AccessToken
from txo_core.http.token_cache import TokenCache, wanted_until


class Provider:
    """Hands out numbered tokens, or fails."""

    def __init__(self, lifetime: float = 3600.0) -> None:
        self.time = FakeTime()
        self.lifetime = lifetime
        self.asked = 0
        self.failing = False
        self.stubborn = False
        self.retry_after: float | None = None
        self.slowness = 0.0
        self.cache = TokenCache(self.fetch, self.time.clock, lambda low, high: high)

    def fetch(self) -> tuple[AccessToken, float]:
        self.asked += 1
        self.time.now += self.slowness
        if self.failing:
            raise ApiAuthenticationError("refused", code="invalid_client", retry_after=self.retry_after)
        return AccessToken(f"made-up-{1 if self.stubborn else self.asked}"), self.lifetime

    def get(self, later: float = 0.0) -> str:
        self.time.now += later
        return self.cache.get().token


def test_a_token_is_used_until_shortly_before_its_end() -> None:
    provider = Provider()

    assert [provider.get(), provider.get(3299), provider.get(2)] == ["made-up-1", "made-up-1", "made-up-2"]


def test_a_short_token_is_not_fetched_for_every_call() -> None:
    provider = Provider(lifetime=30)

    assert [provider.get(), provider.get(20), provider.get(5)] == ["made-up-1", "made-up-1", "made-up-2"]


def test_the_old_token_serves_on_while_no_new_one_can_be_had() -> None:
    provider = Provider()
    provider.get()
    provider.failing = True

    assert [provider.get(3400), provider.get(1)] == ["made-up-1", "made-up-1"]
    assert provider.asked == 2
    with pytest.raises(ApiAuthenticationError):
        provider.get(200)


def test_a_failure_is_remembered_for_a_moment() -> None:
    provider = Provider()
    provider.failing = True
    for _ in range(5):
        with pytest.raises(ApiAuthenticationError) as refused:
            provider.get()
    provider.failing = False

    assert (provider.asked, refused.value.code) == (1, "invalid_client")
    assert provider.get(2.1) == "made-up-2"


def test_a_dropped_token_is_replaced_and_its_successor_is_not() -> None:
    provider = Provider()
    provider.get()

    provider.cache.drop("made-up-1")
    provider.cache.drop("made-up-1")
    assert provider.get() == "made-up-2"
    provider.cache.drop("made-up-1")
    assert provider.get() == "made-up-2"


@pytest.mark.parametrize("failing", [False, True])
def test_fifty_threads_make_one_request(failing: bool) -> None:
    asked, together = threading.Event(), threading.Barrier(50)
    outcomes: list[object] = []

    def fetch() -> tuple[AccessToken, float]:
        assert not asked.is_set()
        asked.set()
        threading.Event().wait(0.05)
        if failing:
            raise ApiAuthenticationError("refused")
        return AccessToken("made-up-1"), 3600.0

    cache = TokenCache(fetch)

    def work() -> None:
        together.wait()
        try:
            outcomes.append(cache.get().token)
        except ApiAuthenticationError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 50
    assert {str(outcome) for outcome in outcomes} == {"refused" if failing else "made-up-1"}


def test_the_thread_that_is_interrupted_lets_the_others_go_on() -> None:
    provider = Provider()
    provider.cache = TokenCache(interrupted, provider.time.clock)

    with pytest.raises(KeyboardInterrupt):
        provider.cache.get()
    with pytest.raises(KeyboardInterrupt):
        provider.cache.get()


def interrupted() -> tuple[AccessToken, float]:
    raise KeyboardInterrupt


def test_a_helpful_failure_is_shared_like_any_other() -> None:
    asked: list[int] = []

    def fetch() -> tuple[AccessToken, float]:
        asked.append(1)
        raise ConfigurationError("There is no certificate", "Save it")

    cache, errors = TokenCache(fetch), []
    for _ in range(3):
        with pytest.raises(ConfigurationError) as refused:
            cache.get()
        errors.append(refused.value)

    assert (len(asked), len(set(map(id, errors)))) == (1, 3)


def test_the_providers_retry_after_is_heeded() -> None:
    provider = Provider()
    provider.failing, provider.retry_after = True, 40.0
    for later in (0, 30, 9):
        with pytest.raises(ApiAuthenticationError):
            provider.get(later)
    provider.failing = False

    assert provider.asked == 1
    assert provider.get(2) == "made-up-2"


def test_the_time_of_a_token_runs_since_it_was_asked_for() -> None:
    provider = Provider(lifetime=100)
    provider.slowness = 50.0

    assert [provider.get(), provider.get(29), provider.get(2)] == ["made-up-1", "made-up-1", "made-up-2"]


def test_a_provider_that_returns_the_rejected_token_is_not_asked_in_a_circle() -> None:
    provider = Provider()
    provider.stubborn = True
    for later in (0, 1, 1, 1):
        token = provider.get(later)
        provider.cache.drop(token)
    assert provider.asked == 2

    provider.get(31)
    assert provider.cache.drop("made-up-1")


def test_where_every_new_token_is_rejected_the_next_is_asked_for_ever_more_rarely() -> None:
    provider = Provider()
    rejected = provider.get()
    for _ in range(600):
        provider.cache.drop(rejected)
        token = provider.get(later=1)
        if token != rejected:
            provider.cache.judge(token, accepted=False)
            provider.cache.judge(token, accepted=False)
        rejected = token
    assert provider.asked < 20

    provider.get(later=61)
    provider.cache.judge(rejected, accepted=True)
    provider.cache.drop(rejected)
    asked = provider.asked
    provider.cache.drop(provider.get())
    provider.get()
    assert provider.asked == asked + 2


def test_not_all_processes_renew_in_the_same_second() -> None:
    early, late = Provider(), Provider()
    early.cache = TokenCache(early.fetch, early.time.clock, lambda low, high: high)
    late.cache = TokenCache(late.fetch, late.time.clock, lambda low, high: low)
    for provider in (early, late):
        provider.get()

    assert [provider.get(3330) for provider in (early, late)] == ["made-up-2", "made-up-1"]
    assert late.get(35) == "made-up-2"


def test_a_call_does_not_wait_for_the_new_token_while_the_old_one_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "SHORT_WAIT", 0.01)
    provider, goes_on = Provider(), threading.Event()
    provider.get()
    fetch = provider.fetch
    provider.cache._fetch = lambda: (goes_on.wait(30), fetch())[1]

    assert [provider.get(3500), provider.get()] == ["made-up-1", "made-up-1"]
    goes_on.set()
    assert provider.get(100) == "made-up-2"


def test_a_request_that_never_ends_is_given_up_in_the_end() -> None:
    provider, goes_on = Provider(), threading.Event()
    fetch = provider.fetch
    provider.cache._fetch = lambda: (AccessToken(f"made-up-late {goes_on.wait(30)}"), 3600.0)
    with wanted_until(0.0), pytest.raises(DeadlinePassed):
        provider.get()
    provider.cache._fetch = fetch

    with wanted_until(0.0), pytest.raises(DeadlinePassed):
        provider.get(100)
    assert provider.get(100) == "made-up-1"
    goes_on.set()
    assert provider.get() == "made-up-1"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_does_not_wait_for_a_thread_that_it_has_not() -> None:
    provider, goes_on = Provider(), threading.Event()
    fetch = provider.fetch
    provider.cache._fetch = lambda: (goes_on.wait(30), fetch())[1]
    with wanted_until(0.0), pytest.raises(DeadlinePassed):
        provider.get()

    child = os.fork()
    if child == 0:
        provider.cache._fetch = fetch
        os._exit(0 if provider.get() == "made-up-1" else 1)
    _, status = os.waitpid(child, 0)
    goes_on.set()

    assert os.waitstatus_to_exitcode(status) == 0


def test_without_another_thread_the_request_is_made_in_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    provider = Provider()
    monkeypatch.setattr(threading.Thread, "start", none_left)

    assert provider.get() == "made-up-1"
