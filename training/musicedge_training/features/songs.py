"""Songs read from files for a look at what is in them, of a length that memory holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicedge import audio
from musicedge.errors import AudioError, AudioValues
from musicedge.frontend_config import FrontEndConfig
from musicedge.silence import SILENCE_PEAK
from musicedge_training.features.analysis import SongFeatures, analyse
from musicedge_training.features.figures import Float32

MOST_SECONDS = 1800.0
LEAST_SECONDS = 0.5


class NothingToShow(AudioError):
    """A song is digital silence, or too short to have features."""


@dataclass(frozen=True)
class Song:
    """A song's path, as it was given, and its features."""

    path: str
    features: SongFeatures


def look_at(path: str, *, offset: float = 0.0, duration: float | None = None) -> Song:
    """Read a song and return it with its features.

    Parameters
    ----------
    path
        The file.
    offset, duration
        The part to look at, in seconds.

    Raises
    ------
    AudioError
        It cannot be decoded, is silent, shorter than `LEAST_SECONDS` or longer than `MOST_SECONDS`.
    """
    config = FrontEndConfig()
    samples, name = _samples(path, config.sample_rate, offset, duration)
    seconds = len(samples) / config.sample_rate
    if seconds < LEAST_SECONDS:
        raise NothingToShow(
            f"{name}: {seconds:.2f} s of sound is too short; give at least {LEAST_SECONDS:g} s"
        )
    if np.ptp(samples) / 2 < SILENCE_PEAK:
        raise NothingToShow(
            f"{name}: nothing but digital silence, so there is nothing to show; give some sound"
        )
    return Song(path, analyse(samples, config))


def _samples(
    path: str, sample_rate: int, offset: float, duration: float | None
) -> tuple[Float32, str]:
    """Return the samples of a file, and what errors call it."""
    blocks, length = [], 0
    with audio.open(path, sample_rate=sample_rate, offset=offset, duration=duration) as reader:
        for block in reader:
            blocks.append(block)
            length += len(block)
            if length > MOST_SECONDS * sample_rate:
                raise AudioValues(
                    f"{reader.name}: longer than {MOST_SECONDS / 60:g} minutes, which is more than "
                    "is looked at at once; choose a part with --offset and --duration"
                )
        return np.concatenate(blocks) if blocks else np.empty(0, np.float32), reader.name
