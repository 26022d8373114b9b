"""Push samples of any length and rate, get readings: what is playing, while it plays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from musicedge.analysis import SCHEMA, GenreScore, Segment
from musicedge.decoding.base import check_stream, mix_down
from musicedge.decoding.reader import BLOCK_SAMPLES, check_samples
from musicedge.decoding.samples import channels_of
from musicedge.frontend import Float32
from musicedge.level import LevelMeter
from musicedge.pace import EVERY, FIRST, SMOOTH
from musicedge.readings import Readings
from musicedge.resampling import Resampler
from musicedge.road import Judged, Road
from musicedge.smoothing import Smoothing
from musicedge.stopwatch import Stopwatch
from musicedge.windows import WindowCutter

if TYPE_CHECKING:
    from musicedge.model import Model

_NAME = "stream"  # what errors call the input


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the model says about the newest window of a stream.

    Attributes
    ----------
    start, end
        Seconds of the stream that the window covers.
    early
        Whether the stream was still shorter than the model's window: what there was, was repeated
        to fill it.
    is_music
        Whether the window holds music: its own probability reaches the model's threshold, and it is
        not digital silence.
    music
        Probability in [0, 1] that there is music; 1 where the model has no such head. Smoothed
        while there is music.
    genre
        All genres, ranked, smoothed; their scores sum to 1. Empty where there is no music or no
        such head.
    valence, arousal, danceability
        In [0, 1], smoothed; None where there is no music or no such head.
    raw
        The same of this window alone, without smoothing.
    level
        How loud the newest sound of the window is (as much as lies between two readings): the root
        of the mean square in dBFS, at least -120. A sine at full scale has -3.01.
    compute_ms
        Milliseconds of work since the reading before: resampling, features and the network.
    skipped
        Readings that were due since the one before and were left out, because newer sound was there
        already.
    monotonic, wall
        When the reading was made, by `time.monotonic` and `time.time`. This and what follows is
        known to a `musicedge.Listener` alone; None (0 overruns) in the readings of a `Stream`.
    latency_ms
        Milliseconds from when the newest sound of the window was captured to when the reading was
        there; None where sound does not pass by itself, as in a file at top speed.
    overruns
        How often sound had been lost, up to here, because nobody fetched it in time.
    """

    start: float
    end: float
    early: bool
    is_music: bool
    music: float
    genre: tuple[GenreScore, ...]
    valence: float | None
    arousal: float | None
    danceability: float | None
    raw: Segment
    level: float
    compute_ms: float
    skipped: int
    monotonic: float | None = None
    wall: float | None = None
    latency_ms: float | None = None
    overruns: int = 0

    @property
    def smoothed(self) -> Segment:
        """What is said, smoothed, as the type that the windows of an `Analysis` have."""
        return Segment(
            self.start,
            self.end,
            self.music,
            self.genre,
            self.valence,
            self.arousal,
            self.danceability,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of a reading, with the names of schema 1."""
        raw = self.raw.to_dict()
        return {
            "schema": SCHEMA,
            **self.smoothed.to_dict(),
            "is_music": self.is_music,
            "early": self.early,
            "raw": {name: value for name, value in raw.items() if name not in ("start", "end")},
            "level": round(self.level, 2),
            "compute_ms": round(self.compute_ms, 3),
            "skipped": self.skipped,
            "monotonic": _rounded(self.monotonic, 6),
            "wall": _rounded(self.wall, 6),
            "latency_ms": _rounded(self.latency_ms, 3),
            "overruns": self.overruns,
        }


class Stream:
    """Samples in, of any length and rate; readings out, each as soon as its sound is there.

    Each reading is about the newest window of the model's length. Where a file's analysis has a
    window of the same samples, its figures are the same: both walk one road. Every frame is
    computed once, and memory does not grow. A stream belongs to one thread at a time.

    Parameters
    ----------
    model
        What is asked.
    sample_rate
        Of the samples to come, in Hz; soxr resamples them where the model's rate is another.
    every, first
        Seconds from one reading to the next, and before the first; in whole frames of the model.
    smooth
        Time constant, in seconds, of the moving average (`musicedge.smoothing`); 0 for none.

    Raises
    ------
    AudioValues
        The sample rate is out of range.
    ValueError
        `every` or `first` is shorter than a frame, or one of the seconds is not a finite number.

    Examples
    --------
    >>> import musicedge
    >>> stream = musicedge.Stream(musicedge.load("cnn"), 48_000)  # doctest: +SKIP
    >>> for reading in stream.push(samples):  # doctest: +SKIP
    ...     print(reading.end, reading.genre[:1], reading.arousal)
    """

    def __init__(
        self,
        model: Model,
        sample_rate: int,
        *,
        every: float = EVERY,
        first: float = FIRST,
        smooth: float = SMOOTH,
    ) -> None:
        check_stream(_NAME, sample_rate, channels=1)
        self._model = model
        self._sample_rate = sample_rate
        self._every = self._frames_in("every", every)
        self._first = self._frames_in("first", first)
        self._smoothing = Smoothing(smooth)
        self.reset()

    @property
    def sample_rate(self) -> int:
        """The rate of the samples that are pushed, in Hz."""
        return self._sample_rate

    @property
    def seconds(self) -> float:
        """Where the stream is: seconds of samples so far, from where it was reset to."""
        return self._at + self._n_samples / self._sample_rate

    def reset(self, at: float = 0.0) -> None:
        """Begin anew, as after a gap: no window will hold what came before.

        Parameters
        ----------
        at
            The second of the stream that comes next.
        """
        card, front_end = self._model.card, self._model.front_end
        self._at = at
        self._n_samples = 0
        self._gathered: list[Float32] = []  # taken, and not worked on yet
        self._n_gathered = 0
        self._resampler = Resampler(self._sample_rate, card.frontend.sample_rate)
        self._road = Road(front_end, WindowCutter(card.window_frames, self._every, self._first))
        self._level = LevelMeter(card.frontend.hop_length)
        self._smoothing.reset()
        self._skipped = 0
        self._watch = Stopwatch()
        self._finished = False

    def push(self, samples: ArrayLike, *, newest_only: bool = False) -> list[Reading]:
        """Take samples and return the readings that they complete.

        Parameters
        ----------
        samples : np.ndarray [shape=(n,) or (channels, n), dtype=float]
            Full scale at +-1; n may be 0. Channels are mixed down to their mean.
        newest_only
            Whether to make only the newest of several readings that are due; the others are counted
            as skipped.

        Returns
        -------
        list of Reading
            In order of time; mostly one or none.

        Raises
        ------
        AudioValues
            What was given are no samples, not finite or far beyond full scale; none of it was
            taken.
        ModelInvalid
            The network fails, or gives what its card does not promise.
        """
        if self._finished:
            raise RuntimeError("the stream was finished: reset it first")
        # What an extreme sample overflows is checked where it can matter.
        with np.errstate(all="ignore"), self._watch:
            return self._read(self._windows(self._mono(samples)), newest_only)

    def finish(self) -> list[Reading]:
        """End the stream, and return the readings that were still due, and one for what is left.

        There is one for the rest where it lasts a quarter of `every`, or is all there is.
        """
        if self._finished:
            raise RuntimeError("the stream was finished already")
        self._finished = True
        with np.errstate(all="ignore"), self._watch:
            return self._read(self._last_windows(), newest_only=False)

    def _frames_in(self, name: str, seconds: float) -> int:
        rate = self._model.card.frontend.frame_rate
        if not 1 <= seconds * rate < math.inf:
            raise ValueError(
                f"{name} is {seconds!r}: must be at least {1 / rate:g} s, a frame of the model"
            )
        return round(seconds * rate)

    def _mono(self, samples: ArrayLike) -> Float32:
        channels = channels_of(samples, _NAME)
        check_stream(_NAME, self._sample_rate, len(channels))
        mono = mix_down(channels.T)
        if len(mono):
            check_samples(mono, _NAME, round(self.seconds * self._sample_rate), self._sample_rate)
        return mono

    def _windows(self, mono: Float32) -> Iterator[Judged]:
        """Yield the windows that samples complete, which were checked before."""
        self._gathered.append(mono)
        self._n_gathered += len(mono)
        self._n_samples += len(mono)
        rate = self._model.card.frontend.sample_rate
        # What cannot complete a window waits: many small steps take several times as long as one.
        if (
            self._n_samples * rate >= self._road.due * self._sample_rate
            or self._n_gathered >= BLOCK_SAMPLES
        ):
            yield from self._worked_off()

    def _worked_off(self) -> Iterator[Judged]:
        """Yield the windows that all samples so far complete."""
        gathered = np.concatenate(self._gathered) if self._gathered else np.empty(0, np.float32)
        self._gathered, self._n_gathered = [], 0
        for start in range(0, len(gathered), BLOCK_SAMPLES):
            yield from self._pass_on(self._resampler.push(gathered[start : start + BLOCK_SAMPLES]))

    def _last_windows(self) -> Iterator[Judged]:
        yield from self._worked_off()
        yield from self._pass_on(self._resampler.finish())
        yield from self._road.finish()

    def _pass_on(self, samples: Float32) -> list[Judged]:
        self._level.push(samples)
        return self._road.push(samples)

    def _read(self, windows: Iterable[Judged], newest_only: bool) -> list[Reading]:
        if newest_only:
            windows = self._newest(windows)
        return [self._reading(judged) for judged in windows]

    def _newest(self, windows: Iterable[Judged]) -> list[Judged]:
        """Return the last window, and count the others; one at a time is held."""
        newest: list[Judged] = []
        for judged in windows:
            self._skipped += len(newest)
            newest = [judged]
        return newest

    def _reading(self, judged: Judged) -> Reading:
        card, window = self._model.card, judged.window
        readings = Readings(
            card, self._model.session.run([window.frames]), np.array([judged.is_silent])
        )
        rate = card.frontend.frame_rate
        end = min(window.end / rate, self._road.seconds)
        raw = readings.of_window(0, self._at + window.start / rate, self._at + end)
        is_music = bool(readings.holds_music[0])
        smoothed = self._smoothing.push(raw, holds_music=is_music)
        newest = max(window.start, window.end - self._every)
        level = self._level.dbfs(newest, window.end)
        self._level.forget(newest)
        skipped, self._skipped = self._skipped, 0
        return Reading(
            start=raw.start,
            end=raw.end,
            early=window.end - window.start < card.window_frames,
            is_music=is_music,
            music=smoothed.music,
            genre=smoothed.genre,
            valence=smoothed.valence,
            arousal=smoothed.arousal,
            danceability=smoothed.danceability,
            raw=raw,
            level=level,
            compute_ms=1e3 * self._watch.lap(),
            skipped=skipped,
        )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
