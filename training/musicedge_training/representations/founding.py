"""The features of the founding study: mel, chroma and both, a row a frame or a row a beat.

The mel is the runtime's front-end with librosa's constants, between zeros instead of reflections.
Beats are librosa's, which is imported when it is used; chroma and the separation of percussion
equal librosa's and share one spectrum.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from musicedge.errors import AudioEmpty
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.representations.constantq import N_CHROMA, chroma
from musicedge_training.representations.logmel import front_end, load_samples
from musicedge_training.representations.percussion import percussive_spectrum
from musicedge_training.representations.spectrum import (
    HOP,
    N_FFT,
    Complex64,
    Float32,
    samples_of,
    spectrum,
)
from musicedge_training.representations.tempo import estimate_tempo

Kind = Literal["mel", "chroma", "fused"]

SAMPLE_RATE = 22_050
N_MELS = 128
TOP_DB = 80.0  # librosa.power_to_db's own: what is further below the maximum is raised to this
SECONDS = 120.0
"""What is read of a track, from its beginning; separating percussion takes memory by its length."""

MEL = FrontEndConfig(
    sample_rate=SAMPLE_RATE,
    n_fft=N_FFT,
    win_length=N_FFT,
    hop_length=HOP,
    window="hann",
    center=False,
    preemphasis=0.0,
    n_mels=N_MELS,
    fmin=0.0,
    fmax=SAMPLE_RATE / 2,
    mel_scale="slaney",
    mel_norm="slaney",
    power=2.0,
    logarithm="db",
    log_offset=1e-10,
    mean=0.0,
    scale=1.0,
)
"""The constants of `librosa.feature.melspectrogram` and `librosa.power_to_db`."""

_REVISION = 2
"""Of the code that chroma and beats come from; 1 rounded otherwise."""

COLUMNS = {
    "mel": slice(0, N_MELS),
    "chroma": slice(N_MELS, N_MELS + N_CHROMA),
    "fused": slice(0, N_MELS + N_CHROMA),
}
"""Where each kind is in the fused features."""


@dataclass(frozen=True)
class FoundingFeatures:
    """One of the founding study's six representations.

    Parameters
    ----------
    kind
        ``"mel"``: 128 bands in dB relative to the track's maximum, -80 to 0; ``"chroma"``: 12 pitch
        classes in [0, 1], the strongest of each frame 1; ``"fused"``: mel, then chroma.
    beats
        Whether a row is the median over a beat (of power, for mel) and not a frame of 23 ms.
    """

    kind: Kind
    beats: bool = False

    @property
    def title(self) -> str:
        """What the progress bar calls them."""
        return f"{'beat-synchronous ' if self.beats else ''}{self.kind} features"

    def parameters(self) -> dict[str, Any]:
        """Return the constants, as a JSON-ready object."""
        constants: dict[str, Any] = {
            "representation": "founding",
            "kind": self.kind,
            "beats": self.beats,
            "mel": MEL.to_dict(),
            "chroma": N_CHROMA,
            "top_db": TOP_DB,
            "seconds": SECONDS,
        }
        if self.beats or self.kind != "mel":
            constants["revision"] = _REVISION
        return constants

    def prepare(self) -> None:
        """Have librosa compile what it uses here, and keep it where processes find it.

        It does so at the first use, and numba's cache mixes up what several processes put there at
        once: one would then run another's code.
        """
        if self.beats or self.kind != "mel":
            rng = np.random.default_rng(0)
            self._rows(rng.standard_normal(4 * SAMPLE_RATE, np.float32))

    def compute(self, path: Path) -> Float32:
        """Return an audio file's rows, np.ndarray [shape=(t, 128, 12 or 140)].

        Raises
        ------
        musicedge.errors.AudioError
            The file cannot be decoded, or holds no samples.
        """
        samples = load_samples(path, SAMPLE_RATE, SECONDS)
        if not len(samples):
            raise AudioEmpty(f"{path}: holds no samples; leave it out or give another file")
        return self._rows(samples)

    def _rows(self, samples: Float32) -> Float32:
        parts = []
        if self.kind != "chroma":
            parts.append(mel_power(samples))
        if self.beats or self.kind != "mel":
            transformed = spectrum(samples)
        if self.kind != "mel":
            with _short_sounds_accepted():
                parts.append(chroma(samples, np.abs(transformed), SAMPLE_RATE))
        if self.beats:
            frames = _beats_of(transformed, len(samples))
            parts = [median_over(part, frames) for part in parts]
        if self.kind != "chroma":
            parts[0] = decibels(parts[0])
        return np.concatenate(parts, axis=1)


def mel_power(samples: Float32) -> Float32:
    """Return the mel bands' power, np.ndarray [shape=(t, 128)], as librosa's defaults give it.

    A frame is centred on every 512th sample, with zeros before the first and after the last.
    """
    padded = np.pad(samples, MEL.n_fft // 2)
    power: Float32 = np.power(10, front_end(MEL).logmel(padded) / 10)
    return power


def decibels(power: Float32) -> Float32:
    """Return power in dB relative to its maximum, -80 to 0: `librosa.power_to_db` with ref=max."""
    level = 10 * np.log10(np.maximum(power, MEL.log_offset))
    relative: Float32 = np.maximum(level - level.max(), -TOP_DB)
    return relative


def beat_frames(samples: Float32) -> NDArray[np.integer]:
    """Return the frames of the percussive part's beats; frame 0 alone where there is none."""
    return _beats_of(spectrum(samples), len(samples))


def _beats_of(transformed: Complex64, n: int) -> NDArray[np.integer]:
    """Return the beats of `n` samples whose spectrum is known."""
    import librosa

    none = np.zeros(1, np.int64)
    if n < N_FFT:
        return none
    percussive = samples_of(percussive_spectrum(transformed), n)
    power = np.square(np.abs(spectrum(percussive))) @ front_end(MEL).mel_weights.T
    with _short_sounds_accepted():
        onsets = librosa.onset.onset_strength(
            S=librosa.power_to_db(power).T, sr=SAMPLE_RATE, aggregate=np.median
        )
        _, frames = librosa.beat.beat_track(
            onset_envelope=onsets,
            sr=SAMPLE_RATE,
            hop_length=HOP,
            bpm=estimate_tempo(onsets, SAMPLE_RATE),
        )
    return frames if len(frames) else none


def median_over(rows: Float32, frames: NDArray[np.integer]) -> Float32:
    """Return the median of the rows between neighbouring frames, np.ndarray [shape=(beats, k)].

    The rows before the first frame and from the last one on are a beat each.
    """
    import librosa

    return librosa.util.sync(rows, frames, aggregate=np.median, axis=0)


@contextmanager
def _short_sounds_accepted() -> Iterator[None]:
    """Silence what librosa says of silence, and of sounds shorter than a transform."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
