"""Real music that graphs are calibrated and verified on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge_export.verify import VerificationError
from musicedge_training.datasets.track import Track
from musicedge_training.predict import cut_windows
from musicedge_training.representations import LogMelCache, load_samples

CALIBRATION_TRACKS = 200
VERIFICATION_WINDOWS = 12
STREAMED_TRACKS = 3
STREAMED = 12.0
"""Seconds of each that are streamed; shorter ones are repeated."""

_FEWEST_TRACKS = 3  # make a batch of windows


@dataclass(frozen=True)
class Material:
    """Tracks with their features.

    Parameters
    ----------
    tracks, logmel
        Labelled tracks and their features.

    Raises
    ------
    VerificationError
        They are too few, or none is music.
    """

    tracks: Sequence[Track]
    logmel: LogMelCache

    def __post_init__(self) -> None:
        music = sum(track.is_music for track in self.tracks)
        if len(self.tracks) < _FEWEST_TRACKS or not music:
            raise VerificationError(
                f"{len(self.tracks)} tracks can be read, {music} of them music: to verify takes "
                f"{_FEWEST_TRACKS}, and music; give more with --data"
            )

    def calibration(self, rows: NDArray[np.int64] | None = None) -> list[NDArray[np.float32]]:
        """Return windows for activation ranges, of some of the tracks that `rows` names, or all."""
        return self._windows(CALIBRATION_TRACKS, 0, rows)

    def verification(self) -> list[NDArray[np.float32]]:
        """Return windows to compare two graphs on."""
        return self._windows(VERIFICATION_WINDOWS, 1, None)

    def _windows(
        self, count: int, seed: int, rows: NDArray[np.int64] | None
    ) -> list[NDArray[np.float32]]:
        """Return one window of each of some randomly chosen tracks."""
        candidates = np.arange(len(self.tracks)) if rows is None else rows
        rng = np.random.default_rng(seed)
        chosen = rng.choice(candidates, min(count, len(candidates)), replace=False)
        return [cut_windows(self.logmel.get(self.tracks[row].path))[0] for row in chosen]

    def sound(self, sample_rate: int) -> NDArray[np.float32]:
        """Return the beginnings of some of the music one after the other, to stream."""
        paths = [track.path for track in self.tracks if track.is_music][:STREAMED_TRACKS]
        parts = [load_samples(path, sample_rate, STREAMED) for path in paths]
        return np.resize(np.concatenate(parts), round(STREAMED * STREAMED_TRACKS * sample_rate))
