"""Mel filters: the scales, the filterbank, and its sums without most of the zeros."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend_config import FrontEndConfig, MelScale

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_FILTERS_PER_GROUP = 16


def mel_filterbank(config: FrontEndConfig) -> Float32:
    """Return triangular mel filters, np.ndarray [shape=(n_mels, n_fft // 2 + 1), dtype=float32].

    References
    ----------
    Slaney, "Auditory Toolbox" (1998), for ``"slaney"``; Young et al., "The HTK Book", section 5.4,
    for ``"htk"``; Povey et al., "The Kaldi speech recognition toolkit" (2011), for ``"kaldi"``.
    """
    bins = np.arange(config.n_fft // 2 + 1, dtype=np.float64)
    frequencies: Float64 = np.multiply(bins, config.sample_rate / config.n_fft)
    edges = _edges(config)
    edges_hz = _mel_to_hz(edges, config.mel_scale)
    if config.mel_scale == "kaldi":
        corners, points = edges, _hz_to_mel(frequencies, config.mel_scale)
    else:
        corners, points = edges_hz, frequencies
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (points - left) / (centre - left)
    falling = (right - points) / (right - centre)
    weights = np.minimum(rising, falling, out=rising)
    np.maximum(weights, 0, out=weights)
    if config.mel_scale == "kaldi":
        weights[:, config.n_fft // 2] = 0
    if config.mel_norm == "slaney":
        weights *= 2 / (edges_hz[2:] - edges_hz[:-2])[:, None]
    filters: Float32 = weights.astype(np.float32)
    return filters


def band_borders(config: FrontEndConfig) -> Float64:
    """Return where one mel band gives way to the next, in Hz, np.ndarray [shape=(n_mels + 1,)].

    Neighbouring triangles overlap; they meet halfway between their peaks, on the mel scale.
    """
    edges = _edges(config)
    return _mel_to_hz((edges[:-1] + edges[1:]) / 2, config.mel_scale)


def _edges(config: FrontEndConfig) -> Float64:
    """Return the corners of the triangles in mel, [shape=(n_mels + 2,)]; three make one filter."""
    low, high = _hz_to_mel(np.array([config.fmin, config.fmax]), config.mel_scale)
    return np.linspace(low, high, config.n_mels + 2).astype(np.float64)


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


class BandGroup(NamedTuple):
    """Neighbouring filters, and the bins that feed them."""

    filters: slice
    bins: slice
    weights: Float32  # [shape=(bins, filters)]


class Bands(NamedTuple):
    """The filterbank as a few small products: of the whole, 98 % is zeros.

    Sixteen filters at a time are a full row of the kernels of linear algebra, and small enough that
    none of its libraries starts threads, which would compete with those of the network.
    """

    groups: tuple[BandGroup, ...]

    @classmethod
    def of(cls, mel_weights: Float32) -> Bands:
        """Divide a filterbank, np.ndarray [shape=(n_mels, bins)]."""
        groups = []
        for start in range(0, len(mel_weights), _FILTERS_PER_GROUP):
            filters = slice(start, min(start + _FILTERS_PER_GROUP, len(mel_weights)))
            used = np.flatnonzero(mel_weights[filters].any(axis=0))
            # Filters too narrow to hold a bin get a bin with a weight of zero.
            bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
            weights = np.ascontiguousarray(mel_weights[filters, bins].T)
            groups.append(BandGroup(filters, bins, weights))
        return cls(tuple(groups))

    def sum(self, energy: Float32, output: Float32) -> None:
        """Write the weighted sums of energies (t, bins) to (t, n_mels).

        The last digit of a product may depend on the number of rows: frames that are to be equal
        must come in blocks of one size.
        """
        for filters, bins, weights in self.groups:
            np.matmul(energy[:, bins], weights, out=output[:, filters])
