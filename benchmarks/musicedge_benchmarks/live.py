"""Live listening, through the real live path: how old a reading is, and what it costs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge.live import Listener
from musicedge.model import Model
from musicedge.pace import EVERY
from musicedge.source import Chunk
from musicedge.stream import Reading, Stream
from musicedge_benchmarks.contenders import Contender
from musicedge_benchmarks.processes import COMMAND, first_line
from musicedge_benchmarks.rounds import Percentiles, Spread, Tell, median_of_ratios, silence

COMPUTE_LIMIT = 10.0  # % of the step from reading to reading, 95th percentile
LOAD_LIMIT = 5.0  # % of one core
FIRST_LIMIT = 2.0  # s, from the start of the process

Float32 = NDArray[np.float32]

_CHUNK = 0.02  # seconds of sound in what a device hands over
_GRID = 0.01  # seconds between the moments of sound that are asked about
_QUIET_DBFS = -70.0  # of the room before the music begins


@dataclass(frozen=True)
class Compute:
    """What a reading costs with one model, on one thread.

    Attributes
    ----------
    model
        Its name and variant.
    ms
        Milliseconds of work a reading, as the stream itself tells them.
    naive_ms
        The same for a loop that computes the features of the whole window anew for each reading.
    naive_ratio
        The loop's milliseconds over the stream's, of each reading.
    load
        Processor time over time while readings come in real time, in percent of one core: with all
        that a program does between readings.
    """

    model: str
    ms: Percentiles
    naive_ms: Percentiles
    naive_ratio: Spread
    load: float


@dataclass(frozen=True)
class Live:
    """How listening goes, in real time.

    Attributes
    ----------
    every
        Seconds from one reading to the next.
    age
        Milliseconds from when the newest sound of a reading was captured to the reading.
    sound_to_reading
        Milliseconds from any moment of sound to the first reading that has it in its window.
    switch_to_music
        Milliseconds from when music begins, in a quiet room, to the first reading that says so.
    missed
        How often no reading said so.
    first_reading
        Seconds from the start of a process of ``musicedge listen`` to its first line of JSON: it
        holds a second of sound.
    compute
        One a model.
    """

    every: float
    age: Percentiles
    sound_to_reading: Percentiles
    switch_to_music: Percentiles | None
    missed: int
    first_reading: Spread
    compute: list[Compute] = field(default_factory=list)


class Room:
    """A `musicedge.Source`: a microphone in a room that was quiet long before music begins in it.

    Parameters
    ----------
    before, after : np.ndarray [shape=(n,)]
        What sounds before the listening begins, all of it at once, and then, in real time.
    sample_rate
        Of both, in Hz.
    """

    name = "room"
    realtime = True

    def __init__(self, before: Float32, after: Float32, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._before: Float32 | None = before
        self._after = after
        self._played = 0
        self.begun = 0.0
        """When `after` began to sound, by `time.monotonic`."""

    def read(self, timeout: float) -> Chunk | None:
        """Return what has sounded since the last call, in pieces as a device has them."""
        if self._before is not None:
            before, self._before = self._before, None
            return Chunk(before, time.monotonic())
        self.begun = self.begun or time.monotonic()
        step = round(_CHUNK * self.sample_rate)
        time.sleep(max(0.0, self._heard_at(self._played + step) - time.monotonic()))
        sounded = (time.monotonic() - self.begun) * self.sample_rate
        chunk = self._after[self._played : max(1, int(sounded / step)) * step]
        self._played += len(chunk)
        return Chunk(chunk, self._heard_at(self._played)) if len(chunk) else None

    def events(self) -> list[str]:
        """Return nothing: nothing happens but music."""
        return []

    def close(self) -> None:
        """Hold nothing."""

    def _heard_at(self, sample: int) -> float:
        return self.begun + sample / self.sample_rate


def measure_live(
    piece: Float32,
    sample_rate: int,
    clip: Path,
    contenders: Sequence[Contender],
    *,
    switches: int,
    steps: int,
    seconds: float,
    starts: int,
    on_round: Tell = silence,
) -> Live:
    """Listen to switches from quiet to music, then measure what readings cost.

    Parameters
    ----------
    piece : np.ndarray [shape=(n,)]
        Music.
    sample_rate
        Its rate, in Hz.
    clip
        A file of music, for ``musicedge listen``.
    contenders
        The models; latency is measured with the first.
    switches, steps, seconds, starts
        How many switches, readings to compare with the loop, seconds of real time to measure the
        load in, and starts of the command.
    on_round
        Told what is being done.
    """
    models = {contender.name: contender.model() for contender in contenders}
    latency = next(iter(models.values()))
    whole = switches + starts + 30 * len(models)  # in about the time of a switch
    readings: list[Reading] = []
    delays: list[float] = []
    rng = np.random.default_rng(0)
    for number in range(switches):
        on_round(f"switch {number + 1} of {switches}", number / whole)
        delay, heard = _switch(latency, piece, sample_rate, rng)
        readings += heard
        if delay is not None:
            delays.append(delay)
    first = []
    for number in range(starts):
        on_round(f"start {number + 1} of {starts}", (switches + number) / whole)
        options = contenders[0].options
        command = (*COMMAND, "listen", "--from-file", str(clip), "--jsonl", *options)
        first.append(first_line(command))
    live = Live(
        every=EVERY,
        age=Percentiles.of([_latency(reading) for reading in readings]),
        sound_to_reading=Percentiles.of(
            [_latency(reading) + 1e3 * wait for reading in readings for wait in _waits()]
        ),
        switch_to_music=Percentiles.of(delays) if delays else None,
        missed=switches - len(delays),
        first_reading=Spread.of(first),
    )
    for number, (name, model) in enumerate(models.items()):
        done = (switches + starts + 30 * number) / whole
        on_round(f"{name}: readings one after the other", done)
        streamed, naive = _work(model, piece, sample_rate, steps)
        on_round(f"{name}: {seconds:g} s in real time", done)
        live.compute.append(
            Compute(
                model=name,
                ms=Percentiles.of(streamed),
                naive_ms=Percentiles.of(naive),
                naive_ratio=median_of_ratios(naive, streamed),
                load=listening_load(model, piece, sample_rate, seconds),
            )
        )
    return live


def _switch(
    model: Model, piece: Float32, rate: int, rng: np.random.Generator
) -> tuple[float | None, list[Reading]]:
    """Let music begin, and return after how many ms a reading says so, and the readings till then.

    The moment, and where in the piece it is, are drawn by chance.
    """
    lead = rng.uniform(0, EVERY)
    window = model.card.window_seconds
    quiet = rng.normal(0, 10 ** (_QUIET_DBFS / 20), round((window + lead) * rate))
    start = int(rng.integers(0, len(piece)))
    music = np.resize(np.roll(piece, -start), round((window + 1) * rate))
    before, lead_in = np.split(quiet.astype(np.float32), [round(window * rate)])
    room = Room(before, np.concatenate([lead_in, music]), rate)
    readings: list[Reading] = []
    with Listener(room, model) as listener:
        for reading in listener:
            if reading.end <= window:  # of what came at once
                continue
            readings.append(reading)
            if reading.is_music and reading.end > window + lead:
                assert reading.monotonic is not None
                return 1e3 * (reading.monotonic - room.begun - lead), readings
    return None, readings


def _latency(reading: Reading) -> float:
    assert reading.latency_ms is not None
    return reading.latency_ms


def _waits() -> NDArray[np.float64]:
    """Seconds that moments of sound wait for the end of the window that is the first to hold them.

    Readings come at a steady pace: every wait from none to a whole step is as likely.
    """
    return np.arange(_GRID / 2, EVERY, _GRID)


def _work(model: Model, piece: Float32, rate: int, steps: int) -> tuple[list[float], list[float]]:
    """Return the ms of each reading, of the stream and of the loop that keeps nothing.

    They take turns. Both get sound at the model's rate, so that resampling is no part of it.
    """
    import soxr

    card = model.card
    rate, piece = card.frontend.sample_rate, soxr.resample(piece, rate, card.frontend.sample_rate)
    window, step = round(card.window_seconds * rate), round(EVERY * rate)
    samples = np.resize(piece, window + (steps + 1) * step)
    stream = Stream(model, rate)
    stream.push(samples[:window])
    streamed, naive = [], []
    for number in range(1, steps + 1):
        end = window + number * step
        chunks = np.array_split(samples[end - step : end], round(EVERY / _CHUNK))
        streamed += [each.compute_ms for chunk in chunks for each in stream.push(chunk)]
        begun = time.perf_counter()
        frames = model.front_end.logmel(samples[end - window : end])
        model.session.run([frames[: card.window_frames]])
        naive.append(1e3 * (time.perf_counter() - begun))
    return streamed, naive[: len(streamed)]


def listening_load(model: Model, piece: Float32, rate: int, seconds: float) -> float:
    """Return the processor time of listening in real time, in percent of one core.

    Parameters
    ----------
    model
        The model.
    piece : np.ndarray [shape=(n,)]
        Music at a rate in Hz, which is repeated.
    rate
        That rate.
    seconds
        How long, from the first reading on.
    """
    room = Room(piece[: rate // 10], np.resize(piece, round((seconds + 1) * rate)), rate)
    begun: tuple[float, float] | None = None
    now = (0.0, 0.0)
    with Listener(room, model) as listener:
        for _ in listener:
            now = (time.process_time(), time.monotonic())
            begun = begun or now  # from the first reading on: what is made once does not count
            if now[1] - begun[1] >= seconds:
                break
    assert begun is not None
    return 100 * (now[0] - begun[0]) / max(now[1] - begun[1], sys.float_info.epsilon)
