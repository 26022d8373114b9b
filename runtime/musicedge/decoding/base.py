"""What every decoder is: mono float32 blocks of an open file, at the file's own rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musicedge.errors import AudioValues

Float32 = NDArray[np.float32]

MAX_CHANNELS = 32
"""Channels in an input. The widest layouts in use are 22.2 (24) and third-order ambisonics (16)."""

SAMPLE_RATE_RANGE = (4_000, 768_000)
"""Sample rates of an input, in Hz: from half a telephone's, below which less than two kilohertz of
music are left to judge it by, to the highest at which PCM converters work."""


CODEC_LIMIT = 8.0
"""What samples of lossy codecs are clipped to: a damaged packet can decode to any number, and loud
masters to a little more than full scale (1)."""


class DecodingFailed(Exception):
    """A decoder cannot use the file, or cannot go on; the text is its reason."""


class NotRecognised(DecodingFailed):
    """The file is of no format that this decoder knows."""


class Decoder(Protocol):
    """What reads one kind of input.

    Attributes
    ----------
    label
        The decoder's name in results.
    sample_rate, channels
        Of the source.
    frames
        How many frames (samples a channel) the file says it holds; None where it does not say.
    reached
        Where the file's timestamps say that the latest block ends, in frames from its beginning:
        beyond what was counted, where damage was left out; 0 for formats without timestamps.
    notes
        What a user should know about how the file was decoded; may grow until the blocks end.
    """

    label: str
    sample_rate: int
    channels: int
    frames: int | None
    reached: int
    notes: list[str]

    def seek(self, frame: int) -> int:
        """Move towards `frame`, once and before `blocks`; return the position reached.

        A position before `frame` is right too: the caller drops the samples between.

        Raises
        ------
        DecodingFailed
            The file cannot be read there.
        """
        ...

    def blocks(self, size: int) -> Iterator[Float32]:
        """Yield mono blocks, in order, decoded from about `size` samples over all channels.

        Raises
        ------
        DecodingFailed
            Nothing more can be decoded; what came before has been yielded.
        """
        ...

    def close(self) -> None:
        """Free what the decoder holds; the file that it was given stays open."""
        ...


def check_stream(name: str, sample_rate: int, channels: int) -> None:
    """Raise AudioValues where a stream is out of range; to be called before buffers are made."""
    low, high = SAMPLE_RATE_RANGE
    if not low <= sample_rate <= high:
        raise AudioValues(
            f"{name}: the sample rate is {sample_rate} Hz, outside {low} to {high} Hz; "
            "resample it or repair its header"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioValues(
            f"{name}: it has {channels} channels, and 1 to {MAX_CHANNELS} are supported; "
            "mix it down first"
        )


def mix_down(frames: NDArray[Any]) -> Float32:
    """Return the mean over channels.

    Parameters
    ----------
    frames : np.ndarray [shape=(n, channels), dtype=float32, float64 or int16]
        Full scale at +-1; of integers at +-2**15.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Memory of its own.
    """
    if frames.dtype == np.int16:
        frames = frames * np.float32(2**-15)
    with np.errstate(invalid="ignore", over="ignore"):
        if frames.shape[1] == 1:
            return frames[:, 0].astype(np.float32)
        if frames.shape[1] == 2:  # half the time of a product
            mixed = frames[:, 0] + frames[:, 1]
            mixed *= mixed.dtype.type(0.5)
            return np.asarray(mixed, np.float32)
        # A matrix product takes a thirtieth of the time of np.mean over such a short axis.
        weights = np.full(frames.shape[1], 1 / frames.shape[1], frames.dtype)
        return np.asarray(frames @ weights, np.float32)
