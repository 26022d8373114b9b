"""The front-end: mono samples to log-mel frames, offline and streaming. The one implementation.

Training, export, files and the microphone all call this module, so that a model never sees features
that differ from those it was trained on. All constants live in :class:`FrontEndConfig`, which a
model file carries in its card.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicedge.mel import Bands, MelScale, mel_filterbank

Float32 = NDArray[np.float32]

Window = Literal["hann", "hann_symmetric"]
Logarithm = Literal["ln", "db"]

_FRAMES_PER_BLOCK = 128  # keeps the working set (about 1 MB at n_fft 1024) inside a level-2 cache
_LIMITS = {  # a card is untrusted: these bound the memory that its constants can ask for
    "sample_rate": (1_000, 192_000),
    "n_fft": (16, 16_384),
    "win_length": (2, 16_384),
    "hop_length": (1, 16_384),
    "n_mels": (1, 512),
}


@dataclass(frozen=True, kw_only=True)
class FrontEndConfig:
    """The constants of a log-mel front-end.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    n_fft
        Length of the discrete Fourier transform, in samples.
    win_length
        Length of the analysis window, in samples; centred in `n_fft`.
    hop_length
        Samples between frames.
    window
        ``"hann"`` is periodic (as librosa's), ``"hann_symmetric"`` symmetric (as Kaldi's).
    center
        Whether frame *t* is centred on sample ``t * hop_length``, with reflection padding at both
        ends.
    preemphasis
        The coefficient *a* of ``y[n] = x[n + 1] - a x[n]``, one sample shorter; 0 for none.
    n_mels, fmin, fmax
        Mel bands, and the lowest and highest frequency in Hz.
    mel_scale
        ``"slaney"`` (Auditory Toolbox, as librosa's default), ``"htk"`` (2595 log10(1 + f/700)),
        both with triangles that are linear in Hz; ``"kaldi"`` (1127 ln(1 + f/700), the Nyquist bin
        unused) with triangles that are linear in mel.
    mel_norm
        ``"slaney"`` divides each triangle by half its width in Hz; None leaves its peak at 1.
    power
        Exponent of the magnitude: 2 for power, 1 for magnitude.
    logarithm
        ``"ln"``: ln(mel + offset); ``"db"``: 10 log10(max(mel, offset)).
    log_offset
        The offset of the logarithm, above 0.
    mean, scale
        The output is ``(log - mean) / scale``.

    Raises
    ------
    ValueError
        A value is out of its range; the message names the field and the value.
    """

    sample_rate: int = 32_000
    n_fft: int = 1024
    win_length: int = 800
    hop_length: int = 320
    window: Window = "hann_symmetric"
    center: bool = True
    preemphasis: float = 0.97
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float = 15_000.0
    mel_scale: MelScale = "kaldi"
    mel_norm: Literal["slaney"] | None = None
    power: float = 2.0
    logarithm: Logarithm = "ln"
    log_offset: float = 1e-5
    mean: float = -4.5
    scale: float = 5.0

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(
                    f"{name} is {value!r}: must be a whole number from {low} to {high}"
                )
        numbers = ("preemphasis", "fmin", "fmax", "power", "log_offset", "mean", "scale")
        for name in numbers:
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not math.isfinite(value)
            ):
                raise ValueError(f"{name} is {value!r}: must be a finite number")
        rules = {
            "win_length": (self.win_length <= self.n_fft, "at most n_fft"),
            "center": (isinstance(self.center, bool), "true or false"),
            "window": (self.window in get_args(Window), f"one of {get_args(Window)}"),
            "mel_scale": (self.mel_scale in get_args(MelScale), f"one of {get_args(MelScale)}"),
            "mel_norm": (self.mel_norm in (None, "slaney"), "null or 'slaney'"),
            "logarithm": (self.logarithm in get_args(Logarithm), f"one of {get_args(Logarithm)}"),
            "preemphasis": (0 <= self.preemphasis < 1, "in [0, 1)"),
            "fmin": (0 <= self.fmin < self.fmax, "in [0, fmax)"),
            "fmax": (self.fmax <= self.sample_rate / 2, "at most half the sample rate"),
            "power": (self.power > 0, "above 0"),
            "log_offset": (self.log_offset > 0, "above 0"),
            "scale": (self.scale != 0, "other than 0"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"{name} is {getattr(self, name)!r}: must be {rule}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FrontEndConfig:
        """Build a configuration from a card's JSON object; unknown or missing keys are errors."""
        names = {field.name for field in fields(cls)}
        for problem, keys in (("unknown", set(values) - names), ("missing", names - set(values))):
            if keys:
                raise ValueError(f"{problem} front-end constants: {', '.join(sorted(keys))}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the constants as a JSON-ready object."""
        return asdict(self)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length


class FrontEnd:
    """Log-mel features for one set of constants.

    Parameters
    ----------
    config
        The constants; the defaults are those of the AudioSet networks of Schmid, Koutini and Widmer
        ("Efficient large-scale audio tagging", ICASSP 2023).

    Examples
    --------
    >>> import numpy as np
    >>> front_end = FrontEnd()
    >>> front_end.logmel(np.zeros(320_000, np.float32)).shape
    (1000, 128)
    """

    def __init__(self, config: FrontEndConfig | None = None) -> None:
        self.config = config if config is not None else FrontEndConfig()

    @cached_property
    def mel_weights(self) -> Float32:
        """The mel filterbank, np.ndarray [shape=(n_mels, n_fft // 2 + 1)]."""
        return mel_filterbank(self.config)

    @cached_property
    def window(self) -> Float32:
        """The analysis window, np.ndarray [shape=(win_length,)]."""
        config = self.config
        periods = config.win_length - (config.window == "hann_symmetric")
        phase = 2 * np.pi * np.arange(config.win_length) / periods
        return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

    def frame_count(self, n_samples: int) -> int:
        """Return how many frames `logmel` gives for `n_samples` samples."""
        config = self.config
        n_samples -= config.preemphasis > 0
        if n_samples < 1:
            return 0
        if config.center:
            n_samples += 2 * (config.n_fft // 2)
        return max(0, 1 + (n_samples - config.n_fft) // config.hop_length)

    def logmel(self, samples: ArrayLike) -> Float32:
        """Return the log-mel frames of a whole signal.

        Parameters
        ----------
        samples : np.ndarray [shape=(n,)]
            Mono samples at the configured rate, full scale at +-1.

        Returns
        -------
        np.ndarray [shape=(t, n_mels), dtype=float32]
            One row a frame, as `frame_count` says.
        """
        stream = self.stream()
        head = stream.push(samples)
        tail = stream.finish()
        return np.concatenate([head, tail]) if len(tail) else head

    def stream(self) -> LogMelStream:
        """Return a new stream, which gives the frames of `logmel` as the samples come."""
        return LogMelStream(self)

    @cached_property
    def _bands(self) -> Bands:
        return Bands.of(self.mel_weights)

    def _transform(self, frames: Float32) -> Float32:
        """Return log-mel rows for frames that are `win_length` samples long."""
        config = self.config
        output = np.zeros((len(frames), config.n_mels), np.float32)
        size = min(_FRAMES_PER_BLOCK, len(frames))
        padded = np.zeros((size, config.n_fft), np.float32)
        spectrum = np.empty((size, config.n_fft // 2 + 1), np.complex64)
        for start in range(0, len(frames), size):
            block = frames[start : start + size]
            count = len(block)
            # Zeros all go to the right: a shift changes the phase, which the magnitude forgets.
            np.multiply(block, self.window, out=padded[:count, : config.win_length])
            # numpy's types know no single precision here; its code does since 2.0.
            np.fft.rfft(padded[:count], axis=1, out=spectrum[:count])  # type: ignore[arg-type]
            parts = spectrum[:count].view(np.float32)
            np.multiply(parts, parts, out=parts)
            energy = parts[:, ::2] + parts[:, 1::2]
            if config.power != 2:
                np.power(energy, config.power / 2, out=energy)
            self._bands.sum(energy, output[start : start + count])
        self._compress(output)
        return output

    def _compress(self, mel: Float32) -> None:
        """Replace mel energies by their scaled logarithms, in place."""
        config = self.config
        gain, offset = 1 / config.scale, -config.mean / config.scale
        if config.logarithm == "ln":
            mel += np.float32(config.log_offset)
            np.log(mel, out=mel)
        else:
            np.maximum(mel, np.float32(config.log_offset), out=mel)
            np.log10(mel, out=mel)
            gain *= 10
        mel *= np.float32(gain)
        mel += np.float32(offset)


class LogMelStream:
    """Log-mel frames of a signal that arrives in chunks of any length.

    The frames of all `push` calls and of `finish`, in order, are those that `FrontEnd.logmel` gives
    for the whole signal; each frame is computed once, as soon as its samples are there.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._config = front_end.config
        self._half = self._config.n_fft // 2 if self._config.center else 0
        # The window lies in the middle of the n_fft samples; only those under it are read.
        self._lead = (self._config.n_fft - self._config.win_length) // 2
        self._previous: Float32 = np.empty(0, np.float32)  # for pre-emphasis across chunks
        self._buffer: Float32 = np.empty(0, np.float32)
        self._next_frame = 0  # where the next frame begins in the buffer
        self._started = False
        self._finished = False

    def push(self, samples: ArrayLike) -> Float32:
        """Take more samples and return the frames that they complete.

        Parameters
        ----------
        samples : np.ndarray [shape=(n,)]
            Mono samples at the configured rate; n may be 0.

        Returns
        -------
        np.ndarray [shape=(t, n_mels), dtype=float32]
            The new frames; t may be 0.
        """
        if self._finished:
            raise RuntimeError("this stream is finished: take a new one from FrontEnd.stream()")
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 1:
            raise ValueError(f"samples have shape {samples.shape}: mono samples are expected, (n,)")
        self._append(self._emphasise(samples))
        if not self._started:
            if len(self._buffer) <= self._half:
                return np.empty((0, self._config.n_mels), np.float32)
            self._pad_start()
        return self._frames()

    def finish(self) -> Float32:
        """End the signal and return its last frames, np.ndarray [shape=(t, n_mels)]."""
        if self._finished:
            raise RuntimeError("this stream is finished already")
        self._finished = True
        if len(self._buffer) == 0:
            return np.empty((0, self._config.n_mels), np.float32)
        if self._started:
            self._buffer = np.pad(self._buffer, (0, self._half), mode="reflect")
        else:  # shorter than the padding: both ends reflect at once, more than one time over
            self._buffer = np.pad(self._buffer, self._half, mode="reflect")
        return self._frames()

    def _emphasise(self, samples: Float32) -> Float32:
        coefficient = self._config.preemphasis
        if coefficient == 0 or len(samples) == 0:
            return samples
        joined = np.concatenate([self._previous, samples]) if len(self._previous) else samples
        self._previous = joined[-1:].copy()
        emphasised: Float32 = joined[1:] - np.float32(coefficient) * joined[:-1]
        return emphasised

    def _append(self, samples: Float32) -> None:
        self._buffer = np.concatenate([self._buffer, samples]) if len(self._buffer) else samples

    def _pad_start(self) -> None:
        self._buffer = np.concatenate([self._buffer[self._half : 0 : -1], self._buffer])
        self._started = True

    def _frames(self) -> Float32:
        config = self._config
        count = (len(self._buffer) - self._next_frame - config.n_fft) // config.hop_length + 1
        if count < 1:
            return np.empty((0, config.n_mels), np.float32)
        first = self._next_frame + self._lead
        last = first + (count - 1) * config.hop_length + config.win_length
        windows = np.lib.stride_tricks.sliding_window_view(
            self._buffer[first:last], config.win_length
        )[:: config.hop_length]
        frames = self._front_end._transform(windows)
        self._next_frame += count * config.hop_length
        # Keep what the next frame needs, and what the end would be reflected from.
        drop = min(self._next_frame, max(0, len(self._buffer) - self._half - 1))
        self._buffer = self._buffer[drop:].copy()
        self._next_frame -= drop
        return frames
