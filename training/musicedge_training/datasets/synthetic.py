"""Sounds that are no music and need no recording: silence, hum, tones, coloured noise, clicks.

Each function takes a random generator, a length in samples and a sample rate in Hz, and gives mono
samples, np.ndarray [shape=(n,), dtype=float32], full scale at +-1. `TRAINED` are used for training;
`HELD_OUT` only ever judge the music head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Maker = Callable[[np.random.Generator, int, int], Float32]


def silence(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """Digital silence."""
    return np.zeros(n, np.float32)


def faint_noise(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """Dither and preamplifier hiss, -90 to -50 dBFS."""
    return (10 ** rng.uniform(-4.5, -2.5) * rng.standard_normal(n)).astype(np.float32)


def hum(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """Mains hum: 50 or 60 Hz and decaying harmonics, over a little hiss."""
    t = np.arange(n) / sample_rate
    base = rng.choice([50.0, 60.0])
    decay = rng.uniform(0.5, 2.0)
    y = sum(
        np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6.28)) * rng.uniform(0.3, 1) / k**decay
        for k in range(1, 13)
    )
    y = y / np.abs(y).max() + 10 ** rng.uniform(-4, -1.5) * rng.standard_normal(n)
    return (y * 10 ** rng.uniform(-2.5, -0.2)).astype(np.float32)


def coloured_noise(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """Noise whose power falls or rises with frequency: white, pink, brown and between."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1) ** (-rng.uniform(-0.5, 2.2) / 2)
    y = np.fft.irfft(spectrum, n)
    return (y / np.abs(y).max() * 10 ** rng.uniform(-2, 0)).astype(np.float32)


def steady_tone(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """One steady tone with a few harmonics: a test tone, a dial tone, a beep."""
    t = np.arange(n) / sample_rate
    base = np.exp(rng.uniform(np.log(80), np.log(4000)))
    y = np.sin(2 * np.pi * base * t)
    for k in range(2, int(rng.integers(2, 5))):
        y += rng.uniform(0, 0.5) * np.sin(2 * np.pi * k * base * t)
    if rng.random() < 0.3:
        y *= (np.sin(2 * np.pi * rng.uniform(0.3, 4) * t) > 0).astype(np.float64)
    return (y / np.abs(y).max() * 10 ** rng.uniform(-2, 0)).astype(np.float32)


def clicks(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """Irregular clicks: a keyboard, a bad cable."""
    y = 10 ** rng.uniform(-4.5, -3) * rng.standard_normal(n)
    for start in rng.integers(0, max(1, n - 800), int(rng.uniform(0.5, 8) * n / sample_rate) + 1):
        size = int(rng.integers(40, 800))
        burst = rng.standard_normal(size) * np.exp(-np.arange(size) / (size / 5))
        stop = min(n, start + size)
        y[start:stop] += rng.uniform(0.1, 0.5) * burst[: stop - start]
    return np.clip(y, -1, 1).astype(np.float32)


def sweep(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """A rising or falling sine sweep, as a siren or a measurement makes."""
    low, high = np.sort(np.exp(rng.uniform(np.log(60), np.log(8000), 2)))
    periods = np.linspace(0, rng.integers(1, 6), n) % 1
    frequency = low * (high / low) ** (periods if rng.random() < 0.5 else 1 - periods)
    return (0.5 * np.sin(2 * np.pi * np.cumsum(frequency) / sample_rate)).astype(np.float32)


def fan(rng: np.random.Generator, n: int, sample_rate: int) -> Float32:
    """A fan: brown noise, slowly modulated, over a weak hum."""
    t = np.arange(n) / sample_rate
    y = np.cumsum(rng.standard_normal(n))
    y -= np.convolve(y, np.ones(2001) / 2001, mode="same")
    y /= np.abs(y).max()
    y *= 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(5, 25) * t)
    y += 0.1 * np.sin(2 * np.pi * rng.uniform(90, 130) * t)
    return (y * 10 ** rng.uniform(-1.5, -0.3)).astype(np.float32)


TRAINED: Mapping[str, Maker] = {
    f.__name__: f for f in (silence, faint_noise, hum, coloured_noise, steady_tone, clicks)
}
HELD_OUT: Mapping[str, Maker] = {f.__name__: f for f in (sweep, fan)}
