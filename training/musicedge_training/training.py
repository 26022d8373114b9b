"""One training from beginning to end: dataset, recipe, a part held out, a scored checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge.errors import MusicedgeError
from musicedge_training import calibrate, checkpoint
from musicedge_training.accelerator import rank
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError
from musicedge_training.console import console
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.judgement import Judgement, judge
from musicedge_training.predict import Predictions
from musicedge_training.recipe import Recipe
from musicedge_training.running import Run
from musicedge_training.shipped import shipped_card
from musicedge_training.splits import (
    ALL,
    FOLDS,
    OFFICIAL,
    Split,
    all_split,
    fold_splits,
    official_split,
)
from musicedge_training.state import STATE, reason_of
from musicedge_training.study import CHECKPOINT, checkpoint_info
from musicedge_training.teacher import Teacher
from musicedge_training.unheard import digests
from musicedge_training.workbench import Workbench


class TrainingError(MusicedgeError):
    """A training cannot be begun where it was asked for."""


@dataclass(frozen=True)
class Training:
    """What is trained on what, and where it is kept.

    Parameters
    ----------
    bench
        The dataset and what is computed from it.
    recipe
        The settings.
    folder
        The checkpoint is ``<folder>/<recipe>/model.safetensors``.
    fold
        The fold that is held out, and that the checkpoint is scored on; None for the test part of
        the split that the dataset is published with, and fold 0 where there is none.
    everything
        Whether nothing is held out.
    teacher
        A network to learn from.
    """

    bench: Workbench
    recipe: Recipe
    folder: Path
    fold: int | None = None
    everything: bool = False
    teacher: Teacher | None = None

    @property
    def home(self) -> Path:
        """The folder of this training."""
        return self.folder / self.recipe.name

    @property
    def checkpoint(self) -> Path:
        """The checkpoint that comes out."""
        return self.home / CHECKPOINT

    @property
    def is_begun(self) -> bool:
        """Whether there is a training that was interrupted, to go on with."""
        return (self._inner / STATE).exists()

    def check_room(self, *, resume: bool) -> None:
        """Refuse to begin where a training has been, and to go on where none has.

        Raises
        ------
        TrainingError
            The folder holds a checkpoint, or a training that is not done and is not to go on.
        """
        if self.checkpoint.exists():
            raise TrainingError(
                f"{self.checkpoint}: is there already; choose another folder with -o, or another "
                "name with --set name=NAME"
            )
        if self.is_begun and not resume:
            raise TrainingError(
                f"{self._inner / STATE}: a training was interrupted here; go on with --resume, or "
                "remove the file to begin again"
            )

    def run(self, run: Run) -> Judgement | None:
        """Train, score on what was held out, and write the checkpoint.

        Returns
        -------
        Judgement or None
            Of what was held out; None where nothing was, and in all but the first of several
            processes, which write nothing.

        Raises
        ------
        TrainingError
            The teacher has heard what is held out, the folder cannot be made, or the checkpoint
            cannot be written.
        """
        split = self.split
        console.print(self._told(split), markup=False, soft_wrap=True)
        self._check_teacher(split)
        inner = self._inner
        try:
            inner.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{inner}: the folder cannot be made ({reason_of(error)}); choose another with -o"
            ) from error
        run = replace(run, folder=inner)
        network = self.bench.train(self.recipe, split, self.teacher, run=run)
        if rank():
            return None
        info = checkpoint_info(self.bench, self.recipe, network, split)
        info = replace(info, music_threshold=self._threshold())
        try:
            # In a folder of the split as well: there the export finds what a variant is scored on.
            checkpoint.save(inner / CHECKPOINT, network, info)
            judgement = None
            if not self.everything:
                info, judgement = self._judged(network, split, info)
            checkpoint.save(self.checkpoint, network, info)
        except CheckpointError as error:
            raise TrainingError(
                f"{error}, and --resume writes it without training again"
            ) from error
        run.forget()
        return judgement

    @cached_property
    def split(self) -> Split:
        """What is trained on, and what is held out.

        Raises
        ------
        DatasetError
            Nothing is left of a part of the official split.
        """
        tracks = self.bench.tracks
        if self.everything:
            return all_split(tracks)
        if not self._is_official:
            return self.bench.parts(self.recipe, fold_splits(tracks)[self.fold or 0])
        official = official_split(self.bench.dataset, tracks)
        if official is None:
            raise DatasetError(
                f"{self.bench.dataset.source}: no file of a part of its official split can be "
                "decoded; --fold 0 holds out a fold instead"
            )
        return self.bench.parts(self.recipe, official)

    @property
    def held_out(self) -> str:
        """What is held out, in words."""
        return "the official test part" if self._is_official else f"fold {self.fold or 0}"

    @property
    def _is_official(self) -> bool:
        if self.everything or self.fold is not None:
            return False
        dataset = self.bench.dataset
        return official_split(dataset, dataset.tracks) is not None

    @property
    def _inner(self) -> Path:
        if self.everything:
            return self.home / ALL
        return self.home / (OFFICIAL if self._is_official else f"fold-{self.fold or 0}")

    def _check_teacher(self, split: Split) -> None:
        """Refuse a teacher that would tell the student of what it is tested on."""
        if self.teacher is None or not self.teacher.trained_on or not len(split.test):
            return
        held_out = digests([self.bench.tracks[row] for row in split.test])
        heard = set(self.teacher.trained_on).intersection(held_out)
        if heard:
            raise TrainingError(
                f"{self.held_out}: the teacher was trained on {len(heard)} of its {len(held_out)} "
                "tracks; give one that had the same held out, or train with --everything"
            )

    def _told(self, split: Split) -> str:
        """Return the line that says what is trained on."""
        name = self.bench.dataset.name
        counts = f"{len(split.train)} tracks to train on"
        if len(split.validation):
            counts += f", {len(split.validation)} to validate on"
        if self.everything:
            return f"{name}: {counts}, none held out"
        counts += f", {len(split.test)} to test on"
        if self._is_official:
            return f"{name}: its official split: {counts}"
        why = "" if self.fold is not None else "no official split to train on here; "
        return f"{name}: {why}{self.held_out} of {FOLDS} is held out: {counts}"

    def _threshold(self) -> float:
        """Return the music threshold before there is anything to set it by."""
        music = shipped_card().head("music")
        shipped = self.recipe.start == "shipped" and music is not None and music.threshold
        return float(shipped) if shipped else 0.5

    def _judged(
        self, network: MultitaskNetwork, split: Split, info: checkpoint.CheckpointInfo
    ) -> tuple[checkpoint.CheckpointInfo, Judgement]:
        """Calibrate, and say how well the held-out tracks were told.

        By the validation part where there is one, else by the held-out tracks themselves.
        """
        bench = self.bench
        own = split.test
        if not self._is_official:  # a fold holds out noise of other folds as well
            number = self.fold or 0
            own = np.array([row for row in own if bench.tracks[row].fold == number])
        tracks = [bench.tracks[row] for row in own]
        predictions: Predictions = bench.predict(network, own)
        if len(split.validation):
            info = self._calibrated(
                info, split.validation, bench.predict(network, split.validation)
            )
        else:
            info = self._calibrated(info, own, predictions)
        judgement = judge(
            tracks, predictions, temperature=info.temperature, genres=bench.dataset.genres
        )
        return replace(info, scores={"folds": judgement.scores_to_json()}), judgement

    def _calibrated(
        self, info: checkpoint.CheckpointInfo, rows: NDArray[np.int64], predictions: Predictions
    ) -> checkpoint.CheckpointInfo:
        labels = self.bench.labels
        genre, music = labels.hard_genre[rows], labels.music[rows]
        if predictions.logits.shape[1] and (genre >= 0).any():
            info = replace(info, temperature=calibrate.fit_temperature(predictions, genre))
        if not music.all():
            threshold = calibrate.fit_threshold(predictions.music, music)
            info = replace(info, music_threshold=threshold)
        return info
