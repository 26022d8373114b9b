"""Features of whole tracks on disk: computed once, in parallel, resumed where they stopped.

A cache entry is one ``.npy`` of float16 frames, named by the hash of the audio file's bytes and of
the representation's constants, so that a change of either makes a new entry and nothing is ever
stale.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musicedge.errors import AudioError, OutputError
from musicedge_training.console import console, track_progress
from musicedge_training.orphans import end_with_parent


class Representation(Protocol):
    """One kind of features of a track."""

    @property
    def title(self) -> str:
        """What the progress bar calls them."""

    def parameters(self) -> dict[str, Any]:
        """Return all that the features depend on beside the audio, as a JSON-ready object."""

    def prepare(self) -> None:
        """Do once what several processes should not do at once, such as compile."""

    def compute(self, path: Path) -> NDArray[np.floating]:
        """Return an audio file's frames, np.ndarray [shape=(t, features)].

        Raises
        ------
        musicedge.errors.AudioError
            The file cannot be decoded.
        """


@dataclass(frozen=True)
class Skipped:
    """An audio file that has no entry.

    Parameters
    ----------
    path
        The file.
    reason
        One line that names it and says what is wrong.
    """

    path: Path
    reason: str


def digest_of(path: Path) -> str:
    """Return what an audio file is known by, whatever it is called: 24 digits of its SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]


def write_npy(path: Path, array: NDArray[np.generic]) -> None:
    """Write an array so that a reader sees all of it or none.

    Raises
    ------
    OutputError
        The disk is full, or the folder may not be written to.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                np.save(file, array, allow_pickle=False)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_be_kept(path.parent, error) from error


def cannot_be_kept(folder: Path, error: OSError) -> OutputError:
    """Return what is said where a cache's folder takes no more."""
    reason = error.strerror or str(error)  # np.save says itself how much it could not write
    return OutputError(
        f"{folder}: what is computed cannot be kept there ({reason}); what is complete stays: make "
        "room or choose another folder with --cache, and run it again"
    )


class FeatureCache:
    """One representation of whole tracks, on disk.

    Parameters
    ----------
    folder
        Where the entries are; made when missing.
    representation
        What is computed.
    """

    def __init__(self, folder: Path, representation: Representation) -> None:
        self.folder = folder
        self.representation = representation
        key = json.dumps(representation.parameters(), sort_keys=True).encode()
        self._key = hashlib.sha256(key).hexdigest()[:8]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder}: the folder cannot be made ({error.strerror}); choose another with "
                "--cache"
            ) from error

    def entry(self, path: Path) -> Path:
        """Return where the frames of the audio file `path` are, or would be."""
        return self.folder / f"{digest_of(path)}-{self._key}.npy"

    def get(self, path: Path) -> NDArray[np.float16]:
        """Return a track's frames, computing them when missing.

        Returns
        -------
        np.ndarray [shape=(t, features), dtype=float16]
            Read from the disk as they are used.

        Raises
        ------
        musicedge.errors.AudioError
            The file cannot be decoded.
        OutputError
            The entry cannot be written.
        """
        entry = self.entry(path)
        if not entry.exists():
            write_npy(entry, self.representation.compute(path).astype(np.float16))
        frames: NDArray[np.float16] = np.load(entry, mmap_mode="r", allow_pickle=False)
        return frames

    def fill(self, paths: Sequence[Path], *, jobs: int) -> list[Skipped]:
        """Compute every missing entry in `jobs` processes, with a progress bar.

        Returns
        -------
        list of Skipped
            The files that cannot be decoded, each of which has been named on standard error.

        Raises
        ------
        OutputError
            An entry cannot be written; those before it are kept.
        """
        if paths and jobs > 1:
            self.representation.prepare()
        skipped = []
        for result in run_jobs(self._ensure, paths, jobs=jobs, title=self.representation.title):
            if isinstance(result, Skipped):
                console.print(f"skipped: {result.reason}", markup=False, soft_wrap=True)
                skipped.append(result)
        return skipped

    def _ensure(self, path: Path) -> Skipped | None:
        try:
            self.get(path)
        except AudioError as error:
            return Skipped(path, str(error))
        return None


def run_jobs(
    function: Callable[[Path], object], items: Sequence[Path], *, jobs: int, title: str
) -> Iterable[object]:
    """Yield ``function(item)`` for all items, in order, from `jobs` processes, showing progress.

    What is under way at an interruption or an error is finished, and no more is begun.
    """
    with ProcessPoolExecutor(jobs, initializer=_work_for_the_parent) as pool:
        try:
            yield from track_progress(pool.map(function, items), title, len(items))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _work_for_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that is interrupted
    end_with_parent()
