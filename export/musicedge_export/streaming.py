"""Whether a model says of sound that comes in pieces what it says of the whole."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

import musicedge
from musicedge.analysis import MOODS, Segment
from musicedge_export.verify import VerificationError

TOLERANCE = 1e-4
_SIZES = (441, 10_007, 64, 160_000)  # samples pushed at a time


def check_streaming(model: ModelProto, samples: NDArray[np.float32], sample_rate: int) -> float:
    """Compare a stream's readings with a file's windows, through the runtime.

    Parameters
    ----------
    model
        A graph with its card.
    samples : np.ndarray [shape=(n,)]
        At least a window of the model.
    sample_rate
        Of the samples, in Hz.

    Returns
    -------
    float
        The largest difference of any value, in [0, 1].

    Raises
    ------
    VerificationError
        It is more than `TOLERANCE`, or there is no window to compare.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        opened = musicedge.load(path, device="cpu")
        card = opened.card
        whole = opened.analyze(samples, sample_rate=sample_rate).segments
        every, first = card.hop_seconds, card.window_seconds
        stream = musicedge.Stream(opened, sample_rate, every=every, first=first, smooth=0)
        readings, start = [], 0
        for size in itertools.cycle(_SIZES):
            if start >= len(samples):
                break
            readings += stream.push(samples[start : start + size])
            start += size
    raw = {round(reading.end, 3): reading.raw for reading in readings}
    pairs = [
        (segment, raw[round(segment.end, 3)]) for segment in whole if round(segment.end, 3) in raw
    ]
    if not pairs:
        raise VerificationError("the stream gave no window of the whole sound to compare with")
    worst = max(_difference(one, other) for one, other in pairs)
    if not worst <= TOLERANCE:
        raise VerificationError(
            f"a stream's readings differ from the file's windows by {worst:.2e}, more than "
            f"{TOLERANCE:.0e}"
        )
    return worst


def _difference(one: Segment, other: Segment) -> float:
    """Return the largest difference of two windows' values; infinite where one tells more."""
    gaps = [abs(one.music - other.music)]
    for mood in MOODS:
        values = getattr(one, mood), getattr(other, mood)
        if None in values:
            gaps.append(0.0 if values[0] is values[1] else np.inf)
        else:
            gaps.append(abs(values[0] - values[1]))
    scores = {entry.label: entry.score for entry in other.genre}
    if scores.keys() != {entry.label for entry in one.genre}:
        return float(np.inf)
    gaps += [abs(entry.score - scores[entry.label]) for entry in one.genre]
    return float(max(gaps))
