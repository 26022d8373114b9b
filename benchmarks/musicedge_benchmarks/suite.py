"""The measurements, one after the other: clips are made, measured and thrown away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import soxr

from musicedge import bundle as bundles
from musicedge.session import Device
from musicedge_benchmarks import clips
from musicedge_benchmarks.coldstart import measure_cold_start
from musicedge_benchmarks.comparison import measure_comparison
from musicedge_benchmarks.contenders import Contender, contenders
from musicedge_benchmarks.endtoend import Clips, measure_end_to_end
from musicedge_benchmarks.endurance import HOURS as HOURS_OF_LISTENING
from musicedge_benchmarks.endurance import measure_endurance
from musicedge_benchmarks.extents import FULL, QUICK, Extent
from musicedge_benchmarks.extras import is_installed
from musicedge_benchmarks.frontend_speed import measure_front_end
from musicedge_benchmarks.growth import Growth, measure_growth
from musicedge_benchmarks.live import measure_live
from musicedge_benchmarks.machine import Load, Machine
from musicedge_benchmarks.manifest import LabelledTrack
from musicedge_benchmarks.memory import HOURS, measure_memory
from musicedge_benchmarks.peers.measure import Peers, measure_peers
from musicedge_benchmarks.peers.peer import Material
from musicedge_benchmarks.results import ModelMeasured, Results
from musicedge_benchmarks.rounds import Tell, portion, silence
from musicedge_benchmarks.throughput import measure_throughput
from musicedge_benchmarks.worth import Worths, measure_worths

_OPENINGS = 7


class Suite:
    """The measurements of one run.

    Parameters
    ----------
    folder
        Where the clips are written; emptied by the caller.
    models, variant
        As for `musicedge.load`. The first is measured by itself; all of them, and those that are
        installed, are compared.
    audio
        The music to repeat; None for the example piece.
    quick
        Whether to measure little.
    devices
        On which the models are compared; the first is that of the other measurements.
    threads
        With which the models are compared.
    data
        A manifest's name and its tracks, for the part ``"data"``.
    checkpoint, peer_files
        For the part ``"peers"``: see `musicedge_benchmarks.peers.peer.Material`.
    extent
        How much to measure; by default what `quick` means.
    progress
        Told what is being done, and which share of all is done.

    Attributes
    ----------
    results
        What has been measured so far.

    Raises
    ------
    DeviceUnavailable, ModelNotFound, ModelInvalid
        A device is not there, or a model cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        models: Sequence[str] = ("cnn",),
        variant: str = "auto",
        *,
        audio: Path | None = None,
        quick: bool = False,
        devices: Sequence[Device] = ("cpu",),
        threads: Sequence[int] = (1,),
        data: tuple[str, Sequence[LabelledTrack]] = ("", ()),
        checkpoint: Path | None = None,
        peer_files: Mapping[str, Path] | None = None,
        extent: Extent | None = None,
        progress: Tell = silence,
    ) -> None:
        self._folder = folder
        self._extent = extent or (QUICK if quick else FULL)
        self._progress = progress
        self._threads = tuple(threads)
        self._data = data
        self._checkpoint, self._peer_files = checkpoint, peer_files or {}
        given = [bundles.open(model, variant) for model in models]
        shipped = [bundles.open(str(model.path)) for model in bundles.installed()]
        self._contenders = contenders([*given, *shipped], devices)
        self._first = self._contenders[0]
        progress("looking at the machine", 0)
        self.results = Results(
            machine=Machine.this(),
            model=ModelMeasured(
                given[0].card.name, given[0].card.variant, given[0].sha256, len(given[0].data)
            ),
            audio=_audio_name(audio),
            quick=quick,
            load=[Load.now()],
        )
        self._piece = clips.load_piece(audio)
        self._tell = silence

    def run(self, parts: Sequence[str]) -> None:
        """Measure the parts that are named, and keep each result as soon as it is there.

        Parameters
        ----------
        parts
            Of ``"models"``, ``"data"``, ``"cold-start"``, ``"throughput"``, ``"log-mel"``,
            ``"memory"``, ``"live"``, ``"peers"``, ``"growth"``
            and ``"endurance"``.
        """
        measures = {
            "models": self._models,
            "data": self._worths,
            "cold-start": self._cold_start,
            "throughput": self._throughput,
            "log-mel": self._front_end,
            "memory": self._memory,
            "live": self._live,
            "peers": self._peers,
            "growth": self._growth,
            "endurance": self._endurance,
        }
        sizes = len(self._contenders), len(self._threads), len(self._data[1])
        expected = {part: self._extent.expected(part, *sizes) for part in measures if part in parts}
        whole, done = sum(expected.values()), 0.0
        try:
            for part, duration in expected.items():
                end = done + duration
                self._tell = portion(self._progress, done / whole, end / whole, f"{part}: ")
                measures[part]()
                done = end
            self.results.load.append(Load.now())
        finally:
            self._note_load()

    def _models(self) -> None:
        extent = self._extent
        measure_comparison(
            self._contenders,
            self.results.models,
            threads=self._threads,
            batches=extent.model_batches,
            rounds=extent.model_rounds,
            openings=min(_OPENINGS, -(-extent.model_rounds // 2)),
            on_round=portion(self._tell, 0, 0.4),
        )
        self._tell("encoding an MP3", 0.4)
        piece, mp3, wav = self._piece, extent.model_mp3, extent.short_clip
        measure_end_to_end(
            self._contenders,
            self.results.end_to_end,
            Clips(
                mp3=self._clip(mp3, "mp3"),
                mp3_seconds=mp3,
                wav=self._clip(wav, "wav"),
                wav_seconds=wav,
                piece=piece.mean(axis=1),
                rate=clips.RATE,
            ),
            rounds=extent.model_mp3_rounds,
            starts=extent.model_starts,
            listening=extent.model_listening,
            on_round=portion(self._tell, 0.4, 1),
        )
        if not extent.model_starts:
            self.results.notes.append(
                "several windows at a time, and cold start and listening of each model are left "
                "out of a quick run"
            )

    def _worths(self) -> None:
        name, tracks = self._data
        self.results.worths = Worths(name, len(tracks))
        measure_worths(self._contenders, tracks, self.results.worths, on_round=self._tell)

    def _cold_start(self) -> None:
        extent = self._extent
        clip = self._clip(extent.short_clip, "wav")
        (self.results.cold_start,) = measure_cold_start(
            clip,
            extent.short_clip,
            [self._first],
            rounds=extent.cold_rounds,
            on_round=self._tell,
        )

    def _throughput(self) -> None:
        extent = self._extent
        self._tell("encoding an MP3", 0)
        clip = self._clip(extent.mp3, "mp3")
        (self.results.throughput,) = measure_throughput(
            clip,
            extent.mp3,
            [self._first],
            rounds=extent.mp3_rounds,
            on_round=self._tell,
        )

    def _front_end(self) -> None:
        config = self._first.bundle.card.frontend
        beside = self._extent.beside_librosa
        if not beside:
            self.results.notes.append("the log-mel beside librosa's is left out of a quick run")
        elif not is_installed("librosa"):
            self.results.notes.append("librosa is not installed: the log-mel was not compared")
        mono = clips.repeat(self._piece, self._extent.short_clip).mean(axis=1)
        self.results.front_end = measure_front_end(
            soxr.resample(mono, clips.RATE, config.sample_rate),
            config,
            rounds=self._extent.frontend_rounds,
            beside_librosa=beside,
            on_round=self._tell,
        )

    def _memory(self) -> None:
        length = self._extent.long_wav
        self._tell(f"writing a WAV of {length / 3600:.1f} h", 0)
        clip = clips.write_long_wav(self._folder / "long.wav", self._piece, length)
        self._tell(f"classifying {length / 3600:.1f} h", 0.1)
        self.results.memory = measure_memory(clip, length, self._first.options)
        clip.unlink()
        if length < HOURS * 3600:
            self.results.notes.append(
                f"memory was measured on {length / 60:g} min; the budget is for {HOURS:g} h"
            )

    def _live(self) -> None:
        extent = self._extent
        clip = self._clip(extent.short_clip, "wav")
        self.results.live = measure_live(
            self._piece.mean(axis=1),
            clips.RATE,
            clip,
            self._on_first_device() if extent.live_all else [self._first],
            switches=extent.switches,
            steps=extent.live_steps,
            seconds=extent.live_seconds,
            starts=extent.live_starts,
            on_round=self._tell,
        )
        if not extent.live_all:
            self.results.notes.append("a quick run listens with the first model alone")

    def _clip(self, seconds: float, form: str) -> Path:
        """Return so much of the piece as a file, which is written once: MP3 takes its time."""
        path = self._folder / f"clip-{seconds:g}s.{form}"
        return path if path.exists() else clips.write_clip(path, self._piece, seconds)

    def _on_first_device(self) -> list[Contender]:
        return [each for each in self._contenders if each.provider == self._first.provider]

    def _peers(self) -> None:
        extent, rate = self._extent, self._first.bundle.card.frontend.sample_rate
        mono = clips.repeat(self._piece, extent.short_clip).mean(axis=1)
        material = Material(
            clip=self._clip(extent.short_clip, "mp3"),
            samples=soxr.resample(mono, clips.RATE, rate),
            bundle=self._first.bundle,
            model=self._first.model(),
            checkpoint=self._checkpoint,
            files=self._peer_files,
        )
        self.results.peers = found = Peers(extent.short_clip)
        try:
            measure_peers(material, found, rounds=extent.peer_rounds, on_round=self._tell)
        finally:
            self.results.notes += found.remarks

    def _growth(self) -> None:
        self.results.growth = Growth()
        measure_growth(
            self._folder,
            self._piece,
            self._first.options,
            self.results.growth,
            hours=self._extent.growth_hours,
            rounds=self._extent.growth_rounds,
            on_round=self._tell,
        )

    def _endurance(self) -> None:
        length = self._extent.endurance
        self.results.endurance = measure_endurance(
            self._piece.mean(axis=1),
            clips.RATE,
            self._first.model(),
            hours=length / 3600,
            on_round=self._tell,
        )
        if length < HOURS_OF_LISTENING * 3600:
            self.results.notes.append(
                f"the growth of memory was measured over {length / 60:g} min; "
                f"the budget is for {HOURS_OF_LISTENING:g} h"
            )

    def _note_load(self) -> None:
        if any(load.is_high for load in self.results.load):
            self.results.notes.append(
                "the machine was busy with other things: times are too long, ratios are rough"
            )


def _audio_name(path: Path | None) -> str:
    if path is not None:
        return path.name
    return clips.EXAMPLE.name if clips.EXAMPLE.exists() else "synthetic chords"
