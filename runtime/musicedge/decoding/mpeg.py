"""MPEG audio (MP3): walks its frames, and mends what libsndfile would cut short or stumble over.

libsndfile believes an MP3 file's information header (Xing, Info or VBRI) and guesses a length where
there is none: a file of variable bit rate without one may end after a sixth of its length, and one
that goes on after the header's count is cut off, without a word. Between frames it gives up at the
first kilobyte that is no frame. So the frames are walked first (under a microsecond each), and a
file that needs it is decoded from a copy with a right header and without what lies between frames.

The frame header is that of ISO 11172-3 and 13818-3, with Fraunhofer's MPEG 2.5.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from musicedge.decoding.sources import copy_of, pieces_of

_WINDOW = 1 << 20  # bytes held of the file
_CHAIN = 4  # frames in a row that tell MPEG audio from chance
_SEARCH = 1 << 16  # bytes after an ID3 tag in which the first frame must begin
_TAG_V1 = 128  # ID3v1, at the end of the file, begins with TAG
_MAX_TAGS = 16  # ID3v2 tags in a row; real files hold one or two
_MAX_TRIES = 500_000  # bytes 0xFF that begin no frame: bounds the time that junk can take to 1 s
_SIZE_TOLERANCE = 0.005  # libsndfile's decoder warns, on standard error, at 0.01

_VERSIONS = {3: 1, 2: 2, 0: 3}  # header code: 1 for MPEG 1, 2 for MPEG 2, 3 for MPEG 2.5
_LAYERS = {3: 1, 2: 2, 1: 3}
_RATES = (44_100, 48_000, 32_000)
_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class _Frame(NamedTuple):
    length: int
    samples: int
    padding: int
    layer: int
    side_information: int


class Mpeg(NamedTuple):
    """What a walk over the frames of an MPEG audio file found.

    Attributes
    ----------
    spans
        (start, stop) of each run of frames, the information header's left out.
    frames
        How many there are.
    samples_per_frame
        Samples a channel that each decodes to.
    first
        The first frame's four-byte header.
    promised
        Frames that the information header promises; None without one.
    needs_mending
        Whether libsndfile would not decode the file to its end, quietly.
    """

    spans: list[tuple[int, int]]
    frames: int
    samples_per_frame: int
    first: bytes
    promised: int | None
    needs_mending: bool

    @property
    def skipped(self) -> int:
        """Bytes between frames that are none."""
        return sum(b[0] - a[1] for a, b in zip(self.spans, self.spans[1:], strict=False))

    def mended(self, file: BinaryIO, name: str) -> BinaryIO:
        """Return a temporary file that holds the frames under a right information header."""
        return copy_of(self._pieces(file), name)

    def _pieces(self, file: BinaryIO) -> Iterator[bytes]:
        frame = _frame(self.first)
        if frame is not None and frame.layer == 3:
            size = frame.length + sum(stop - start for start, stop in self.spans)
            header = bytearray(frame.length)
            # 0x01: no checksum, which would be wrong and would shift what follows.
            header[:4] = self.first[0], self.first[1] | 0x01, self.first[2], self.first[3]
            struct.pack_into(
                ">4sIII", header, 4 + frame.side_information, b"Xing", 3, self.frames, size
            )
            yield bytes(header)
        for start, stop in self.spans:
            yield from pieces_of(file, start, stop)


def looks_like_mpeg(file: BinaryIO) -> bool:
    """Whether a file begins, after ID3 tags, with the bits that begin an MPEG frame."""
    file.seek(_skip_tags(file))
    head = file.read(2)
    return len(head) == 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def walk(file: BinaryIO) -> Mpeg | None:
    """Walk the frames of a file; None where it is not MPEG audio."""
    tags = _skip_tags(file)
    if not tags and not looks_like_mpeg(file):
        return None
    size = os.fstat(file.fileno()).st_size
    window = _Window(file, size)
    start = window.find_chain(tags, min(size, tags + (_SEARCH if tags else 1)), None)
    if start is None:
        return None
    first = window.read(start, 4)
    frame = _frame(first)
    assert frame is not None
    information = _information(window.read(start, frame.length), frame)
    position = start + (frame.length if information else 0)
    spans: list[tuple[int, int]] = []
    count = 0
    constant = True
    while True:
        run = window.run(position, first)
        following = window.find_chain(run.stop, size, first)
        if following is not None:
            run = run.without_last()  # it reaches into what is no frame
        if run.frames:
            spans.append((position, run.stop))
            count += run.frames
            constant &= run.constant
        if following is None:
            break
        position = following
    if not count:
        return None
    end = spans[-1][1]
    tail = size - end
    clean = len(spans) == 1 and start == tags
    if information is None:
        tagged = tail == _TAG_V1 and window.read(end, 3) == b"TAG"
        clean = clean and (constant or frame.layer != 3) and (tail == 0 or tagged)
    else:
        near = abs(information.bytes - (size - start)) <= _SIZE_TOLERANCE * size
        clean = clean and information.is_xing and near and information.frames == count
    promised = information.frames if information else None
    return Mpeg(spans, count, frame.samples, first, promised, not clean)


class _Information(NamedTuple):
    frames: int
    bytes: int
    is_xing: bool


def _information(data: bytes, frame: _Frame) -> _Information | None:
    """Return what the frame says if it is an information header (Xing, Info or VBRI)."""
    at = 4 + frame.side_information
    if data[at : at + 4] in (b"Xing", b"Info") and len(data) >= at + 16:
        flags, frames, size = struct.unpack_from(">III", data, at + 4)
        if flags & 3 == 3:
            return _Information(frames, size, True)
        return _Information(frames, 0, False) if flags & 1 else None
    if data[36:40] == b"VBRI" and len(data) >= 54:
        size, frames = struct.unpack_from(">II", data, 46)
        return _Information(frames, size, False)
    return None


_frames: dict[tuple[int, int, bool], _Frame | None] = {}


def _frame(header: bytes) -> _Frame | None:
    """Return what a four-byte frame header says; None where it is not one."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    key = header[1], header[2], header[3] >> 6 == 3
    if key not in _frames:
        _frames[key] = _parse(*key)
    return _frames[key]


def _parse(second: int, third: int, is_mono: bool) -> _Frame | None:
    version = _VERSIONS.get(second >> 3 & 3)
    layer = _LAYERS.get(second >> 1 & 3)
    bit_rate, rate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if version is None or layer is None or rate == 3 or bit_rate in (0, 15):
        return None
    hertz = _RATES[rate] >> (version - 1)
    bits = 1000 * _KBPS[min(version, 2), layer][bit_rate - 1]
    if layer == 1:
        return _Frame((12 * bits // hertz + padding) * 4, 384, padding, 1, 0)
    samples = 576 if layer == 3 and version > 1 else 1152
    side = (17 if is_mono else 32) if version == 1 else (9 if is_mono else 17)
    return _Frame(samples // 8 * bits // hertz + padding, samples, padding, layer, side)


class _Run(NamedTuple):
    """Frames that follow one another: where they end, and whether all have one length."""

    stop: int
    frames: int
    last_length: int
    constant: bool

    def without_last(self) -> _Run:
        if not self.frames:
            return self
        return self._replace(stop=self.stop - self.last_length, frames=self.frames - 1)


class _Window:
    """A file's bytes by position, with a stretch of them held in memory."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._start = 0
        self._bytes = b""
        self._tries = 0

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes (at most half of the window) from a position."""
        self._hold(position, count)
        return self._bytes[position - self._start : position - self._start + count]

    def run(self, position: int, like: bytes) -> _Run:
        """Walk whole frames, like the given header's, until there is none."""
        count, length = 0, 0
        lengths: dict[bytes, int] = {}  # by header; this loop runs 140,000 times an hour of music
        while True:
            self._hold(position, 4)
            data, at = self._bytes, position - self._start
            last = min(len(data), self._size - self._start) - 4
            while at <= last:
                header = data[at : at + 4]
                following = lengths.get(header)
                if following is None:
                    frame = self._frame_at(self._start + at, like)
                    if frame is None:
                        break
                    following = lengths[header] = frame.length
                if self._start + at + following > self._size:
                    break
                length = following
                at += length
                count += 1
            position = self._start + at
            if at <= last or position + 4 > self._size:
                bit_rates = {header[2] >> 4 for header in lengths}
                return _Run(position, count, length, len(bit_rates) <= 1)

    def find_chain(self, position: int, limit: int, like: bytes | None) -> int | None:
        """Return where frames in a row first begin, from `position` to before `limit`."""
        while position < limit and self._tries < _MAX_TRIES:
            self._hold(position, 4)
            at = self._bytes.find(b"\xff", position - self._start)
            if at < 0:
                position = self._start + len(self._bytes)
                continue
            position = self._start + at
            if position < limit and self._is_chain(position, like or self.read(position, 4)):
                return position
            position += 1
            self._tries += 1
        return None

    def _is_chain(self, position: int, like: bytes) -> bool:
        for _ in range(_CHAIN):
            frame = self._frame_at(position, like)
            if frame is None:
                return False
            position += frame.length
            if position >= self._size:  # the last frame of the file; it must be whole
                return position == self._size
        return True

    def _frame_at(self, position: int, like: bytes) -> _Frame | None:
        """Return the frame there, if version, layer and sample rate are those of `like`."""
        at = position - self._start
        if at < 0 or at + 4 > len(self._bytes):
            self._hold(position, 4)
            at = position - self._start
        header = self._bytes[at : at + 4]
        if len(header) < 4 or header[1] & 0xFE != like[1] & 0xFE or (header[2] ^ like[2]) & 0x0C:
            return None
        return _frame(header)

    def _hold(self, position: int, count: int) -> None:
        at = position - self._start
        if at < 0 or at + count > len(self._bytes):
            self._file.seek(position)
            self._bytes = self._file.read(_WINDOW)
            self._start = position


def _skip_tags(file: BinaryIO) -> int:
    """Return where the ID3v2 tags at the beginning end."""
    position = 0
    for _ in range(_MAX_TAGS):
        file.seek(position)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 127:
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        position += 10 + size + (10 if head[5] & 0x10 else 0)
    return position
