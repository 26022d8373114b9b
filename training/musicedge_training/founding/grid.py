"""Running the founding study's experiments on one split, each once, and keeping what they gave."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import lightning as L
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from musicedge.errors import OutputError
from musicedge_training.architectures.founding import (
    FoundingCNN,
    FoundingLSTM,
    FoundingNetwork,
)
from musicedge_training.datasets.track import Track
from musicedge_training.founding.clips import Clips, Targets, band_statistics
from musicedge_training.founding.experiments import Experiment
from musicedge_training.founding.material import Material, Source, open_source
from musicedge_training.founding.parts import TEST_FOLD
from musicedge_training.founding.scoring import Answers, predict, score
from musicedge_training.founding.settings import Settings
from musicedge_training.founding.training import fit
from musicedge_training.labels import Labels
from musicedge_training.representations.founding import COLUMNS

SCHEMA = 1
_FIRST = "corpus"  # what results that do not name their dataset were made of
_SUFFIXES = ("safetensors", "npz", "json")  # the network, its answers, the result


@dataclass(frozen=True)
class Grid:
    """A dataset, and folders for its features and for results.

    Parameters
    ----------
    data
        The dataset, as `open_dataset` takes it.
    cache
        Where features are kept.
    output
        Where each experiment's result and network are kept.
    settings
        Of all trainings.
    jobs
        Processes for features.
    """

    data: str | Path
    cache: Path
    output: Path
    settings: Settings
    jobs: int = 1

    @cached_property
    def source(self) -> Source:
        """Where tracks and features come from."""
        return open_source(self.data, self.cache, self.jobs)

    def tested(self, kind: str) -> list[Track]:
        """Return the tracks that ``"genre"`` or ``"moods"`` are tested on."""
        return [
            track
            for track, tested in zip(self.source.tracks, self.source.parts.test[kind], strict=True)
            if tested
        ]

    def told(self, experiments: Sequence[Experiment]) -> str:
        """Return the line that says what some experiments are tested on."""
        heads = {head for each in experiments for head in each.weights}
        kinds = sorted({"genre" if head == "genre" else "moods" for head in heads})
        parts = self.source.parts
        tested = (
            f"{kind} on the official test part"
            if kind in parts.official
            else f"{kind} on fold {TEST_FOLD}"
            for kind in kinds
        )
        return f"{self.source.name}: tests {', '.join(tested)}"

    def run(self, experiments: Sequence[Experiment]) -> Iterator[dict[str, Any]]:
        """Yield each experiment's result, from its file where that is there.

        Raises
        ------
        OutputError
            A result's file cannot be read or written, or was made with other settings.
        DatasetError
            A part of the split holds no label that an experiment needs.
        """
        # All files are looked at before the first training: the last may be of other settings.
        done = {each: self._done(each) for each in experiments}
        for features in {each.features for each in experiments if not done[each]}:
            self.source.check(features)
        for experiment in experiments:
            yield done[experiment] or self._train(experiment)

    def read(self, experiment: Experiment) -> dict[str, Any] | None:
        """Return the result of an experiment that is done, of whatever settings, else None.

        Raises
        ------
        OutputError
            Its file cannot be read.
        """
        path = self._path(experiment, "json")
        if not all(self._path(experiment, suffix).exists() for suffix in _SUFFIXES):
            return None
        try:
            result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if result["schema"] != SCHEMA:
                raise ValueError(f"its schema is {result['schema']!r}")
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise _unreadable(path) from error
        return result

    def answers(self, experiment: Experiment) -> Answers:
        """Return what the network of an experiment that is done says of the test part's tracks.

        Raises
        ------
        OutputError
            Its file cannot be read.
        """
        path = self._path(experiment, "npz")
        try:
            return Answers.load(path)
        except (OSError, ValueError, LookupError, BadZipFile) as error:
            raise _unreadable(path) from error

    def _path(self, experiment: Experiment, suffix: str) -> Path:
        return self.output / f"{experiment.name}.{suffix}"

    def _done(self, experiment: Experiment) -> dict[str, Any] | None:
        result = self.read(experiment)
        data = result and result.get("data", _FIRST)
        if data and data != self.source.name:
            raise OutputError(
                f"{self._path(experiment, 'json')}: it was made of {data}, and this is "
                f"{self.source.name}; choose another folder with -o"
            )
        for key, value in self.settings.model_dump().items() if result else ():
            made_with = result["settings"].get(key)
            if made_with != value:
                raise OutputError(
                    f"{self._path(experiment, 'json')}: it was made with {key} {made_with}, which "
                    f"is now {value}; choose another folder with -o, or the same settings with "
                    "--set"
                )
        return result

    def _train(self, experiment: Experiment) -> dict[str, Any]:
        """Train, score and keep one experiment."""
        settings = self.settings
        material = self.source.material(experiment.features)
        genres = self.source.genres
        labels = Labels.of(material.tracks, genres)
        parts = material.parts.rows(labels, list(experiment.weights), experiment.name)
        columns, length = COLUMNS[experiment.kind], settings.rows(beats=experiment.beats)
        L.seed_everything(settings.seed, verbose=False)
        network = self._network(experiment, material, parts["training"])
        clips = {
            name: Clips(material.arrays, columns, rows, length, random=name == "training")
            for name, rows in parts.items()
        }
        course = fit(
            network,
            experiment.weights,
            clips["training"],
            clips["validation"],
            Targets.of(labels, parts["training"]),
            settings,
            transferred=experiment.origin is not None,
            title=experiment.name,
        )
        tracks = [material.tracks[row] for row in parts["test"]]
        arrays = [material.arrays[row] for row in parts["test"]]
        predictions = predict(network, arrays, columns, length, genres=genres)
        result = {
            "schema": SCHEMA,
            "name": experiment.name,
            "architecture": experiment.architecture,
            "representation": experiment.representation,
            "task": experiment.task,
            "data": self.source.name,
            "settings": settings.model_dump(),
            "tracks": {name: len(rows) for name, rows in parts.items()},
            "skipped": material.skipped,
            "parameters": sum(p.numel() for p in network.parameters()),
            "validation_losses": [round(loss, 5) for loss in course.losses],
            "best_epoch": int(np.argmin(course.losses)) + 1,
            "seconds": round(course.seconds, 1),
            "scores": score(tracks, predictions, list(experiment.weights), genres=genres),
        }
        self._write(experiment, network, Answers.of(tracks, predictions), result)
        return result

    def _network(
        self, experiment: Experiment, material: Material, train: NDArray[np.int64]
    ) -> FoundingNetwork:
        """Return a new network, or one that begins as that of the experiment's origin."""
        settings, columns = self.settings, COLUMNS[experiment.kind]
        features = columns.stop - columns.start
        backbone = (
            FoundingLSTM(features, settings.hidden, settings.layers, settings.dropout)
            if experiment.architecture == "lstm"
            else FoundingCNN(features, [settings.channels * 2**block for block in range(4)])
        )
        mean, deviation = band_statistics(material.arrays, train)
        network = FoundingNetwork(
            backbone,
            {
                head: len(self.source.genres) if head == "genre" else 1
                for head in experiment.weights
            },
            mean[columns],
            deviation[columns],
            settings.dropout,
        )
        if experiment.origin is not None:
            path = self._path(experiment.origin, "safetensors")
            try:
                weights = load_file(path)
            except (OSError, SafetensorError) as error:
                raise _unreadable(path) from error
            own = {name: w for name, w in weights.items() if not name.startswith("heads.")}
            network.load_state_dict(own, strict=False)
        return network

    def _write(
        self,
        experiment: Experiment,
        network: FoundingNetwork,
        answers: Answers,
        result: dict[str, Any],
    ) -> None:
        """Keep the network, its answers and then the result: where that is, all is done."""
        text = json.dumps(result, indent=1) + "\n"
        path = self._path(experiment, "json")
        try:
            self.output.mkdir(parents=True, exist_ok=True)
            weights = self._path(experiment, "safetensors")
            part = weights.with_suffix(".part")
            state = network.state_dict()
            save_file({name: value.contiguous() for name, value in state.items()}, part)
            part.replace(weights)
            answers.save(part)
            part.replace(self._path(experiment, "npz"))
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(
                f"{path}: the result cannot be kept there ({reason}); make room or choose another "
                "folder with -o"
            ) from error


def _unreadable(path: Path) -> OutputError:
    return OutputError(f"{path}: no result can be read there; remove it, and it is made again")
