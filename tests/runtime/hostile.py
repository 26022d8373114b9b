"""Makes the files that audio readers meet and must survive: one function a kind.

Each takes the path to write to and returns it, ready to be read. `REFUSED` lists those that must
end in an error, with its class; the others must be read, or are the parts of tests that say how.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicedge.errors import (
    AudioEmpty,
    AudioError,
    AudioFormat,
    AudioNotFound,
    AudioTruncated,
    AudioValues,
)

RATE = 44_100
PCM, FLOAT = 1, 3  # WAVE format codes


def tone(seconds: float = 1.0, rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Return a tone in noise, np.ndarray [shape=(n, channels), dtype=float32], within +-0.8."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).uniform(-0.2, 0.2, (len(time), channels))
    sine = 0.6 * np.sin(2 * np.pi * 440 * time)[:, np.newaxis] / np.arange(1, channels + 1)
    return (sine + noise).astype(np.float32)


def wav(
    data: bytes,
    *,
    rate: int = RATE,
    channels: int = 1,
    code: int = PCM,
    bits: int = 16,
    size: int | None = None,
    riff_size: int | None = None,
) -> bytes:
    """Return a WAV file whose header may lie: `size` and `riff_size` are its chunk sizes."""
    frame = channels * bits // 8
    layout = struct.pack("<HHIIHH", code, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits)
    size = len(data) if size is None else size
    riff_size = 36 + len(data) if riff_size is None else riff_size
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff_size, b"WAVE", b"fmt ", len(layout))
        + layout
        + struct.pack("<4sI", b"data", size)
        + data
    )


def pcm(seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> bytes:
    """Return 16-bit samples of a tone, interleaved."""
    return (tone(seconds, rate, channels) * 32_767).astype("<i2").tobytes()


def text(path: Path) -> Path:
    """Text under an audio file's name."""
    return _written(path, b"These are notes about a song, and not the song.\n" * 100)


def utf16_text(path: Path) -> Path:
    """Text in UTF-16, which begins with the bits that begin MPEG audio."""
    return _written(path, ("These are notes about a song.\n" * 100).encode("utf-16"))


def image(path: Path) -> Path:
    """A PNG picture under an audio file's name."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(17 * 16)))
    return _written(path, b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))


def jpeg_head(path: Path) -> Path:
    """The beginning of a JPEG picture, then noise."""
    return _written(path, b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + _noise(20_000))


def noise(path: Path) -> Path:
    """Random bytes."""
    return _written(path, _noise(100_000))


def zeros(path: Path) -> Path:
    """A file of zero bytes, as a failed copy leaves."""
    return _written(path, bytes(100_000))


def empty(path: Path) -> Path:
    """A file of no bytes."""
    return _written(path, b"")


def wav_header_cut(path: Path) -> Path:
    """A WAV file that ends within its header."""
    return _written(path, wav(b"")[:20])


def wav_without_samples(path: Path) -> Path:
    """A whole WAV header and nothing after it."""
    return _written(path, wav(b""))


def wav_with_nan(path: Path) -> Path:
    """A float WAV file of 2 s whose sample at 1.25 s is not a number."""
    return _float_wav(path, np.nan)


def wav_with_infinity(path: Path) -> Path:
    """A float WAV file of 2 s whose sample at 1.25 s is minus infinity."""
    return _float_wav(path, -np.inf)


def wav_of_integers_as_floats(path: Path) -> Path:
    """A float WAV file whose samples were never divided by full scale."""
    return _written(path, wav((tone() * 32_768).tobytes(), code=FLOAT, bits=32))


def wav_at_8_hz(path: Path) -> Path:
    """A WAV file at 8 samples a second."""
    return _written(path, wav(pcm(), rate=8))


def wav_at_1_mhz(path: Path) -> Path:
    """A WAV file at a million samples a second."""
    return _written(path, wav(pcm(), rate=1_000_000))


def wav_at_0_hz(path: Path) -> Path:
    """A WAV file at no samples a second."""
    return _written(path, wav(pcm(), rate=0))


def wav_with_64_channels(path: Path) -> Path:
    """A WAV file of 64 channels."""
    return _written(path, wav(pcm(0.1, channels=64), channels=64))


def wav_claiming_hours(path: Path) -> Path:
    """A WAV file of one second whose header claims more than three hours."""
    return _written(path, wav(pcm(), size=1_000_000_000, riff_size=1_000_000_036))


def truncated_wav(path: Path) -> Path:
    """Half of a WAV file of 4 s."""
    return _halved(path, "WAV")


def truncated_aiff(path: Path) -> Path:
    """Half of an AIFF file of 4 s."""
    return _halved(path, "AIFF")


def truncated_flac(path: Path) -> Path:
    """Half of a FLAC file of 4 s."""
    return _halved(path, "FLAC")


def truncated_mp3(path: Path) -> Path:
    """Half of an MP3 file of 4 s and constant bit rate, which has an Info header."""
    return _halved(path, "MP3", bitrate_mode="CONSTANT", compression_level=0.5)


def truncated_vbr_mp3(path: Path) -> Path:
    """Half of an MP3 file of 4 s and variable bit rate, which has a Xing header."""
    return _halved(path, "MP3", bitrate_mode="VARIABLE", compression_level=0.5)


def folder(path: Path) -> Path:
    """A folder under an audio file's name."""
    path.mkdir()
    return path


def missing(path: Path) -> Path:
    """No file at all."""
    return path


def fifo(path: Path) -> Path:
    """A named pipe, which would keep its opener waiting for a writer."""
    os.mkfifo(path)
    return path


def device(path: Path) -> Path:
    """A link to a device that gives bytes without end."""
    path.symlink_to("/dev/zero")
    return path


def looping_link(path: Path) -> Path:
    """A symbolic link to itself."""
    path.symlink_to(path)
    return path


def hls_playlist(path: Path) -> Path:
    """An HLS playlist that leads to a good file beside it."""
    other = mp3(path.with_name("other.mp3"))
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:4", "#EXTINF:4,"]
    return _written(path, "\n".join([*lines, other.name, "#EXT-X-ENDLIST", ""]).encode())


def ffconcat_script(path: Path) -> Path:
    """A script of FFmpeg's concat format that leads to a good file beside it."""
    other = mp3(path.with_name("other.mp3"))
    return _written(path, f"ffconcat version 1.0\nfile {other.name}\n".encode())


REFUSED: tuple[tuple[Callable[[Path], Path], type[AudioError]], ...] = (
    (text, AudioFormat),
    (utf16_text, AudioFormat),
    (image, AudioFormat),
    (jpeg_head, AudioFormat),
    (noise, AudioFormat),
    (zeros, AudioFormat),
    (empty, AudioEmpty),
    (wav_header_cut, AudioFormat),
    (wav_without_samples, AudioEmpty),
    (wav_with_nan, AudioValues),
    (wav_with_infinity, AudioValues),
    (wav_of_integers_as_floats, AudioValues),
    (wav_at_8_hz, AudioValues),
    (wav_at_1_mhz, AudioValues),
    (wav_at_0_hz, AudioFormat),
    (wav_with_64_channels, AudioValues),
    (wav_claiming_hours, AudioTruncated),
    (truncated_wav, AudioTruncated),
    (truncated_aiff, AudioTruncated),
    (truncated_flac, AudioTruncated),
    (truncated_mp3, AudioTruncated),
    (truncated_vbr_mp3, AudioTruncated),
    (folder, AudioFormat),
    (missing, AudioNotFound),
    (fifo, AudioFormat),
    (device, AudioFormat),
    (looping_link, AudioNotFound),
    (hls_playlist, AudioFormat),
    (ffconcat_script, AudioFormat),
)


def wav_of_unknown_length(path: Path, size: int = 0xFFFFFFFF, seconds: float = 2.0) -> Path:
    """A WAV file as a pipe leaves it: the header's sizes were never filled in."""
    return _written(path, wav(pcm(seconds), size=size, riff_size=size))


def flac_of_unknown_length(path: Path, seconds: float = 2.0) -> Path:
    """A FLAC file as a pipe leaves it: its header gives no number of samples."""
    data = bytearray(_encoded(path, tone(seconds), "FLAC"))
    data[21] &= 0xF0  # STREAMINFO's 36 bits of total samples
    data[22:26] = bytes(4)
    return _written(path, bytes(data))


def mp3(path: Path, seconds: float = 4.0, mode: str = "CONSTANT", seed: int = 0) -> Path:
    """A good MP3 file with an information header; its noise ends half-way, so VBR saves bits."""
    return _written(path, _mp3(path, seconds, mode, seed))


def mp3_without_header(path: Path, seconds: float = 4.0, mode: str = "VARIABLE") -> Path:
    """An MP3 file without an information header, loud first and quiet then."""
    data = _mp3(path, seconds, mode)
    return _written(path, data[_mp3_frame_length(data) :])


def mp3_with_picture(path: Path) -> Path:
    """An MP3 file behind an ID3v2 tag that holds a picture of 300 kB."""
    return _written(path, id3(_noise(300_000)) + _mp3(path))


def mp3_with_junk(path: Path, at: float = 0.5, count: int = 5_000) -> Path:
    """An MP3 file with bytes in its middle that are no MPEG audio."""
    data = _mp3(path)
    position = round(at * len(data))
    return _written(path, data[:position] + _noise(count) + data[position:])


def mp3_twice(path: Path) -> Path:
    """Two MP3 files in one, as cat joins them; the header tells of the first only."""
    data = _mp3(path)
    return _written(path, data + data)


def mp3_among_zeros(path: Path) -> Path:
    """An MP3 file with zero bytes after its ID3 tag and at its end, and text after these."""
    data = id3(b"", padding=0) + bytes(3_000) + _mp3(path) + bytes(3_000)
    return _written(path, data + b"not a tag that anybody knows" * 20)


def ogg_chain(path: Path) -> Path:
    """Two Ogg Vorbis files of 4 s in one, as a recorded radio stream has them."""
    data = _encoded(path, tone(4.0), "OGG")
    return _written(path, data + _encoded(path, tone(4.0, seed=1), "OGG"))


def truncated_ogg(path: Path) -> Path:
    """Half of an Ogg Vorbis file of 4 s; nothing in it says how long it was."""
    return _halved(path, "OGG")


def m4a(path: Path, seconds: float = 4.0, layout: str = "mono", **options: str) -> Path:
    """AAC in MP4, which only FFmpeg reads; needs PyAV."""
    return video(path, seconds, layout, codec="aac", kind="mp4", picture=False, **options)


def video(
    path: Path,
    seconds: float = 4.0,
    layout: str = "mono",
    codec: str = "aac",
    kind: str = "mp4",
    picture: bool = True,
    sound: bool = True,
    rate: int = RATE,
    **options: str,
) -> Path:
    """A film of a black picture with a tone, or either alone; `rate` is the tone's; needs PyAV."""
    av = pytest.importorskip("av")
    samples = tone(seconds, rate, 2 if layout == "stereo" else 1)
    with av.open(str(path), "w", format=kind, options=options) as container:
        if picture:
            images = container.add_stream("mpeg4", rate=10)
            images.width = images.height = 16
        if sound:
            stream = container.add_stream(codec, rate=rate, layout=layout)
            stream.bit_rate = 128_000
            stream.open()
            resampler = av.AudioResampler(
                stream.format, layout, rate, frame_size=stream.frame_size or 1024
            )
        if picture:
            for _ in range(round(10 * seconds)):
                black = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
                container.mux(images.encode(black))
            container.mux(images.encode(None))
        if sound:
            for start in range(0, len(samples), 1024):
                block = np.ascontiguousarray(samples[start : start + 1024].T)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = rate, start
                for each in resampler.resample(frame):
                    container.mux(stream.encode(each))
            for each in resampler.resample(None):
                container.mux(stream.encode(each))
            container.mux(stream.encode(None))
    return path


def id3(picture: bytes, padding: int = 100) -> bytes:
    """Return an ID3v2.3 tag with an attached picture."""
    body = b"\x00image/jpeg\x00\x03\x00" + picture
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\x00\x00" + body + bytes(padding)
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + frame


@contextmanager
def unreadable(path: Path) -> Iterator[Path]:
    """A good WAV file that may not be read, while the context lasts.

    Root reads everything, so root's rights are laid down meanwhile; the folder is opened to
    everybody, so that the file itself is what denies.
    """
    _written(path, wav(pcm()))
    path.chmod(0)
    as_root = os.geteuid() == 0
    if as_root:
        for parent in path.parents:
            if parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o111)
        try:
            os.seteuid(65_534)  # nobody
        except OSError:
            pytest.skip("root cannot lay down its rights here")
    try:
        yield path
    finally:
        if as_root:
            os.seteuid(0)
        path.chmod(0o600)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _noise(count: int) -> bytes:
    return np.random.default_rng(1).integers(0, 256, count, np.uint8).tobytes()


def _float_wav(path: Path, value: float) -> Path:
    samples = tone(2.0)
    samples[round(1.25 * RATE)] = value
    return _written(path, wav(samples.tobytes(), code=FLOAT, bits=32))


def _encoded(path: Path, samples: np.ndarray, kind: str, **options: object) -> bytes:
    soundfile.write(path, samples, RATE, format=kind, **options)
    return path.read_bytes()


def _halved(path: Path, kind: str, **options: object) -> Path:
    data = _encoded(path, tone(4.0), kind, **options)
    return _written(path, data[: len(data) // 2])


def _mp3(path: Path, seconds: float = 4.0, mode: str = "CONSTANT", seed: int = 0) -> bytes:
    samples = tone(seconds, seed=seed)
    samples[len(samples) // 2 :] *= 1e-4
    return _encoded(path, samples, "MP3", bitrate_mode=mode, compression_level=0.5)


def _mp3_frame_length(data: bytes) -> int:
    """Return the length of the first frame (MPEG 1, layer III, 44.1 kHz)."""
    kbps = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[(data[2] >> 4) - 1]
    return 144_000 * kbps // 44_100 + (data[2] >> 1 & 1)
