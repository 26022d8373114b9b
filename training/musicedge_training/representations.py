"""The log-mel of whole tracks, computed once with the runtime's front-end and kept in a cache.

A cache entry is one ``.npy`` of float16 frames, named by the hash of the audio file's bytes and of
the front-end's constants, so that a change of either makes a new entry and nothing is ever stale.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge import audio
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.console import track_progress

Float32 = NDArray[np.float32]


def load_samples(path: Path, sample_rate: int) -> Float32:
    """Return a whole file as mono samples at `sample_rate` Hz, np.ndarray [shape=(n,)].

    Raises
    ------
    musicedge.errors.AudioError
        The file cannot be decoded.
    """
    with audio.open(path, sample_rate=sample_rate) as reader:
        blocks = list(reader)
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32)


@cache
def front_end(config: FrontEndConfig) -> FrontEnd:
    """Return the front-end for `config`, made once a process."""
    return FrontEnd(config)


def write_npy(path: Path, array: NDArray[np.generic]) -> None:
    """Write an array so that a reader sees all of it or none."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class LogMelCache:
    """Log-mel frames of whole tracks, on disk.

    Parameters
    ----------
    folder
        Where the entries are; made when missing.
    config
        The front-end's constants.
    """

    def __init__(self, folder: Path, config: FrontEndConfig) -> None:
        self.folder = folder
        self.config = config
        key = json.dumps(config.to_dict(), sort_keys=True).encode()
        self._config_hash = hashlib.sha256(key).hexdigest()[:8]
        folder.mkdir(parents=True, exist_ok=True)

    def entry(self, path: Path) -> Path:
        """Return where the frames of the audio file `path` are, or would be."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:24]
        return self.folder / f"{digest}-{self._config_hash}.npy"

    def get(self, path: Path) -> NDArray[np.float16]:
        """Return a track's frames, computing them when missing.

        Returns
        -------
        np.ndarray [shape=(t, n_mels), dtype=float16]
            Read from the disk as they are used.

        Raises
        ------
        musicedge.errors.AudioError
            The file cannot be decoded.
        """
        entry = self.entry(path)
        if not entry.exists():
            samples = load_samples(path, self.config.sample_rate)
            write_npy(entry, front_end(self.config).logmel(samples).astype(np.float16))
        frames: NDArray[np.float16] = np.load(entry, mmap_mode="r", allow_pickle=False)
        return frames

    def fill(self, paths: Sequence[Path], *, jobs: int) -> None:
        """Compute every missing entry in `jobs` processes, with a progress bar."""
        for _ in run_jobs(self._ensure, paths, jobs=jobs, title="log-mel"):
            pass

    def _ensure(self, path: Path) -> None:
        self.get(path)


def run_jobs(
    function: Callable[[Path], object], items: Sequence[Path], *, jobs: int, title: str
) -> Iterable[object]:
    """Yield ``function(item)`` for all items, in order, from `jobs` processes, showing progress."""
    with ProcessPoolExecutor(jobs) as pool:
        yield from track_progress(pool.map(function, items, chunksize=8), title, len(items))
