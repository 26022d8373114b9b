"""What each training of a study leaves out, and is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from musicedge_training.datasets.dataset import Dataset
from musicedge_training.datasets.track import Track

FOLDS = 5
ALL = "all"
OFFICIAL = "official"


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Split:
    """Rows of a track list: those trained on and those held out.

    Parameters
    ----------
    name
        ``"fold-0"`` .. ``"fold-4"``, ``"official"``, ``"without-gtzan"`` .., or ``"all"``.
    unseen_noise
        Kinds of noise of which no recording is trained on.
    validation
        Neither trained on nor tested: what decides when training stops, and what is calibrated on.
    """

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    unseen_noise: tuple[str, ...] = ()
    validation: NDArray[np.int64] = field(default_factory=_none)


def fold_splits(tracks: Sequence[Track]) -> list[Split]:
    """Return the five folds; each also leaves out all recordings of a fifth of the noise kinds."""
    kinds = sorted({track.noise_kind for track in tracks if track.noise_kind})
    splits = []
    for fold in range(FOLDS):
        unseen = tuple(kinds[fold::FOLDS])
        held = np.array([t.fold == fold or t.noise_kind in unseen for t in tracks])
        splits.append(Split(f"fold-{fold}", np.flatnonzero(~held), np.flatnonzero(held), unseen))
    return splits


def official_split(dataset: Dataset, tracks: Sequence[Track]) -> Split | None:
    """Return the split that a dataset is published with, as rows of what is left of its tracks.

    None where there is no such split, or nothing is left of what it trains or tests on.
    """
    if dataset.official_split is None:
        return None
    place = {track.id: row for row, track in enumerate(tracks)}
    official = dataset.official_split
    train, validation, test = (
        np.array([place[i] for i in (dataset.tracks[n].id for n in part) if i in place], np.int64)
        for part in (official.train, official.validation, official.test)
    )
    if not len(train) or not len(test):
        return None
    return Split(OFFICIAL, train, test, validation=validation)


def with_validation(split: Split, tracks: Sequence[Track]) -> Split:
    """Return a split that has a validation part, taken from what is trained on where it has none.

    It is the fold after the one that is tested, else fold 0, so that no group is split. A split
    that tests nothing is returned as it is.
    """
    if len(split.validation) or not len(split.test):
        return split
    number = split.name.removeprefix("fold-")
    fold = (int(number) + 1) % FOLDS if number.isdigit() else 0
    held = np.array([tracks[row].fold == fold for row in split.train], bool)
    return replace(split, train=split.train[~held], validation=split.train[held])


def collection_splits(tracks: Sequence[Track]) -> list[Split]:
    """Return a split for each collection with sure genres: trained without it, tested on it.

    Artists of the held-out collection are left out of the other collections as well. Where there is
    but one collection, there are no such splits.
    """
    collections = sorted({track.collection for track in tracks if track.genre})
    if len({track.collection for track in tracks if track.is_music}) < 2:
        return []
    splits = []
    for collection in collections:
        held = np.array([track.collection == collection for track in tracks])
        artists = {track.group for track, out in zip(tracks, held, strict=True) if out}
        kin = np.array([track.group in artists for track in tracks])
        splits.append(Split(f"without-{collection}", np.flatnonzero(~kin), np.flatnonzero(held)))
    return splits


def all_split(tracks: Sequence[Track]) -> Split:
    """Return the split that trains on everything and holds out nothing."""
    return Split(ALL, np.arange(len(tracks)), np.empty(0, np.int64))
