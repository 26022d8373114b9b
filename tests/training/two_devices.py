"""Trainings in two processes on CPUs; run as a module, which Lightning then runs once more."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tests.training.banks import pattern_tracks, write_bank
from tests.training.tiny_corpus import random_tagger, tag_names

from musicedge.frontend_config import FrontEndConfig
from musicedge_training import fit
from musicedge_training.accelerator import processes, rank
from musicedge_training.architectures.cnn import LAYERS
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.console import is_first_process
from musicedge_training.crops import CropBank
from musicedge_training.fit import MultitaskTraining
from musicedge_training.recipe import Recipe
from musicedge_training.running import Run

RECIPE = Recipe(
    name="quick",
    epochs=3,
    samples_per_epoch=64,
    batch_size=16,
    variants=2,
    frozen_blocks=LAYERS,
    learning_rate=1e-3,
    dropout=0,
    schedule="plateau",
)
HELD_OUT = np.array([1, 3])


def train(folder: Path, run: Run) -> MultitaskNetwork:
    """Train on the bank in a folder."""
    bank = CropBank(folder, pattern_tracks(), [], FrontEndConfig())
    rows = np.setdiff1d(np.arange(len(bank.tracks)), HELD_OUT)
    return fit.fit(RECIPE, bank, rows, random_tagger(), tag_names(), validation=HELD_OUT, run=run)


def main(folder: Path) -> None:
    """Train without and with an interruption, and write what comes out."""
    torch.set_num_threads(1)
    if is_first_process():
        write_bank(folder)
    whole = train(folder, Run(folder / "whole", devices=2, strategy="ddp"))
    step = MultitaskTraining.training_step

    def interrupted(self: MultitaskTraining, batch: object, index: int) -> torch.Tensor:
        if self.current_epoch == 2 and index == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    MultitaskTraining.training_step = interrupted  # type: ignore[method-assign, assignment]
    try:
        train(folder, Run(folder / "part", devices=2, strategy="ddp"))
    except KeyboardInterrupt:
        MultitaskTraining.training_step = step  # type: ignore[method-assign]
    part = train(folder, Run(folder / "part", resume=True, devices=2, strategy="ddp"))
    (folder / f"process-{rank()}-of-{processes()}").touch()
    for name, network in (("whole", whole), ("part", part)):
        state = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(state, folder / f"{name}-{rank()}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
