"""One training of the founding study: early stopping, adaptive learning rate, transfer."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import lightning as L
import torch
from lightning.pytorch.callbacks import BaseFinetuning, Callback, EarlyStopping
from rich.progress import Progress
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from musicedge_training.architectures.founding import FoundingNetwork
from musicedge_training.console import console
from musicedge_training.datasets.track import MOODS
from musicedge_training.founding.clips import Batch, Clips, Targets, collate
from musicedge_training.founding.settings import Settings
from musicedge_training.objectives import masked_mean, partial_cross_entropy

VALIDATION = "loss/validation"
_TRANSFERRED_RATE = 10.0  # a transferred backbone learns so many times slower than the heads


class FoundingTraining(L.LightningModule):
    """The losses and the optimiser of one network.

    Parameters
    ----------
    network
        What is trained.
    weights
        Of each head's loss.
    settings
        The learning rate, and when it is halved.
    """

    def __init__(
        self, network: FoundingNetwork, weights: Mapping[str, float], settings: Settings
    ) -> None:
        super().__init__()
        self.network = network
        self.weights = weights
        self.settings = settings

    def loss(self, batch: Batch) -> Tensor:
        """Return the weighted sum of the heads' losses."""
        outputs = self.network(batch.frames, batch.lengths)
        losses = []
        for name, weight in self.weights.items():
            if name == "genre":
                each = partial_cross_entropy(outputs[name], batch.genres)
                known = batch.genres.any(dim=1).float()
            else:
                column = MOODS.index(name)
                each = functional.mse_loss(
                    outputs[name][:, 0], batch.moods[:, column], reduction="none"
                )
                known = batch.mood_known[:, column]
            losses.append(weight * masked_mean(each, known))
        return torch.stack(losses).sum()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch."""
        return self.loss(batch)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Log the loss of one batch."""
        self.log(VALIDATION, self.loss(batch), batch_size=len(batch.lengths))

    def configure_optimizers(self) -> dict[str, object]:
        """Adam on what is not frozen; the rate is halved where the validation loss stays."""
        optimizer = torch.optim.Adam(
            [p for p in self.parameters() if p.requires_grad], self.settings.learning_rate
        )
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=self.settings.slower_after
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "monitor": VALIDATION},
        }


class FreezeThenUnfreeze(BaseFinetuning):
    """Keeps the backbone as it is for some epochs, then lets it learn, slower than the heads."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs

    def freeze_before_training(self, pl_module: L.LightningModule) -> None:
        """Freeze the backbone, before the optimiser is made."""
        self.freeze(pl_module.network.backbone, train_bn=False)

    def finetune_function(
        self, pl_module: L.LightningModule, epoch: int, optimizer: Optimizer
    ) -> None:
        """Unfreeze the backbone when its epoch has come."""
        if epoch == self._epochs:
            self.unfreeze_and_add_param_group(
                pl_module.network.backbone, optimizer, initial_denom_lr=_TRANSFERRED_RATE
            )


class BestWeights(Callback):
    """Keeps the weights of the epoch with the lowest validation loss.

    Attributes
    ----------
    losses
        The validation loss of each epoch.
    weights
        Those of the best one.
    """

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the weights where they are the best so far."""
        loss = float(trainer.callback_metrics[VALIDATION])
        if loss < min(self.losses, default=float("inf")):
            state = pl_module.network.state_dict()
            self.weights = {name: value.clone() for name, value in state.items()}
        self.losses.append(loss)


class StepBar(Callback):
    """A progress bar over all steps of all epochs, where standard error is a terminal.

    Parameters
    ----------
    title
        What stands before it.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the bar."""
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=trainer.estimated_stepping_batches)

    def on_train_batch_end(self, *args: object) -> None:
        """Move on by a step."""
        self._bar.advance(self._task)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Take the bar away, also after an interruption."""
        self._bar.stop()


@dataclass(frozen=True)
class Course:
    """How a training went.

    Attributes
    ----------
    losses
        The validation loss after each epoch.
    seconds
        That it took.
    """

    losses: tuple[float, ...]
    seconds: float


def fit(
    network: FoundingNetwork,
    weights: Mapping[str, float],
    train: Clips,
    validation: Clips,
    targets: Targets,
    settings: Settings,
    *,
    transferred: bool,
    title: str,
) -> Course:
    """Train a network, and leave it in evaluation mode with the weights of its best epoch.

    Parameters
    ----------
    network
        What is trained, in place.
    weights
        Of each head's loss.
    train, validation
        What it learns from, and what decides when it stops.
    targets
        Of all tracks.
    settings
        How long and how fast.
    transferred
        Whether the backbone has learned something else before, so that it is frozen at first.
    title
        What the progress bar says.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    together = partial(collate, targets=targets)
    # A last batch of one has no statistics for batch normalisation.
    batches = DataLoader(
        train,
        settings.batch_size,
        shuffle=True,
        collate_fn=together,
        drop_last=len(train) % settings.batch_size == 1,
    )
    judged = DataLoader(validation, settings.batch_size, collate_fn=together)
    best = BestWeights()
    stop = EarlyStopping(VALIDATION, patience=settings.patience)
    callbacks: list[Callback] = [best, stop, StepBar(title)]
    if transferred:
        callbacks.append(FreezeThenUnfreeze(settings.frozen_epochs))
    trainer = L.Trainer(
        max_epochs=settings.epochs,
        accelerator="auto",
        devices=1,
        gradient_clip_val=1.0,
        callbacks=callbacks,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    network.to(memory_format=torch.channels_last)  # its convolutions are faster so on a CPU
    started = time.perf_counter()
    try:
        trainer.fit(FoundingTraining(network, weights, settings), batches, judged)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    network.cpu().load_state_dict(best.weights)
    network.eval()
    return Course(tuple(best.losses), time.perf_counter() - started)
