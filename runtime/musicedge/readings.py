"""The network's outputs for every window, in the units of the results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge.analysis import MOODS, MUSIC_SHARE, GenreScore, Segment
from musicedge.card import Card
from musicedge.frontend import Float32

Float64 = NDArray[np.float64]


class Readings:
    """What the network says of the windows of one piece.

    Parameters
    ----------
    card
        Which heads there are, and their constants.
    outputs : dict of str to np.ndarray [shape=(n, n_labels) or (n,)]
        The output of every head, as `musicedge.session.Session.run` gives it.
    silent : np.ndarray [shape=(n,), dtype=bool]
        Whether a window is digital silence. Its probability of music is 0, whatever the network
        says.

    Attributes
    ----------
    music : np.ndarray [shape=(n,)]
        The probability of music; 1 where the model has no such head and the window is not silent.
    holds_music : np.ndarray [shape=(n,), dtype=bool]
        Whether that probability reaches the card's threshold.
    """

    def __init__(self, card: Card, outputs: dict[str, Float32], silent: NDArray[np.bool_]) -> None:
        music, genre = card.head("music"), card.head("genre")
        self.silent = silent
        self.music: Float64 = np.ones(len(silent))
        threshold = 0.0
        if music is not None:
            self.music = outputs["music"].astype(np.float64)
            threshold = music.threshold or 0.0
        self.music[silent] = 0
        self.holds_music: NDArray[np.bool_] = (self.music >= threshold) & ~silent
        self._labels: tuple[str, ...] = ()
        if genre is not None:
            self._labels = genre.labels
            self._genre = softmax(outputs["genre"].astype(np.float64) / genre.temperature)
        self._moods = {name: outputs[name] for name in MOODS if card.head(name) is not None}

    @property
    def music_share(self) -> float:
        """The share of the windows that hold music."""
        return float(self.holds_music.mean())

    def of_piece(self) -> dict[str, Any]:
        """Return genre and moods as means over the windows that hold music.

        Where less than a tenth of the windows do, the genre is empty and the moods are None.
        """
        enough = self.music_share >= MUSIC_SHARE
        return self._mean(np.flatnonzero(self.holds_music) if enough else np.empty(0, np.intp))

    def of_window(self, index: int, start: float, end: float) -> Segment:
        """Return what is said of one window, which lasts from `start` to `end`, in seconds.

        Where it holds no music, the genre is empty and the moods are None.
        """
        shown = np.array([index] if self.holds_music[index] else [], np.intp)
        return Segment(start, end, float(self.music[index]), **self._mean(shown))

    def _mean(self, indices: NDArray[np.intp]) -> dict[str, Any]:
        """Return the fields that `Analysis` and `Segment` share."""
        result: dict[str, Any] = {"genre": (), **dict.fromkeys(MOODS)}
        if len(indices) == 0:
            return result
        if self._labels:
            scores = self._genre[indices].mean(axis=0)
            result["genre"] = ranked(zip(self._labels, scores, strict=True))
        for name, values in self._moods.items():
            result[name] = float(values[indices].mean(dtype=np.float64))
        return result


def target_names(card: Card) -> tuple[str, ...]:
    """Return what a model tells values of: its genres, then its other heads."""
    genre = card.head("genre")
    heads = (head.name for head in card.heads if head is not genre)
    return (*(genre.labels if genre is not None else ()), *heads)


def target_values(card: Card, outputs: dict[str, Float32]) -> Float64:
    """Return the network's outputs as values in [0, 1].

    Parameters
    ----------
    card
        Which heads there are, and their constants.
    outputs : dict of str to np.ndarray [shape=(n, n_labels) or (n,)]
        The output of every head.

    Returns
    -------
    np.ndarray [shape=(n, k)]
        A column for each of `target_names`.
    """
    columns = [
        outputs[head.name][:, np.newaxis].astype(np.float64)
        for head in card.heads
        if head.name != "genre"
    ]
    genre = card.head("genre")
    if genre is not None:
        columns.insert(0, softmax(outputs["genre"].astype(np.float64) / genre.temperature))
    return np.concatenate(columns, axis=1)


def ranked(scores: Iterable[tuple[str, float]]) -> tuple[GenreScore, ...]:
    """Return labels and their scores from the highest to the lowest, ties as they come."""
    entries = (GenreScore(label, float(score)) for label, score in scores)
    return tuple(sorted(entries, key=lambda entry: -entry.score))


def softmax(logits: Float64) -> Float64:
    """Return the probabilities of logits, np.ndarray [shape=(n, n_labels)], that sum to 1."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
