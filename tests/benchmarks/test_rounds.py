"""Repetitions: who takes turns with whom, and how they are summarised."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicedge_benchmarks.rounds import (
    RoundsInterrupted,
    Spread,
    interleave,
    median_of_ratios,
    portion,
    seconds,
)

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30)


@given(TIMES)
def test_a_spread_holds_median_and_quartiles(values: list[float]):
    spread = Spread.of(values)
    assert spread.count == len(values)
    assert spread.median == statistics.median(values)
    assert min(values) <= spread.low <= spread.median <= spread.high <= max(values)
    if len(values) >= 4:
        assert spread.low == pytest.approx(np.quantile(values, 0.25))
        assert spread.high == pytest.approx(np.quantile(values, 0.75))


def test_tasks_take_turns_and_the_first_round_is_thrown_away():
    calls = []

    def task(name: str):
        def once() -> float:
            calls.append(name)
            return float(len(calls))

        return once

    told: list[tuple[str, float]] = []
    measured = interleave(
        {"a": task("a"), "b": task("b")}, 3, on_round=lambda *what: told.append(what)
    )
    assert sorted(calls[:2]) == ["a", "b"]
    assert all(sorted(calls[at : at + 2]) == ["a", "b"] for at in range(0, 8, 2))
    assert calls[2:4] != calls[4:6]  # nobody always follows the same one
    assert [len(values) for values in measured.values()] == [3, 3]
    assert min(measured["a"] + measured["b"]) > 2
    assert told == [
        ("warming up", 0),
        ("round 1 of 3", 0.25),
        ("round 2 of 3", 0.5),
        ("round 3 of 3", 0.75),
    ]


@pytest.mark.parametrize(("stop_at", "kept"), [(1, None), (3, None), (4, None), (6, 1), (7, 2)])
def test_an_interruption_keeps_the_rounds_that_were_complete(stop_at: int, kept: int | None):
    calls = []

    def task() -> float:
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt) as caught:
        interleave({"a": task, "b": task}, 3)
    if kept is None:
        assert not isinstance(caught.value, RoundsInterrupted)
    else:
        assert caught.value.measured == {"a": [1.0] * kept, "b": [1.0] * kept}


def test_a_portion_tells_shares_of_the_whole():
    told: list[tuple[str, float]] = []
    tell = portion(lambda *what: told.append(what), 0.5, 1.0, "files, ")
    tell("round 1 of 2", 0.5)
    assert told == [("files, round 1 of 2", 0.75)]


def test_ratios_are_formed_within_each_round():
    assert median_of_ratios([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]).median == 2.0


def test_seconds_are_not_negative():
    assert seconds(lambda: None) >= 0
