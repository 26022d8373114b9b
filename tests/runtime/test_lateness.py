"""What of live sound is lost, by the clock, which is made up: no test sends a computer to sleep."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from musicedge.lateness import DRIFT, GAP, SETTLED, Lateness

BLOCK = 0.02


def lost_over(arrivals: list[float], *, overflow_at: int | None = None) -> list[float]:
    """Return what is lost before each block of 20 ms that comes at those times."""
    lateness = Lateness()
    return [
        lateness.after(BLOCK, now, overflow=number == overflow_at)
        for number, now in enumerate(arrivals)
    ]


def on_time(count: int, start: float = 0.0, pace: float = 1.0) -> list[float]:
    return [start + (1 + number) * BLOCK * pace for number in range(count)]


def test_nothing_is_lost_when_all_comes_on_time():
    assert sum(lost_over(on_time(5000))) == 0


def test_clocks_that_drift_apart_lose_nothing_in_a_day():
    blocks = round(86_400 / BLOCK / 100)
    for drift in (-DRIFT / 2, DRIFT / 2):
        lateness, now = Lateness(), 0.0
        for _ in range(blocks):  # in blocks of 2 s
            now += 100 * BLOCK * (1 + drift)
            assert lateness.after(100 * BLOCK, now) == 0


def test_the_time_that_the_computer_slept_is_lost():
    lost = lost_over([*on_time(100), *on_time(100, start=2 + 3600)])
    assert math.isclose(sum(lost), 3600, rel_tol=2 * DRIFT)
    (position,) = (number for number, each in enumerate(lost) if each)
    assert 100 <= position <= 101 + SETTLED / BLOCK


def test_what_comes_late_in_a_burst_is_not_lost():
    burst = [4 + 1e-3 * number for number in range(100)]  # the 2 s from 2 to 4
    assert sum(lost_over([*on_time(100), *burst, *on_time(500, start=4.1)])) == 0


def test_what_does_not_come_with_the_burst_is_lost():
    burst = [9 + 1e-3 * number for number in range(200)]  # 4 of 7 s
    assert math.isclose(
        sum(lost_over([*on_time(100), *burst, *on_time(500, start=9.2)])), 3.2, abs_tol=0.1
    )


def test_short_gaps_are_jitter_unless_the_driver_says_otherwise():
    arrivals = [*on_time(100), *on_time(100, start=2 + GAP / 2)]
    assert sum(lost_over(arrivals)) == 0
    lost = lost_over(arrivals, overflow_at=100)
    assert math.isclose(lost[100], GAP / 2, abs_tol=0.01)
    assert sum(lost) == lost[100]


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=300))
def test_no_more_is_lost_than_time_passed(pauses: list[float]):
    lateness, now, lost = Lateness(), 0.0, 0.0
    for pause in pauses:
        now += pause
        amount = lateness.after(BLOCK, now)
        assert amount >= 0
        lost += amount
    assert lost <= now
