"""Other ways from an MP3 file to mono samples at its own rate."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np

from musicedge_benchmarks.peers.peer import Material, NotGiven, Peer, Work


def _soundfile(material: Material) -> Work:
    import soundfile

    return lambda: soundfile.read(material.clip, dtype="float32")[0].mean(axis=1)


def _pyav(material: Material) -> Work:
    import av

    def work() -> object:
        with av.open(str(material.clip)) as container:
            frames = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
        return np.concatenate(frames)

    return work


def _ffmpeg(material: Material) -> Work:
    program = shutil.which("ffmpeg")
    if program is None:
        raise NotGiven("there is no program ffmpeg; install it, such as: apt-get install ffmpeg")
    command = [program, "-v", "error", "-threads", "1", "-i", str(material.clip)]
    command += ["-ac", "1", "-f", "f32le", "-"]

    def work() -> object:
        done = subprocess.run(  # noqa: S603 - our own command line
            command, check=True, stdin=subprocess.DEVNULL, capture_output=True
        )
        return np.frombuffer(done.stdout, np.float32)

    return work


def _librosa_load(material: Material) -> Work:
    import librosa

    return lambda: librosa.load(material.clip, sr=None, mono=True)[0]


DECODERS = (
    Peer("soundfile", ("soundfile",), "pip install soundfile", _soundfile),
    Peer("PyAV", ("av",), "pip install av", _pyav),
    Peer("ffmpeg, a process", (), "", _ffmpeg),
    Peer("librosa.load", ("librosa",), "pip install librosa", _librosa_load),
)
