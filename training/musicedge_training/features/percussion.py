"""The percussive part of a sound: what is short, and spread over frequencies."""

from __future__ import annotations

import numpy as np
from librosa import util
from scipy.ndimage import median_filter

from musicedge_training.features.figures import Float32

MEDIAN = 31
"""Frames, and bands, of the medians; librosa's default."""


def percussive_part(power: Float32) -> Float32:
    """Return the percussive part of energies over time, np.ndarray [shape=(t, bands)].

    Each energy goes to the part to which its neighbourhood belongs: harmonic where the median over
    time is high, percussive where that over frequencies is. This is `librosa.decompose.hpss` from
    medians of one long row, for which scipy has an algorithm that is several times as fast.

    Parameters
    ----------
    power : np.ndarray [shape=(t, bands)]

    References
    ----------
    Fitzgerald, "Harmonic/percussive separation using median filtering" (DAFx 2010).
    """
    harmonic = _medians(power.T).T
    percussive = _medians(power)
    mask: Float32 = util.softmask(percussive, harmonic, power=2.0)
    return power * mask


def _medians(rows: Float32) -> Float32:
    """Return the medians along each row, which is mirrored at its ends."""
    half = MEDIAN // 2
    mirrored = np.pad(rows, ((0, 0), (half, half)), mode="symmetric")
    filtered: Float32 = median_filter(mirrored.ravel(), MEDIAN).reshape(mirrored.shape)
    return filtered[:, half:-half]
