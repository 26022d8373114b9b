"""Short sounds, written in the formats and places of the real datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 22_050


def write_sound(path: Path, *, pitch: float = 440.0) -> Path:
    """Write a second of a tone, in the format that the suffix names, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(RATE) / RATE
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * pitch * t)).astype(np.float32), RATE)
    return path
