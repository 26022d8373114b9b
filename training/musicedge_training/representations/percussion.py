"""The percussive part of a track: what is short, and spread over frequencies."""

from __future__ import annotations

import numpy as np

from musicedge_training.representations.medians import running_median
from musicedge_training.representations.spectrum import Complex64, Float32

_FRAMES = 32  # that are masked at once: they stay in a cache


def percussive_spectrum(spectrum: Complex64) -> Complex64:
    """Return the percussive part of a spectrum, np.ndarray [shape=(t, bins)].

    Equal to the second part that ``librosa.decompose.hpss`` gives of ``spectrum.T``.

    Parameters
    ----------
    spectrum : np.ndarray [shape=(t, bins)]
    """
    return spectrum * percussive_share(np.abs(spectrum))


def percussive_share(magnitude: Float32) -> Float32:
    """Return how much of each magnitude is percussive, np.ndarray [shape=(t, bins)], in [0, 1].

    A magnitude belongs to the part to which its neighbourhood does: harmonic where the median over
    time is high, percussive where that over frequencies is. Both medians are of 31; where neither
    is above zero, half belongs to each.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(t, bins)]

    References
    ----------
    Fitzgerald, "Harmonic/percussive separation using median filtering" (DAFx 2010).
    """
    harmonic = running_median(magnitude)
    share = running_median(magnitude.T).T
    for start in range(0, len(share), _FRAMES):
        part = slice(start, start + _FRAMES)
        share[part] = _wiener(share[part], harmonic[part])
    return share


def _wiener(wanted: Float32, other: Float32) -> Float32:
    """Return the share of the wanted power in both, computed without overflow."""
    larger = np.maximum(wanted, other)
    silent = larger < np.finfo(np.float32).tiny
    larger[silent] = 1
    share = np.square(wanted / larger)
    both = share + np.square(other / larger)
    both[silent] = 1
    share /= both
    share[silent] = 0.5
    return share
