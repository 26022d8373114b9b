"""One training from beginning to end: dataset, recipe, a part held out, a scored checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musicedge.errors import MusicedgeError
from musicedge_training import calibrate, checkpoint
from musicedge_training.accelerator import rank
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError
from musicedge_training.judgement import Judgement, judge
from musicedge_training.predict import Predictions
from musicedge_training.recipe import Recipe
from musicedge_training.running import Run
from musicedge_training.shipped import shipped_card
from musicedge_training.splits import Split, all_split, fold_splits
from musicedge_training.state import STATE, reason_of
from musicedge_training.study import CHECKPOINT, checkpoint_info
from musicedge_training.teacher import Teacher
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
        The fold that is held out, and that the checkpoint is scored and calibrated on; None to
        train on everything.
    teacher
        A network to learn from.
    """

    bench: Workbench
    recipe: Recipe
    folder: Path
    fold: int | None = 0
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
            Of the fold that was held out; None where none was, and in all but the first of several
            processes, which write nothing.

        Raises
        ------
        TrainingError
            The folder cannot be made, or the checkpoint cannot be written.
        """
        split = self._split()
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
        info = checkpoint_info(self.bench, self.recipe, network)
        info = replace(info, split=split.name, music_threshold=self._threshold())
        try:
            # In a folder of the split as well: there the export finds what a variant is scored on.
            checkpoint.save(inner / CHECKPOINT, network, info)
            judgement = None
            if self.fold is not None:
                info, judgement = self._judged(network, split, info)
            checkpoint.save(self.checkpoint, network, info)
        except CheckpointError as error:
            raise TrainingError(
                f"{error}, and --resume writes it without training again"
            ) from error
        run.forget()
        return judgement

    @property
    def _inner(self) -> Path:
        return self.home / ("all" if self.fold is None else f"fold-{self.fold}")

    def _split(self) -> Split:
        tracks = self.bench.tracks
        return all_split(tracks) if self.fold is None else fold_splits(tracks)[self.fold]

    def _threshold(self) -> float:
        """Return the music threshold before there is anything to set it by."""
        music = shipped_card().head("music")
        shipped = self.recipe.start == "shipped" and music is not None and music.threshold
        return float(shipped) if shipped else 0.5

    def _judged(
        self, network: MultitaskNetwork, split: Split, info: checkpoint.CheckpointInfo
    ) -> tuple[checkpoint.CheckpointInfo, Judgement]:
        """Calibrate by the held-out tracks, and say how well they were told."""
        bench = self.bench
        own = np.array([row for row in split.test if bench.tracks[row].fold == self.fold])
        tracks = [bench.tracks[row] for row in own]
        predictions: Predictions = bench.predict(network, own)
        labels = bench.labels
        genre, music = labels.hard_genre[own], labels.music[own]
        if predictions.logits.shape[1] and (genre >= 0).any():
            info = replace(info, temperature=calibrate.fit_temperature(predictions, genre))
        if not music.all():
            threshold = calibrate.fit_threshold(predictions.music, music)
            info = replace(info, music_threshold=threshold)
        judgement = judge(
            tracks, predictions, temperature=info.temperature, genres=bench.dataset.genres
        )
        return replace(info, scores={"folds": judgement.scores_to_json()}), judgement
