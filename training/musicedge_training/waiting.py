"""How much of a training's time its steps wait for the next examples."""

from __future__ import annotations

import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

WAITING = "waiting"
"""The column of the logs."""


class Waiting(Callback):
    """Logs the share of each epoch's steps that went by between them, in [0, 1], as `WAITING`.

    That is drawing the examples, moving them to the device, and what the trainer itself does.
    """

    def __init__(self) -> None:
        self._waited = self._worked = self._since = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._waited = self._worked = 0.0
        self._since = time.perf_counter()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._waited += self._lap()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._worked += self._lap()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        whole = self._waited + self._worked
        if whole:
            self.log(WAITING, self._waited / whole)

    def _lap(self) -> float:
        now = time.perf_counter()
        passed, self._since = now - self._since, now
        return passed
