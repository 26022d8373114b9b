"""Scores of what a model says against labels, by scikit-learn and scipy, with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 10
"""Fewer labels of one source tell nothing of a rank correlation."""

_DRAWS = 500

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Score:
    """A figure with its 95 % bootstrap interval over groups.

    Attributes
    ----------
    value, low, high
        The figure; the limits are None where all tracks are of one group.
    count
        Tracks that it is computed from.
    """

    value: float
    low: float | None
    high: float | None
    count: int


def genre_scores(
    truth: Sequence[str], told: Sequence[str], groups: Sequence[str]
) -> tuple[Score, Score]:
    """Return accuracy and macro-F1.

    Parameters
    ----------
    truth, told, groups
        One a track, at least one: the right genre, what the model says, and what is drawn as a
        whole, such as the artist. The mean of the F1 scores is over the genres in `truth`.
    """
    from sklearn.metrics import accuracy_score, f1_score

    def macro_f1(truth: Array, told: Array) -> float:
        labels = np.unique(truth)
        return float(f1_score(truth, told, labels=labels, average="macro", zero_division=0.0))

    rows = np.array(truth), np.array(told)
    return _score(accuracy_score, groups, *rows), _score(macro_f1, groups, *rows)


def rank_correlation(
    truth: Sequence[float], told: Sequence[float], sources: Sequence[str], groups: Sequence[str]
) -> Score | None:
    """Return the mean of Spearman's correlations within each source, weighted by their tracks.

    The scales of sources differ, so that ranks across them mean nothing.

    Parameters
    ----------
    truth, told, sources, groups
        One a track: the label, what the model says, where the label is from, and what is drawn as a
        whole, such as the artist.

    Returns
    -------
    Score or None
        None where no source has `LEAST` tracks whose labels and answers differ.
    """
    from scipy.stats import spearmanr

    columns = np.array(truth), np.array(told), np.array(sources)
    kept = np.zeros(len(truth), bool)
    for source in sorted(set(sources)):
        mask = columns[2] == source
        if mask.sum() >= LEAST and all(np.ptp(each[mask]) > 0 for each in columns[:2]):
            kept |= mask
    if not kept.any():
        return None

    def correlation(truth: Array, told: Array, sources: Array) -> float:
        total = weight = 0.0
        for source in np.unique(sources):
            mask = sources == source
            if np.ptp(truth[mask]) > 0 and np.ptp(told[mask]) > 0:  # a draw may hold one track
                total += mask.sum() * spearmanr(truth[mask], told[mask]).statistic
                weight += mask.sum()
        return float(total / weight) if weight else 0.0

    rows = [each[kept] for each in columns]
    return _score(correlation, np.array(groups)[kept], *rows)


def _score(metric: Callable[..., float], groups: Sequence[str] | Array, *rows: Array) -> Score:
    """Compute a metric, and its interval under drawing whole groups, which are not independent."""
    from scipy.stats import bootstrap

    value, count = float(metric(*rows)), len(rows[0])
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        return Score(value, None, None, count)
    members = [np.flatnonzero(index == number) for number in range(len(names))]

    def of_draw(drawn: Array) -> float:
        picks = np.concatenate([members[number] for number in drawn])
        return metric(*(each[picks] for each in rows))

    interval = bootstrap(
        (np.arange(len(names)),),
        of_draw,
        n_resamples=_DRAWS,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Score(value, float(interval.low), float(interval.high), count)
