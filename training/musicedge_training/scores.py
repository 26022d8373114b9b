"""Scores of predictions: accuracy, macro-F1, Spearman, calibration, detection; their spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import r2_score, roc_auc_score

Float = NDArray[np.floating]
Int = NDArray[np.integer]


def accuracy(truth: Int, predicted: Int) -> float:
    """Share of predictions that are right, in [0, 1]."""
    return float(np.mean(truth == predicted))


def macro_f1(truth: Int, predicted: Int) -> float:
    """Mean over the classes that occur in `truth` of the F1 score, in [0, 1]."""
    classes = int(max(truth.max(), predicted.max())) + 1
    right = np.bincount(truth[truth == predicted], minlength=classes)
    named = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
    occurring = np.unique(truth)
    return float(np.mean(2 * right[occurring] / named[occurring]))


def spearman(truth: Float, predicted: Float) -> float:
    """Rank correlation, in [-1, 1]."""
    return float(spearmanr(truth, predicted).statistic)


def concordance(truth: Float, predicted: Float) -> float:
    """Concordance correlation coefficient, in [-1, 1].

    2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))^2): Lin, "A concordance correlation
    coefficient to evaluate reproducibility", Biometrics 1989.
    """
    covariance = np.mean((truth - truth.mean()) * (predicted - predicted.mean()))
    spread = truth.var() + predicted.var() + (truth.mean() - predicted.mean()) ** 2
    return float(2 * covariance / spread) if spread > 0 else float("nan")


def r2(truth: Float, predicted: Float) -> float:
    """Coefficient of determination, at most 1; 0 for always saying the mean."""
    return float(r2_score(truth, predicted))


def auroc(truth: NDArray[np.bool_], score: Float) -> float:
    """Area under the receiver operating characteristic, in [0, 1]; NaN if `truth` is constant."""
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, score))


def calibration_error(truth: Int, probabilities: Float, *, bins: int = 10) -> float:
    """Expected calibration error of the top class, in [0, 1], with bins of equal size.

    The mean, weighted by bin size, of the distance between accuracy and confidence (Naeini, Cooper,
    Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015).

    Parameters
    ----------
    truth : np.ndarray [shape=(n,)]
        The index of the right class.
    probabilities : np.ndarray [shape=(n, classes)]
    bins
        How many; they hold as many predictions each, as far as `n` allows.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(confidence), min(bins, len(truth)))
    gaps = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(truth))


def bootstrap_interval(
    metric: Callable[..., float],
    *arrays: NDArray[np.generic],
    groups: Sequence[str],
    rounds: int = 500,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of a metric under resampling of whole groups (artists).

    Clips of one artist are not independent, so groups are drawn, not clips (Field and Welsh,
    "Bootstrapping clustered data", JRSS B 2007).

    Parameters
    ----------
    metric
        Called with resampled `arrays`.
    *arrays : np.ndarray [shape=(n, ...)]
        The same rows are drawn of each.
    groups
        The group of each row.
    rounds
        How many times to resample.
    """
    rng = np.random.default_rng(seed)
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    values = []
    for _ in range(rounds):
        picks = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        values.append(metric(*(array[picks] for array in arrays)))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
