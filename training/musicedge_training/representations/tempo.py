"""The tempo of a whole track, without the tempogram of which it is the mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicedge_training.representations.spectrum import HOP

_SECONDS = 8.0  # in which the onsets are looked at together: librosa.feature.tempo's own


def estimate_tempo(onsets: NDArray[np.floating], sample_rate: int) -> NDArray[np.float64]:
    """Return the tempo, np.ndarray [shape=(1,)], in beats a minute.

    Equal to ``librosa.feature.tempo(onset_envelope=onsets, sr=sample_rate)``. That takes the mean
    over time of autocorrelations, each divided by its value at no lag, which is the energy. Means
    and autocorrelations of power spectra can be done in either order.

    Parameters
    ----------
    onsets : np.ndarray [shape=(t,)]
        Strength of the onset at every 512th sample.
    sample_rate
        Of the samples, in Hz.

    References
    ----------
    Ellis, "Beat tracking by dynamic programming" (Journal of New Music Research 36, 2007).
    """
    import librosa
    from scipy import fft

    length = int(librosa.time_to_frames(_SECONDS, sr=sample_rate, hop_length=HOP))
    padded = np.pad(onsets, length // 2, mode="linear_ramp", end_values=0)
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[: len(onsets)]
    frames = frames * librosa.filters.get_window("hann", length).astype(np.float32)
    size = fft.next_fast_len(2 * length - 1, real=True)
    transformed = fft.rfft(frames, n=size, axis=1)
    power = np.square(transformed.real) + np.square(transformed.imag)
    energy = np.square(frames).sum(axis=1)
    energy[energy < np.finfo(np.float32).tiny] = 1
    tempogram = fft.irfft((1 / energy) @ power / len(power), n=size)[:length]
    tempo: NDArray[np.float64] = librosa.feature.tempo(
        tg=tempogram[:, None], sr=sample_rate, hop_length=HOP
    )
    return tempo
