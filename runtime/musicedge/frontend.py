"""The front-end: mono samples to log-mel frames, offline and streaming. The one implementation.

Training, export, files and the microphone all call this module, so that a model never sees features
that differ from those it was trained on. All constants live in a
:class:`musicedge.frontend_config.FrontEndConfig`, which a model file carries in its card.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicedge.frontend_config import FrontEndConfig
from musicedge.mel import Bands, mel_filterbank

Float32 = NDArray[np.float32]

_BLOCK_SAMPLES = 96 * 1024  # in frames that are transformed at once: they stay in a level-2 cache
_BLOCK_STEP = 48  # blocks are multiples of what kernels of linear algebra take at once, 4 to 24,
_FFT_STEP = 16  # and transforms of the most that fit a vector register
_SINGLE_PRECISION_OFFSET = 1e-5
"""The smallest offset of the logarithm with which transforms are in single precision: what that
rounds away in a quiet bin beside a loud one is hidden by the offset. On corpus clips, features of
the default constants missed those in double precision by 9e-5 at most, and by 6e-5 with transforms
in double precision, which take half as long again."""


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

    @cached_property
    def _scaled_window(self) -> Float32:
        """The window, times the length of the transform, by which that divides."""
        scaled: Float32 = self.window * np.float32(self.config.n_fft)
        return scaled

    def _workspace(self) -> _Workspace:
        """Return new memory for `_transform`; each stream needs its own."""
        config = self.config
        rows, bins = _frames_per_block(config), config.n_fft // 2 + 1
        is_single = config.log_offset >= _SINGLE_PRECISION_OFFSET
        return _Workspace(
            np.zeros((rows, config.n_fft), np.float32 if is_single else np.float64),
            np.zeros((rows, bins), np.complex64 if is_single else np.complex128),
            np.zeros((rows, bins), np.float32),
            np.zeros((rows, config.n_mels), np.float32),
        )

    def _transform(self, frames: Float32, row: int, work: _Workspace, output: Float32) -> None:
        """Write the log-mel rows of frames that are `win_length` samples long.

        Parameters
        ----------
        frames : np.ndarray [shape=(t, win_length)]
        row
            The first frame's place in its block; it has the same one however the signal arrives, so
            that the same kernels of FFT and linear algebra, and no others, compute it.
        work
            Memory of the block.
        output : np.ndarray [shape=(t, n_mels)]
        """
        config = self.config
        rows = slice(row, row + len(frames))
        # Zeros all go to the right: a shift changes the phase, which the magnitude forgets.
        np.multiply(frames, self._scaled_window, out=work.padded[rows, : config.win_length])
        full = slice(row // _FFT_STEP * _FFT_STEP, -(-rows.stop // _FFT_STEP) * _FFT_STEP)
        # With its default norm, numpy (2.4) transforms single precision in double, in memory that
        # it takes from the system and gives back at every call.
        np.fft.rfft(work.padded[full], axis=1, norm="forward", out=work.spectrum[full])
        parts = work.spectrum[rows].view(work.padded.dtype)
        np.multiply(parts, parts, out=parts)
        energy = np.add(parts[:, ::2], parts[:, 1::2], out=work.energy[rows])
        if config.power != 2:
            np.power(energy, config.power / 2, out=energy)
        self._bands.sum(work.energy, work.mel)
        self._compress(work.mel[rows], output)

    def _compress(self, mel: Float32, output: Float32) -> None:
        """Write the scaled logarithms of mel energies, which are spoilt."""
        config = self.config
        gain, offset = 1 / config.scale, -config.mean / config.scale
        if config.logarithm == "ln":
            mel += np.float32(config.log_offset)
            np.log(mel, out=output)
        else:
            np.maximum(mel, np.float32(config.log_offset), out=mel)
            np.log10(mel, out=output)
            gain *= 10
        output *= np.float32(gain)
        output += np.float32(offset)


class _Workspace(NamedTuple):
    """The memory of a block of frames, one a row: new pages would cost as much as the sums."""

    padded: NDArray[np.floating[Any]]
    spectrum: NDArray[Any]  # complex, of the precision of `padded`
    energy: Float32
    mel: Float32


def _frames_per_block(config: FrontEndConfig) -> int:
    frames = _BLOCK_SAMPLES // max(config.n_fft, config.hop_length)
    return max(_BLOCK_STEP, frames // _BLOCK_STEP * _BLOCK_STEP)


class LogMelStream:
    """Log-mel frames of a signal that arrives in chunks of any length.

    The frames of all `push` calls and of `finish`, in order, are those that `FrontEnd.logmel` gives
    for the whole signal; each frame is computed once, as soon as its samples are there.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        config = front_end.config
        self._front_end = front_end
        self._config = config
        self._half = config.n_fft // 2 if config.center else 0
        # The window lies in the middle of the n_fft samples; only those under it are read.
        self._lead = (config.n_fft - config.win_length) // 2
        self._previous: np.float32 | None = None  # for pre-emphasis across chunks
        self._work = front_end._workspace()
        self._block = len(self._work.mel)
        room = self._block * config.hop_length + config.n_fft + self._half + 1
        self._signal: Float32 = np.empty(room, np.float32)
        self._held = 0  # samples of the signal
        self._next_frame = 0  # where the next frame begins in the signal
        self._row = 0  # the next frame's place in its block
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
        if self._config.preemphasis and self._previous is None and len(samples):
            self._previous, samples = samples[0], samples[1:]
        length = self._held + len(samples)
        if not self._started:
            length = length + self._half if length > self._half else 0
        output = np.empty((self._frames_in(length), self._config.n_mels), np.float32)
        done = 0
        while len(samples):
            samples = self._append(samples)
            if not self._started and self._held > self._half:
                self._pad_start()
            if self._started:
                done += self._write_frames(output[done:])
        return output

    def finish(self) -> Float32:
        """End the signal and return its last frames, np.ndarray [shape=(t, n_mels)]."""
        if self._finished:
            raise RuntimeError("this stream is finished already")
        self._finished = True
        if self._held == 0:
            return np.empty((0, self._config.n_mels), np.float32)
        # A signal shorter than the padding: both ends reflect at once, more than one time over.
        before = 0 if self._started else self._half
        self._signal = np.pad(self._signal[: self._held], (before, self._half), mode="reflect")
        self._held = len(self._signal)
        output = np.empty((self._frames_in(self._held), self._config.n_mels), np.float32)
        done = 0
        while done < len(output):
            done += self._write_frames(output[done:])
        return output

    def _append(self, samples: Float32) -> Float32:
        """Take the samples, pre-emphasised, that the block still wants, and return the others."""
        last_frame = self._next_frame + (self._block - 1 - self._row) * self._config.hop_length
        room = last_frame + self._config.n_fft - self._held - (0 if self._started else self._half)
        taken, rest = samples[:room], samples[room:]
        free = self._signal[self._held : self._held + len(taken)]
        if self._previous is None:
            free[:] = taken
        else:
            coefficient = np.float32(self._config.preemphasis)
            free[0] = self._previous * coefficient
            np.multiply(taken[:-1], coefficient, out=free[1:])
            np.subtract(taken, free, out=free)
            self._previous = taken[-1]
        self._held += len(taken)
        return rest

    def _pad_start(self) -> None:
        held, half = self._held, self._half
        self._signal[half : half + held] = self._signal[:held]
        self._signal[:half] = self._signal[2 * half : half : -1]
        self._held += half
        self._started = True

    def _frames_in(self, length: int) -> int:
        """Return how many new frames a signal of that length completes."""
        config = self._config
        return max(0, (length - self._next_frame - config.n_fft) // config.hop_length + 1)

    def _write_frames(self, output: Float32) -> int:
        """Write the block's frames that are complete, forget what they were made of, count them."""
        config = self._config
        count = min(self._frames_in(self._held), self._block - self._row)
        if count:
            # As sliding_window_view with steps, which takes ten times as long to make.
            frames: Float32 = np.ndarray(
                (count, config.win_length),
                np.float32,
                self._signal,
                4 * (self._next_frame + self._lead),
                (4 * config.hop_length, 4),
            )
            self._front_end._transform(frames, self._row, self._work, output[:count])
            self._next_frame += count * config.hop_length
            self._row = (self._row + count) % self._block
        # Keep what the next frame needs, and what the end would be reflected from.
        drop = min(self._next_frame, max(0, self._held - self._half - 1))
        self._held -= drop
        self._signal[: self._held] = self._signal[drop : drop + self._held]
        self._next_frame -= drop
        return count
