"""Tracks' labels as tensors: what the losses and the scores read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import GENRES, MOODS, Track

# The source whose scale a mood's output has: listeners' ratings, and for danceability Echo Nest's.
REFERENCE_SOURCES = {"valence": "rated", "arousal": "rated", "danceability": "echonest"}


@dataclass(frozen=True)
class Labels:
    """The labels of n tracks.

    Attributes
    ----------
    genres : np.ndarray [shape=(n, genres), dtype=bool]
        The genres that each may be, in the order that was asked for; a row without any is unknown.
    moods, mood_known : np.ndarray [shape=(n, moods)]
        Values in [0, 1], and whether there is one.
    mood_source : np.ndarray [shape=(n, moods), dtype=int64]
        Index into `sources`.
    music : np.ndarray [shape=(n,), dtype=bool]
    sources
        The names of the moods' sources.
    names
        The genres' names, in the order of the columns.
    """

    genres: NDArray[np.bool_]
    moods: NDArray[np.float32]
    mood_known: NDArray[np.bool_]
    mood_source: NDArray[np.int64]
    music: NDArray[np.bool_]
    sources: tuple[str, ...]
    names: tuple[str, ...] = GENRES

    @classmethod
    def of(cls, tracks: Sequence[Track], genres: Sequence[str] = GENRES) -> Labels:
        """Collect the labels of `tracks`.

        Parameters
        ----------
        tracks
            What is labelled.
        genres
            The labels of the genre head, in its order: `Dataset.genres`.

        Raises
        ------
        DatasetError
            A track has a genre that is not among `genres`.
        """
        for track in tracks:
            other = [genre for genre in track.genres if genre not in genres]
            if other:
                raise DatasetError(
                    f"{track.id!r}: its genre {other[0]!r} is not among {', '.join(genres)}"
                )
        sources = tuple(sorted({label.source for t in tracks for label in t.moods.values()}))
        n = len(tracks)
        moods = np.zeros((n, len(MOODS)), np.float32)
        known = np.zeros((n, len(MOODS)), bool)
        source = np.zeros((n, len(MOODS)), np.int64)
        for row, track in enumerate(tracks):
            for name, label in track.moods.items():
                column = MOODS.index(name)
                moods[row, column] = label.value
                known[row, column] = True
                source[row, column] = sources.index(label.source)
        admitted = np.array([[g in track.genres for g in genres] for track in tracks], bool)
        music = np.array([track.is_music for track in tracks], bool)
        return cls(admitted, moods, known, source, music, sources, tuple(genres))

    @property
    def hard_genre(self) -> NDArray[np.int64]:
        """The genre's index where exactly one is admitted, else -1, np.ndarray [shape=(n,)]."""
        sure = self.genres.sum(axis=1) == 1
        return np.where(sure, self.genres.argmax(axis=1), -1)
