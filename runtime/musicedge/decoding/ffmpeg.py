"""Decoding by PyAV (FFmpeg): M4A/AAC, WMA, WebM and video, and what libsndfile refuses.

Files are hostile until shown otherwise: FFmpeg gets an open file and never a name, may use only the
formats listed here (none that is a playlist or script, and so names other files), and no protocol
by which it could open another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from musicedge.decoding.base import CODEC_LIMIT, DecodingFailed, Float32, check_stream, mix_down
from musicedge.errors import AudioEmpty

_FORMATS = (  # FFmpeg's demuxers
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,matroska,mov,mp3,mpc,"
    "mpc8,mpeg,mpegts,ogg,rm,tak,truehd,tta,voc,w64,wav,wv,xwma"
)
# Formats whose headers state a length; of others FFmpeg guesses it from the file's size.
_STATING = frozenset(
    {"aiff", "ape", "asf", "au", "caf", "flac", "matroska", "mov", "mpc", "mpc8", "tak", "tta"}
    | {"w64", "wav", "wv"}
)
_INDEXED = frozenset(["matroska", "mov"])  # those whose timestamps are right after a seek
_MIN_SEEK_S = 30.0  # below this, decoding and dropping is as fast
_PREROLL_S = 2.0  # to fill what codecs carry over from packet to packet
# PyAV's own, and what it trips over: text that is no UTF-8, streams that appear half-way.
_ERRORS = (av.FFmpegError, OSError, ValueError, IndexError)
_MICROSECONDS = 1_000_000  # FFmpeg's time base for whole files


class PyAVDecoder:
    """A `Decoder` by PyAV, of a file's best audio stream.

    Parameters
    ----------
    file
        A regular file, unbuffered; it stays open and belongs to the caller.
    name
        What errors call it.

    Raises
    ------
    DecodingFailed
        FFmpeg does not decode the file.
    AudioEmpty
        Its audio stream holds no samples.
    AudioValues
        The sample rate or the number of channels is out of range.
    """

    label = "pyav"

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.notes: list[str] = []
        self.reached = 0
        self._damaged = 0
        self._start: int | None = None  # the first frame's timestamp
        self._decoded: Iterator[Any] = iter(())
        file.seek(0)
        try:
            self._container: Any = _open(file)
        except _ERRORS as error:
            raise DecodingFailed(_reason(error)) from None
        try:
            self._stream: Any = self._audio_stream()
            first = self._first_frame(name)
            self.sample_rate = int(first.sample_rate)
            self.channels = int(first.layout.nb_channels)
            check_stream(name, self.sample_rate, self.channels)
        except BaseException:
            self.close()
            raise
        self.frames = self._stated_frames()

    def seek(self, frame: int) -> int:
        target = frame / self.sample_rate
        if target < _MIN_SEEK_S or self._start is None or not self._is_format(_INDEXED):
            return 0
        position = self._go_to(target - _PREROLL_S)
        if position is None or position > frame:
            position = self._go_to(0)
            if position != 0:
                raise DecodingFailed("it cannot be read from there")
        return position

    def blocks(self, size: int) -> Iterator[Float32]:
        pending: list[Float32] = []
        held = 0
        lossy = not self._stream.codec_context.name.startswith("pcm_")
        failure = None
        try:
            for frame in self._decoded:
                if frame.sample_rate != self.sample_rate:
                    raise DecodingFailed(
                        f"the sample rate changes from {self.sample_rate} to {frame.sample_rate} Hz"
                    )
                block = _mono(frame)
                if lossy:
                    np.clip(block, -CODEC_LIMIT, CODEC_LIMIT, out=block)
                pending.append(block)
                if frame.pts is not None:
                    self.reached = self._position(frame.pts) + frame.samples
                held += len(pending[-1])
                if held * self.channels >= size:
                    yield np.concatenate(pending)
                    pending, held = [], 0
        except DecodingFailed as error:
            failure = error
        except _ERRORS as error:
            failure = DecodingFailed(_reason(error))
        if pending:
            yield np.concatenate(pending)
        if self._damaged:
            self.notes.append(f"damaged packets skipped: {self._damaged}")
        if failure is not None:
            raise failure from None

    def close(self) -> None:
        self._container.close()

    def _go_to(self, seconds: float) -> int | None:
        """Seek to before a time; return the frame reached, None where it cannot be told."""
        assert self._start is not None
        start = float(self._start * self._stream.time_base)
        try:
            self._container.seek(round((start + seconds) * _MICROSECONDS))
            self._decoded = self._decode()
            first = next(self._decoded, None)
        except _ERRORS as error:
            raise DecodingFailed(_reason(error)) from None
        if first is None or first.pts is None:
            return None
        self._decoded = chain([first], self._decoded)
        return self._position(first.pts)

    def _position(self, timestamp: int) -> int:
        elapsed = (timestamp - (self._start or 0)) * self._stream.time_base
        return round(float(elapsed) * self.sample_rate)

    def _audio_stream(self) -> Any:
        stream = self._container.streams.best("audio")
        if stream is None:
            raise DecodingFailed(f"{self._container.format.long_name} without audio")
        if stream.codec_context is None:
            raise DecodingFailed("no decoder for its audio codec")
        return stream

    def _first_frame(self, name: str) -> Any:
        """Decode the first frame: only it shows the true rate and layout of some codecs."""
        self._decoded = self._decode()
        try:
            first = next(self._decoded, None)
        except _ERRORS as error:
            raise DecodingFailed(_reason(error)) from None
        if first is None:
            if self._damaged:
                raise DecodingFailed("none of its audio packets can be decoded")
            raise AudioEmpty(f"{name}: it holds no samples; give a file with sound in it")
        self._start = first.pts
        self._decoded = chain([first], self._decoded)
        return first

    def _decode(self) -> Iterator[Any]:
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._damaged += 1  # as players do, go on with the next
                continue
            yield from (frame for frame in frames if frame.samples > 0)

    def _stated_frames(self) -> int | None:
        if not self._is_format(_STATING):
            return None
        seconds = 0.0
        if self._stream.duration:
            seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration and len(self._container.streams) == 1:
            # With other streams beside it, theirs may be the longer.
            seconds = self._container.duration / _MICROSECONDS
        return round(seconds * self.sample_rate) if seconds > 0 else None

    def _is_format(self, names: frozenset[str]) -> bool:
        return not names.isdisjoint(self._container.format.name.split(","))


def _open(file: BinaryIO) -> Any:
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    url: Any = file
    if os.name == "posix":
        # By descriptor, so that no Python code runs inside FFmpeg's calls, where an interrupt
        # (Ctrl-C) would be lost, and other threads run meanwhile.
        url = "fd:"
        options |= {"fd": str(file.fileno()), "protocol_whitelist": "fd"}
    # Until version 18, tags that are no UTF-8 are an error unless they are asked to be mended.
    lenient: dict[str, Any] = (
        {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
    )
    return av.open(url, mode="r", container_options=options, **lenient)


def _mono(frame: Any) -> Float32:
    samples: NDArray[Any] = frame.to_ndarray()
    channels = frame.layout.nb_channels
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
    if samples.dtype.kind in "iu":
        bits = 8 * samples.dtype.itemsize
        zero = 128 if samples.dtype.kind == "u" else 0
        # float32 holds 16 bits whole; wider integers lose what is below its 24 bits.
        samples = (samples.astype(np.float32) - zero) / np.float32(2 ** (bits - 1))
    return mix_down(samples)


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".")
