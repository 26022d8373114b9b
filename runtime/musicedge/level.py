"""How loud a signal is, in dBFS."""

from __future__ import annotations

import math

import numpy as np

from musicedge.frontend import Float32
from musicedge.hops import HopTrack

FLOOR = -120.0
"""What silence reads, in dBFS: below the noise of any converter."""


class LevelMeter:
    """Tells of any stretch of frames how loud the samples under it are.

    The level is the root of the mean square in decibels, where full scale is 1: a sine that reaches
    it has -3.01 dBFS, a square wave 0.

    Parameters
    ----------
    hop_length
        Samples between frames.
    """

    def __init__(self, hop_length: int) -> None:
        self._track = HopTrack(hop_length, _energies)

    def push(self, samples: Float32) -> None:
        """Take more samples, np.ndarray [shape=(n,)]."""
        self._track.push(samples)

    def dbfs(self, start: int, end: int) -> float:
        """Return the level of the hops of the frames ``[start, end)``, at least `FLOOR`."""
        energy, count = self._track.between(start, end).sum(axis=0, dtype=np.float64)
        return max(FLOOR, 10 * math.log10(energy / count)) if energy > 0 else FLOOR

    def forget(self, before: int) -> None:
        """Drop what belongs to frames before `before`."""
        self._track.forget(before)


def _energies(hops: Float32) -> Float32:
    """Return the sum of squares, and of how many samples."""
    sums = np.einsum("ij,ij->i", hops, hops)
    return np.stack([sums, np.full(len(hops), hops.shape[1], np.float32)], axis=1)
