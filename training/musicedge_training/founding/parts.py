"""Which tracks an experiment is trained on, stopped by and tested on: one split for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.track import MOODS, Track
from musicedge_training.labels import Labels

TEST_FOLD, VALIDATION_FOLD = 0, 1
_FEWEST = 2  # tracks of a part with a label
_LEAST_SHARE = 0.05  # of the tracks with a label, for a test part that is meant for it
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Parts:
    """The split of a dataset's tracks.

    The dataset's official split, where it has one; its validation part is fold 1 of what is trained
    on, where it has none. Of a kind of label that the official test part has hardly any of, fold 0
    of what is trained on is tested as well. Without an official split fold 0 is tested and fold 1
    validated on. A track that is tested for one kind of label is trained on for none: a network of
    moods may begin as one of genres.

    Attributes
    ----------
    test
        By kind of label, ``"genre"`` and ``"moods"``, which tracks are tested on.
    training, validation : np.ndarray [shape=(n,), dtype=bool]
        Which are trained on and validated on.
    official
        The kinds that are tested on the dataset's official test part.
    """

    test: Mapping[str, Mask]
    training: Mask
    validation: Mask
    official: tuple[str, ...]

    @classmethod
    def of(cls, tracks: Sequence[Track], dataset: Dataset) -> Parts:
        """Split some of a dataset's tracks."""
        labels = Labels.of(tracks, dataset.genres)
        known = {"genre": labels.genres.any(axis=1), "moods": labels.mood_known.any(axis=1)}
        fold = np.array([track.fold for track in tracks])
        part = _official(tracks, dataset)
        rest = part == "train"
        test, official = {}, []
        for kind, mask in known.items():
            published = part == "test"
            if (published & mask).sum() >= max(_FEWEST, _LEAST_SHARE * mask.sum()):
                test[kind] = published
                official.append(kind)
            elif dataset.official_split is not None:
                test[kind] = mask & (published | (rest & (fold == TEST_FOLD)))
            else:
                test[kind] = fold == TEST_FOLD
        tested = np.logical_or.reduce([test[kind] & known[kind] for kind in known])
        validation = part == "validation"
        if not validation.any():
            validation = rest & (fold == VALIDATION_FOLD)
        return cls(test, rest & ~tested & ~validation, validation & ~tested, tuple(official))

    def rows(self, labels: Labels, heads: Sequence[str], name: str) -> dict[str, NDArray[np.int64]]:
        """Return the rows of each part that have a label of an experiment's.

        Parameters
        ----------
        labels
            Of the tracks.
        heads
            What the experiment learns: ``"genre"``, or moods.
        name
            The experiment's, for the error.

        Raises
        ------
        DatasetError
            A part has fewer than two tracks with a label of a head.
        """
        known = {"genre": labels.genres.any(axis=1)}
        known |= {mood: labels.mood_known[:, column] for column, mood in enumerate(MOODS)}
        masks = {
            "training": self.training,
            "validation": self.validation,
            "test": self.test["genre" if "genre" in heads else "moods"],
        }
        for part, mask in masks.items():
            for head in heads:
                if (mask & known[head]).sum() < _FEWEST:
                    raise DatasetError(
                        f"the {part} part has fewer than two tracks with a label of {head}, which "
                        f"{name} needs; leave such experiments out with --only"
                    )
        wanted = np.logical_or.reduce([known[head] for head in heads])
        return {part: np.flatnonzero(mask & wanted) for part, mask in masks.items()}


def _official(tracks: Sequence[Track], dataset: Dataset) -> NDArray[np.str_]:
    """Return the official part of each track; all are to be trained on where there is no split."""
    split = dataset.official_split
    if split is None:
        return np.full(len(tracks), "train", dtype="<U10")
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    named = {dataset.tracks[row].id: name for name, rows in parts.items() for row in rows}
    return np.array([named.get(track.id, "") for track in tracks], dtype="<U10")
