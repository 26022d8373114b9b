"""What happens to music before a device hears it, as small transforms of the waveform.

Each takes samples and gives as many, np.ndarray [shape=(n,), dtype=float32]. They answer the
corpus's traps: bandwidth, codec, level and length go with the collection, the collection goes with
the genre, so each class must meet them all.
"""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from pydantic import Field

from musicedge_training.augmentation.transform import (
    CropTransform,
    Decibels,
    Float32,
    Shares,
    apply_in_order,
)

_Rates = Annotated[tuple[Annotated[int, Field(ge=1_000, le=96_000)], ...], Field(min_length=1)]
_Formats = Annotated[tuple[Literal["mp3", "opus", "vorbis"], ...], Field(min_length=1)]

_FORMATS = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS"), "vorbis": ("OGG", "VORBIS")}


@dataclass(frozen=True)
class Surroundings:
    """What sounds are roughened with.

    Attributes
    ----------
    sample_rate
        In Hz.
    rooms
        Impulse responses.
    noises
        Sounds to add.
    """

    sample_rate: int
    rooms: Sequence[Float32] = ()
    noises: Sequence[Float32] = ()


class SoundTransform(CropTransform):
    """A random change of a waveform that keeps its length."""

    @abstractmethod
    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        """Return the changed samples; those given stay as they are."""


class Room(SoundTransform):
    """Convolve with a room's impulse response, mixed with the dry sound."""

    kind: Literal["room"] = "room"
    mix: Shares = (0.2, 1.0)
    """The share of the convolved sound."""

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        response = place.rooms[int(rng.integers(len(place.rooms)))]
        n = 1 << int(np.ceil(np.log2(len(samples) + len(response))))
        wet = np.fft.irfft(np.fft.rfft(samples, n) * np.fft.rfft(response, n), n)[: len(samples)]
        wet *= _rms(samples) / max(_rms(wet), 1e-9)
        mix = rng.uniform(*self.mix)
        return (mix * wet + (1 - mix) * samples).astype(np.float32)


class BandLimit(SoundTransform):
    """Resample down and back: what a narrow recording or a telephone leaves."""

    kind: Literal["band-limit"] = "band-limit"
    rates: _Rates = (8_000, 11_025, 16_000, 22_050, 24_000)
    """In Hz; one of them is drawn, and half of it is what is left."""

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        rate = self.rates[int(rng.integers(len(self.rates)))]
        narrow = soxr.resample(samples, place.sample_rate, rate, quality="MQ")
        wide = soxr.resample(narrow, rate, place.sample_rate, quality="MQ")
        return fit_length(wide, len(samples))


class Codec(SoundTransform):
    """Encode and decode with a lossy codec at a random quality."""

    kind: Literal["codec"] = "codec"
    formats: _Formats = ("mp3", "opus", "vorbis")
    """One of them is drawn."""
    compression: Shares = (0.3, 0.99)
    """libsndfile's compression level: 0 is the best quality, 1 the fewest bits."""

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        container, codec = _FORMATS[self.formats[int(rng.integers(len(self.formats)))]]
        rate = 24_000 if codec == "OPUS" and rng.random() < 0.5 else 48_000
        rate = place.sample_rate if codec != "OPUS" else rate  # Opus has rates of its own
        source = soxr.resample(samples, place.sample_rate, rate, quality="MQ")
        buffer = io.BytesIO()
        with soundfile.SoundFile(
            buffer,
            "w",
            rate,
            1,
            format=container,
            subtype=codec,
            compression_level=float(rng.uniform(*self.compression)),
        ) as file:
            file.write(np.clip(source, -1, 1))
        buffer.seek(0)
        decoded, _ = soundfile.read(buffer, dtype="float32")
        result = soxr.resample(decoded, rate, place.sample_rate, quality="MQ")
        return fit_length(result, len(samples))


class Noise(SoundTransform):
    """Add a hiss or a hum at a random signal-to-noise ratio."""

    kind: Literal["noise"] = "noise"
    snr_db: Decibels = (5.0, 30.0)

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        noise = place.noises[int(rng.integers(len(place.noises)))]
        sound = repeat_to(noise, len(samples))
        level = _rms(samples) / max(_rms(sound), 1e-9)
        gain = level * 10 ** (-rng.uniform(*self.snr_db) / 20)
        return (samples + gain * np.roll(sound, int(rng.integers(len(sound))))).astype(np.float32)


class Tilt(SoundTransform):
    """A smooth random equaliser, as loudspeakers have."""

    kind: Literal["tilt"] = "tilt"
    decibels: float = Field(default=8.0, ge=0, le=40)
    """How far up or down it may go, at a few frequencies."""

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        spectrum = np.fft.rfft(samples)
        octaves = np.log2(np.linspace(20, place.sample_rate / 2, len(spectrum)))
        corners = np.linspace(np.log2(20), np.log2(place.sample_rate / 2), 6)
        gains = rng.uniform(-self.decibels, self.decibels, len(corners))
        spectrum *= 10 ** (np.interp(octaves, corners, gains) / 20)
        return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


class Level(SoundTransform):
    """Set the root mean square level to a random value; peaks clip, as they do."""

    kind: Literal["level"] = "level"
    dbfs: Decibels = (-45.0, -8.0)
    """In dB below full scale."""

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        target = 10 ** (rng.uniform(*self.dbfs) / 20)
        return np.clip(samples * (target / max(_rms(samples), 1e-9)), -1, 1).astype(np.float32)


class Gain(SoundTransform):
    """Make it louder or quieter; peaks clip."""

    kind: Literal["gain"] = "gain"
    decibels: Decibels = (-12.0, 6.0)

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        gain = 10 ** (rng.uniform(*self.decibels) / 20)
        return np.clip(samples * gain, -1, 1).astype(np.float32)


class TimeShift(SoundTransform):
    """Move the sound within its crop, earlier or later; silence fills what is left."""

    kind: Literal["time-shift"] = "time-shift"
    seconds: float = Field(default=1.0, gt=0, le=10)
    """The farthest that it is moved, either way."""

    def apply(self, samples: Float32, place: Surroundings, rng: np.random.Generator) -> Float32:
        return shifted(samples, round(rng.uniform(-1, 1) * self.seconds * place.sample_rate))


def roughen(
    samples: Float32,
    transforms: Sequence[CropTransform],
    place: Surroundings,
    rng: np.random.Generator,
) -> Float32:
    """Return a sound as transforms leave it, one after the other, np.ndarray [shape=(n,)]."""
    return apply_in_order(transforms, samples, place, rng)


def shifted(values: Float32, steps: int) -> Float32:
    """Move along the first axis, later by `steps` or, below 0, earlier, with zeros at the edge."""
    result = np.zeros_like(values)
    kept = max(0, len(values) - abs(steps))
    if steps >= 0:
        result[len(values) - kept :] = values[:kept]
    else:
        result[:kept] = values[len(values) - kept :]
    return result


def fit_length(samples: Float32, n: int) -> Float32:
    """Cut or zero-pad at the end to `n` samples."""
    return samples[:n] if len(samples) >= n else np.pad(samples, (0, n - len(samples)))


def repeat_to(samples: Float32, n: int) -> Float32:
    """Repeat a sound until it has `n` samples."""
    return np.tile(samples, -(-n // len(samples)))[:n]


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
