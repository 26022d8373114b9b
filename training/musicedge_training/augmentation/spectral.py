"""The same wear as `waveform` puts on a sound, put on its log-mel: rougher, and far quicker.

No decoder, codec or convolution of samples is needed, so that a bank of many variants is made in
minutes from the cached log-mel of whole tracks. Powers of sounds add up, which is true on average.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from musicedge.frontend_config import FrontEndConfig
from musicedge_training.augmentation.transform import (
    CropTransform,
    Decibels,
    Exponents,
    Float32,
    Seconds,
    Shares,
    apply_in_order,
)
from musicedge_training.augmentation.waveform import shifted

_Cutoffs = Annotated[tuple[Annotated[float, Field(gt=0, le=48_000)], ...], Field(min_length=1)]


@dataclass(frozen=True)
class Bands:
    """Where the bands and the frames of a log-mel lie.

    Attributes
    ----------
    centres : np.ndarray [shape=(n_mels,)]
        In Hz, ascending.
    frame_rate
        In frames a second.
    """

    centres: Float32
    frame_rate: float

    @classmethod
    def of(cls, config: FrontEndConfig) -> Bands:
        """Return roughly the bands of a front-end: evenly spaced in mel."""
        top = config.fmax or config.sample_rate / 2
        mel = np.linspace(0, 2595 * np.log10(1 + top / 700), config.n_mels + 2)[1:-1]
        return cls((700 * (10 ** (mel / 2595) - 1)).astype(np.float32), config.frame_rate)


class SpectralTransform(CropTransform):
    """A random change of the powers of mel bands that keeps their number and the frames'."""

    @abstractmethod
    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        """Return the changed powers, np.ndarray [shape=(t, n_mels)]; those given stay."""


class SpectralRoom(SpectralTransform):
    """Let every band die away as in a room."""

    kind: Literal["spectral-room"] = "spectral-room"
    decay_seconds: Seconds = (0.2, 1.2)
    """How long it takes to fall by 60 dB."""
    mix: Shares = (0.2, 0.9)
    """The share of the sound that has been in the room."""

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        decay = 10 ** (-6 / (rng.uniform(*self.decay_seconds) * place.frame_rate))  # a frame
        tail = decay ** np.arange(int(place.frame_rate))
        n = len(power) + len(tail)
        spectrum = np.fft.rfft(power, n, axis=0) * np.fft.rfft(tail, n)[:, None]
        wet = np.fft.irfft(spectrum, n, axis=0)[: len(power)]
        wet = np.maximum(wet, 0) * (power.sum() / max(wet.sum(), 1e-12))
        mix = rng.uniform(*self.mix)
        return (mix * wet + (1 - mix) * power).astype(np.float32)


class SpectralTilt(SpectralTransform):
    """A smooth random equaliser."""

    kind: Literal["spectral-tilt"] = "spectral-tilt"
    decibels: float = Field(default=8.0, ge=0, le=40)
    """How far up or down it may go, at a few frequencies."""

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        octaves = np.log2(place.centres)
        corners = np.linspace(octaves[0], octaves[-1], 6)
        gains = np.interp(octaves, corners, rng.uniform(-self.decibels, self.decibels, 6))
        return power * (10 ** (gains / 10)).astype(np.float32)


class SpectralNoise(SpectralTransform):
    """Add steady coloured noise at a random signal-to-noise ratio."""

    kind: Literal["spectral-noise"] = "spectral-noise"
    snr_db: Decibels = (5.0, 30.0)
    colour: Exponents = (-1.5, 1.0)
    """Of the frequency: below 0 the noise is dark, above 0 bright."""

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        colour = (place.centres / 1000) ** rng.uniform(*self.colour)
        course = rng.gamma(4, 0.25, power.shape)  # a band of a frame averages some bins
        noise = colour * course
        level = power.sum() / max(noise.sum(), 1e-12)
        return power + (noise * level * 10 ** (-rng.uniform(*self.snr_db) / 10)).astype(np.float32)


class SpectralBandLimit(SpectralTransform):
    """Leave nothing above a cutoff."""

    kind: Literal["spectral-band-limit"] = "spectral-band-limit"
    cutoffs: _Cutoffs = (4_000.0, 5_500.0, 8_000.0, 11_025.0, 12_000.0)
    """In Hz, half of `waveform.BandLimit`'s rates; one is drawn, and lowered by up to 8 %."""

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        cutoff = self.cutoffs[int(rng.integers(len(self.cutoffs)))] * rng.uniform(0.92, 1.0)
        octaves_over = np.log2(np.maximum(place.centres / cutoff, 1))
        return power * (10 ** (-np.minimum(octaves_over * 60, 9))).astype(np.float32)


class SpectralCodec(SpectralTransform):
    """Do what a codec does: lose what a louder neighbour masks, and coarsen the rest."""

    kind: Literal["spectral-codec"] = "spectral-codec"
    masked_db: Decibels = (-70.0, -40.0)
    """Below the loudest band of a frame, what is lost."""
    grain_db: Decibels = (0.0, 1.5)
    """The standard deviation of what is left from what was there."""

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        low, high = (decibels / 10 for decibels in self.masked_db)
        masked = power < power.max(axis=1, keepdims=True) * 10 ** rng.uniform(low, high)
        low, high = (decibels / 5 for decibels in self.grain_db)
        grain = 10 ** (rng.uniform(low, high) * rng.standard_normal(power.shape) / 2)
        return np.where(masked, 0, power * grain).astype(np.float32)


class SpectralGain(SpectralTransform):
    """Make it louder or quieter."""

    kind: Literal["spectral-gain"] = "spectral-gain"
    decibels: Decibels = (-25.0, 8.0)

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        return power * 10 ** (rng.uniform(*self.decibels) / 10)


class SpectralTimeShift(SpectralTransform):
    """Move the sound within its crop, earlier or later; silence fills what is left."""

    kind: Literal["spectral-time-shift"] = "spectral-time-shift"
    seconds: float = Field(default=1.0, gt=0, le=10)
    """The farthest that it is moved, either way."""

    def apply(self, power: Float32, place: Bands, rng: np.random.Generator) -> Float32:
        return shifted(power, round(rng.uniform(-1, 1) * self.seconds * place.frame_rate))


def roughen(
    frames: Float32,
    transforms: Sequence[CropTransform],
    config: FrontEndConfig,
    rng: np.random.Generator,
) -> Float32:
    """Return log-mel frames as transforms leave them, one after the other.

    Parameters
    ----------
    frames : np.ndarray [shape=(t, n_mels)]
        Natural logarithms of mel powers, as `config` makes them.
    transforms
        What is done to the powers; without any the frames are returned as they are.
    config
        The front-end's constants.
    rng
        Of what is drawn.

    Returns
    -------
    np.ndarray [shape=(t, n_mels)]
    """
    if not transforms:
        return frames
    power = np.exp(frames * config.scale + config.mean) - config.log_offset
    power = apply_in_order(transforms, np.maximum(power, 0), Bands.of(config), rng)
    log = np.log(power + config.log_offset)
    return ((log - config.mean) / config.scale).astype(np.float32)


def silence(count: int, config: FrontEndConfig) -> Float32:
    """Return `count` frames of digital silence, np.ndarray [shape=(count, n_mels)]."""
    level = (np.log(config.log_offset) - config.mean) / config.scale
    return np.full((count, config.n_mels), level, np.float32)
