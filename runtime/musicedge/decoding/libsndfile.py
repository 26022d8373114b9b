"""Decoding by libsndfile: WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF and its other formats."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from musicedge.decoding.base import (
    CODEC_LIMIT,
    DecodingFailed,
    Float32,
    NotRecognised,
    check_stream,
    mix_down,
)
from musicedge.decoding.containers import SampleData, ogg_end, with_unknown_size

if TYPE_CHECKING:
    from musicedge.decoding.mpeg import Mpeg

_UNKNOWN_LENGTH = 2**62  # where it knows none, libsndfile gives the largest 64-bit number
_UNRECOGNISED = 1  # SF_ERR_UNRECOGNISED_FORMAT
_PARTS = 2  # in which a block is decoded and mixed down: less new memory, and few calls
_LOSSY = ("VORBIS", "OPUS", "MPEG")  # how the names of the lossy codecs of today begin


class _InOrder(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is not typed here
    """A file that is read from one place on.

    soundfile seeks after each read of a file that says it can, to where it is. In an MP3 file that
    decodes frames again, without what earlier ones had saved for them: some come out wrong.
    """

    def seekable(self) -> bool:
        return False


class SoundFileDecoder:
    """A `Decoder` by libsndfile.

    Parameters
    ----------
    file
        A regular file, unbuffered; it stays open and belongs to the caller.
    name
        What errors call it.
    data
        Its sample data, if it is a PCM container.

    Attributes
    ----------
    partial
        Why libsndfile will not decode all of the file; None where it will.

    Raises
    ------
    DecodingFailed
        libsndfile does not decode the file.
    AudioValues
        The sample rate or the number of channels is out of range.
    """

    label = "soundfile"
    reached = 0

    def __init__(self, file: BinaryIO, name: str, data: SampleData | None) -> None:
        self.notes: list[str] = []
        self.partial: str | None = None
        self._mended: BinaryIO | None = None
        self._sound: Any = None
        try:
            walked = self._prepare(file, name, data)
            self._file = self._mended or file
            self._sound = self._open()
            self.sample_rate = int(self._sound.samplerate)
            self.channels = int(self._sound.channels)
            check_stream(name, self.sample_rate, self.channels)
        except BaseException:
            self.close()
            raise
        self.frames = self._frames(walked)
        # Integers become floats in numpy in a third of the time that libsndfile takes.
        self._holds_int16 = data is not None and self._sound.subtype == "PCM_16"

    def seek(self, frame: int) -> int:
        if frame >= self._sound.frames:
            return 0
        try:
            return int(self._sound.seek(frame))
        except soundfile.SoundFileError:
            # A file that ends before that frame: only decoding it tells where.
            self._sound.close()
            self._sound = self._open()
            return 0

    def blocks(self, size: int) -> Iterator[Float32]:
        length = max(1, size // self.channels)
        sample = np.int16 if self._holds_int16 else np.float32
        part = np.empty((-(-length // _PARTS), self.channels), sample)
        while True:
            block = np.empty(length, np.float32)
            filled, frames, failure = 0, part, None
            while filled < length and len(frames) and failure is None:
                frames, failure = self._read(part[: length - filled])
                block[filled : filled + len(frames)] = mix_down(frames)
                filled += len(frames)
            if filled:
                yield block[:filled]
            if failure is not None:
                raise DecodingFailed(_reason(failure)) from None
            if filled < length:
                return

    def close(self) -> None:
        if self._sound is not None:
            self._sound.close()
        if self._mended is not None:
            self._mended.close()

    def _read(self, part: NDArray[Any]) -> tuple[NDArray[Any], Exception | None]:
        """Return as much of a part as can be filled, and what keeps the rest from it."""
        is_float = part.dtype == np.float32
        if is_float:
            part.fill(np.nan)  # an error hides how much was filled before it
        failure = None
        try:
            frames = self._sound.read(out=part)
        except soundfile.SoundFileError as error:
            failure = error
            frames = part[: np.count_nonzero(~np.isnan(part[:, 0])) if is_float else 0]
        if self._sound.subtype.startswith(_LOSSY):
            np.clip(frames, -CODEC_LIMIT, CODEC_LIMIT, out=frames)
        return frames, failure

    def _prepare(self, file: BinaryIO, name: str, data: SampleData | None) -> Mpeg | None:
        """Mend what libsndfile would misread, into a copy; return the walk over an MP3 file."""
        if data is not None:
            if data.zero_but_filled:
                self._mended = with_unknown_size(file, name, data)
            return None
        from musicedge.decoding import mpeg  # late: many files need nothing of it

        end = ogg_end(file)
        if end is not None and end.is_chained:
            self.partial = "it is a chain of Ogg streams, and libsndfile decodes only the first"
        if end is not None and not end.is_complete:
            self.notes.append("the Ogg stream has no end mark: the file may be cut short")
        walked = mpeg.walk(file)
        if walked is None:
            if mpeg.looks_like_mpeg(file):
                # Text in UTF-16 begins with these bits too; libsndfile would complain about it
                # on standard error.
                raise NotRecognised("it begins like MPEG audio but holds no run of frames")
            return None
        if walked.skipped:
            self.notes.append(f"{walked.skipped} bytes that are no MPEG audio were skipped")
        if walked.needs_mending:
            self._mended = walked.mended(file, name)
        return walked

    def _open(self) -> Any:
        self._file.seek(0)
        try:
            # By descriptor, so that no name is looked at, and no Python code runs inside
            # libsndfile's calls, where an interrupt (Ctrl-C) would be lost.
            handle = self._file.fileno() if os.name == "posix" else self._file
            return _InOrder(handle, closefd=False)
        except soundfile.LibsndfileError as error:
            kind = NotRecognised if error.code == _UNRECOGNISED else DecodingFailed
            raise kind(_reason(error)) from None
        except (soundfile.SoundFileError, TypeError) as error:
            raise DecodingFailed(str(error)) from None

    def _frames(self, walked: Mpeg | None) -> int | None:
        frames = int(self._sound.frames)
        if walked is not None and (walked.needs_mending or walked.promised is None):
            return walked.samples_per_frame * max(walked.frames, walked.promised or 0)
        return None if frames > _UNKNOWN_LENGTH else frames


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", str(error)).strip().rstrip(".")
    return " ".join(text.removeprefix("Error : ").split())
