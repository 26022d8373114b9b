"""The Fourier spectrum of whole tracks and the way back: librosa's defaults, computed once."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

N_FFT = 2048
HOP = 512

Complex64 = NDArray[np.complex64]
Float32 = NDArray[np.float32]

_FRAMES = 32  # that are transformed at once: they stay in a cache
_OVERLAP = N_FFT // HOP


def spectrum(samples: Float32) -> Complex64:
    """Return the transform of overlapping frames, np.ndarray [shape=(t, 1025)].

    Equal to ``librosa.stft(samples).T``: a frame of 2048 samples, in a Hann window, is centred on
    every 512th sample, with zeros before the first and after the last.
    """
    from scipy import fft

    padded = np.pad(samples, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    transformed = np.empty((len(frames), N_FFT // 2 + 1), np.complex64)
    for start in range(0, len(frames), _FRAMES):
        part = frames[start : start + _FRAMES]
        transformed[start : start + _FRAMES] = fft.rfft(part * window(), axis=1)
    return transformed


def samples_of(transformed: Complex64, n: int) -> Float32:
    """Return the `n` samples whose spectrum comes nearest to `transformed`.

    Equal to ``librosa.istft(transformed.T, length=n)``.

    Parameters
    ----------
    transformed : np.ndarray [shape=(t, 1025)]
    n
        At most 512 `t`.

    Returns
    -------
    np.ndarray [shape=(n,)]

    References
    ----------
    Griffin and Lim, "Signal estimation from modified short-time Fourier transform" (IEEE
    Transactions on Acoustics, Speech, and Signal Processing 32, 1984): the mean of what the frames
    say of a sample, weighted by their windows.
    """
    from scipy import fft

    count = len(transformed)
    padded = np.zeros((count + _OVERLAP - 1, HOP), np.float32)
    weight = np.zeros_like(padded)
    square = np.square(window()).reshape(_OVERLAP, HOP)
    for start in range(0, count, _FRAMES):
        frames = fft.irfft(transformed[start : start + _FRAMES], axis=1) * window()
        parts = frames.reshape(-1, _OVERLAP, HOP)
        for part in range(_OVERLAP):
            padded[start + part : start + part + len(parts)] += parts[:, part]
    for part in range(_OVERLAP):
        weight[part : part + count] += square[part]
    heard = weight > np.finfo(np.float32).tiny
    np.divide(padded, weight, out=padded, where=heard)
    return padded.ravel()[N_FFT // 2 : N_FFT // 2 + n]


@cache
def window() -> Float32:
    """Return the periodic Hann window, np.ndarray [shape=(2048,)]."""
    phase = 2 * np.pi * np.arange(N_FFT) / N_FFT
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
