"""Track-level outputs of a network or model file, over the windows that the runtime cuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from musicedge.windows import WindowCutter
from musicedge_training.accelerator import device
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.console import track_progress
from musicedge_training.datasets.track import MOODS, Track
from musicedge_training.representations import LogMelCache

Float32 = NDArray[np.float32]
Forward = Callable[[Float32], Mapping[str, Float32]]
"""Windows (n, time, n_mels) to the outputs of the graph, by name."""

WINDOW_FRAMES = 1000
HOP_FRAMES = 1000


@dataclass(frozen=True)
class Predictions:
    """Outputs for n tracks.

    Attributes
    ----------
    logits : np.ndarray [shape=(w, genres)]
        Genre logits of all tracks' windows; without genres where the model tells none.
    owner : np.ndarray [shape=(w,)]
        The track of each window, ascending.
    moods : np.ndarray [shape=(n, moods)]
        Means over each track's windows; NaN where the model does not tell one.
    music : np.ndarray [shape=(n,)]
        Means over each track's windows.
    """

    logits: Float32
    owner: NDArray[np.int64]
    moods: Float32
    music: Float32

    def genre(self, temperature: float = 1.0) -> Float32:
        """Return the tracks' genre probabilities: the mean over windows of softmax(logits / T)."""
        if not self.logits.shape[1]:
            return np.zeros((len(self.music), 0), np.float32)
        scaled = self.logits / temperature
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        scaled /= scaled.sum(axis=1, keepdims=True)
        sums = np.zeros((len(self.music), scaled.shape[1]), np.float32)
        np.add.at(sums, self.owner, scaled)
        means: Float32 = sums / np.bincount(self.owner, minlength=len(self.music))[:, None]
        return means

    def take(self, rows: NDArray[np.int64]) -> Predictions:
        """Return the predictions of some of the tracks, in the order of `rows`."""
        windows = [np.flatnonzero(self.owner == row) for row in rows]
        owner = np.repeat(np.arange(len(rows)), [len(part) for part in windows])
        picked = np.concatenate(windows) if windows else np.empty(0, np.int64)
        return Predictions(self.logits[picked], owner, self.moods[rows], self.music[rows])

    @classmethod
    def join(cls, parts: Sequence[Predictions]) -> Predictions:
        """Put the predictions of several lists of tracks after one another."""
        starts = np.cumsum([0, *(len(part.music) for part in parts[:-1])])
        owner = np.concatenate([p.owner + s for p, s in zip(parts, starts, strict=True)])
        return cls(
            np.concatenate([part.logits for part in parts]),
            owner,
            np.concatenate([part.moods for part in parts]),
            np.concatenate([part.music for part in parts]),
        )

    def save(self, path: Path) -> None:
        """Write all arrays to an ``.npz``."""
        with path.open("wb") as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def cut_windows(frames: NDArray[np.floating]) -> Float32:
    """Return a track's windows as the runtime cuts them.

    Parameters
    ----------
    frames : np.ndarray [shape=(t, n_mels)]
        At least one frame.

    Returns
    -------
    np.ndarray [shape=(n, `WINDOW_FRAMES`, n_mels), dtype=float32]
    """
    cutter = WindowCutter(WINDOW_FRAMES, HOP_FRAMES)
    windows = [*cutter.push(np.asarray(frames, np.float32)), *cutter.finish()]
    return np.stack([window.frames for window in windows])


def predict(
    forward: Forward, windows: Sequence[Float32], *, title: str = "predicting"
) -> Predictions:
    """Run a model over the windows of each track.

    Parameters
    ----------
    forward
        The model.
    windows
        The windows of each track, np.ndarray [shape=(w, time, n_mels)], at least one.
    title
        What the progress bar says.
    """
    logits, owner, moods, music = [], [], [], []
    for row, block in enumerate(track_progress(windows, title, len(windows))):
        outputs = forward(block)
        logits.append(outputs.get("genre", np.zeros((len(block), 0), np.float32)))
        owner.extend([row] * len(block))
        moods.append([outputs[mood].mean() if mood in outputs else np.nan for mood in MOODS])
        music.append(outputs["music"].mean())
    return Predictions(
        np.concatenate(logits),
        np.array(owner),
        np.array(moods, np.float32),
        np.array(music, np.float32),
    )


class TrackWindows(Sequence[Float32]):
    """The windows of cached tracks, read when asked for."""

    def __init__(self, cache: LogMelCache, tracks: Sequence[Track]) -> None:
        self._cache = cache
        self._tracks = tracks

    def __len__(self) -> int:
        return len(self._tracks)

    def __getitem__(self, index: int) -> Float32:  # type: ignore[override]
        return cut_windows(self._cache.get(self._tracks[index].path))


def network_forward(network: MultitaskNetwork) -> Forward:
    """Return a network in evaluation mode as a function on arrays."""
    where = device()
    network = network.eval().to(where, memory_format=torch.channels_last)

    def forward(windows: Float32) -> Mapping[str, Float32]:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(windows).to(where))
        return {name: value.cpu().numpy() for name, value in outputs.items()}

    return forward
