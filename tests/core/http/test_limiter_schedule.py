"""Slots and departures, on a clock that is moved by hand."""

from itertools import pairwise

import pytest

from tests.support.scripted import FakeTime
from txo_core.http.pace import PACE, Pace
from txo_core.http.pacer import Pacer


class Queue:
    """Threads that wait at one pacer, each woken later than it asked for by the next item of `late`."""

    def __init__(self, rate: float = 10.0, burst: int = 1, share: float = PACE) -> None:
        self.time = FakeTime()
        self.pacer = Pacer(rate, burst, self.time.clock, share=share)
        self.went: list[tuple[int, float]] = []

    def run(self, threads: int, late: dict[int, float] | None = None) -> None:
        """Let so many threads book at once, then wake each when its time has come, the earliest first."""
        waiting: dict[int, tuple[float, float]] = {}
        for number in range(threads):
            booked = self.pacer.book()
            assert booked is not None
            waiting[number] = (self.time.now + booked[1], booked[0])
            if booked[1] == 0:
                self.leave(number, waiting)
        while waiting:
            number = min(waiting, key=lambda number: waiting[number][0])
            moment, slot = waiting[number]
            self.time.now = max(self.time.now, moment + (late or {}).pop(number, 0.0))
            left = self.pacer.depart(slot)
            assert left is not None
            waiting[number] = (self.time.now + left, slot)
            if left == 0:
                self.leave(number, waiting)

    def leave(self, number: int, waiting: dict[int, tuple[float, float]]) -> None:
        self.went.append((number, self.time.now - 1000))
        del waiting[number]

    @property
    def gaps(self) -> list[float]:
        moments = [moment for _, moment in self.went]
        return [after - before for before, after in pairwise(moments)]


def test_all_go_in_the_order_in_which_they_came() -> None:
    queue = Queue()

    queue.run(50)

    assert [number for number, _ in queue.went] == list(range(50))
    assert queue.went[-1][1] == pytest.approx(49 / 9.7)


def test_who_wakes_late_is_not_followed_too_soon_and_the_delay_is_made_up() -> None:
    """After a late departure a plain schedule would send the next one in time: too close for a strict server."""
    queue = Queue()

    queue.run(150, late={3: 0.05})

    assert min(queue.gaps) >= 0.1
    assert max(queue.gaps) == pytest.approx(1 / 9.7 + 0.05)
    assert queue.went[-1][1] == pytest.approx(149 / 9.7, abs=0.003)


def test_no_ten_of_eleven_leave_within_a_second_however_late_they_wake() -> None:
    queue = Queue()

    queue.run(200, late={number: (number * 37 % 90) / 1000 for number in range(0, 200, 5)})

    moments = [moment for _, moment in queue.went]
    assert min(moments[i + 10] - moments[i] for i in range(190)) >= 1.015


def test_threads_that_all_wake_a_little_late_lose_no_rate() -> None:
    queue = Queue(rate=50.0)

    queue.run(500, late=dict.fromkeys(range(500), 0.003))

    assert 499 / queue.went[-1][1] >= 0.969 * 50


def test_after_a_long_halt_all_go_on_evenly() -> None:
    """A machine that stood still for ten seconds has fifty threads whose turn is past."""
    queue = Queue()

    queue.run(50, late={1: 10.0})

    assert min(queue.gaps) >= 0.1
    assert sorted(number for number, _ in queue.went) == list(range(50))


def test_a_pause_moves_all_who_wait_in_their_order() -> None:
    queue = Queue(share=1.0)
    slots = [queue.pacer.book() for _ in range(4)]

    queue.pacer.pause(5.0)

    left = [queue.pacer.depart(slot[0]) for slot in slots[1:] if slot]
    assert left == pytest.approx([5.0, 5.1, 5.2])


def test_a_slot_that_nobody_uses_is_lost_and_holds_nobody_up() -> None:
    queue = Queue(share=1.0)
    queue.pacer.book()
    queue.pacer.book()
    last = queue.pacer.book()
    assert last is not None

    queue.time.now += 0.2

    assert queue.pacer.depart(last[0]) == 0


def test_a_burst_goes_at_once_after_a_pause_and_never_more() -> None:
    queue = Queue(burst=3, share=1.0)

    queue.run(6)
    queue.time.now += 60
    queue.run(5)

    assert queue.gaps == pytest.approx([0, 0, 0.1, 0.1, 0.1, 60, 0, 0, 0.1, 0.1])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Pace(10.0), Pace(2.0), Pace(2.0)),
        (Pace(10.0, 5), Pace(20.0, 2), Pace(10.0, 2)),
        (Pace(), Pace(5000.0), Pace(5000.0)),
        (Pace(5.0), Pace(), Pace(5.0)),
        (Pace(), Pace(), Pace()),
    ],
)
def test_the_slower_pace_holds(one: Pace, other: Pace, expected: Pace) -> None:
    assert one.slower(other) == expected
    assert other.slower(one) == expected
