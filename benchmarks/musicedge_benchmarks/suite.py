"""The measurements, one after the other: clips are made, measured and thrown away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import soxr

from musicedge import bundle as bundles
from musicedge_benchmarks import clips
from musicedge_benchmarks.coldstart import measure_cold_start
from musicedge_benchmarks.comparison import measure_comparison
from musicedge_benchmarks.endurance import HOURS as HOURS_OF_LISTENING
from musicedge_benchmarks.endurance import measure_endurance
from musicedge_benchmarks.frontend_speed import has_librosa, measure_front_end
from musicedge_benchmarks.live import measure_live
from musicedge_benchmarks.machine import Load, Machine
from musicedge_benchmarks.memory import HOURS, measure_memory
from musicedge_benchmarks.results import ModelMeasured, Results
from musicedge_benchmarks.throughput import measure_throughput


@dataclass(frozen=True)
class Extent:
    """How long the clips are, in seconds, and how often each thing is measured."""

    short_clip: float
    cold_rounds: int
    mp3: float
    mp3_rounds: int
    frontend_rounds: int
    long_wav: float
    switches: int
    live_steps: int
    live_seconds: float
    live_starts: int
    endurance: float
    model_rounds: int


FULL = Extent(
    30.0, 15, 300.0, 7, 30, HOURS * 3600, 100, 200, 30.0, 9, HOURS_OF_LISTENING * 3600, 100
)
QUICK = Extent(30.0, 3, 60.0, 2, 7, 20 * 60.0, 2, 20, 2.0, 1, 10 * 60.0, 10)
_OPENINGS = 7


class Suite:
    """The measurements of one model.

    Parameters
    ----------
    folder
        Where the clips are written; emptied by the caller.
    model, variant
        As for `musicedge.load`.
    audio
        The music to repeat; None for the example piece.
    quick
        Whether to measure little.
    threads
        With which the models are compared.
    extent
        How much to measure; by default what `quick` means.
    progress
        Shown what is being done, in one line; an empty one at the end.

    Attributes
    ----------
    results
        What has been measured so far.
    """

    def __init__(
        self,
        folder: Path,
        model: str = "cnn",
        variant: str = "auto",
        *,
        audio: Path | None = None,
        quick: bool = False,
        threads: Sequence[int] = (1,),
        extent: Extent | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._folder = folder
        self._extent = extent or (QUICK if quick else FULL)
        self._progress = progress
        self._threads = tuple(threads)
        self._bundle = bundles.open(model, variant)
        # One variant throughout: left to itself, a command takes the one that is fastest here.
        self._options = ("--model", model, "--variant", self._bundle.card.variant)
        progress("looking at the machine")
        card = self._bundle.card
        self.results = Results(
            machine=Machine.this(),
            model=ModelMeasured(
                card.name, card.variant, self._bundle.sha256, len(self._bundle.data)
            ),
            audio=_audio_name(audio),
            quick=quick,
            load=[Load.now()],
        )
        self._piece = clips.load_piece(audio)

    def run(self, parts: Sequence[str]) -> None:
        """Measure the parts that are named, and keep each result as soon as it is there.

        Parameters
        ----------
        parts
            Of ``"models"``, ``"cold-start"``, ``"throughput"``, ``"log-mel"``, ``"memory"``,
            ``"live"`` and ``"endurance"``.
        """
        measures = {
            "models": self._models,
            "cold-start": self._cold_start,
            "throughput": self._throughput,
            "log-mel": self._front_end,
            "memory": self._memory,
            "live": self._live,
            "endurance": self._endurance,
        }
        try:
            for part, measure in measures.items():
                if part in parts:
                    measure()
            self.results.load.append(Load.now())
        finally:
            self._progress("")
            self._note_load()

    def _models(self) -> None:
        self.results.models = measure_comparison(
            self._all_bundles(),
            threads=self._threads,
            rounds=self._extent.model_rounds,
            openings=min(_OPENINGS, self._extent.model_rounds),
            on_round=self._telling("models"),
        )

    def _cold_start(self) -> None:
        extent = self._extent
        clip = clips.write_clip(self._folder / "cold.wav", self._piece, extent.short_clip)
        self.results.cold_start = measure_cold_start(
            clip,
            extent.short_clip,
            self._options,
            rounds=extent.cold_rounds,
            on_round=self._telling("cold start"),
        )

    def _throughput(self) -> None:
        extent = self._extent
        self._progress("throughput: encoding an MP3")
        clip = clips.write_clip(self._folder / "warm.mp3", self._piece, extent.mp3)
        self.results.throughput = measure_throughput(
            clip,
            extent.mp3,
            self._bundle,
            rounds=extent.mp3_rounds,
            on_round=self._telling("throughput"),
        )

    def _front_end(self) -> None:
        config = self._bundle.card.frontend
        if not has_librosa():
            self.results.notes.append("librosa is not installed: the log-mel was not compared")
        mono = clips.repeat(self._piece, self._extent.short_clip).mean(axis=1)
        self.results.front_end = measure_front_end(
            soxr.resample(mono, clips.RATE, config.sample_rate),
            config,
            rounds=self._extent.frontend_rounds,
            on_round=self._telling("log-mel"),
        )

    def _memory(self) -> None:
        length = self._extent.long_wav
        self._progress(f"memory: writing a WAV of {length / 3600:.1f} h")
        clip = clips.write_long_wav(self._folder / "long.wav", self._piece, length)
        self._progress(f"memory: classifying {length / 3600:.1f} h")
        self.results.memory = measure_memory(clip, length, self._options)
        clip.unlink()
        if length < HOURS * 3600:
            self.results.notes.append(
                f"memory was measured on {length / 60:g} min; the budget is for {HOURS:g} h"
            )

    def _live(self) -> None:
        extent = self._extent
        clip = clips.write_clip(self._folder / "live.wav", self._piece, extent.short_clip)
        self.results.live = measure_live(
            self._piece.mean(axis=1),
            clips.RATE,
            clip,
            self._all_bundles(),
            self._options,
            switches=extent.switches,
            steps=extent.live_steps,
            seconds=extent.live_seconds,
            starts=extent.live_starts,
            on_round=self._telling("live"),
        )

    def _all_bundles(self) -> list[bundles.Bundle]:
        """Return the model, and all that are shipped beside it."""
        shipped = (bundles.open(model.path) for model in bundles.installed())
        return [self._bundle, *(each for each in shipped if each.sha256 != self._bundle.sha256)]

    def _endurance(self) -> None:
        length = self._extent.endurance
        self.results.endurance = measure_endurance(
            self._piece.mean(axis=1),
            clips.RATE,
            self._bundle,
            hours=length / 3600,
            on_round=self._telling("endurance"),
        )
        if length < HOURS_OF_LISTENING * 3600:
            self.results.notes.append(
                f"the growth of memory was measured over {length / 60:g} min; "
                f"the budget is for {HOURS_OF_LISTENING:g} h"
            )

    def _telling(self, part: str) -> Callable[[str], None]:
        return lambda text: self._progress(f"{part}: {text}")

    def _note_load(self) -> None:
        if any(load.is_high for load in self.results.load):
            self.results.notes.append(
                "the machine was busy with other things: times are too long, ratios are rough"
            )


def _audio_name(path: Path | None) -> str:
    if path is not None:
        return path.name
    return clips.EXAMPLE.name if clips.EXAMPLE.exists() else "synthetic chords"
