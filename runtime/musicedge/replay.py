"""A file that is played back as if a microphone heard it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from musicedge import audio
from musicedge.errors import MusicedgeError
from musicedge.frontend import Float32
from musicedge.source import Chunk

_GRANULE = 0.02  # seconds of sound in the chunks that a device hands over


class FileSource:
    """A `musicedge.Source` that replays a file, mixed down, at the file's own sample rate.

    Parameters
    ----------
    path
        As for `musicedge.Model.analyze`.
    speed
        1 plays as fast as it sounds, 2 twice as fast; infinity waits for nobody and leaves nothing
        out, so that the readings are the same on any machine.
    offset, duration
        Which part to play, in seconds; all of it by default.

    Raises
    ------
    AudioError
        The file cannot be used.
    ValueError
        `speed` is not above 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | bytes | BinaryIO,
        *,
        speed: float = 1.0,
        offset: float = 0.0,
        duration: float | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed!r}: must be above 0")
        self._reader = audio.open(path, sample_rate=None, offset=offset, duration=duration)
        self.name = self._reader.name
        self.sample_rate = self._reader.sample_rate
        self.realtime = speed < math.inf
        self._rate = speed * self.sample_rate  # samples a second of real time
        self._granule = max(1, round(_GRANULE * self.sample_rate))
        self._blocks: Iterator[Float32] | None = None
        self._rest: Float32 = np.empty(0, np.float32)  # decoded, and not yet played
        self._begun = 0.0
        self._played = 0
        self._n_notes = 0
        self._ending: MusicedgeError | None = None

    def read(self, timeout: float) -> Chunk | None:
        """Return what has been played since the last call; see `musicedge.Source`.

        Raises
        ------
        AudioError
            The file cannot be decoded to its end; what comes before has been played.
        """
        if self._blocks is None:
            self._blocks = iter(self._reader)
            self._begun = time.monotonic()
        count = self._due(timeout) if self.realtime else audio.BLOCK_SAMPLES
        if count == 0:
            return Chunk(np.empty(0, np.float32), time.monotonic())
        samples = self._take(count)
        if len(samples) == 0:
            return None
        self._played += len(samples)
        captured = self._begun + self._played / self._rate if self.realtime else time.monotonic()
        return Chunk(samples, captured)

    def events(self) -> list[str]:
        """Return what was noted about the file since the last call."""
        notes = self._reader.notes[self._n_notes :]
        self._n_notes += len(notes)
        return [f"{self.name}: {note}" for note in notes]

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _due(self, timeout: float) -> int:
        """Wait until a few samples have sounded, and return how many; 0 where that takes longer."""
        ready = self._begun + (self._played + self._granule) / self._rate
        wait = ready - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout))
            if wait > timeout:
                return 0
        sounded = int((time.monotonic() - self._begun) * self._rate) - self._played
        return max(self._granule, sounded)

    def _take(self, count: int) -> Float32:
        """Return the next samples, fewer at the end; what the file ends with, raise after them."""
        pieces, held = [self._rest], len(self._rest)
        while held < count and (block := self._decode()) is not None:
            pieces.append(block)
            held += len(block)
        if held == 0 and self._ending is not None:
            raise self._ending
        joined = np.concatenate(pieces)
        self._rest = joined[count:].copy()
        return joined[:count]

    def _decode(self) -> Float32 | None:
        assert self._blocks is not None
        try:
            return next(self._blocks, None)
        except MusicedgeError as error:
            self._ending = error
            return None
