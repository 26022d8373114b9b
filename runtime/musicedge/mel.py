"""Mel filters: the scales, the filterbank, and its sums without the zeros."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from musicedge.frontend import FrontEndConfig

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

MelScale = Literal["slaney", "htk", "kaldi"]


def mel_filterbank(config: FrontEndConfig) -> Float32:
    """Return triangular mel filters, np.ndarray [shape=(n_mels, n_fft // 2 + 1), dtype=float32].

    References
    ----------
    Slaney, "Auditory Toolbox" (1998), for ``"slaney"``; Young et al., "The HTK Book", section 5.4,
    for ``"htk"``; Povey et al., "The Kaldi speech recognition toolkit" (2011), for ``"kaldi"``.
    """
    bins = np.arange(config.n_fft // 2 + 1, dtype=np.float64)
    frequencies: Float64 = np.multiply(bins, config.sample_rate / config.n_fft)
    low, high = _hz_to_mel(np.array([config.fmin, config.fmax]), config.mel_scale)
    edges: Float64 = np.linspace(low, high, config.n_mels + 2).astype(np.float64)
    edges_hz = _mel_to_hz(edges, config.mel_scale)
    if config.mel_scale == "kaldi":
        corners, points = edges, _hz_to_mel(frequencies, config.mel_scale)
    else:
        corners, points = edges_hz, frequencies
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (points - left) / (centre - left)
    falling = (right - points) / (right - centre)
    weights = np.maximum(0, np.minimum(rising, falling))
    if config.mel_scale == "kaldi":
        weights[:, config.n_fft // 2] = 0
    if config.mel_norm == "slaney":
        weights *= 2 / (edges_hz[2:] - edges_hz[:-2])[:, None]
    filters: Float32 = weights.astype(np.float32)
    return filters


# Slaney's scale: 200/3 Hz a mel up to 1000 Hz, above it 27 mels to each factor of 6.4.
_SLANEY_HZ_PER_MEL = 200 / 3
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_BREAK_MEL = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = math.log(6.4) / 27


def _hz_to_mel(hz: Float64, scale: MelScale) -> Float64:
    if scale == "kaldi":
        return 1127 * np.log1p(hz / 700)
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    above = np.log(np.maximum(hz, _SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_BREAK_HZ, hz / _SLANEY_HZ_PER_MEL, _SLANEY_BREAK_MEL + above)


def _mel_to_hz(mel: Float64, scale: MelScale) -> Float64:
    if scale == "kaldi":
        return 700 * np.expm1(mel / 1127)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = _SLANEY_BREAK_HZ * np.exp(_SLANEY_LOG_STEP * (mel - _SLANEY_BREAK_MEL))
    return np.where(mel < _SLANEY_BREAK_MEL, mel * _SLANEY_HZ_PER_MEL, above)


@dataclass(frozen=True)
class Bands:
    """The filterbank without its zeros: each bin feeds two filters, so a product is 98 % idle.

    Summing runs of bins is as fast on one thread as the dense product, and unlike it starts no
    threads of a linear algebra library, which compete with those of the network.
    """

    bins: NDArray[np.intp]  # of all filters, one after the other
    weights: Float32
    starts: NDArray[np.intp]  # where each filter's run begins
    filters: NDArray[np.intp]  # which filter it is; some are too narrow to hold a bin

    @classmethod
    def of(cls, mel_weights: Float32) -> Bands:
        rows, bins = np.nonzero(mel_weights)
        filters, starts = np.unique(rows, return_index=True)
        return cls(bins, mel_weights[rows, bins], starts, filters)

    def sum(self, energy: Float32, output: Float32) -> None:
        """Write the weighted sums of energies (t, bins) to (t, n_mels), which holds zeros."""
        runs = np.take(energy, self.bins, axis=1)
        runs *= self.weights
        sums = np.add.reduceat(runs, self.starts, axis=1)
        if len(self.filters) == output.shape[1]:
            output[...] = sums
        else:
            output[:, self.filters] = sums
