"""How cost and memory grow with a file: `musicedge classify` on files of one to ten hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from numpy import float32
from numpy.typing import NDArray

from musicedge_benchmarks.clips import write_long_wav
from musicedge_benchmarks.memory import HOURS
from musicedge_benchmarks.processes import COMMAND, MemoryTrace, trace_memory
from musicedge_benchmarks.rounds import Spread, Tell, silence

PARTS_OF_LONGEST = (0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class FileGrowth:
    """What files of one length cost, each in a process of its own.

    Attributes
    ----------
    hours
        Their length.
    wall, cpu
        Seconds from the start of the process to its end, and seconds of processor time.
    peak
        The most bytes that are resident.
    looks
        Hours of the file that were about done (by the time that had passed), and the bytes that
        were resident then, in one of the runs.
    """

    hours: float
    wall: Spread
    cpu: Spread
    peak: int
    looks: list[tuple[float, int]]


@dataclass
class Growth:
    """One of each length, the shortest first."""

    files: list[FileGrowth] = field(default_factory=list)

    @property
    def per_hour(self) -> float:
        """Processor time of an hour in the second half of the longest file, over that before.

        1 where cost is a straight line; what a process costs once is in neither.
        """
        first, *_, before, last = self.files
        late = (last.cpu.median - before.cpu.median) / (last.hours - before.hours)
        early = (before.cpu.median - first.cpu.median) / (before.hours - first.hours)
        return late / early if early > 0 else math.nan  # too short to tell

    @property
    def extra_memory(self) -> int:
        """Bytes by which the peak of the longest is above that of the shortest."""
        return self.files[-1].peak - self.files[0].peak


def measure_growth(
    folder: Path,
    piece: NDArray[float32],
    options: Sequence[str],
    found: Growth,
    *,
    hours: float = HOURS,
    rounds: int,
    on_round: Tell = silence,
) -> None:
    """Classify files of several lengths, in turn.

    Parameters
    ----------
    folder
        Where they are written, one at a time.
    piece : np.ndarray [shape=(n, 2)]
        Music at `musicedge_benchmarks.clips.RATE`, which they repeat.
    options
        Those that choose the model.
    found
        Gets what was measured; also where it is interrupted after a round.
    hours
        Length of the longest; the others are `PARTS_OF_LONGEST` of it.
    rounds
        How often.
    on_round
        Told which file is next.
    """
    lengths = [part * hours for part in PARTS_OF_LONGEST]
    traces: dict[float, list[MemoryTrace]] = {length: [] for length in lengths}
    whole, done = rounds * sum(lengths), 0.0
    try:
        for number in range(rounds):
            # The order turns, so that a machine that slows down does not bend the line.
            for length in reversed(lengths) if number % 2 else lengths:
                on_round(f"round {number + 1} of {rounds}, {length:g} h", done / whole)
                clip = write_long_wav(folder / "growth.wav", piece, 3600 * length)
                command = (*COMMAND, "classify", str(clip), "--json", *options)
                traces[length].append(trace_memory(command))
                clip.unlink()
                done += length
    finally:
        complete = min(map(len, traces.values()))
        if complete:
            found.files = [_file(length, of[:complete]) for length, of in traces.items()]


def _file(hours: float, traces: Sequence[MemoryTrace]) -> FileGrowth:
    last = traces[-1]
    return FileGrowth(
        hours=hours,
        wall=Spread.of([trace.wall for trace in traces]),
        cpu=Spread.of([trace.cpu for trace in traces]),
        peak=max(trace.peak for trace in traces),
        looks=[(hours * at / last.wall, resident) for at, resident in last.samples],
    )
