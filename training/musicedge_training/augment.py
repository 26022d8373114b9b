"""What happens to music before a device hears it, as small waveform transforms.

Each transform is called with samples and a random generator and gives samples of the same length,
np.ndarray [shape=(n,), dtype=float32]. They answer the corpus's traps: bandwidth, codec, level and
length go with the collection, the collection goes with the genre, so each class must meet them all.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class Transform(Protocol):
    """A random change of a waveform that keeps its length."""

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32: ...


@dataclass(frozen=True)
class Sometimes:
    """Apply a transform with a probability."""

    probability: float
    transform: Transform

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        return self.transform(samples, rng) if rng.random() < self.probability else samples


@dataclass(frozen=True)
class Chain:
    """Apply transforms one after the other."""

    transforms: Sequence[Transform]

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        for transform in self.transforms:
            samples = transform(samples, rng)
        return samples


@dataclass(frozen=True)
class Room:
    """Convolve with a room's impulse response, mixed with the dry sound."""

    responses: Sequence[Float32]

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        response = self.responses[int(rng.integers(len(self.responses)))]
        n = 1 << int(np.ceil(np.log2(len(samples) + len(response))))
        wet = np.fft.irfft(np.fft.rfft(samples, n) * np.fft.rfft(response, n), n)[: len(samples)]
        wet *= _rms(samples) / max(_rms(wet), 1e-9)
        mix = rng.uniform(0.2, 1.0)
        return (mix * wet + (1 - mix) * samples).astype(np.float32)


@dataclass(frozen=True)
class BandLimit:
    """Resample down and back: what a narrow recording or a telephone leaves."""

    sample_rate: int
    rates: Sequence[int] = (8_000, 11_025, 16_000, 22_050, 24_000)

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        rate = self.rates[int(rng.integers(len(self.rates)))]
        narrow = soxr.resample(samples, self.sample_rate, rate, quality="MQ")
        return fit_length(soxr.resample(narrow, rate, self.sample_rate, quality="MQ"), len(samples))


@dataclass(frozen=True)
class Codec:
    """Encode and decode with a lossy codec at a random quality."""

    sample_rate: int
    formats: Sequence[tuple[str, str]] = (
        ("MP3", "MPEG_LAYER_III"),
        ("OGG", "OPUS"),
        ("OGG", "VORBIS"),
    )

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        container, codec = self.formats[int(rng.integers(len(self.formats)))]
        rate = 24_000 if codec == "OPUS" and rng.random() < 0.5 else 48_000
        rate = self.sample_rate if codec != "OPUS" else rate  # Opus has rates of its own
        source = soxr.resample(samples, self.sample_rate, rate, quality="MQ")
        buffer = io.BytesIO()
        with soundfile.SoundFile(
            buffer,
            "w",
            rate,
            1,
            format=container,
            subtype=codec,
            compression_level=float(rng.uniform(0.3, 0.99)),
        ) as file:
            file.write(np.clip(source, -1, 1))
        buffer.seek(0)
        decoded, _ = soundfile.read(buffer, dtype="float32")
        return fit_length(
            soxr.resample(decoded, rate, self.sample_rate, quality="MQ"), len(samples)
        )


@dataclass(frozen=True)
class Noise:
    """Add another sound at a random signal-to-noise ratio, in dB."""

    sounds: Sequence[Float32]
    low_db: float = 5
    high_db: float = 30

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        sound = repeat_to(self.sounds[int(rng.integers(len(self.sounds)))], len(samples))
        level = _rms(samples) / max(_rms(sound), 1e-9)
        gain = level * 10 ** (-rng.uniform(self.low_db, self.high_db) / 20)
        return (samples + gain * np.roll(sound, int(rng.integers(len(sound))))).astype(np.float32)


@dataclass(frozen=True)
class Tilt:
    """A smooth random equaliser, +-`decibels` at a few frequencies, as loudspeakers have."""

    sample_rate: int
    decibels: float = 8

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        spectrum = np.fft.rfft(samples)
        octaves = np.log2(np.linspace(20, self.sample_rate / 2, len(spectrum)))
        corners = np.linspace(np.log2(20), np.log2(self.sample_rate / 2), 6)
        gains = rng.uniform(-self.decibels, self.decibels, len(corners))
        spectrum *= 10 ** (np.interp(octaves, corners, gains) / 20)
        return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


@dataclass(frozen=True)
class Level:
    """Set the root mean square level to a random value in dBFS; peaks clip, as they do."""

    low_db: float = -45
    high_db: float = -8

    def __call__(self, samples: Float32, rng: np.random.Generator) -> Float32:
        target = 10 ** (rng.uniform(self.low_db, self.high_db) / 20)
        return np.clip(samples * (target / max(_rms(samples), 1e-9)), -1, 1).astype(np.float32)


def fit_length(samples: Float32, n: int) -> Float32:
    """Cut or zero-pad at the end to `n` samples."""
    return samples[:n] if len(samples) >= n else np.pad(samples, (0, n - len(samples)))


def repeat_to(samples: Float32, n: int) -> Float32:
    """Repeat a sound until it has `n` samples."""
    return np.tile(samples, -(-n // len(samples)))[:n]


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
