"""Live listening: sound from a source that goes on by itself, readings as it plays."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from musicedge.pace import EVERY, FIRST, SMOOTH
from musicedge.recording import Recording
from musicedge.source import Chunk, Source
from musicedge.stream import Reading, Stream

if TYPE_CHECKING:
    from musicedge.model import Model

LONGEST_SPLICE = 1.0
"""Seconds of sound that may be lost between two chunks that are still taken for one stream. After a
longer gap the room may hold other music: what came before is forgotten."""

_PATIENCE = 0.5  # seconds that are waited for sound before it is looked whether to go on


class Listener:
    """Readings of a live source, as it plays: iterate over it, once.

    When the machine cannot keep up, readings are skipped and never delayed: whatever has come is
    fetched at once, and only the newest window is read. The source is closed at the end of the
    iteration, by leaving a ``with`` block, and by `close`.

    Parameters
    ----------
    source
        Where the sound comes from; it belongs to the listener from now on.
    model
        What is asked.
    every, first, smooth
        As for `musicedge.Stream`.
    duration
        Seconds of sound after which to end; None goes on until the source ends.
    record
        A WAV file that gets all that is heard.
    stop
        Asked several times a second, also while no sound comes; when it says so, the iteration
        ends with what was heard so far.

    Attributes
    ----------
    source, model
        As given.
    readings, skipped
        How many readings were made, and how many left out because newer sound was there.
    overruns, lost_samples
        How often sound was lost on its way from the source, and how much.

    Raises
    ------
    OutputError
        The recording cannot be written.
    ValueError
        A number is out of its range.
    """

    def __init__(
        self,
        source: Source,
        model: Model,
        *,
        every: float = EVERY,
        first: float = FIRST,
        smooth: float = SMOOTH,
        duration: float | None = None,
        record: str | os.PathLike[str] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        if duration is not None and not 0 < duration < math.inf:
            raise ValueError(f"duration is {duration!r}: must be above 0, and finite")
        self.source = source
        self.model = model
        self.readings = 0
        self.skipped = 0
        self.overruns = 0
        self.lost_samples = 0
        self._stream = Stream(model, source.sample_rate, every=every, first=first, smooth=smooth)
        self._duration = duration
        self._stop = stop
        self._heard = 0  # samples
        self._events: list[str] = []
        self._captured = 0.0  # when the stream's newest sample was
        self._recording = None if record is None else Recording(record, source.sample_rate)

    @property
    def seconds(self) -> float:
        """Seconds of sound that were heard: what was lost does not count."""
        return self._heard / self._stream.sample_rate

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the source and the recording; more than once does no harm."""
        try:
            self.source.close()
        finally:
            if self._recording is not None:
                self._recording.close()

    def events(self) -> list[str]:
        """Return what people should know that happened since the last call, a line each."""
        events, self._events = self._events + self.source.events(), []
        return events

    def __iter__(self) -> Iterator[Reading]:
        """Yield the readings as they are made.

        Raises
        ------
        MusicedgeError
            The source fails, the recording cannot be written, or the network fails.
        """
        try:
            begun = time.monotonic()
            while (chunk := self.source.read(_PATIENCE)) is not None:
                yield from self._hear(chunk)
                if self._is_over(chunk, begun) or (self._stop is not None and self._stop()):
                    break
            yield from self._stamped(self._stream.finish())
        finally:
            self.close()

    def _hear(self, chunk: Chunk) -> Iterator[Reading]:
        if chunk.lost:
            self._miss(chunk.lost)
        samples = chunk.samples[: self._left]
        if len(samples) == 0:
            return
        self._heard += len(samples)
        unheard = len(chunk.samples) - len(samples)
        self._captured = chunk.captured - unheard / self._stream.sample_rate
        if self._recording is not None:
            self._events += self._recording.write(samples)
        yield from self._stamped(self._stream.push(samples, newest_only=self.source.realtime))

    def _miss(self, lost: int) -> None:
        self.overruns += 1
        self.lost_samples += lost
        seconds = lost / self._stream.sample_rate
        if seconds > LONGEST_SPLICE:
            self._events.append(f"{self.source.name}: {seconds:.1f} s of sound lost; begun anew")
            self._stream.reset(at=self._stream.seconds)

    @property
    def _left(self) -> int | None:
        """Samples until the end; None where there is none."""
        if self._duration is None:
            return None
        return max(0, round(self._duration * self._stream.sample_rate) - self._heard)

    def _is_over(self, chunk: Chunk, begun: float) -> bool:
        if self._duration is None:
            return False
        # A source that is away sends nothing: then the clock decides.
        is_late = len(chunk.samples) == 0 and time.monotonic() - begun >= self._duration
        return self._left == 0 or is_late

    def _stamped(self, readings: list[Reading]) -> Iterator[Reading]:
        """Add to readings what only a listener knows, and count them."""
        for reading in readings:
            self.readings += 1
            self.skipped += reading.skipped
            now = time.monotonic()
            captured = self._captured - (self._stream.seconds - reading.end)
            yield replace(
                reading,
                monotonic=now,
                wall=time.time(),
                latency_ms=1e3 * (now - captured) if self.source.realtime else None,
                overruns=self.overruns,
            )


def listen(
    source: Source | None = None,
    *,
    model: str | os.PathLike[str] | Model = "cnn",
    variant: str = "auto",
    device: str = "auto",
    threads: int | None = 1,
    input: str | int | None = None,
    loopback: bool = False,
    reconnect: bool = True,
    every: float = EVERY,
    first: float = FIRST,
    smooth: float = SMOOTH,
    duration: float | None = None,
    record: str | os.PathLike[str] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Listener:
    """Listen to what is playing.

    Parameters
    ----------
    source
        Where the sound comes from, such as a `FileSource`; by default a microphone.
    model, variant, device, threads
        As for `musicedge.load`, or a model that was loaded. One thread is enough for two readings a
        second, and disturbs others the least.
    input, loopback, reconnect
        For the microphone: the device's name or index, whether to listen to what the computer
        itself plays, and whether to wait when the device goes away.
    every, first, smooth
        Seconds between readings, before the first, and of the smoothing; see `musicedge.Stream`.
    duration
        Seconds of sound after which to end; None goes on.
    record
        A WAV file that gets all that is heard.
    stop
        Asked several times a second; when it says so, the readings end.

    Returns
    -------
    Listener
        Iterate over it.

    Raises
    ------
    MusicedgeError
        There is no such input or it cannot be opened, the model cannot be used, or the recording
        cannot be written.
    ValueError
        A number is out of its range.

    Examples
    --------
    >>> import musicedge
    >>> for reading in musicedge.listen():  # doctest: +SKIP
    ...     if reading.is_music:
    ...         print(reading.genre[0].label, reading.valence, reading.arousal)
    """
    from musicedge import bundle as bundles
    from musicedge.model import Model

    opened = model if isinstance(model, Model) else bundles.open(model, variant)
    if source is None:
        from musicedge.microphone import Microphone

        rate = opened.card.frontend.sample_rate
        source = Microphone(input, sample_rate=rate, loopback=loopback, reconnect=reconnect)
    try:
        if not isinstance(opened, Model):
            from musicedge.session import Session

            # Late: what plays while onnxruntime starts is waiting in the source already.
            opened = Model(opened, Session(opened, device, threads))
        return Listener(
            source,
            opened,
            every=every,
            first=first,
            smooth=smooth,
            duration=duration,
            record=record,
            stop=stop,
        )
    except BaseException:
        source.close()
        raise
