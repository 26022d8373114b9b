"""Memory: the most that `musicedge classify` has resident while it reads a file of many hours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from musicedge_benchmarks.processes import COMMAND, trace_memory

LIMIT = 300.0  # MB, for a file of 10 hours
HOURS = 10.0
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Memory:
    """The resident memory of one run.

    Attributes
    ----------
    clip_seconds
        Length of the file.
    peak, settled
        In bytes: the most at all, and the most in the first tenth of the run.
    wall
        Seconds that it took.
    """

    clip_seconds: float
    peak: int
    settled: int
    wall: float


def measure_memory(clip: Path, clip_seconds: float, model: tuple[str, ...]) -> Memory:
    """Classify a long file once, in a process of its own.

    Parameters
    ----------
    clip, clip_seconds
        The file, and its length.
    model
        The options that choose the model.
    """
    trace = trace_memory((*COMMAND, "classify", str(clip), "--json", *model))
    return Memory(clip_seconds, trace.peak, trace.settled, trace.wall)
