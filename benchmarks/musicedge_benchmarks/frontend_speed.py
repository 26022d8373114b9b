"""The log-mel against librosa's warm call, and against the Fourier transforms alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_benchmarks.extras import is_installed
from musicedge_benchmarks.rounds import (
    Spread,
    Tell,
    interleave,
    median_of_ratios,
    seconds,
    silence,
)

LIMIT = 1.0  # x librosa

Float32 = NDArray[np.float32]

_FRAMES_AT_ONCE = 128  # so that what is transformed stays in a level-2 cache


@dataclass(frozen=True)
class FrontEndSpeed:
    """What a clip's log-mel costs, on one thread.

    Attributes
    ----------
    clip_seconds
        Length of the clip.
    ours
        Seconds of `FrontEnd.logmel`.
    fft
        Seconds of NumPy's real transform of the same frames, cut and windowed already: the floor.
    librosa
        Seconds of ``power_to_db(melspectrogram(...))`` with the same constants, as far as librosa
        has them (no pre-emphasis); None where it was not computed.
    to_librosa, to_fft
        Our time over theirs, of each round.
    """

    clip_seconds: float
    ours: Spread
    fft: Spread
    librosa: Spread | None
    to_librosa: Spread | None
    to_fft: Spread


def measure_front_end(
    samples: Float32,
    config: FrontEndConfig,
    *,
    rounds: int,
    beside_librosa: bool = True,
    on_round: Tell = silence,
) -> FrontEndSpeed:
    """Compute the log-mel of one clip in each way, in turn.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        The clip, at the front-end's rate.
    config
        The front-end's constants.
    rounds
        How often.
    beside_librosa
        Whether librosa's is computed as well, where it is installed; to import it takes seconds.
    on_round
        Told which round begins.
    """
    front_end = FrontEnd(config)
    transform = transforms(samples, front_end)
    tasks = {
        "ours": lambda: seconds(lambda: front_end.logmel(samples)),
        "fft": lambda: seconds(transform),
    }
    if beside_librosa and is_installed("librosa"):
        import librosa

        tasks["librosa"] = lambda: seconds(
            lambda: librosa.power_to_db(librosa_mel(samples, config))
        )
    measured = interleave(tasks, rounds, on_round=on_round)
    ours, theirs = measured["ours"], measured.get("librosa")
    return FrontEndSpeed(
        clip_seconds=len(samples) / config.sample_rate,
        ours=Spread.of(ours),
        fft=Spread.of(measured["fft"]),
        librosa=None if theirs is None else Spread.of(theirs),
        to_librosa=None if theirs is None else median_of_ratios(ours, theirs),
        to_fft=median_of_ratios(ours, measured["fft"]),
    )


def _frames(samples: Float32, front_end: FrontEnd) -> Float32:
    """Return the windowed frames, np.ndarray [shape=(t, n_fft)], as many as the log-mel has."""
    config = front_end.config
    count = front_end.frame_count(len(samples))
    padded = np.pad(samples, (0, config.n_fft))
    cut = np.lib.stride_tricks.sliding_window_view(padded, config.win_length)
    frames = np.zeros((count, config.n_fft), np.float32)
    frames[:, : config.win_length] = cut[:: config.hop_length][:count] * front_end.window
    return frames


def transforms(samples: Float32, front_end: FrontEnd) -> Callable[[], None]:
    """Return what does NumPy's real transforms of a clip's frames, cut and windowed already.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        The clip, at the front-end's rate.
    front_end
        Which frames.
    """
    frames = _frames(samples, front_end)
    spectrum = np.empty((_FRAMES_AT_ONCE, frames.shape[1] // 2 + 1), np.complex64)

    def work() -> None:
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            block = frames[start : start + _FRAMES_AT_ONCE]
            np.fft.rfft(block, axis=1, out=spectrum[: len(block)])

    return work


def librosa_mel(samples: Float32, config: FrontEndConfig) -> Float32:
    """Return the mel bands that librosa makes with the same constants, as far as it has them.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        A clip, at the front-end's rate.
    config
        The front-end's constants; of the scales, librosa has Slaney's and HTK's.

    Returns
    -------
    np.ndarray [shape=(n_mels, t)]
    """
    import librosa

    mel: Float32 = librosa.feature.melspectrogram(
        y=samples,
        sr=config.sample_rate,
        n_fft=config.n_fft,
        win_length=config.win_length,
        hop_length=config.hop_length,
        center=config.center,
        power=config.power,
        n_mels=config.n_mels,
        fmin=config.fmin,
        fmax=config.fmax,
        htk=config.mel_scale != "slaney",
        norm=config.mel_norm,
    )
    return mel
