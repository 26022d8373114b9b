"""Training one network from a recipe: the crops, the steps, the checkpoint."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, WeightAveraging
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from musicedge_training.accelerator import processes, rank
from musicedge_training.architectures.cnn import LAYERS, AudioTagger
from musicedge_training.architectures.heads import MultitaskNetwork, SourceOutputs
from musicedge_training.crops import CropBank
from musicedge_training.datasets.track import GENRES, MOODS
from musicedge_training.labels import Labels
from musicedge_training.objectives import (
    TaskWeights,
    masked_mean,
    partial_cross_entropy,
    regression_loss,
)
from musicedge_training.recipe import Recipe
from musicedge_training.running import QUIET, Run
from musicedge_training.sampling import Batch, CropSampler
from musicedge_training.start import TAGS, build_network, heads_for
from musicedge_training.state import RunError
from musicedge_training.stem import StemMaps
from musicedge_training.teacher import Teacher, check_teacher, targets_of

VALIDATION = "loss/validation"
"""What is logged of the tracks that are not trained on."""


class MultitaskTraining(L.LightningModule):
    """The losses and the optimiser of one network.

    Parameters
    ----------
    network
        What is trained; its frozen layers are not run, since batches hold what they give.
    tagger, tags
        The pretrained network that it should stay close to, and the names of its outputs.
    recipe
        The weights of the losses and the learning rates.
    sources
        The names of the sources that the batches' ``mood_source`` counts.
    """

    def __init__(
        self,
        network: MultitaskNetwork,
        tagger: AudioTagger,
        tags: Sequence[str],
        recipe: Recipe,
        sources: Sequence[str],
    ) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.tagging = nn.Linear(tagger.hidden_size, tagger.classifier[5].out_features)
        self.tagging.load_state_dict(tagger.classifier[5].state_dict())
        genres = next((spec.labels for spec in network.specs if spec.name == "genre"), ())
        self.tagged = [row for row, genre in enumerate(genres) if genre in TAGS]
        self.genre_tags = [tags.index(TAGS[genres[row]]) for row in self.tagged]
        self.moods = [mood for mood in MOODS if mood in network.heads]
        tasks = [*(["genre"] if genres else []), *self.moods]
        self.task_weights = TaskWeights(
            recipe.weighting, tasks, alpha=recipe.gradnorm_alpha, rate=recipe.gradnorm_rate
        )
        for spec in network.specs:
            own = [source.name for source in spec.sources]
            places = [own.index(name) if name in own else -1 for name in sources]
            self.register_buffer(f"places_{spec.name}", torch.tensor(places or [-1]))
        for name, (weight, _) in self._pulled().items():
            self.register_buffer(f"start_{name}", weight.detach().clone())
        if recipe.frozen_blocks:
            network.backbone.features[: recipe.frozen_blocks].requires_grad_(False)

    def on_train_epoch_start(self) -> None:
        """Keep the backbone's batch statistics: batches here are small and unlike AudioSet."""
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def on_train_batch_start(self, batch: Batch, index: int) -> None:
        """Let what a step drops by chance depend on its number alone, as `CropSampler`'s draws do.

        So a training that goes on drops what it would have dropped; of several processes, each its
        own.
        """
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.global_step + rank() * 1_000_000_007)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the weighted sum of the losses of one batch."""
        recipe, network = self.recipe, self.network
        embedding = self._embedding(batch)
        given = {k: batch.paired(v) for k, v in network.head_outputs(embedding).items()}
        losses = self._label_losses(given, batch)
        # Summed over the tags: most are near 0 and would vanish in a mean.
        tagging = functional.binary_cross_entropy_with_logits(
            batch.paired(self.tagging(network.hidden_of(embedding))),
            torch.sigmoid(batch.tags),
            reduction="none",
        ).sum(dim=1)
        if batch.taught is not None:
            losses["teacher"] = recipe.teacher_weight * self._taught_loss(given, batch)
        losses["tagging"] = recipe.tagging_weight * 0.1 * batch.mean(tagging)
        for name, (weight, rate) in self._pulled().items():
            moved = (weight - self.get_buffer(f"start_{name}")).square().sum()
            losses[f"pull/{name}"] = rate * moved
        self.log_dict(
            {f"loss/{name}": value for name, value in losses.items()},
            on_epoch=True,
            on_step=False,
            sync_dist=True,
            batch_size=len(embedding),
        )
        tasks = self.task_weights(losses) if self.task_weights.tasks else torch.zeros(())
        self.task_weights.balance(losses, network.last_shared)
        others = [value for name, value in losses.items() if name not in self.task_weights.tasks]
        total = torch.stack([tasks.to(embedding.device), *others]).sum()
        if processes() > 1:
            # They wait for a gradient of everything; what has no label to learn from has none.
            total = total + 0 * sum(p.sum() for p in self.parameters() if p.requires_grad)
        return total

    def on_train_epoch_end(self) -> None:
        """Let the weights of the tasks follow the epoch's losses."""
        self.task_weights.end_epoch()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Log what the labels of one batch that is not trained on cost."""
        given = self.network.head_outputs(self._embedding(batch))
        loss = torch.stack(list(self._label_losses(given, batch).values())).sum()
        # The same for all processes: each of them stops, or slows down, by it.
        self.log(VALIDATION, loss, sync_dist=True, batch_size=len(batch.maps))

    def _embedding(self, batch: Batch) -> Tensor:
        frozen = self.recipe.frozen_blocks
        if frozen == LAYERS:
            return batch.maps
        x = batch.maps.contiguous(memory_format=torch.channels_last)
        return self.network.backbone(x, start=frozen)

    def _label_losses(self, given: Mapping[str, Any], batch: Batch) -> dict[str, Tensor]:
        losses = self._genre_losses(given["genre"], batch) if "genre" in given else {}
        for mood in self.moods:
            losses |= self._mood_losses(mood, given[mood], batch, MOODS.index(mood))
        music = functional.binary_cross_entropy_with_logits(
            given["music"].squeeze(1), batch.music, reduction="none"
        )
        losses["music"] = self.recipe.music_weight * batch.mean(music)
        return losses

    def _genre_losses(self, logits: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the error of the labels, and how far the genres are from AudioSet's own."""
        recipe = self.recipe
        known = batch.counted(batch.genres.any(dim=1).float())
        errors = partial_cross_entropy(logits, batch.genres, smoothing=recipe.label_smoothing)
        losses = {"genre": recipe.weight_of("genre") * masked_mean(errors, known)}
        if len(self.tagged) > 1:
            tags = torch.softmax(batch.tags[:, self.genre_tags], dim=1)
            apart = functional.cross_entropy(logits[:, self.tagged], tags, reduction="none")
            losses["anchor"] = recipe.anchor_weight * masked_mean(apart, batch.counted(batch.music))
        return losses

    def _pulled(self) -> dict[str, tuple[Tensor, float]]:
        """Return the weights that are pulled back to where they began, and how strongly."""
        recipe, heads = self.recipe, self.network.heads
        pulled = {mood: (heads[mood].outputs.weight, recipe.mood_pull) for mood in self.moods}
        pulled["mood_hidden"] = (self.network.mood_hidden[0].weight, recipe.mood_hidden_pull)
        if "genre" in heads:
            pulled["genre"] = (heads["genre"].weight, recipe.genre_pull)
        return pulled

    def _mood_losses(
        self, mood: str, given: SourceOutputs, batch: Batch, column: int
    ) -> dict[str, Tensor]:
        """Return the error of each label's own source, and how badly the gate tells the source."""
        place = self.get_buffer(f"places_{mood}")[batch.mood_source[:, column]]
        weight = batch.counted((batch.mood_known[:, column] & (place >= 0)).float())
        place = place.clamp_min(0)
        value = given.values.gather(1, place[:, None]).squeeze(1)
        head = self.network.heads[mood]
        # Sources have scales of their own: in standard deviations of each they can be compared.
        told = (value - head.mean[place]) / head.deviation[place]
        label = (batch.moods[:, column] - head.mean[place]) / head.deviation[place]
        error = regression_loss(self.recipe.mood_loss, told, label, weight)
        gate = functional.cross_entropy(given.gate, place, reduction="none")
        return {
            mood: self.recipe.weight_of(mood) * error,
            f"gate/{mood}": self.recipe.gate_weight * masked_mean(gate, weight),
        }

    def _taught_loss(self, given: Mapping[str, Any], batch: Batch) -> Tensor:
        """Return how far music's genre and moods are from what the teacher says."""
        wanted = batch.taught
        errors = torch.zeros_like(batch.music)
        if "genre" in given:
            soft = torch.softmax(wanted.genre, dim=1)
            errors = errors + functional.cross_entropy(given["genre"], soft, reduction="none")
        for mood in self.moods:
            apart = (given[mood].values - wanted.values[mood]) / self.network.heads[mood].deviation
            errors = errors + apart.square().mean(dim=1)
            errors = errors + 0.3 * functional.cross_entropy(
                given[mood].gate, torch.softmax(wanted.gates[mood], dim=1), reduction="none"
            )
        return masked_mean(errors, batch.counted(batch.music))

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW, the backbone slower than the heads, with the recipe's schedule."""
        recipe = self.recipe
        backbone = [p for p in self.network.backbone.parameters() if p.requires_grad]
        inside = {id(p) for p in self.network.backbone.parameters()}
        heads = [p for p in self.parameters() if id(p) not in inside]
        rate = recipe.learning_rate
        groups = [{"params": heads, "lr": rate}]
        if backbone and recipe.backbone_rate > 0:
            groups.append({"params": backbone, "lr": rate * recipe.backbone_rate})
        optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
        if recipe.schedule == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=1 / 3, patience=max(1, recipe.patience // 2)
            )
            monitored = {"scheduler": plateau, "monitor": VALIDATION}
            return {"optimizer": optimizer, "lr_scheduler": monitored}
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [group["lr"] for group in groups],
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=0.15,
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def fit(
    recipe: Recipe,
    bank: CropBank,
    rows: NDArray[np.int64],
    tagger: AudioTagger,
    tags: Sequence[str],
    teacher: Teacher | None = None,
    genres: Sequence[str] = GENRES,
    *,
    validation: NDArray[np.int64] | None = None,
    run: Run = QUIET,
) -> MultitaskNetwork:
    """Train one network on some tracks.

    Parameters
    ----------
    recipe
        The settings.
    bank
        Augmented crops, built for at least the recipe's variants.
    rows
        The bank's tracks to train on.
    tagger, tags
        The pretrained network, and the names of its outputs in order.
    teacher
        A network to learn from.
    genres
        The labels of the genre head.
    validation
        Tracks to stop by, where the recipe does; they are not trained on.
    run
        How it is done, which does not change what comes out.

    Raises
    ------
    TeacherError
        The teacher was trained on labels of other kinds.
    RunError
        The training that is to go on cannot be read, or is another's.
    KeyboardInterrupt
        It was interrupted; with a folder in `run`, a later call can go on after the last epoch.

    Returns
    -------
    MultitaskNetwork
        The moving average of the weights, in evaluation mode. Equal arguments give equal networks
        on the same machine.
    """
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    L.seed_everything(recipe.seed, verbose=False)
    stem = StemMaps(bank, tagger, recipe.frozen_blocks)
    heads = heads_for(Labels.of([bank.tracks[row] for row in rows], genres))
    labels = Labels.of(bank.tracks, genres)
    targets = None
    if teacher is not None:
        check_teacher(teacher, heads)
        targets = targets_of(teacher, bank, tagger, recipe.variants)
    begun = run.begun(recipe)
    sampler = CropSampler(stem, rows, recipe, labels, targets, epoch=begun.epoch if begun else 0)
    network = build_network(recipe, tagger, tags, heads).to(memory_format=torch.channels_last)
    module = MultitaskTraining(network, tagger, tags, recipe, labels.sources)
    judged = validation is not None and len(validation) > 0
    if begun is not None and begun.weights is not None:
        module.load_state_dict(begun.weights)
        return network.eval()
    if not judged and recipe.goes_by_validation:
        raise RunError(f"{recipe.name}: patience and plateau need tracks that are held out")
    callbacks = [_moving_average(recipe.ema_decay)] if recipe.ema_decay else []
    if recipe.patience:
        callbacks.append(EarlyStopping(VALIDATION, patience=recipe.patience))
    trainer = run.trainer(recipe, callbacks, begun)
    clean = [*sampler.clean(validation)] if judged else None
    run.fit(trainer, module, DataLoader(sampler, batch_size=None), clean, begun)
    return network.cpu().eval()


def _moving_average(decay: float) -> WeightAveraging:
    """Return what keeps a moving average of the weights, with the given decay a step.

    It interpolates, so that weights that do not change keep every bit; a sum of shares, as in
    Lightning's own callback for this, would round them.
    """
    return WeightAveraging(multi_avg_fn=get_ema_multi_avg_fn(decay))
