"""The log-mel of whole tracks by the runtime's front-end: what the models that ship read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge import audio
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.representations.cache import FeatureCache

Float32 = NDArray[np.float32]


def load_samples(path: Path, sample_rate: int, duration: float | None = None) -> Float32:
    """Return a file as mono samples at `sample_rate` Hz, np.ndarray [shape=(n,)].

    Parameters
    ----------
    duration
        Seconds from the beginning; None for the whole file.

    Raises
    ------
    musicedge.errors.AudioError
        The file cannot be decoded.
    """
    with audio.open(path, sample_rate=sample_rate, duration=duration) as reader:
        blocks = list(reader)
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32)


@cache
def front_end(config: FrontEndConfig) -> FrontEnd:
    """Return the front-end for `config`, made once a process."""
    return FrontEnd(config)


@dataclass(frozen=True)
class LogMel:
    """The front-end's frames of a whole track.

    Parameters
    ----------
    config
        The front-end's constants.
    """

    config: FrontEndConfig

    @property
    def title(self) -> str:
        """What the progress bar calls them."""
        return "log-mel"

    def parameters(self) -> dict[str, Any]:
        """Return the front-end's constants."""
        return self.config.to_dict()

    def prepare(self) -> None:
        """Do nothing: the front-end is made at once."""

    def compute(self, path: Path) -> Float32:
        """Return an audio file's frames, np.ndarray [shape=(t, n_mels)]."""
        samples = load_samples(path, self.config.sample_rate)
        return front_end(self.config).logmel(samples)


class LogMelCache(FeatureCache):
    """Log-mel frames of whole tracks, on disk.

    Parameters
    ----------
    folder
        Where the entries are; made when missing.
    config
        The front-end's constants.
    """

    def __init__(self, folder: Path, config: FrontEndConfig) -> None:
        super().__init__(folder, LogMel(config))
