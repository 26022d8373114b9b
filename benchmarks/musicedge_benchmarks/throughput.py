"""Throughput: warm, one thread, from an MP3 file to its result, whole and stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge import audio
from musicedge.bundle import Bundle
from musicedge.frontend import FrontEnd
from musicedge.model import Model
from musicedge.session import BATCH, Session
from musicedge.windows import WindowCutter
from musicedge_benchmarks.clips import RATE
from musicedge_benchmarks.rounds import Spread, interleave, seconds

LIMIT = 400.0  # x real time

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Throughput:
    """How fast a long file is analysed.

    Attributes
    ----------
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
    """

    clip_seconds: float
    whole: Spread
    decode: Spread
    resample: Spread
    logmel: Spread
    network: Spread
    rest: float
    times_real_time: Spread


def measure_throughput(
    clip: Path,
    clip_seconds: float,
    bundle: Bundle,
    *,
    rounds: int,
    on_round: Callable[[str], None] = lambda text: None,
) -> Throughput:
    """Analyse a file, and do each stage of it alone, in turn.

    Parameters
    ----------
    clip, clip_seconds
        A file at `musicedge_benchmarks.clips.RATE`, and its length.
    bundle
        The model.
    rounds
        How often.
    on_round
        Told which round begins.
    """
    session = Session(bundle, "cpu", 1)
    model = Model(bundle, session)
    card = bundle.card
    rate = card.frontend.sample_rate
    front_end = FrontEnd(card.frontend)
    blocks = list(_blocks(clip, rate))
    cutter = WindowCutter(card.window_frames, card.hop_frames)
    windows = [window.frames for window in cutter.push(_logmel(front_end, blocks))]
    windows += [window.frames for window in cutter.finish()]

    def network() -> None:
        waiting = iter(windows)
        while batch := list(islice(waiting, BATCH)):
            session.run(batch)

    def read(wanted: int) -> None:
        for _ in _blocks(clip, wanted):
            pass

    measured = interleave(
        {
            "whole": lambda: seconds(lambda: model.analyze(clip)),
            "decode": lambda: seconds(lambda: read(RATE)),
            "read": lambda: seconds(lambda: read(rate)),
            "logmel": lambda: seconds(lambda: _logmel(front_end, blocks)),
            "network": lambda: seconds(network),
        },
        rounds,
        on_round=on_round,
    )
    whole, decode = Spread.of(measured["whole"]), Spread.of(measured["decode"])
    difference = zip(measured["read"], measured["decode"], strict=True)
    resample = Spread.of([max(0.0, both - one) for both, one in difference])
    logmel, net = Spread.of(measured["logmel"]), Spread.of(measured["network"])
    stages = decode.median + resample.median + logmel.median + net.median
    return Throughput(
        clip_seconds=clip_seconds,
        whole=whole,
        decode=decode,
        resample=resample,
        logmel=logmel,
        network=net,
        rest=whole.median - stages,
        times_real_time=Spread.of([clip_seconds / taken for taken in measured["whole"]]),
    )


def _blocks(clip: Path, rate: int) -> Iterator[Float32]:
    with audio.open(clip, sample_rate=rate) as reader:
        yield from reader


def _logmel(front_end: FrontEnd, blocks: list[Float32]) -> Float32:
    """Compute the frames block by block, as they are computed on the way from a file."""
    stream = front_end.stream()
    return np.concatenate([*(stream.push(block) for block in blocks), stream.finish()])
