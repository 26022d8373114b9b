"""Throughput: warm, one thread, from an MP3 file to its result, whole and stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge import audio
from musicedge.batches import through
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.road import Judged
from musicedge.windows import WindowCutter
from musicedge_benchmarks.clips import RATE
from musicedge_benchmarks.contenders import Contender
from musicedge_benchmarks.rounds import (
    Spread,
    Tell,
    interleave,
    median_of_ratios,
    seconds,
    silence,
)

LIMIT = 400.0  # x real time

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Throughput:
    """How fast a long file is analysed.

    Attributes
    ----------
    model, provider
        Name and variant, and what it runs on.
    clip_seconds
        Length of the MP3 file.
    whole
        Seconds from the file to its `Analysis`.
    decode, resample, logmel, network
        Seconds of each stage by itself: decoding and mixing down; resampling, as the difference
        that it makes to reading; the front-end; the network, in batches as they are in the whole.
    rest
        What the median of the whole leaves beside the medians of the stages: windows, silence,
        results.
    times_real_time
        Seconds of music a second.
    to_first
        The whole over that of the first model, of each round.
    """

    model: str
    provider: str
    clip_seconds: float
    whole: Spread
    decode: Spread
    resample: Spread
    logmel: Spread
    network: Spread
    rest: float
    times_real_time: Spread
    to_first: Spread


def measure_throughput(
    clip: Path,
    clip_seconds: float,
    models: Sequence[Contender],
    *,
    rounds: int,
    on_round: Tell = silence,
) -> list[Throughput]:
    """Analyse a file with each model, and do each stage of it alone, in turn.

    Parameters
    ----------
    clip, clip_seconds
        A file at `musicedge_benchmarks.clips.RATE`, and its length.
    models
        What they share is measured once.
    rounds
        How often.
    on_round
        Told which round begins.
    """
    tasks = {"decode": _timed(lambda: _read(clip, RATE))}
    for model in models:
        tasks |= _tasks(clip, model)
    measured = interleave(tasks, rounds, on_round=on_round)
    return [_throughput(measured, clip_seconds, model, models[0]) for model in models]


def _tasks(clip: Path, contender: Contender) -> dict[str, Callable[[], float]]:
    """Return what is timed of a model; what two share has the same name in both."""
    model = contender.model()
    card, front_end = model.card, model.front_end
    rate = card.frontend.sample_rate
    blocks = list(_blocks(clip, rate))
    cutter = WindowCutter(card.window_frames, card.hop_frames)
    cut = [*cutter.push(_logmel(front_end, blocks)), *cutter.finish()]
    windows = [Judged(window, is_silent=False) for window in cut]

    def network() -> None:
        for _ in through(model.session.run, windows, 1):
            pass

    return {
        f"read {rate}": _timed(lambda: _read(clip, rate)),
        _logmel_key(card.frontend): _timed(lambda: _logmel(front_end, blocks)),
        f"whole {contender.key}": _timed(lambda: model.analyze(clip)),
        f"network {contender.key}": _timed(network),
    }


def _throughput(
    measured: dict[str, list[float]], clip_seconds: float, model: Contender, first: Contender
) -> Throughput:
    config = model.bundle.card.frontend
    taken = measured[f"whole {model.key}"]
    difference = zip(measured[f"read {config.sample_rate}"], measured["decode"], strict=True)
    resample = Spread.of([max(0.0, both - one) for both, one in difference])
    whole, decode = Spread.of(taken), Spread.of(measured["decode"])
    logmel = Spread.of(measured[_logmel_key(config)])
    network = Spread.of(measured[f"network {model.key}"])
    stages = decode.median + resample.median + logmel.median + network.median
    return Throughput(
        model=model.name,
        provider=model.provider,
        clip_seconds=clip_seconds,
        whole=whole,
        decode=decode,
        resample=resample,
        logmel=logmel,
        network=network,
        rest=whole.median - stages,
        times_real_time=Spread.of([clip_seconds / each for each in taken]),
        to_first=median_of_ratios(taken, measured[f"whole {first.key}"]),
    )


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    return lambda: seconds(work)


def _logmel_key(config: FrontEndConfig) -> str:
    return f"logmel {config}"


def _read(clip: Path, rate: int) -> None:
    for _ in _blocks(clip, rate):
        pass


def _blocks(clip: Path, rate: int) -> Iterator[Float32]:
    with audio.open(clip, sample_rate=rate) as reader:
        yield from reader


def _logmel(front_end: FrontEnd, blocks: list[Float32]) -> Float32:
    """Compute the frames block by block, as they are computed on the way from a file."""
    stream = front_end.stream()
    return np.concatenate([*(stream.push(block) for block in blocks), stream.finish()])
