"""The same wear as `augment` puts on a waveform, put on its log-mel: rougher, and far quicker.

No decoder, codec or convolution of samples is needed, so that a bank of many variants is made in
minutes from the cached log-mel of whole tracks. Powers of sounds add up, which is true on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend_config import FrontEndConfig

Float32 = NDArray[np.float32]

_CUTOFFS = (4_000, 5_500, 8_000, 11_025, 12_000)  # Hz: half of `augment.BandLimit`'s rates
_CLEAN = 0.04  # of the roughened crops are left as they are, whatever else is drawn


def roughen(frames: Float32, config: FrontEndConfig, rng: np.random.Generator) -> Float32:
    """Return log-mel frames as a room, a narrow recording, noise and another level leave them.

    Parameters
    ----------
    frames : np.ndarray [shape=(t, n_mels)]
        Natural logarithms of mel powers, as `config` makes them.
    config
        The front-end's constants.
    rng
        Of what is drawn.

    Returns
    -------
    np.ndarray [shape=(t, n_mels)]
    """
    power = np.exp(frames * config.scale + config.mean) - config.log_offset
    power = np.maximum(power, 0)
    mels = _mel_centres(config)
    if rng.random() > _CLEAN:
        if rng.random() < 0.35:
            power = _room(power, config.frame_rate, rng)
        if rng.random() < 0.5:
            power = power * _tilt(mels, rng)
        if rng.random() < 0.3:
            power = power + _noise(power, mels, rng)
        if rng.random() < 0.5:
            power = power * _band_limit(mels, rng)
        if rng.random() < 0.4:
            power = _quantise(power, rng)
        if rng.random() < 0.8:
            power = power * 10 ** (rng.uniform(-25, 8) / 10)
    log = np.log(power + config.log_offset)
    return ((log - config.mean) / config.scale).astype(np.float32)


def silence(count: int, config: FrontEndConfig) -> Float32:
    """Return `count` frames of digital silence, np.ndarray [shape=(count, n_mels)]."""
    level = (np.log(config.log_offset) - config.mean) / config.scale
    return np.full((count, config.n_mels), level, np.float32)


def _mel_centres(config: FrontEndConfig) -> Float32:
    """Return roughly the bands' centres in Hz, ascending: evenly spaced in mel."""
    top = config.fmax or config.sample_rate / 2
    mel = np.linspace(0, 2595 * np.log10(1 + top / 700), config.n_mels + 2)[1:-1]
    return (700 * (10 ** (mel / 2595) - 1)).astype(np.float32)


def _room(power: Float32, frame_rate: float, rng: np.random.Generator) -> Float32:
    """Let every band die away as in a room: a decay by 60 dB within 0.2 to 1.2 s."""
    decay = 10 ** (-6 / (rng.uniform(0.2, 1.2) * frame_rate))  # of power, a frame
    tail = decay ** np.arange(int(frame_rate))
    n = len(power) + len(tail)
    wet = np.fft.irfft(np.fft.rfft(power, n, axis=0) * np.fft.rfft(tail, n)[:, None], n, axis=0)[
        : len(power)
    ]
    wet = np.maximum(wet, 0) * (power.sum() / max(wet.sum(), 1e-12))
    mix = rng.uniform(0.2, 0.9)
    return (mix * wet + (1 - mix) * power).astype(np.float32)


def _tilt(mels: Float32, rng: np.random.Generator) -> Float32:
    """Return gains of a smooth random equaliser, +-8 dB."""
    octaves = np.log2(mels)
    corners = np.linspace(octaves[0], octaves[-1], 6)
    return (10 ** (np.interp(octaves, corners, rng.uniform(-8, 8, 6)) / 10)).astype(np.float32)


def _noise(power: Float32, mels: Float32, rng: np.random.Generator) -> Float32:
    """Return steady coloured noise at 5 to 30 dB below the sound."""
    colour = (mels / 1000) ** rng.uniform(-1.5, 1.0)
    course = rng.gamma(4, 0.25, power.shape)  # a band of a frame averages some bins
    noise = colour * course
    level = power.sum() / max(noise.sum(), 1e-12)
    return (noise * level * 10 ** (-rng.uniform(5, 30) / 10)).astype(np.float32)


def _band_limit(mels: Float32, rng: np.random.Generator) -> Float32:
    """Return gains that leave nothing above a cutoff."""
    cutoff = _CUTOFFS[int(rng.integers(len(_CUTOFFS)))] * rng.uniform(0.92, 1.0)
    octaves_over = np.log2(np.maximum(mels / cutoff, 1))
    return (10 ** (-np.minimum(octaves_over * 60, 9))).astype(np.float32)


def _quantise(power: Float32, rng: np.random.Generator) -> Float32:
    """Do what a codec does: lose what a louder neighbour masks, and coarsen the rest."""
    masked = power < power.max(axis=1, keepdims=True) * 10 ** rng.uniform(-7, -4)
    grain = 10 ** (rng.uniform(0.0, 0.3) * rng.standard_normal(power.shape) / 2)
    return np.where(masked, 0, power * grain).astype(np.float32)
