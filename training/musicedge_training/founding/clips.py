"""Pieces of cached features with their labels, in batches padded to the longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from musicedge_training.labels import Labels

Arrays = Sequence[NDArray[np.floating]]


@dataclass(frozen=True)
class Targets:
    """What is learned of n tracks.

    Attributes
    ----------
    genres : Tensor [shape=(n, genres), dtype=bool]
        The genres that each may be.
    moods, mood_known : Tensor [shape=(n, moods)]
        Each label's distance from the mean of its source's labels, in their standard deviations,
        since the scales of sources differ; and 1 where there is one, else 0.
    """

    genres: Tensor
    moods: Tensor
    mood_known: Tensor

    @classmethod
    def of(cls, labels: Labels, train: NDArray[np.int64]) -> Targets:
        """Standardise the moods by the rows that are trained on.

        A source of which fewer than two different labels are among them counts as unknown.
        """
        moods, known = np.zeros_like(labels.moods), np.zeros_like(labels.moods)
        in_train = np.isin(np.arange(len(labels.moods)), train)
        for column in range(moods.shape[1]):
            for source in range(len(labels.sources)):
                mask = labels.mood_known[:, column] & (labels.mood_source[:, column] == source)
                seen = labels.moods[mask & in_train, column]
                if len(seen) and seen.std() > 0:
                    moods[mask, column] = (labels.moods[mask, column] - seen.mean()) / seen.std()
                    known[mask, column] = 1
        return cls(torch.tensor(labels.genres), torch.tensor(moods), torch.tensor(known))


class Batch(NamedTuple):
    """The examples of one step.

    Attributes
    ----------
    frames : Tensor [shape=(batch, time, features)]
    lengths : Tensor [shape=(batch,)]
        Frames of each example; what follows is padding.
    genres, moods, mood_known : Tensor
        As in `Targets`.
    """

    frames: Tensor
    lengths: Tensor
    genres: Tensor
    moods: Tensor
    mood_known: Tensor


class Clips(Dataset[tuple[Tensor, int]]):
    """A piece of each of some tracks, and the track's row.

    Parameters
    ----------
    arrays
        The features of all tracks, np.ndarray [shape=(t, features)].
    columns
        Which of the features are read.
    rows
        The tracks.
    length
        Rows of features of a piece; a shorter track is given whole.
    random
        Whether the piece is from anywhere and not from the middle.
    """

    def __init__(
        self,
        arrays: Arrays,
        columns: slice,
        rows: NDArray[np.int64],
        length: int,
        *,
        random: bool,
    ) -> None:
        self._arrays = arrays
        self._columns = columns
        self._rows = rows
        self._length = length
        self._random = random

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        row = int(self._rows[index])
        frames = self._arrays[row]
        spare = max(0, len(frames) - self._length)
        start = int(torch.randint(spare + 1, ())) if self._random else spare // 2
        return piece(frames, self._columns, start, self._length), row


def piece(frames: NDArray[np.floating], columns: slice, start: int, length: int) -> Tensor:
    """Return some rows and columns of a track's features, float32."""
    return torch.from_numpy(frames[start : start + length, columns].astype(np.float32))


def pieces(frames: NDArray[np.floating], columns: slice, length: int) -> list[Tensor]:
    """Return a track's features cut into pieces; a last one of less than half is left out."""
    starts = range(0, max(1, len(frames) - length // 2), length)
    return [piece(frames, columns, start, length) for start in starts]


def pad(clips: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return clips as one tensor, padded with zeros, and their lengths."""
    return pad_sequence(list(clips), batch_first=True), torch.tensor([len(c) for c in clips])


def collate(examples: Sequence[tuple[Tensor, int]], targets: Targets) -> Batch:
    """Put examples and their tracks' targets together."""
    frames, lengths = pad([clip for clip, _ in examples])
    rows = torch.tensor([row for _, row in examples])
    return Batch(
        frames, lengths, targets.genres[rows], targets.moods[rows], targets.mood_known[rows]
    )


def band_statistics(arrays: Arrays, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return the mean and the standard deviation of each feature over some tracks' frames.

    Returns
    -------
    tuple of Tensor [shape=(features,)]
        Deviations are at least 0.001.
    """
    count, total, squares = 0, np.float64(0), np.float64(0)
    for row in rows:
        frames = arrays[row].astype(np.float64)
        count += len(frames)
        total = total + frames.sum(axis=0)
        squares = squares + np.square(frames).sum(axis=0)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(deviation, dtype=torch.float32)
