"""Sounds made by code, of which the pitch, the tempo and the percussive share are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 32_000  # Hz, the front-end's


def tone(hertz: float, seconds: float = 8.0, peak: float = 0.5) -> np.ndarray:
    """Return a steady sine, np.ndarray [shape=(n,)]."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def clicks(tempo: float, seconds: float = 12.0, peak: float = 0.5) -> np.ndarray:
    """Return bursts of noise of 10 ms, `tempo` a minute, np.ndarray [shape=(n,)]."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    burst = np.random.default_rng(0).uniform(-peak, peak, RATE // 100).astype(np.float32)
    for time in np.arange(0.25, seconds - 0.1, 60 / tempo):
        start = round(time * RATE)
        sound[start : start + len(burst)] = burst
    return sound


def write(path: Path, samples: np.ndarray) -> Path:
    """Write a sound as WAV and return its path."""
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path
