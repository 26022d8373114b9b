"""The state of a training that is not done: one file, written whole or not at all, and read."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from musicedge.errors import MusicedgeError
from musicedge_training.recipe import Recipe

STATE = "training.ckpt"
"""The state's name in the folder of its training."""

_MAX_BYTES = 4 << 30
_UNREADABLE = (
    *(OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError),
    pickle.PickleError,
)


class RunError(MusicedgeError):
    """A training cannot go on, or not in the way that was asked for."""


class Begun(NamedTuple):
    """A training that was begun.

    Attributes
    ----------
    path
        Its state's file.
    epoch
        The epoch that comes next.
    weights
        Where no epoch is to come, what was trained: only its checkpoint was not written. Else None.
    """

    path: Path
    epoch: int
    weights: dict[str, Tensor] | None = None


def read_state(path: Path, recipe: Recipe) -> Begun:
    """Return what a state's file holds.

    Raises
    ------
    RunError
        It cannot be read, or is of other settings.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RunError(f"{path}: larger than {_MAX_BYTES >> 30} GiB: not a state")
        # Tensors and plain values alone: nothing in the file is run.
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs, epoch = Recipe(**state["recipe"]).model_dump(), int(state["epoch"]) + 1
        weights = state["state_dict"] if state.get("complete", False) else None
    except _UNREADABLE as error:
        raise RunError(
            f"{path}: cannot be read as a training's state; remove it to begin again"
        ) from error
    own = recipe.model_dump()
    if changed := [key for key, value in own.items() if theirs[key] != value]:
        raise RunError(
            f"{path}: was begun with {changed[0]} = {theirs[changed[0]]!r}, now it is "
            f"{own[changed[0]]!r}; use the old value, or another name or folder"
        )
    return Begun(path, epoch, weights)


class StateFile(TorchCheckpointIO):
    """Writes the state beside the one before, and then in its place: one of them is always whole.

    Lightning's own writes to the system's folder for temporary files first, and what it copies from
    there may be a part.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a state.

        Raises
        ------
        RunError
            The disk is full, or the folder may not be written to.
        """
        path = Path(path)
        part = path.with_suffix(".part")
        # What torch writes into a file itself fails without the reason.
        whole = io.BytesIO()
        torch.save(checkpoint, whole)
        try:
            with part.open("wb") as file:
                file.write(whole.getbuffer())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            epoch = int(checkpoint["epoch"]) + 1
            raise RunError(
                f"{path}: the state after epoch {epoch} cannot be written ({reason_of(error)}): "
                f"make room; {kept(path)}"
            ) from error


def kept(path: Path) -> str:
    """Return what is said of the state that a training which had to end leaves behind."""
    if not path.exists():
        return "nothing is kept yet"
    return "the last state is kept, and --resume goes on from it"


def reason_of(error: OSError) -> str:
    """Return in a word why a file could not be written."""
    return error.strerror or " ".join(str(error).split()) or type(error).__name__


class RecipeInState(Callback):
    """Writes the recipe into the state, so that no other training goes on with it.

    And whether all is trained, so that nothing is trained again where only the checkpoint is
    missing.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add to what is written."""
        last = trainer.current_epoch + 1 >= self._recipe.epochs
        checkpoint["recipe"] = self._recipe.model_dump()
        checkpoint["complete"] = last or trainer.should_stop
