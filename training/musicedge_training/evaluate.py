"""Predictions against labels: every score of the results table, by fold, collection and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge_training import scores
from musicedge_training.datasets.track import GENRES, MOODS, Track
from musicedge_training.labels import Labels
from musicedge_training.predict import Predictions


@dataclass(frozen=True)
class Score:
    """One figure of the results.

    Attributes
    ----------
    value
        Over all held-out tracks together.
    low, high
        95 % bootstrap interval over artists.
    folds
        The figure of each fold, for its mean and spread; empty where folds make no sense.
    n
        Tracks that it is computed from.
    """

    value: float
    low: float
    high: float
    folds: tuple[float, ...]
    n: int

    @property
    def mean(self) -> float:
        """Mean over the folds, or the value where there are none."""
        return float(np.mean(self.folds)) if self.folds else self.value

    @property
    def spread(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std(self.folds)) if self.folds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready object, rounded to four decimals."""
        return {
            "value": round(self.value, 4),
            "interval95": [round(self.low, 4), round(self.high, 4)],
            "fold_mean": round(self.mean, 4),
            "fold_sd": round(self.spread, 4),
            "n": self.n,
        }


MIN_TRACKS = 10  # fewer tell nothing of a fold or a collection


def evaluate(
    tracks: Sequence[Track],
    predictions: Predictions,
    *,
    temperature: float = 1.0,
    by_fold: bool = True,
    genres: Sequence[str] = GENRES,
) -> dict[str, Score]:
    """Score predictions.

    Parameters
    ----------
    tracks
        The held-out tracks, in the order of the predictions.
    predictions
        What a system says of them.
    temperature
        What genre logits are divided by.
    by_fold
        Whether the predictions come from five folds, so that mean and spread are given too.
    genres
        The labels of the genre head, in its order.

    Returns
    -------
    dict
        Keys such as ``"genre/accuracy"``, ``"genre/macro-f1"``, ``"genre/ece"``,
        ``"genre/accuracy/gtzan"``, ``"arousal/spearman/rated"``, ``"music/auroc"``.
    """
    labels = Labels.of(tracks, genres)
    judge = _Judge(tracks, by_fold)
    probabilities = predictions.genre(temperature)
    genre = labels.hard_genre
    predicted = probabilities.argmax(axis=1) if probabilities.shape[1] else genre
    sure = genre >= 0
    results: dict[str, Score] = {}
    if sure.any() and probabilities.shape[1]:
        results["genre/accuracy"] = judge(scores.accuracy, sure, genre, predicted)
        results["genre/macro-f1"] = judge(scores.macro_f1, sure, genre, predicted)
        results["genre/ece"] = judge(scores.calibration_error, sure, genre, probabilities)
        collections = np.array([track.collection for track in tracks])
        for name in sorted(set(collections[sure])):
            mask = sure & (collections == name)
            if mask.sum() >= MIN_TRACKS:
                key = f"genre/accuracy/{name}"
                results[key] = judge(scores.accuracy, mask, genre, predicted)
    for column, mood in enumerate(MOODS):
        for index, source in enumerate(labels.sources):
            mask = labels.mood_known[:, column] & (labels.mood_source[:, column] == index)
            truth, value = labels.moods[:, column], predictions.moods[:, column]
            # A system that knows nothing of a source says the same of all its tracks.
            if mask.sum() >= MIN_TRACKS and np.ptp(truth[mask]) > 0 and np.ptp(value[mask]) > 0:
                results[f"{mood}/spearman/{source}"] = judge(scores.spearman, mask, truth, value)
    everything = np.ones(len(tracks), bool)
    if 0 < labels.music.sum() < len(tracks):
        results["music/auroc"] = judge(scores.auroc, everything, labels.music, predictions.music)
    return results


class _Judge:
    """Applies a metric to all tracks of a mask, to their folds, and to bootstrap samples."""

    def __init__(self, tracks: Sequence[Track], by_fold: bool) -> None:
        self._groups = np.array([track.group for track in tracks])
        self._folds = np.array([track.fold for track in tracks])
        self._by_fold = by_fold

    def __call__(
        self, metric: Any, mask: NDArray[np.bool_], truth: NDArray[Any], predicted: NDArray[Any]
    ) -> Score:
        folds = []
        for fold in sorted(set(self._folds[mask])) if self._by_fold else ():
            part = mask & (self._folds == fold)
            if part.sum() >= MIN_TRACKS:
                folds.append(metric(truth[part], predicted[part]))
        low, high = scores.bootstrap_interval(
            metric, truth[mask], predicted[mask], groups=list(self._groups[mask])
        )
        value = metric(truth[mask], predicted[mask])
        return Score(value, low, high, tuple(folds), int(mask.sum()))


def to_json(results: Mapping[str, Score]) -> dict[str, Any]:
    """Return all scores as a JSON-ready object."""
    return {name: score.to_dict() for name, score in results.items()}
