"""How good predictions are: scores with intervals, each genre, what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from musicedge_training import evaluate, scores
from musicedge_training.datasets.track import GENRES, MOODS, Track
from musicedge_training.evaluate import MIN_TRACKS, Score
from musicedge_training.labels import Labels
from musicedge_training.predict import Predictions


@dataclass(frozen=True)
class GenreRow:
    """One genre.

    Attributes
    ----------
    genre
        Its label.
    n
        How many tracks are of it for sure.
    precision, recall, f1
        In [0, 1].
    """

    genre: str
    n: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class MoodPoints:
    """A mood's labels of one source, beside what is predicted.

    Attributes
    ----------
    mood, source
        Such as ``"valence"`` and ``"rated"``.
    truth, predicted : np.ndarray [shape=(n,)]
        In [0, 1], each on its own scale.
    """

    mood: str
    source: str
    truth: NDArray[np.float32]
    predicted: NDArray[np.float32]


@dataclass(frozen=True)
class Judgement:
    """How good predictions of some tracks are.

    Attributes
    ----------
    n
        How many tracks there were.
    scores
        By name; see `musicedge_training.evaluate.evaluate`, and ``"arousal/ccc/rated"`` (Lin's
        concordance) and ``"arousal/r2/rated"``.
    genres
        Those that occur, each with its figures.
    confusion : np.ndarray [shape=(genres, genres), dtype=int64]
        Tracks by their genre (row) and the one that was told (column), in the order of `labels`.
    labels
        The genres of the confusion matrix.
    moods
        What the moods' scores are computed from.
    """

    n: int
    scores: dict[str, Score]
    genres: tuple[GenreRow, ...]
    confusion: NDArray[np.int64]
    labels: tuple[str, ...]
    moods: tuple[MoodPoints, ...]

    def scores_to_json(self) -> dict[str, Any]:
        """Return the scores alone."""
        return evaluate.to_json(self.scores)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready object."""
        return {
            "tracks": self.n,
            "scores": self.scores_to_json(),
            "genres": [
                {
                    "genre": row.genre,
                    "n": row.n,
                    "precision": round(row.precision, 4),
                    "recall": round(row.recall, 4),
                    "f1": round(row.f1, 4),
                }
                for row in self.genres
            ],
            "confusion": {"labels": list(self.labels), "counts": self.confusion.tolist()},
        }


def judge(
    tracks: Sequence[Track],
    predictions: Predictions,
    *,
    temperature: float = 1.0,
    genres: Sequence[str] = GENRES,
) -> Judgement:
    """Judge predictions.

    Parameters
    ----------
    tracks
        In the order of the predictions.
    predictions
        What a model says of them.
    temperature
        What genre logits are divided by.
    genres
        The labels of the genre head, in its order.
    """
    labels = Labels.of(tracks, genres)
    results = evaluate.evaluate(
        tracks, predictions, temperature=temperature, by_fold=False, genres=genres
    )
    points = _points(labels, predictions)
    groups = np.array([track.group for track in tracks])
    for each, mask in points:
        for name, metric in (("ccc", scores.concordance), ("r2", scores.r2)):
            low, high = scores.bootstrap_interval(
                metric, each.truth, each.predicted, groups=list(groups[mask])
            )
            value = metric(each.truth, each.predicted)
            results[f"{each.mood}/{name}/{each.source}"] = Score(
                value, low, high, (), int(mask.sum())
            )
    rows, matrix, named = _genres(labels, predictions.genre(temperature))
    moods = tuple(each for each, _ in points)
    return Judgement(len(tracks), results, rows, matrix, named, moods)


def _points(labels: Labels, predictions: Predictions) -> list[tuple[MoodPoints, NDArray[np.bool_]]]:
    found = []
    for column, mood in enumerate(MOODS):
        for index, source in enumerate(labels.sources):
            mask = labels.mood_known[:, column] & (labels.mood_source[:, column] == index)
            predicted = predictions.moods[mask, column]
            if mask.sum() >= MIN_TRACKS and np.ptp(predicted) > 0:
                truth = labels.moods[mask, column]
                found.append((MoodPoints(mood, source, truth, predicted), mask))
    return found


def _genres(
    labels: Labels, probabilities: NDArray[np.float32]
) -> tuple[tuple[GenreRow, ...], NDArray[np.int64], tuple[str, ...]]:
    sure = labels.hard_genre >= 0
    if not sure.any() or not probabilities.shape[1]:
        return (), np.zeros((0, 0), np.int64), ()
    truth, told = labels.hard_genre[sure], probabilities[sure].argmax(axis=1)
    occurring = np.unique(np.concatenate([truth, told]))
    names = tuple(labels.names[index] for index in occurring)
    parts = precision_recall_fscore_support(truth, told, labels=occurring, zero_division=0)
    rows = (
        GenreRow(name, int(n), float(p), float(r), float(f))
        for name, p, r, f, n in zip(names, *parts, strict=True)
    )
    return tuple(rows), confusion_matrix(truth, told, labels=occurring), names


def to_text(judgement: Judgement) -> str:
    """Return a judgement as lines for people."""
    lines = [f"{judgement.n} tracks"]
    width = max((len(name) for name in judgement.scores), default=0)
    for name, score in judgement.scores.items():
        interval = f"({score.low:.3f} to {score.high:.3f})"
        lines.append(f"{name:<{width}}  {score.value:6.3f}  {interval:<18} {score.n:5} tracks")
    if judgement.genres:
        width = max(len("genre"), *(len(row.genre) for row in judgement.genres))
        header = f"{'genre':<{width}}  tracks  precision  recall     F1  most taken for"
        lines += ["", header]
        for index, row in enumerate(judgement.genres):
            lines.append(
                f"{row.genre:<{width}}  {row.n:6}  {row.precision:9.3f}  {row.recall:6.3f}  "
                f"{row.f1:5.3f}  {_mistaken(judgement, index)}"
            )
    return "\n".join(lines)


def _mistaken(judgement: Judgement, index: int) -> str:
    """Return the genres that one is taken for most often, with how often."""
    wrong = judgement.confusion[index].copy()
    wrong[index] = 0
    order = np.argsort(-wrong, kind="stable")[:2]
    return ", ".join(f"{judgement.labels[i]} {wrong[i]}" for i in order if wrong[i])
