"""What every dataset is once it is opened: its tracks, its genres, its official split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge.errors import MusicedgeError
from musicedge_training.datasets.track import GENRES, Track


class DatasetError(MusicedgeError):
    """A dataset is not where it was looked for, or its labels break a rule."""


@dataclass(frozen=True)
class OfficialSplit:
    """The split that a dataset is published with: rows of its track list.

    Attributes
    ----------
    train, validation, test : np.ndarray [dtype=int64]
        Without a row in common; `validation` may be empty.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[str]) -> OfficialSplit:
        """Return the split for one name a track: ``train``, ``validation`` or ``test``."""
        names = np.array(parts)
        return cls(*(np.flatnonzero(names == part) for part in ("train", "validation", "test")))


@dataclass(frozen=True)
class Dataset:
    """Labelled tracks from one place.

    Parameters
    ----------
    name
        The dataset's name, such as ``"gtzan"``, or a user's file or folder.
    source
        The file or folder that it was read from.
    tracks
        In a fixed order; every track has a fold.
    official_split
        The published split, where there is one.
    notes
        Sentences for people, such as that a part of the published tracks is not there.
    """

    name: str
    source: Path
    tracks: list[Track]
    official_split: OfficialSplit | None = None
    notes: tuple[str, ...] = ()

    @property
    def genres(self) -> tuple[str, ...]:
        """The labels of a genre head for these tracks.

        `GENRES` where all genres are among them, else the dataset's own, sorted.
        """
        own = {genre for track in self.tracks for genre in track.genres}
        return GENRES if own <= set(GENRES) else tuple(sorted(own))

    def checked(self) -> Dataset:
        """Return the dataset itself when it can be trained on.

        Raises
        ------
        DatasetError
            It is empty, a file is missing, a track is there twice, or the labels hold nothing that
            can be learned: none at all, or a single genre and no mood.
        """
        if not self.tracks:
            raise DatasetError(f"{self.source}: holds no track with a label")
        gone = [track for track in self.tracks if not _is_file(track.path)]
        if gone:
            rest = f", nor are {len(gone) - 1} others of {len(self.tracks)}" if gone[1:] else ""
            raise DatasetError(f"{self.source}: there is no file {str(gone[0].path)!r}{rest}")
        ids: set[str] = set()
        for track in self.tracks:
            if track.id in ids:
                raise DatasetError(f"{self.source}: {track.id!r} is there twice")
            ids.add(track.id)
        if not any(track.moods for track in self.tracks):
            self._check_genres()
        return self

    def _check_genres(self) -> None:
        own = {genre for track in self.tracks for genre in track.genres}
        if not own:
            raise DatasetError(f"{self.source}: no track has a genre or a mood to learn from")
        if len(own) == 1:
            raise DatasetError(
                f"{self.source}: every genre is {own.pop()!r}; there must be two to tell apart"
            )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a folder that may not be entered
        return False


def incomplete(found: int, published: int, what: str) -> tuple[str, ...]:
    """Return the note that a part of a published dataset is not there, if so."""
    return () if found == published else (f"{found} of the {published} published {what}",)
