"""The sounds that are measured with: one piece, repeated to any length, in a few formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from musicedge import audio

Float32 = NDArray[np.float32]

RATE = 44_100  # of the clips, as most music has it
EXAMPLE = Path(__file__).parents[2] / "examples" / "corner-store-shuffle.mp3"
"""The project's own piece, where this runs from a checkout."""

_BLOCK_SECONDS = 60.0  # long files are written piece by piece
_CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # Am F C G, as MIDI notes
_BEAT = 0.5  # seconds


def load_piece(path: Path | None = None) -> Float32:
    """Return the piece that all clips repeat, np.ndarray [shape=(n, 2)], at `RATE`.

    Parameters
    ----------
    path
        An audio file; by default the example piece, or a synthetic one where that is absent.
    """
    if path is None and not EXAMPLE.exists():
        return synthetic_piece()
    with audio.open(path or EXAMPLE, sample_rate=RATE) as reader:
        mono = np.concatenate(list(reader))
    # The other channel lags by 10 ms, so that encoders cannot join the two.
    return np.stack([mono, np.roll(mono, RATE // 100)], axis=1)


def synthetic_piece() -> Float32:
    """Return chords over a beat of noise, np.ndarray [shape=(n, 2)], at `RATE`, 8 s."""
    rng = np.random.default_rng(0)
    time = np.arange(round(_BEAT * RATE)) / RATE
    beats = []
    for chord in _CHORDS:
        for beat in range(4):
            phases = [2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time for note in chord]
            tone = sum(np.sin(h * phase) / h for phase in phases for h in (1, 2, 3))
            drum = rng.normal(size=len(time)) * np.exp(-time * (20 if beat % 2 else 60))
            beats.append(0.08 * np.asarray(tone) * np.exp(-3 * time) + 0.2 * drum)
    mono = np.concatenate(beats).astype(np.float32)
    return np.stack([mono, np.roll(mono, RATE // 100)], axis=1)


def repeat(piece: Float32, seconds: float) -> Float32:
    """Repeat a piece, np.ndarray [shape=(n, channels)] at `RATE`, to a length in seconds."""
    return np.resize(piece, (round(seconds * RATE), piece.shape[1]))


def write_clip(path: Path, piece: Float32, seconds: float) -> Path:
    """Write so many seconds in the format that the suffix names, and return the path."""
    soundfile.write(path, repeat(piece, seconds), RATE)
    return path


def write_long_wav(path: Path, piece: Float32, seconds: float, *, rate: int = 8_000) -> Path:
    """Write hours of the piece as a mono 16-bit WAV of a low rate, in little memory.

    Every repetition has another level, so that no two are the same.
    """
    mono = soxr.resample(repeat(piece, _BLOCK_SECONDS).mean(axis=1), RATE, rate)
    left = round(seconds * rate)
    with soundfile.SoundFile(path, "w", rate, 1, subtype="PCM_16") as file:
        number = 0
        while left > 0:
            block = mono[:left] * (0.5 + 0.5 * ((number * 7) % 10) / 10)
            file.write(block)
            left -= len(block)
            number += 1
    return path
