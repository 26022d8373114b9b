"""Calibration: the known temperature is found, and the threshold balances both errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge_training import calibrate
from musicedge_training.predict import Predictions


def overconfident(temperature: float, n: int = 4000, windows: int = 1) -> tuple[Predictions, ...]:
    """Return predictions whose logits are `temperature` times the true ones, and the truth."""
    rng = np.random.default_rng(0)
    true = 2 * rng.standard_normal((n, 4))
    odds = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    genre = (rng.random((n, 1)) > odds.cumsum(axis=1)).sum(axis=1)
    logits = np.repeat(temperature * true, windows, axis=0).astype(np.float32)
    owner = np.repeat(np.arange(n), windows)
    return Predictions(logits, owner, np.zeros((n, 3)), np.zeros(n)), genre


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("windows", [1, 2])
def test_known_temperature_is_found(temperature: float, windows: int) -> None:
    predictions, genre = overconfident(temperature, windows=windows)
    found = calibrate.fit_temperature(predictions, genre)
    assert found == pytest.approx(temperature, rel=0.05)


def test_tracks_of_unknown_genre_do_not_count() -> None:
    predictions, genre = overconfident(2.0)
    worse = Predictions(
        np.where(np.arange(4000)[:, None] < 1000, -50 * predictions.logits, predictions.logits),
        predictions.owner,
        predictions.moods,
        predictions.music,
    )
    hidden = np.where(np.arange(4000) < 1000, -1, genre)
    found = calibrate.fit_temperature(worse, hidden)
    assert found == pytest.approx(calibrate.fit_temperature(predictions, hidden), rel=1e-6)


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 60))
@settings(deadline=None)
def test_no_threshold_has_a_lower_worst_error(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    music = np.r_[rng.beta(4, 2, n), rng.beta(2, 4, m)].round(2)
    truth = np.arange(n + m) < n

    def worst(threshold: float) -> float:
        return max(np.mean(music[truth] < threshold), np.mean(music[~truth] >= threshold))

    found = calibrate.fit_threshold(music, truth)
    assert 0 < found < 1
    best = min(worst(threshold) for threshold in np.linspace(0.0001, 0.9999, 999))
    assert worst(found) <= best + 1e-9


def test_threshold_makes_both_errors_nearly_equal() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(4000) < 3000
    music = np.where(truth, rng.beta(5, 2, 4000), rng.beta(2, 5, 4000))
    found = calibrate.fit_threshold(music, truth)
    missed, false = np.mean(music[truth] < found), np.mean(music[~truth] >= found)
    assert missed == pytest.approx(false, abs=0.005)


def test_threshold_lies_in_the_middle_of_a_gap() -> None:
    music = np.array([0.1, 0.2, 0.8, 0.9])
    assert calibrate.fit_threshold(music, music > 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [True, False])
def test_one_kind_alone_is_always_right(kind: bool) -> None:
    music = np.array([0.4, 0.6])
    found = calibrate.fit_threshold(music, np.full(2, kind))
    assert (found <= 0.4) if kind else (found > 0.6)
