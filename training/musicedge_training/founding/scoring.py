"""A network of the founding study against the labels of tracks that it has not heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from musicedge_training import evaluate, scores
from musicedge_training.architectures.founding import FoundingNetwork
from musicedge_training.datasets.track import GENRES, MOODS, Track
from musicedge_training.founding.clips import Arrays, pad, pieces
from musicedge_training.labels import Labels
from musicedge_training.predict import Predictions


@dataclass(frozen=True)
class Answers:
    """What a network says of each of n tracks.

    Attributes
    ----------
    ids : np.ndarray [shape=(n,), dtype=str]
        The tracks.
    genre : np.ndarray [shape=(n,)]
        The likeliest genre's index among the dataset's.
    moods : np.ndarray [shape=(n, moods)]
        In standard deviations of each source.
    """

    ids: NDArray[np.str_]
    genre: NDArray[np.int64]
    moods: NDArray[np.float32]

    @classmethod
    def of(cls, tracks: Sequence[Track], predictions: Predictions) -> Answers:
        """Take the answers out of predictions."""
        ids = np.array([track.id for track in tracks])
        return cls(ids, predictions.genre().argmax(axis=1), predictions.moods)

    def save(self, path: Path) -> None:
        """Write all arrays to an ``.npz``."""
        with path.open("wb") as file:
            np.savez(file, ids=self.ids, genre=self.genre, moods=self.moods)

    @classmethod
    def load(cls, path: Path) -> Answers:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["ids"], arrays["genre"], arrays["moods"])


def predict(
    network: FoundingNetwork,
    arrays: Arrays,
    columns: slice,
    length: int,
    *,
    genres: Sequence[str] = GENRES,
) -> Predictions:
    """Return what a network says of tracks, over all pieces of each.

    What it has no head for is 0 throughout; moods are in standard deviations of each source.

    Parameters
    ----------
    network
        In evaluation mode.
    arrays
        The features of each track, np.ndarray [shape=(t, features)].
    columns
        Which of the features it reads.
    length
        Rows of a piece.
    genres
        The labels of the genre head.
    """
    logits, owner = [], []
    moods = np.zeros((len(arrays), len(MOODS)), np.float32)
    for row, frames in enumerate(arrays):
        clips, lengths = pad(pieces(frames, columns, length))
        with torch.inference_mode():
            outputs = {name: value.numpy() for name, value in network(clips, lengths).items()}
        logits.append(outputs.get("genre", np.zeros((len(clips), len(genres)), np.float32)))
        owner += [row] * len(clips)
        for column, mood in enumerate(MOODS):
            if mood in outputs:
                moods[row, column] = outputs[mood].mean()
    music = np.ones(len(arrays), np.float32)
    return Predictions(np.concatenate(logits), np.array(owner), moods, music)


def score(
    tracks: Sequence[Track],
    predictions: Predictions,
    heads: Sequence[str],
    *,
    genres: Sequence[str] = GENRES,
) -> dict[str, Any]:
    """Return the scores of some heads, as JSON-ready objects with 95 % intervals.

    Beside those of `musicedge_training.evaluate.evaluate`, ``"MOOD/spearman"`` is the mean over the
    mood's sources, each weighted by its tracks. A score that means nothing, as where all labels are
    equal, is left out.
    """
    found = evaluate.to_json(evaluate.evaluate(tracks, predictions, by_fold=False, genres=genres))
    found = {name: value for name, value in found.items() if name.split("/")[0] in heads}
    labels = Labels.of(tracks, genres)
    groups = np.array([track.group for track in tracks])
    for column, mood in enumerate(MOODS):
        known = labels.mood_known[:, column]
        if mood in heads and known.any():
            arrays = (
                labels.moods[known, column],
                predictions.moods[known, column],
                labels.mood_source[known, column],
            )
            value = within_sources(*arrays)
            if np.isnan(value):
                continue
            low, high = scores.bootstrap_interval(
                within_sources, *arrays, groups=list(groups[known])
            )
            mean = evaluate.Score(value, low, high, (), int(known.sum()))
            found[f"{mood}/spearman"] = mean.to_dict()
    return found


def within_sources(
    truth: NDArray[np.floating], predicted: NDArray[np.floating], source: NDArray[np.integer]
) -> float:
    """Return the mean of the sources' Spearman correlations, weighted by their tracks."""
    values, counts = [], []
    for each in np.unique(source):
        mask = source == each
        if np.ptp(truth[mask]) > 0 and np.ptp(predicted[mask]) > 0:
            values.append(scores.spearman(truth[mask], predicted[mask]))
            counts.append(int(mask.sum()))
    return float(np.average(values, weights=counts)) if counts else float("nan")


def largest_class(tracks: Sequence[Track]) -> float:
    """Return the accuracy of always naming the genre that most of the tracks surely have.

    It is NaN where no track has a sure genre.
    """
    counts = Counter(track.genre for track in tracks if track.genre)
    return max(counts.values()) / counts.total() if counts else float("nan")
