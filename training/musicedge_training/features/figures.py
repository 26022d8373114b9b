"""A song in a few plain figures, and what of it they are taken from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
BAND_BORDERS = (0.0, 60.0, 250.0, 500.0, 2000.0, 4000.0, 11_025.0)
"""Where one band of the figures gives way to the next, in Hz."""


@dataclass(frozen=True)
class Band:
    """A range of frequencies in Hz, and its share of a song's energy, in [0, 1]."""

    start: float
    end: float
    share: float


@dataclass(frozen=True)
class PitchClass:
    """A pitch class, and its share of a song's mean chroma, in [0, 1]."""

    label: str
    share: float


@dataclass(frozen=True)
class Figures:
    """A song in figures.

    Attributes
    ----------
    seconds
        How long it is.
    tempo
        In beats a minute, by the distance of the beats that were found; None where no two were.
    beats
        How many were found.
    percussive
        The share of the energy that is short and spread over frequencies, in [0, 1].
    centroid
        The spectral centroid in Hz: the mean over time of the mean frequency by magnitude.
    bands
        From the lowest to the highest; their shares sum to 1.
    pitch_classes
        All twelve, the strongest first; their shares sum to 1.
    frames, segments
        Of the log-mel: columns as they come, and columns when there is one for each beat.
    """

    seconds: float
    tempo: float | None
    beats: int
    percussive: float
    centroid: float
    bands: tuple[Band, ...]
    pitch_classes: tuple[PitchClass, ...]
    frames: int
    segments: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as they go into JSON."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def band_shares(power: Float32, hertz: Float64) -> tuple[Band, ...]:
    """Return how a song's energy is divided among the bands of `BAND_BORDERS`.

    Parameters
    ----------
    power : np.ndarray [shape=(t, n)]
        Over time, of any filters whose sum is all energy.
    hertz : np.ndarray [shape=(n,)]
        The middle of each filter.
    """
    energy = power.sum(axis=0, dtype=np.float64)
    sums, _ = np.histogram(hertz, BAND_BORDERS, weights=energy)
    shares = sums / energy.sum()
    return tuple(
        Band(start, end, float(share))
        for (start, end), share in zip(pairwise(BAND_BORDERS), shares, strict=True)
    )


def ranked_pitch_classes(chroma: Float32) -> tuple[PitchClass, ...]:
    """Return the pitch classes of a chroma, np.ndarray [shape=(t, 12)], the strongest first."""
    mean = chroma.mean(axis=0, dtype=np.float64)
    shares = mean / max(float(mean.sum()), np.finfo(float).tiny)
    order = np.argsort(-shares, kind="stable")
    return tuple(PitchClass(PITCH_CLASSES[index], float(shares[index])) for index in order)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
