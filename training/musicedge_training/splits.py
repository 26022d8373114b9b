"""What each training of a study leaves out, and is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge_training.datasets.track import Track

FOLDS = 5
ALL = "all"


@dataclass(frozen=True)
class Split:
    """Rows of a track list: those trained on and those held out.

    Parameters
    ----------
    name
        ``"fold-0"`` .. ``"fold-4"``, ``"without-gtzan"`` .., or ``"all"``.
    unseen_noise
        Kinds of noise of which no recording is trained on.
    """

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    unseen_noise: tuple[str, ...] = ()


def fold_splits(tracks: Sequence[Track]) -> list[Split]:
    """Return the five folds; each also leaves out all recordings of a fifth of the noise kinds."""
    kinds = sorted({track.noise_kind for track in tracks if track.noise_kind})
    splits = []
    for fold in range(FOLDS):
        unseen = tuple(kinds[fold::FOLDS])
        held = np.array([t.fold == fold or t.noise_kind in unseen for t in tracks])
        splits.append(Split(f"fold-{fold}", np.flatnonzero(~held), np.flatnonzero(held), unseen))
    return splits


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
