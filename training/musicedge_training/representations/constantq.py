"""Chroma from a constant-Q transform, in which all octaves share one set of filters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musicedge_training.representations.spectrum import HOP, N_FFT

Float32 = NDArray[np.float32]

N_CHROMA = 12
BINS_PER_OCTAVE = 36
OCTAVES = 7
_SPARSITY = 0.01  # share of each filter's magnitude that is left out, as librosa does
_LOWEST, _HIGHEST = 150.0, 4000.0  # Hz, of what tells the tuning, and
_PEAK = 0.1  # how high it must be, relative to its frame's maximum: librosa.piptrack's defaults


def chroma(samples: Float32, magnitude: Float32, sample_rate: int) -> Float32:
    """Return the strength of each pitch class, np.ndarray [shape=(t, 12)], in [0, 1].

    Equal to ``librosa.feature.chroma_cqt(y=samples, sr=sample_rate).T`` within 1e-4.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    magnitude : np.ndarray [shape=(t, 1025)]
        Of the samples' spectrum.
    sample_rate
        In Hz.
    """
    import librosa

    tuning = estimate_tuning(magnitude, sample_rate)
    bins = constant_q(samples, tuning, sample_rate)
    classes: Float32 = librosa.feature.chroma_cqt(
        C=bins.T, sr=sample_rate, n_chroma=N_CHROMA, bins_per_octave=BINS_PER_OCTAVE
    )
    return classes.T


def estimate_tuning(magnitude: Float32, sample_rate: int) -> float:
    """Return by how many constant-Q bins the music is sharp of 440 Hz, in [-0.5, 0.5).

    Equal to ``librosa.estimate_tuning(S=magnitude.T, sr=sample_rate, bins_per_octave=36)``, which
    looks for peaks everywhere, and not only where they count.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(t, 1025)]
        Of a spectrum.
    sample_rate
        In Hz.
    """
    import librosa

    frequencies = librosa.fft_frequencies(sr=sample_rate, n_fft=N_FFT)
    first, end = np.searchsorted(frequencies, [_LOWEST, _HIGHEST])
    near = magnitude[:, first - 1 : end + 1]
    loud = np.where(near > np.float32(_PEAK) * magnitude.max(axis=1, keepdims=True), near, 0)
    is_peak = (loud[:, 1:-1] > loud[:, :-2]) & (loud[:, 1:-1] >= loud[:, 2:])
    frames, bins = np.nonzero(is_peak)
    if not len(frames):
        return 0.0
    # The top of the parabola through a peak and its neighbours.
    below, peak, above = (near[frames, bins + offset] for offset in range(3))
    bend, slope = above + below - 2 * peak, (above - below) / 2
    shift = np.where(np.abs(slope) >= np.abs(bend), 0, -slope / bend)
    height = peak + np.float32(0.5) * slope * shift
    pitch = ((bins + first + shift) * float(sample_rate) / N_FFT).astype(np.float32)
    tuning: float = librosa.pitch_tuning(
        pitch[height >= np.median(height)], bins_per_octave=BINS_PER_OCTAVE
    )
    return tuning


def constant_q(samples: Float32, tuning: float, sample_rate: int) -> Float32:
    """Return the magnitudes of a constant-Q transform, np.ndarray [shape=(t, 252)].

    That of ``librosa.cqt`` with 36 bins an octave from C1. It halves the sample rate for each
    octave down (Schörkhuber and Klapuri, "Constant-Q transform toolbox for music processing", SMC
    2010), so that the filters are the same in all of them. Here they are made once for all tracks
    of a tuning, and are one product of matrices with the frames themselves.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    tuning
        In bins.
    sample_rate
        In Hz.
    """
    import librosa

    kernel = _kernel(tuning, sample_rate)
    length = len(kernel)
    octaves: list[Float32] = []
    for octave in range(OCTAVES):
        if octave:
            samples = librosa.resample(
                samples, orig_sr=2, target_sr=1, res_type="soxr_hq", scale=True
            )
        padded = np.pad(samples, length // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, length)[:: HOP >> octave]
        response = np.ascontiguousarray(frames) @ kernel
        octaves.insert(0, np.hypot(*np.split(response, 2, axis=1)))
    count = min(map(len, octaves))
    return np.concatenate([each[:count] for each in octaves], axis=1)


@lru_cache(maxsize=64)  # tunings come in hundredths of a bin; each has 0.3 MB
def _kernel(tuning: float, sample_rate: int) -> Float32:
    """Return the filters of the highest octave, np.ndarray [shape=(length, 72)]: real, imaginary.

    librosa multiplies a frame's spectrum with the filters' spectra, of which it keeps the larger
    values; the transform of these makes the same filters for the frame.
    """
    import librosa
    from scipy import fft

    frequencies = librosa.cqt_frequencies(
        BINS_PER_OCTAVE * OCTAVES,
        fmin=librosa.note_to_hz("C1") * 2 ** (tuning / BINS_PER_OCTAVE),
        bins_per_octave=BINS_PER_OCTAVE,
    )
    filters, lengths = librosa.filters.wavelet(
        freqs=frequencies[-BINS_PER_OCTAVE:], sr=sample_rate, norm=1, pad_fft=True, gamma=0
    )
    size = filters.shape[1]
    filters *= np.sqrt(lengths)[:, None] / size
    half = fft.fft(filters, axis=1)[:, : size // 2 + 1]
    kept = librosa.util.sparsify_rows(half, quantile=_SPARSITY, dtype=np.complex64).toarray()
    kernel = fft.fft(kept, n=size, axis=1)
    return np.concatenate([kernel.real, kernel.imag]).T.astype(np.float32, order="C")
