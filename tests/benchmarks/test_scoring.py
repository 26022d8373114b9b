"""Scores against values that were worked out by hand or by formula, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from musicedge_benchmarks.scoring import LEAST, genre_scores, rank_correlation


def test_accuracy_and_macro_f1_of_a_small_case() -> None:
    truth = ["rock", "rock", "rock", "jazz"]
    told = ["rock", "rock", "jazz", ""]
    accuracy, macro_f1 = genre_scores(truth, told, list("abcd"))
    assert accuracy.value == 0.5
    # rock: 2 of 2 told and of 3 true, 0.8; jazz: never right, 0; what is told of neither, no class.
    assert macro_f1.value == pytest.approx(0.4)
    assert accuracy.count == macro_f1.count == 4
    assert 0 <= accuracy.low <= 0.5 <= accuracy.high <= 1


def test_one_group_has_no_interval() -> None:
    accuracy, _ = genre_scores(["rock", "jazz"], ["rock", "rock"], ["a", "a"])
    assert (accuracy.value, accuracy.low, accuracy.high) == (0.5, None, None)


def test_whole_groups_are_drawn() -> None:
    """Ten copies of each track are no more evidence than one."""
    rng = np.random.default_rng(0)
    told = [str(each) for each in rng.integers(0, 2, 40)]
    once, _ = genre_scores(["1"] * 40, told, [str(n) for n in range(40)])
    groups = [str(n) for n in range(40) for _ in range(10)]
    often, _ = genre_scores(["1"] * 400, [each for each in told for _ in range(10)], groups)
    assert often.value == pytest.approx(once.value)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.05)
    # The normal approximation of a share.
    expected = 2 * 1.96 * np.sqrt(once.value * (1 - once.value) / 40)
    assert once.high - once.low == pytest.approx(expected, rel=0.2)


def test_ranks_are_compared_within_each_source() -> None:
    truth = [*range(20), *range(100, 110)]
    told = [*range(20), *range(-1, -11, -1)]
    sources = ["a"] * 20 + ["b"] * 10
    score = rank_correlation(truth, told, sources, [str(n) for n in range(30)])
    assert score is not None
    assert score.value == pytest.approx((20 * 1 + 10 * -1) / 30)
    assert score.count == 30
    assert score.low <= score.value <= score.high


def test_source_with_few_tracks_or_one_value_tells_nothing() -> None:
    groups = [str(n) for n in range(LEAST)]
    few = LEAST - 1
    assert rank_correlation(range(few), range(few), ["a"] * few, groups[:few]) is None
    assert rank_correlation([1.0] * LEAST, range(LEAST), ["a"] * LEAST, groups) is None
    assert rank_correlation(range(LEAST), [0.5] * LEAST, ["a"] * LEAST, groups) is None
    assert rank_correlation(range(LEAST), range(LEAST), ["a"] * LEAST, groups).value > 0.999
