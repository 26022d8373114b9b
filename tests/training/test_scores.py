"""Scores against other implementations and formulas, and their intervals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics

from musicedge_training import scores

seeds = st.integers(0, 2**32)


@given(seeds, st.integers(1, 60))
@settings(deadline=None)
def test_accuracy_is_sklearns(seed: int, n: int) -> None:
    truth, predicted = np.random.default_rng(seed).integers(4, size=(2, n))
    assert scores.accuracy(truth, predicted) == pytest.approx(
        metrics.accuracy_score(truth, predicted)
    )


@given(seeds, st.integers(1, 60))
@settings(deadline=None)
def test_macro_f1_is_the_mean_of_the_f1_of_the_classes_that_occur(seed: int, n: int) -> None:
    truth, predicted = np.random.default_rng(seed).integers(4, size=(2, n))
    parts = []
    for label in np.unique(truth):
        right = np.sum((truth == label) & (predicted == label))
        parts.append(2 * right / (np.sum(truth == label) + np.sum(predicted == label)))
    assert scores.macro_f1(truth, predicted) == pytest.approx(np.mean(parts))


@given(seeds, st.integers(3, 60))
@settings(deadline=None)
def test_spearman_is_the_correlation_of_the_ranks(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.permutation(n) // 2 / n, rng.random(n)
    expected = np.corrcoef(rankdata(truth), rankdata(predicted))[0, 1]
    assert scores.spearman(truth, predicted) == pytest.approx(expected, abs=1e-9)
    # Ranks alone count.
    assert scores.spearman(truth, predicted**3) == pytest.approx(expected, abs=1e-9)


@given(seeds, st.integers(2, 40))
@settings(deadline=None)
def test_auroc_is_the_share_of_pairs_in_the_right_order(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2 == 0
    value = rng.integers(5, size=n) / 5
    gaps = value[truth][:, None] - value[~truth][None]
    expected = np.mean((gaps > 0) + 0.5 * (gaps == 0))
    assert scores.auroc(truth, value) == pytest.approx(expected)


def test_auroc_of_one_class_is_not_a_number() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(scores.auroc(np.ones(3, bool), np.arange(3.0)))


def test_calibration_error_of_known_confidences() -> None:
    # 60 predictions at 0.6, half of them right, and 40 at 0.9, all right.
    confidence = np.r_[np.full(60, 0.6), np.full(40, 0.9)]
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    truth = np.r_[np.arange(60) % 2, np.zeros(40, int)]
    expected = (60 * 0.1 + 40 * 0.1) / 100
    assert scores.calibration_error(truth, probabilities) == pytest.approx(expected)


def test_calibration_error_of_the_perfectly_sure_and_right_is_zero() -> None:
    truth = np.arange(30) % 3
    assert scores.calibration_error(truth, np.eye(3)[truth]) == 0


@given(seeds)
@settings(deadline=None, max_examples=20)
def test_calibration_error_of_calibrated_predictions_is_small(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), 20_000)
    truth = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    assert scores.calibration_error(truth, probabilities) < 0.02


@pytest.mark.parametrize("n", [1, 3, 9, 10, 11])
def test_calibration_error_takes_fewer_predictions_than_bins(n: int) -> None:
    probabilities = np.tile([0.8, 0.2], (n, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scores.calibration_error(np.zeros(n, int), probabilities) == pytest.approx(0.2)


@given(seeds)
@settings(deadline=None, max_examples=20)
def test_interval_covers_the_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=80)
    predicted = np.where(rng.random(80) < 0.7, truth, 1 - truth)
    low, high = scores.bootstrap_interval(
        scores.accuracy, truth, predicted, groups=[str(i // 2) for i in range(80)], rounds=200
    )
    assert 0 <= low <= scores.accuracy(truth, predicted) <= high <= 1


def test_interval_of_independent_rows_is_the_binomial_one() -> None:
    right = np.arange(400) < 300
    low, high = scores.bootstrap_interval(
        lambda x: float(x.mean()), right, groups=[str(i) for i in range(400)], rounds=2000
    )
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - half, abs=0.006)
    assert high == pytest.approx(0.75 + half, abs=0.006)


def test_interval_is_wider_where_groups_agree() -> None:
    right = np.arange(200) % 100 < 70

    def width(groups: list[str]) -> float:
        low, high = scores.bootstrap_interval(lambda x: float(x.mean()), right, groups=groups)
        return high - low

    assert width([str(i // 10) for i in range(200)]) > 2 * width([str(i) for i in range(200)])


def test_one_group_has_no_spread() -> None:
    interval = scores.bootstrap_interval(
        lambda x: float(x.mean()), np.arange(10), groups=["a"] * 10, rounds=20
    )
    assert interval == (4.5, 4.5)
