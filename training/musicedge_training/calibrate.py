"""Calibration on tracks that were not trained on: the genre temperature and the music threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from musicedge_training.predict import Predictions


def fit_temperature(predictions: Predictions, genre: NDArray[np.int64]) -> float:
    """Return the temperature that makes the tracks' genre probabilities likeliest.

    Temperature scaling (Guo et al., "On calibration of modern neural networks", ICML 2017), but
    with the likelihood of the mean over a track's windows, since that is what is reported.

    Parameters
    ----------
    predictions
        Of n tracks that were not trained on.
    genre : np.ndarray [shape=(n,)]
        The sure genre of each track, -1 where unknown.

    Returns
    -------
    float
        In [exp(-2.5), exp(2.5)].
    """
    sure = np.flatnonzero(genre >= 0)
    part = predictions.take(sure)

    def loss(log_temperature: float) -> float:
        chosen = part.genre(float(np.exp(log_temperature)))[np.arange(len(sure)), genre[sure]]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x))


def fit_threshold(music: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Return the threshold whose worse error rate, missed music or false music, is least.

    Between equally good thresholds it takes the middle, farthest from either kind.

    Parameters
    ----------
    music : np.ndarray [shape=(n,)]
        The probability of music of each track, in [0, 1].
    truth : np.ndarray [shape=(n,), dtype=bool]
        Whether it is music.

    Returns
    -------
    float
        In (0, 1); a track counts as music from there on.
    """
    candidates = np.unique(np.concatenate([[0.0, 1.0], music]))
    middles = (candidates[1:] + candidates[:-1]) / 2
    right, wrong = np.sort(music[truth]), np.sort(music[~truth])
    missed = np.searchsorted(right, middles) / max(1, len(right))
    false = (len(wrong) - np.searchsorted(wrong, middles)) / max(1, len(wrong))
    worst = np.maximum(missed, false)
    best = np.flatnonzero(worst <= worst.min() + 1e-9)
    return float((middles[best[0]] + middles[best[-1]]) / 2)
