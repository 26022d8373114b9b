"""An array in memory, read as a decoder's blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicedge.decoding.base import MAX_CHANNELS, Float32, check_stream, mix_down
from musicedge.errors import AudioEmpty, AudioValues


class ArrayDecoder:
    """A `Decoder` of an array.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,) or (channels, n), dtype=float]
        Full scale at +-1.
    source_rate
        Its rate, in Hz.
    name
        What errors call it.

    Raises
    ------
    AudioEmpty
        The array holds no samples.
    AudioValues
        Its type, shape or rate is none of these.
    """

    label = "array"
    reached = 0

    def __init__(self, samples: ArrayLike, source_rate: int, name: str) -> None:
        array = np.asarray(samples)
        if array.size == 0:
            raise AudioEmpty(f"{name}: its shape is {array.shape}, no samples; give at least one")
        self._samples = channels_of(array, name)
        channels, length = self._samples.shape
        check_stream(name, source_rate, channels)
        self.sample_rate = source_rate
        self.channels = channels
        self.frames: int | None = length
        self.notes: list[str] = []

    def seek(self, frame: int) -> int:
        return 0

    def blocks(self, size: int) -> Iterator[Float32]:
        step = max(1, size // self.channels)
        for start in range(0, self._samples.shape[1], step):
            block = self._samples[:, start : start + step].T
            yield mix_down(block)

    def close(self) -> None:
        """Nothing is held but the caller's array."""


def channels_of(samples: ArrayLike, name: str) -> NDArray[Any]:
    """Return samples as np.ndarray [shape=(channels, n), dtype=float32 or float64].

    Parameters
    ----------
    samples : np.ndarray [shape=(n,) or (channels, n), dtype=float]
        Full scale at +-1; n may be 0.
    name
        What errors call them.

    Raises
    ------
    AudioValues
        Their type or shape is none of these.
    """
    array = np.asarray(samples)
    if array.dtype.kind in "iu":
        full_scale = 2 ** (8 * array.dtype.itemsize - 1)
        raise AudioValues(
            f"{name}: its samples are {array.dtype}, not floats; divide by full scale "
            f"(samples / {full_scale} for {array.dtype} audio)"
        )
    if array.dtype.kind != "f":
        raise AudioValues(f"{name}: its samples are {array.dtype}; give floats within +-1")
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2:
        raise AudioValues(f"{name}: its shape is {array.shape}; give (n,) or (channels, n)")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    channels, length = array.shape
    if channels > MAX_CHANNELS >= length:
        raise AudioValues(
            f"{name}: its shape is {array.shape}, which is {channels} channels of {length} "
            "samples; give (channels, n): transpose it (samples.T)"
        )
    return array
