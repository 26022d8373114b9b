"""Folds for datasets that have none: by group, balanced by genre, the same every time."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.splits import FOLDS


def with_folds(dataset: Dataset) -> Dataset:
    """Return a dataset that was checked, each of its tracks with a fold.

    A group is never split, and the genres are balanced as far as the groups allow. Equal tracks in
    equal order get equal folds. A note names the genres that have too few groups to be in every
    fold.

    Raises
    ------
    DatasetError
        `Dataset.checked` finds something, or there are fewer groups than folds.
    """
    tracks = dataset.checked().tracks
    groups = [track.group for track in tracks]
    found = len(set(groups))
    if found < FOLDS:
        what = "tracks" if found == len(tracks) else "groups (artists)"
        raise DatasetError(
            f"{dataset.source}: it has {found} {what}, and it takes {FOLDS} at least, so that each"
            " can be tested by a model that did not train on it"
        )
    genres = ["|".join(track.genres) for track in tracks]
    if max(Counter(genres).values()) < FOLDS:  # too few of any to spread them
        genres = [""] * len(tracks)
    # Tracks that are each a group of their own need not be weighed against each other, which takes
    # half a millisecond a group.
    kind = StratifiedKFold if found == len(tracks) else StratifiedGroupKFold
    folds = np.empty(len(tracks), int)
    maker = kind(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of genres with fewer tracks than folds
        for fold, (_, test) in enumerate(maker.split(genres, genres, groups)):
            folds[test] = fold
    folded = [replace(track, fold=int(fold)) for track, fold in zip(tracks, folds, strict=True)]
    rare = ", ".join(genre for genre, own in _groups_by_genre(dataset).items() if len(own) < FOLDS)
    notes = (*dataset.notes, *([f"too few for every fold to have some: {rare}"] if rare else []))
    return replace(dataset, tracks=folded, notes=notes)


def _groups_by_genre(dataset: Dataset) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for track in dataset.tracks:
        for genre in track.genres:
            groups.setdefault(genre, set()).add(track.group)
    return dict(sorted(groups.items()))
