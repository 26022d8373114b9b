"""One way of doing a stage that is not this project's, and what it is measured with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from numpy import float32
from numpy.typing import NDArray

from musicedge.bundle import Bundle
from musicedge.model import Model

Work = Callable[[], object]


@dataclass(frozen=True)
class Material:
    """What all ways of doing things are given.

    Attributes
    ----------
    clip
        A stereo MP3 file at `musicedge_benchmarks.clips.RATE`.
    samples : np.ndarray [shape=(n,)]
        The same, mono, at the rate of the model's front-end.
    bundle, model
        Our model's file, and the model, opened with one thread.
    checkpoint
        Of the same network, for PyTorch; None where none was given.
    files
        Other people's models, by the peer's name.
    """

    clip: Path
    samples: NDArray[float32]
    bundle: Bundle
    model: Model
    checkpoint: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


class NotGiven(Exception):
    """A peer needs a file that was not given; its text says with which option."""


@dataclass(frozen=True)
class Peer:
    """One way of doing a stage.

    Attributes
    ----------
    name
        What tables call it.
    packages
        What must be installed for it, as it is imported.
    remedy
        How to get that.
    prepare
        Makes ready all that need not be done again for each clip, and returns what is timed.
    """

    name: str
    packages: tuple[str, ...]
    remedy: str
    prepare: Callable[[Material], Work]
