"""What every training stands on: tracks, their features and crops, and the pretrained network."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend_config import FrontEndConfig
from musicedge_training import fit, probe
from musicedge_training.architectures.cnn import AudioTagger, load_audio_tagger
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.augmentation.catalogue import of_the_sound
from musicedge_training.augmentation.transform import Transform
from musicedge_training.console import console
from musicedge_training.crops import SECONDS, CropBank, synthetic_tracks
from musicedge_training.datasets import synthetic
from musicedge_training.datasets.corpus import room_paths
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.opening import open_dataset
from musicedge_training.datasets.track import Track
from musicedge_training.labels import Labels
from musicedge_training.predict import (
    Predictions,
    TrackWindows,
    cut_windows,
    network_forward,
    predict,
)
from musicedge_training.recipe import Recipe
from musicedge_training.representations import LogMelCache, Skipped, front_end, write_npy
from musicedge_training.running import QUIET, Run
from musicedge_training.shipped import shipped_tagger
from musicedge_training.splits import Split, with_validation
from musicedge_training.start import TAGS
from musicedge_training.stem import StemMaps
from musicedge_training.teacher import Teacher
from musicedge_training.unheard import digests

_SYNTHETIC = 180  # about a sixth of the sounds that are no music
_JUDGING = 24


@dataclass(frozen=True)
class Workbench:
    """A dataset, the pretrained weights, and a cache folder for what is computed from them.

    Parameters
    ----------
    data
        The dataset, as `open_dataset` takes it.
    weights
        The folder of the pretrained AudioSet network, with its label list; None for what the
        shipped CNN holds of it, which is all but its tags.
    cache
        Where features and crops are kept.
    jobs
        Processes for feature extraction.
    """

    data: str | Path
    weights: Path | None
    cache: Path
    jobs: int = 2

    @cached_property
    def frontend(self) -> FrontEndConfig:
        """The pretrained network's front-end."""
        return FrontEndConfig()

    @cached_property
    def dataset(self) -> Dataset:
        """The labelled tracks, and what is known of them together.

        Raises
        ------
        DatasetError
            It cannot be opened, or holds spectrograms in place of audio.
        """
        dataset = open_dataset(self.data)
        if any(track.is_spectrogram for track in dataset.tracks):
            raise DatasetError(
                f"{dataset.source}: it holds spectrograms, which the shipped networks cannot read; "
                "`musicedge founding --data` trains on them"
            )
        for note in dataset.notes:
            console.print(f"{dataset.source}: {note}")
        return dataset

    @cached_property
    def tracks(self) -> list[Track]:
        """The labelled tracks, but those whose audio cannot be decoded.

        Raises
        ------
        DatasetError
            There is none.
        """
        skipped = {each.path for each in self._features[1]}
        tracks = [track for track in self.dataset.tracks if track.path not in skipped]
        if skipped:
            console.print(f"{len(skipped)} of {len(self.dataset.tracks)} tracks are left out")
        if not tracks:
            raise DatasetError(f"{self.dataset.source}: none of its files can be decoded")
        return tracks

    @property
    def labels(self) -> Labels:
        """The labels of all tracks."""
        return Labels.of(self.tracks, self.dataset.genres)

    @cached_property
    def logmel(self) -> LogMelCache:
        """The log-mel of all tracks, computed."""
        return self._features[0]

    @cached_property
    def _features(self) -> tuple[LogMelCache, list[Skipped]]:
        logmel = LogMelCache(self.cache / "logmel", self.frontend)
        return logmel, logmel.fill([t.path for t in self.dataset.tracks], jobs=self.jobs)

    @cached_property
    def tagger(self) -> AudioTagger:
        """The pretrained network."""
        if self.weights is None:
            return shipped_tagger()
        return load_audio_tagger(self._weights_file("mn04_as.safetensors"))

    @cached_property
    def tags(self) -> list[str]:
        """The names of the pretrained network's outputs."""
        if self.weights is None:
            return list(TAGS.values())
        with self._weights_file("audioset_labels.csv").open(newline="", encoding="utf-8") as file:
            return [row["display_name"] for row in csv.DictReader(file)]

    def crops(self, augmentation: tuple[Transform, ...]) -> CropBank:
        """Return the bank of crops that a recipe's `augmentation` makes.

        Synthetic sounds follow the tracks.
        """
        tracks = [*self.tracks, *synthetic_tracks(_SYNTHETIC)]
        rooms = room_paths(self.dataset.source)
        logmel = None if of_the_sound(augmentation) else self.logmel
        return CropBank(self.cache, tracks, rooms, self.frontend, logmel, augmentation)

    @cached_property
    def embeddings(self) -> NDArray[np.float32]:
        """The pretrained network's mean embedding of each track, [shape=(n, embedding)]."""
        ids = json.dumps([track.id for track in self.tracks]).encode()
        path = self.cache / f"embeddings-{hashlib.sha256(ids).hexdigest()[:12]}.npy"
        if not path.exists():
            write_npy(path, probe.embed(self.tagger, self.windows(self.tracks)))
        embeddings: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return embeddings

    def windows(self, tracks: Sequence[Track]) -> TrackWindows:
        """Return the windows of some tracks, as the runtime cuts them."""
        return TrackWindows(self.logmel, tracks)

    def synthetic_windows(self, makers: Mapping[str, synthetic.Maker]) -> list[NDArray[np.float32]]:
        """Return windows of sounds made by code, `_JUDGING` of each kind; none was trained on."""
        rng = np.random.default_rng(1)
        rate = self.frontend.sample_rate
        front = front_end(self.frontend)
        return [
            cut_windows(front.logmel(make(rng, round(SECONDS * rate), rate)))
            for make in makers.values()
            for _ in range(_JUDGING)
        ]

    def prepare(self, recipe: Recipe | None, teacher: Teacher | None = None) -> None:
        """Compute what all splits share, before several processes need it at once.

        For a recipe that is the crops and the frozen layers' maps, those of its teacher as well;
        for the probe the embeddings.
        """
        _ = self.logmel
        if recipe is None:
            _ = self.embeddings
            return
        bank = self.crops(recipe.augmentation)
        bank.build(recipe.variants, jobs=self.jobs)
        depths = {recipe.frozen_blocks} | ({teacher.frozen_blocks} if teacher else set())
        for frozen in sorted(depths):
            StemMaps(bank, self.tagger, frozen).build(recipe.variants, jobs=self.jobs)

    def train(
        self, recipe: Recipe, split: Split, teacher: Teacher | None = None, *, run: Run = QUIET
    ) -> MultitaskNetwork:
        """Train a network on a split of the tracks, and on all synthetic sounds.

        It is stopped by `parts`' validation part; where there is none, nothing is, and the losses
        that are logged are the test part's.
        """
        self.prepare(recipe, teacher)
        split = self.parts(recipe, split)
        bank = self.crops(recipe.augmentation)
        extra = np.arange(len(self.tracks), len(bank.tracks))
        rows = np.concatenate([split.train, extra])
        genres = self.dataset.genres
        return fit.fit(
            recipe,
            bank,
            rows,
            self.tagger,
            self.tags,
            teacher,
            genres,
            validation=split.validation if len(split.validation) else split.test,
            run=run,
        )

    def parts(self, recipe: Recipe, split: Split) -> Split:
        """Return a split with the validation part that the recipe needs.

        The test part is opened once: what a training is stopped by is another.
        """
        return with_validation(split, self.tracks) if recipe.goes_by_validation else split

    def trained_on(self, recipe: Recipe, split: Split) -> tuple[str, ...]:
        """Return what the tracks that a network has heard before it is tested are known by."""
        parts = self.parts(recipe, split)
        rows = np.concatenate([parts.train, parts.validation])
        return digests([self.tracks[row] for row in rows])

    def predict(self, network: MultitaskNetwork, rows: NDArray[np.int64]) -> Predictions:
        """Run a network over some of the tracks."""
        tracks = [self.tracks[row] for row in rows]
        return predict(network_forward(network), self.windows(tracks))

    def probe(self, split: Split) -> Predictions:
        """Fit the probe on a split and predict what it holds out."""
        return probe.probe(self.embeddings, self.labels, split.train, split.test)

    def _weights_file(self, name: str) -> Path:
        path = (self.weights or Path()) / name
        if not path.is_file():
            raise DatasetError(f"{path}: no such file; give the weights' folder with --weights")
        return path
