"""Cold start: `musicedge classify` in fresh processes, against Python and its two big imports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from musicedge_benchmarks.contenders import Contender
from musicedge_benchmarks.processes import COMMAND, run
from musicedge_benchmarks.rounds import Spread, Tell, interleave, median_of_ratios, silence

LIMIT = 1.5  # x the floor, decoding aside

_FLOOR = (sys.executable, "-c", "import numpy, onnxruntime")

_DECODING = """
import sys, time
import numpy, onnxruntime
begun = time.perf_counter()
import soundfile
imported = time.perf_counter()
with soundfile.SoundFile(sys.argv[1]) as sound:
    for block in sound.blocks(1 << 15, dtype="float32"):
        pass
print(imported - begun, time.perf_counter() - imported)
"""


@dataclass(frozen=True)
class ColdStart:
    """What a first result costs.

    Attributes
    ----------
    model, provider
        Name and variant, and what it runs on.
    clip_seconds
        Length of the WAV file that was classified.
    classify, floor
        Wall seconds of the whole command, and of Python starting and importing numpy and
        onnxruntime.
    classify_cpu, floor_cpu
        The same in processor time, over all threads.
    decoder_import, decoding
        Seconds that a fresh process takes, after the floor's imports, to import soundfile, and to
        decode the file with it.
    ratio, ratio_cpu
        (classify - decoder_import - decoding) / floor, of each round; the budget is about wall
        time.
    """

    model: str
    provider: str
    clip_seconds: float
    classify: Spread
    floor: Spread
    classify_cpu: Spread
    floor_cpu: Spread
    decoder_import: Spread
    decoding: Spread
    ratio: Spread
    ratio_cpu: Spread


def measure_cold_start(
    clip: Path,
    clip_seconds: float,
    models: Sequence[Contender],
    *,
    rounds: int,
    on_round: Tell = silence,
) -> list[ColdStart]:
    """Start the command with each model, and the floor, in turn.

    Parameters
    ----------
    clip, clip_seconds
        A file to classify, and its length.
    models
        With which the command is started.
    rounds
        How often; a first round warms the disk's caches and writes compiled modules.
    on_round
        Told which round begins.
    """
    cpu: dict[str, list[float]] = {name: [] for name in ("floor", *(m.key for m in models))}
    imports: list[float] = []

    def start(name: str, arguments: tuple[str, ...]) -> Callable[[], float]:
        def once() -> float:
            done = run(arguments)
            cpu[name].append(done.cpu)
            return done.wall

        return once

    def decode() -> float:
        importing, decoding = run((sys.executable, "-c", _DECODING, str(clip))).printed.split()
        imports.append(float(importing))
        return float(decoding)

    command = (*COMMAND, "classify", str(clip), "--json")
    tasks = {model.key: start(model.key, (*command, *model.options)) for model in models}
    tasks |= {"floor": start("floor", _FLOOR), "decoding": decode}
    measured = interleave(tasks, rounds, on_round=on_round)
    for values in (imports, *cpu.values()):
        del values[0]  # the warming up

    def ratio(whole: list[float], floor: list[float]) -> Spread:
        decoding = zip(imports, measured["decoding"], strict=True)
        rest = [taken - sum(both) for taken, both in zip(whole, decoding, strict=True)]
        return median_of_ratios(rest, floor)

    return [
        ColdStart(
            model=model.name,
            provider=model.provider,
            clip_seconds=clip_seconds,
            classify=Spread.of(measured[model.key]),
            floor=Spread.of(measured["floor"]),
            classify_cpu=Spread.of(cpu[model.key]),
            floor_cpu=Spread.of(cpu["floor"]),
            decoder_import=Spread.of(imports),
            decoding=Spread.of(measured["decoding"]),
            ratio=ratio(measured[model.key], measured["floor"]),
            ratio_cpu=ratio(cpu[model.key], cpu["floor"]),
        )
        for model in models
    ]
