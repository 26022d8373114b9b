"""Memory of a listener over a day and a night, in virtual time: as fast as it goes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge.live import Listener
from musicedge.model import Model
from musicedge.source import Chunk
from musicedge_benchmarks.rounds import Tell, silence

LIMIT = 5.0  # MB of growth after warming up
HOURS = 24.0

Float32 = NDArray[np.float32]

_CHUNK = 0.1  # seconds of sound that are handed over at once
_WARM = 0.02  # share of the run after which it counts as warm: half an hour of a day
_LOOKS = 1000  # at the memory, in the whole run


@dataclass(frozen=True)
class Endurance:
    """The resident memory of one long run.

    Attributes
    ----------
    hours
        Of sound that was heard.
    readings
        How many were made.
    warm, end, peak
        Resident bytes after a fiftieth of the run, at its end, and the most between the two.
    wall
        Seconds that it took.
    looks
        Hours that were heard, the bytes that were resident then, and the seconds it took to there.
    """

    hours: float
    readings: int
    warm: int
    end: int
    peak: int
    wall: float
    looks: list[tuple[float, int, float]]

    @property
    def growth(self) -> int:
        """Bytes by which memory grew, at most, after warming up."""
        return self.peak - self.warm


class EndlessPiece:
    """A `musicedge.Source` that repeats a piece, each time at another level, and waits for nobody.

    Parameters
    ----------
    piece : np.ndarray [shape=(n,)]
        Music.
    sample_rate
        Its rate, in Hz.
    seconds
        After how many it ends, all the same.
    """

    name = "piece"
    realtime = False

    def __init__(self, piece: Float32, sample_rate: int, seconds: float) -> None:
        self.sample_rate = sample_rate
        self._piece = piece
        self._left = round(seconds * sample_rate)
        self._at = 0
        self._turn = 0

    def read(self, timeout: float) -> Chunk | None:
        """Return the next tenth of a second; None after the last."""
        if self._left <= 0:
            return None
        if self._at >= len(self._piece):
            self._at, self._turn = 0, self._turn + 1
        end = self._at + min(self._left, round(_CHUNK * self.sample_rate))
        samples = self._piece[self._at : end] * np.float32(0.5 + 0.05 * (7 * self._turn % 10))
        self._at = end
        self._left -= len(samples)
        return Chunk(samples, time.monotonic())

    def events(self) -> list[str]:
        """Return nothing: nothing happens but music."""
        return []

    def close(self) -> None:
        """Hold nothing."""


def measure_endurance(
    piece: Float32,
    sample_rate: int,
    model: Model,
    *,
    hours: float,
    on_round: Tell = silence,
) -> Endurance:
    """Listen for hours, and look at this process's memory every now and then.

    Parameters
    ----------
    piece : np.ndarray [shape=(n,)]
        Music, which is repeated.
    sample_rate
        Its rate, in Hz.
    model
        The model.
    hours
        How long, in the time of the sound.
    on_round
        Told how far it has come.
    """
    import psutil

    process = psutil.Process()
    source = EndlessPiece(piece, sample_rate, 3600 * hours)
    begun = time.perf_counter()
    looks: list[tuple[float, int, float]] = []
    with Listener(source, model) as listener:
        for reading in listener:
            share = reading.end / (3600 * hours)
            if share >= len(looks) / _LOOKS:
                resident, taken = process.memory_info().rss, time.perf_counter() - begun
                looks.append((share * hours, resident, taken))
                on_round(f"{reading.end / 3600:.1f} h of {hours:g} h", share)
        readings = listener.readings
    end = process.memory_info().rss
    after = [resident for heard, resident, _ in looks if heard >= _WARM * hours] or [end]
    return Endurance(
        hours=hours,
        readings=readings,
        warm=after[0],
        end=end,
        peak=max(*after, end),
        wall=time.perf_counter() - begun,
        looks=looks,
    )
