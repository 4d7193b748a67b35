import threading

import pytest

from txo_core.shared import CountedCache, Registry


class Thing:
    """Something that is closed once."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_threads_that_ask_at_the_same_time_get_the_same_object() -> None:
    registry, together = Registry[Thing](), threading.Barrier(20)
    got: list[Thing] = []

    def work() -> None:
        together.wait()
        got.append(registry.get("key", Thing))

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(got)) == 1
    assert registry.get("other", Thing) is not got[0]


def test_what_one_user_gives_back_stays_with_the_others() -> None:
    cache = CountedCache[Thing](1)
    first, give_back = cache.acquire("a", Thing)
    second, _ = cache.acquire("a", Thing)

    give_back()
    cache.acquire("b", Thing)

    assert first is second
    assert first.closed == 0


def test_the_longest_unused_is_closed_when_there_are_too_many() -> None:
    cache = CountedCache[Thing](2)
    things = []
    for key in "abc":
        thing, give_back = cache.acquire(key, Thing)
        give_back()
        things.append(thing)

    assert [thing.closed for thing in things] == [1, 0, 0]
    assert cache.acquire("c", Thing)[0] is things[2]


def test_an_unused_one_is_kept_for_the_next() -> None:
    cache = CountedCache[Thing](2)
    thing, give_back = cache.acquire("a", Thing)
    give_back()

    assert cache.acquire("a", Thing)[0] is thing


def test_what_is_forgotten_while_in_use_is_closed_by_its_last_user() -> None:
    cache = CountedCache[Thing](2)
    thing, give_back = cache.acquire("a", Thing)

    cache.clear()
    assert thing.closed == 0
    give_back()
    assert thing.closed == 1


def test_a_failed_start_does_not_count() -> None:
    cache = CountedCache[Thing](2)

    with pytest.raises(ZeroDivisionError):
        cache.acquire("a", lambda: 1 / 0)  # type: ignore[arg-type,return-value]

    assert cache.acquire("a", Thing)[0].closed == 0
