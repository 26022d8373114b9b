"""What the founding study's networks are trained on: a dataset's tracks and their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from musicedge_training.console import track_progress
from musicedge_training.datasets import patrec
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.opening import open_dataset
from musicedge_training.datasets.track import Track
from musicedge_training.founding.clips import Arrays
from musicedge_training.founding.parts import Parts
from musicedge_training.representations import FeatureCache, FoundingFeatures


@dataclass(frozen=True)
class Material:
    """The tracks that have features, and these.

    Attributes
    ----------
    tracks
        Music only.
    arrays
        The features of each, np.ndarray [shape=(t, 140)], read as they are used.
    parts
        What of them is trained on, validated on and tested on.
    skipped
        How many files could not be decoded.
    """

    tracks: Sequence[Track]
    arrays: Arrays
    parts: Parts
    skipped: int


class Source(Protocol):
    """Where the material of experiments comes from."""

    @property
    def name(self) -> str:
        """The dataset's name, which results are kept with."""

    @property
    def genres(self) -> Sequence[str]:
        """The labels of the genre head."""

    @property
    def tracks(self) -> Sequence[Track]:
        """The music of the dataset."""

    @property
    def parts(self) -> Parts:
        """The split of `tracks`."""

    def check(self, features: FoundingFeatures) -> None:
        """Refuse features that cannot be had, before anything is trained.

        Raises
        ------
        DatasetError
            There are none of the kind.
        """

    def material(self, features: FoundingFeatures) -> Material:
        """Return the tracks with some features.

        Raises
        ------
        DatasetError
            There are none of the kind, or one holds what is no number.
        """


@dataclass(frozen=True)
class Audio:
    """A dataset of sound, whose features are computed where they are missing.

    Parameters
    ----------
    dataset
        The labelled tracks.
    cache
        Where features are kept.
    jobs
        Processes for features.
    """

    dataset: Dataset
    cache: Path
    jobs: int
    _materials: dict[FoundingFeatures, Material] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.name

    @property
    def genres(self) -> Sequence[str]:
        """The labels of the genre head."""
        return self.dataset.genres

    @cached_property
    def tracks(self) -> list[Track]:
        """The music of the dataset."""
        return [track for track in self.dataset.tracks if track.is_music]

    @cached_property
    def parts(self) -> Parts:
        """The split of `tracks`."""
        return Parts.of(self.tracks, self.dataset)

    def check(self, features: FoundingFeatures) -> None:
        """Accept all features: they are computed."""

    def material(self, features: FoundingFeatures) -> Material:
        """Return the tracks' features, computed where they are missing."""
        if features not in self._materials:
            paths = [track.path for track in self.tracks]
            cache = FeatureCache(self.cache / "founding", features)
            skipped = cache.fill(paths, jobs=self.jobs)
            bad = {each.path for each in skipped}
            tracks = [track for track in self.tracks if track.path not in bad]
            arrays = [cache.get(track.path) for track in tracks]
            parts = Parts.of(tracks, self.dataset)
            self._materials[features] = Material(tracks, arrays, parts, len(skipped))
        return self._materials[features]


@dataclass(frozen=True)
class Spectrograms:
    """The founding lab's own features, by frames and by beats, which need no audio.

    Parameters
    ----------
    path
        The lab's folder ``data``, or one of the folders in it.
    """

    path: Path
    _materials: dict[bool, Material] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The dataset's name."""
        return "patrec"

    @property
    def genres(self) -> Sequence[str]:
        """The labels of the genre head."""
        return self._first.genres

    @property
    def tracks(self) -> Sequence[Track]:
        """All clips: those by frames, where there are any."""
        return self._first.tracks

    @cached_property
    def parts(self) -> Parts:
        """The split of `tracks`."""
        return Parts.of(self.tracks, self._first)

    def check(self, features: FoundingFeatures) -> None:
        """Refuse frames or beats where there are none.

        Raises
        ------
        DatasetError
            The lab's folder has none of the kind.
        """
        self._dataset(features)

    def material(self, features: FoundingFeatures) -> Material:
        """Return the spectrograms, a row a frame or a beat.

        Raises
        ------
        DatasetError
            The lab's folder has none of the kind, or one holds what is no number.
        """
        if features.beats not in self._materials:
            dataset = self._dataset(features)
            tracks = dataset.tracks
            arrays = []
            for track in track_progress(tracks, "spectrograms", len(tracks)):
                frames = patrec.open_spectrogram(track.path).T
                if not np.isfinite(frames).all():
                    raise DatasetError(f"{track.path}: it holds values that are not finite numbers")
                arrays.append(frames)
            self._materials[features.beats] = Material(tracks, arrays, Parts.of(tracks, dataset), 0)
        return self._materials[features.beats]

    def _dataset(self, features: FoundingFeatures) -> Dataset:
        dataset = self._by_beats if features.beats else self._by_frames
        if dataset is None:
            kind = "beat-synchronous" if features.beats else "frame-by-frame"
            raise DatasetError(
                f"{self.path}: it holds no {kind} spectrograms; leave experiments on them out with "
                "--only"
            )
        return dataset

    @cached_property
    def _by_frames(self) -> Dataset | None:
        return patrec.load(self.path) if patrec.holds(self.path, beat=False) else None

    @cached_property
    def _by_beats(self) -> Dataset | None:
        return patrec.load(self.path, beat=True) if patrec.holds(self.path, beat=True) else None

    @property
    def _first(self) -> Dataset:
        # Where there is neither, loading says what is missing.
        return self._by_frames or self._by_beats or patrec.load(self.path)


def open_source(spec: str | Path, cache: Path, jobs: int) -> Source:
    """Return where the material of experiments comes from.

    Parameters
    ----------
    spec
        A dataset, as `open_dataset` takes it.
    cache, jobs
        As `Audio` takes them.

    Raises
    ------
    DatasetError
        There is no such dataset.
    """
    dataset = open_dataset(spec)
    if dataset.name == "patrec":
        return Spectrograms(dataset.source)
    return Audio(dataset, cache, jobs)
