"""How a training is run, which does not change what comes out: kept, resumed, shown."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from musicedge_training.accelerator import device, processes
from musicedge_training.console import console, is_first_process
from musicedge_training.recipe import Recipe
from musicedge_training.state import (
    STATE,
    Begun,
    RecipeInState,
    RunError,
    StateFile,
    kept,
    read_state,
    reason_of,
)
from musicedge_training.waiting import Waiting


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
        return read_state(self.folder / STATE, recipe)

    def forget(self) -> None:
        """Remove the state, once what was trained is kept elsewhere."""
        if self.folder is not None and is_first_process():
            (self.folder / STATE).unlink(missing_ok=True)

    def trainer(
        self, recipe: Recipe, callbacks: Sequence[Callback], begun: Begun | None = None
    ) -> L.Trainer:
        """Return the trainer for a recipe, or for what is left of it.

        Raises
        ------
        RunError
            There are no such devices, or they cannot share the recipe's batches evenly.
        """
        extra: list[Callback] = [_EndAtOnce()]
        if self.folder is not None:
            extra += [
                RecipeInState(recipe),
                Waiting(),
                ModelCheckpoint(
                    self.folder,
                    filename=Path(STATE).stem,
                    enable_version_counter=False,
                    save_on_train_epoch_end=True,
                ),
            ]
        bar = self.progress and console.is_terminal and is_first_process()
        if bar:
            extra.append(RichProgressBar(leave=False, console_kwargs={"stderr": True}))
        try:
            trainer = L.Trainer(
                max_epochs=recipe.epochs,
                accelerator="auto",
                devices=self.devices,
                strategy=self.strategy,
                precision="bf16-mixed" if device().type == "cuda" else "32-true",
                gradient_clip_val=1.0,
                callbacks=[*callbacks, *extra],
                logger=self._loggers(begun),
                plugins=[StateFile()],
                log_every_n_steps=1,
                num_sanity_val_steps=0,
                # Each process draws its share itself, and judges by all that is held out.
                use_distributed_sampler=False,
                enable_checkpointing=self.folder is not None,
                enable_model_summary=False,
                enable_progress_bar=bar,
            )
        except (
            ValueError,
            TypeError,
            RuntimeError,
            ImportError,
            MisconfigurationException,
        ) as error:
            reason = " ".join(str(error).split())
            raise RunError(
                f"--devices {self.devices} --strategy {self.strategy}: Lightning does not take "
                f"them: {reason}"
            ) from error
        if recipe.batch_size % trainer.world_size:
            raise RunError(
                f"{recipe.name}: {trainer.world_size} devices cannot share a batch of "
                f"{recipe.batch_size} evenly; set another with --set batch_size=N"
            )
        return trainer

    def fit(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        batches: DataLoader[Any],
        validation: Sequence[Any] | None,
        begun: Begun | None,
    ) -> None:
        """Train; the state stays until `forget`, for what comes out is not kept yet.

        Raises
        ------
        RunError
            The disk is full, or another of several processes has ended.
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
        except BaseException as error:
            _end_the_others(trainer)
            if _is_of_another_process(error):
                if not is_first_process():
                    raise SystemExit(1) from error  # the first says so for all
                raise RunError(
                    f"another of the {processes()} processes that train together has ended, for "
                    f"what it said above; {self._kept()}"
                ) from error
            if isinstance(error, OSError) and self.folder is not None:
                raise RunError(
                    f"{self.folder}: what is logged cannot be written there ({reason_of(error)}): "
                    f"make room; {self._kept()}"
                ) from error
            raise
        if trainer.interrupted:
            raise KeyboardInterrupt

    def _kept(self) -> str:
        return "nothing is kept" if self.folder is None else kept(self.folder / STATE)

    def _loggers(self, begun: Begun | None) -> list[Logger] | bool:
        if self.folder is None:
            return False
        # A table begins anew, and would take the place of the one before it.
        table = "csv" if begun is None else f"csv-from-epoch-{begun.epoch}"
        loggers: list[Logger] = [CSVLogger(self.folder, name="logs", version=table)]
        if importlib.util.find_spec("tensorboard") is not None:
            loggers.append(TensorBoardLogger(self.folder, name="logs", version="tensorboard"))
        return loggers


QUIET = Run()
"""On one device, with nothing kept or shown."""


class _EndAtOnce(Callback):
    """Lets SIGTERM end one of several processes, which ends the others.

    Lightning's own handler tells the others first, in the middle of a step in which they may wait
    for this one: all of them would wait for ever.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if processes() > 1:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_the_others(trainer: L.Trainer) -> None:
    """End the processes that were begun beside this one: they would wait for it for ever."""
    launcher = trainer.strategy.launcher
    if launcher is not None:
        launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))


def _is_of_another_process(error: BaseException) -> bool:
    """Return whether an error says that another process can no longer be reached."""
    if processes() == 1 or not isinstance(error, RuntimeError):
        return False
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)
