"""What each model costs its user from end to end: files, the first result, and listening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from numpy import float32
from numpy.typing import NDArray

from musicedge_benchmarks.coldstart import ColdStart, measure_cold_start
from musicedge_benchmarks.contenders import Contender
from musicedge_benchmarks.live import listening_load
from musicedge_benchmarks.rounds import Tell, portion, silence
from musicedge_benchmarks.throughput import Throughput, measure_throughput


@dataclass(frozen=True)
class ListeningLoad:
    """Processor time of listening with one model, two readings a second, in % of one core."""

    model: str
    provider: str
    percent: float


@dataclass
class EndToEnd:
    """One of each for every model; what is empty was not measured, or not yet.

    Attributes
    ----------
    files
        Warm, from an MP3 file to its result, stage by stage.
    cold
        The command in fresh processes.
    live
        Listening in real time.
    """

    files: list[Throughput] = field(default_factory=list)
    cold: list[ColdStart] = field(default_factory=list)
    live: list[ListeningLoad] = field(default_factory=list)


@dataclass(frozen=True)
class Clips:
    """What is measured with.

    Attributes
    ----------
    mp3, mp3_seconds
        A file for the throughput, and its length.
    wav, wav_seconds
        A file for the cold start.
    piece : np.ndarray [shape=(n,)]
        What is listened to.
    rate
        Its sample rate, in Hz.
    """

    mp3: Path
    mp3_seconds: float
    wav: Path
    wav_seconds: float
    piece: NDArray[float32]
    rate: int


def measure_end_to_end(
    models: Sequence[Contender],
    found: EndToEnd,
    clips: Clips,
    *,
    rounds: int,
    starts: int,
    listening: float,
    on_round: Tell = silence,
) -> None:
    """Measure one after the other; within each, the models take turns.

    Parameters
    ----------
    models
        The first is what the others are compared with.
    found
        Gets each result as soon as it is there.
    clips
        What to measure with.
    rounds, starts, listening
        How often the file is analysed, how often the command is started, and for how many seconds
        each model listens; 0 leaves a thing out.
    on_round
        Told what is being done.
    """
    found.files = measure_throughput(
        clips.mp3,
        clips.mp3_seconds,
        models,
        rounds=rounds,
        on_round=portion(on_round, 0, 0.25, "files, "),
    )
    if starts:
        found.cold = measure_cold_start(
            clips.wav,
            clips.wav_seconds,
            models,
            rounds=starts,
            on_round=portion(on_round, 0.25, 0.5, "cold start, "),
        )
    if listening:
        for number, model in enumerate(models):
            what = f"{model.name} listens for {listening:g} s"
            on_round(what, 0.5 + 0.5 * number / len(models))
            load = listening_load(model.model(), clips.piece, clips.rate, listening)
            found.live.append(ListeningLoad(model.name, model.provider, load))
