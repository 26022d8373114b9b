"""How a training is run, which does not change what comes out: kept, resumed, shown."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from torch.utils.data import DataLoader

from musicedge.errors import MusicedgeError
from musicedge_training.accelerator import device
from musicedge_training.console import console
from musicedge_training.recipe import Recipe

STATE = "training.ckpt"
"""The state of a training that is not done, in its folder."""

_MAX_BYTES = 4 << 30
_UNREADABLE = (
    *(OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError),
    pickle.PickleError,
)


class RunError(MusicedgeError):
    """A training cannot go on, or not in the way that was asked for."""


class Begun(NamedTuple):
    """A training that was begun: its state's file, and the epoch that comes next."""

    path: Path
    epoch: int


@dataclass(frozen=True)
class Run:
    """How a training is run.

    Parameters
    ----------
    folder
        Where the state is kept after every epoch, and logs; None to keep nothing.
    resume
        Whether to go on with the state that is there.
    devices, strategy
        As Lightning takes them: several GPUs and several machines are its job.
    progress
        Whether to show a progress bar on standard error, where that is a terminal.
    """

    folder: Path | None = None
    resume: bool = False
    devices: int | str = 1
    strategy: str = "auto"
    progress: bool = False

    def begun(self, recipe: Recipe) -> Begun | None:
        """Return the training to go on with; None to start at the beginning.

        Raises
        ------
        RunError
            The state cannot be read, or is of other settings.
        """
        if self.folder is None or not self.resume or not (self.folder / STATE).exists():
            return None
        path = self.folder / STATE
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise RunError(f"{path}: larger than {_MAX_BYTES >> 30} GiB: not a state")
            # Tensors and plain values alone: nothing in the file is run.
            state = torch.load(path, map_location="cpu", weights_only=True)
            theirs, epoch = state["recipe"], int(state["epoch"]) + 1
        except _UNREADABLE as error:
            raise RunError(
                f"{path}: cannot be read as a training's state; remove it to begin again"
            ) from error
        own = recipe.model_dump()
        if changed := [key for key, value in own.items() if theirs.get(key) != value]:
            raise RunError(
                f"{path}: was begun with {changed[0]} = {theirs.get(changed[0])!r}, now it is "
                f"{own[changed[0]]!r}; use the old value, or another name or folder"
            )
        return Begun(path, epoch)

    def trainer(self, recipe: Recipe, callbacks: Sequence[Callback]) -> L.Trainer:
        """Return the trainer for a recipe."""
        extra: list[Callback] = []
        if self.folder is not None:
            extra += [
                _RecipeInState(recipe),
                ModelCheckpoint(
                    self.folder,
                    filename=Path(STATE).stem,
                    enable_version_counter=False,
                    save_on_train_epoch_end=True,
                ),
            ]
        bar = self.progress and console.is_terminal
        if bar:
            extra.append(RichProgressBar(leave=False, console_kwargs={"stderr": True}))
        return L.Trainer(
            max_epochs=recipe.epochs,
            accelerator="auto",
            devices=self.devices,
            strategy=self.strategy,
            precision="bf16-mixed" if device().type == "cuda" else "32-true",
            gradient_clip_val=1.0,
            callbacks=[*callbacks, *extra],
            logger=self._loggers(),
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            enable_checkpointing=self.folder is not None,
            enable_model_summary=False,
            enable_progress_bar=bar,
        )

    def fit(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        batches: DataLoader[Any],
        validation: Sequence[Any] | None,
        begun: Begun | None,
    ) -> None:
        """Train; when it is done, the state is removed.

        Raises
        ------
        KeyboardInterrupt
            It was interrupted.
        """
        judged = None if validation is None else DataLoader(validation, batch_size=None)  # type: ignore[arg-type]
        try:
            trainer.fit(
                module,
                batches,
                judged,
                ckpt_path=None if begun is None else begun.path,
                weights_only=True,
            )
        except SystemExit as error:  # what Lightning makes of an interrupt
            raise KeyboardInterrupt from error
        if trainer.interrupted:
            raise KeyboardInterrupt
        if self.folder is not None:
            (self.folder / STATE).unlink(missing_ok=True)

    def _loggers(self) -> list[Logger] | bool:
        if self.folder is None:
            return False
        loggers: list[Logger] = [CSVLogger(self.folder, name="logs", version="csv")]
        if importlib.util.find_spec("tensorboard") is not None:
            loggers.append(TensorBoardLogger(self.folder, name="logs", version="tensorboard"))
        return loggers


QUIET = Run()
"""On one device, with nothing kept or shown."""


class _RecipeInState(Callback):
    """Writes the recipe into the state, so that no other training goes on with it."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe.model_dump()

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["recipe"] = self._recipe
