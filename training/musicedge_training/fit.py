"""Training one network from a recipe: the crops, the steps, the checkpoint."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import WeightAveraging
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from musicedge_training.accelerator import device
from musicedge_training.architectures.cnn import LAYERS, AudioTagger
from musicedge_training.architectures.heads import MultitaskNetwork, SourceOutputs
from musicedge_training.crops import CropBank
from musicedge_training.datasets.track import GENRES, MOODS
from musicedge_training.labels import Labels
from musicedge_training.objectives import masked_mean, partial_cross_entropy
from musicedge_training.recipe import Recipe
from musicedge_training.sampling import Batch, CropSampler
from musicedge_training.start import TAGS, build_network, heads_for
from musicedge_training.stem import StemMaps
from musicedge_training.teacher import Teacher, check_teacher, targets_of


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
        self.genre_tags = [tags.index(TAGS[genre]) for genre in GENRES]
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

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the weighted sum of the losses of one batch."""
        recipe, network = self.recipe, self.network
        embedding = batch.maps
        if recipe.frozen_blocks < LAYERS:
            x = batch.maps.contiguous(memory_format=torch.channels_last)
            embedding = network.backbone(x, start=recipe.frozen_blocks)
        given = network.head_outputs(embedding)
        known = batch.genres.any(dim=1).float()
        genre = partial_cross_entropy(
            given["genre"], batch.genres, smoothing=recipe.label_smoothing
        )
        losses = {"genre": recipe.genre_weight * masked_mean(genre, known)}
        for column, mood in enumerate(MOODS):
            losses |= self._mood_losses(mood, given[mood], batch, column)
        losses["music"] = recipe.music_weight * functional.binary_cross_entropy_with_logits(
            given["music"].squeeze(1), batch.music
        )
        losses["anchor"] = recipe.anchor_weight * masked_mean(
            functional.cross_entropy(
                given["genre"],
                torch.softmax(batch.tags[:, self.genre_tags], dim=1),
                reduction="none",
            ),
            batch.music,
        )
        # Summed over the tags: most are near 0 and would vanish in a mean.
        tagging = functional.binary_cross_entropy_with_logits(
            self.tagging(network.hidden_of(embedding)), torch.sigmoid(batch.tags), reduction="none"
        ).sum(dim=1)
        if batch.taught is not None:
            losses["teacher"] = recipe.teacher_weight * self._taught_loss(given, batch)
        losses["tagging"] = recipe.tagging_weight * 0.1 * tagging.mean()
        for name, (weight, rate) in self._pulled().items():
            moved = (weight - self.get_buffer(f"start_{name}")).square().sum()
            losses[f"pull/{name}"] = rate * moved
        self.log_dict(
            {f"loss/{name}": value for name, value in losses.items()},
            on_epoch=True,
            on_step=False,
            batch_size=len(embedding),
        )
        return torch.stack(list(losses.values())).sum()

    def _pulled(self) -> dict[str, tuple[Tensor, float]]:
        """Return the weights that are pulled back to where they began, and how strongly."""
        recipe, heads = self.recipe, self.network.heads
        return {
            "genre": (heads["genre"].weight, recipe.genre_pull),
            "mood_hidden": (self.network.mood_hidden[0].weight, recipe.mood_hidden_pull),
            **{mood: (heads[mood].outputs.weight, recipe.mood_pull) for mood in MOODS},
        }

    def _mood_losses(
        self, mood: str, given: SourceOutputs, batch: Batch, column: int
    ) -> dict[str, Tensor]:
        """Return the error of each label's own source, and how badly the gate tells the source."""
        place = self.get_buffer(f"places_{mood}")[batch.mood_source[:, column]]
        weight = (batch.mood_known[:, column] & (place >= 0)).float()
        place = place.clamp_min(0)
        value = given.values.gather(1, place[:, None]).squeeze(1)
        error = (value - batch.moods[:, column]) / self.network.heads[mood].deviation[place]
        gate = functional.cross_entropy(given.gate, place, reduction="none")
        return {
            mood: self.recipe.mood_weight * masked_mean(error.square(), weight),
            f"gate/{mood}": self.recipe.gate_weight * masked_mean(gate, weight),
        }

    def _taught_loss(self, given: Mapping[str, Any], batch: Batch) -> Tensor:
        """Return how far music's genre and moods are from what the teacher says."""
        wanted, genre = batch.taught, given["genre"]
        errors = functional.cross_entropy(
            genre, torch.softmax(wanted.genre, dim=1), reduction="none"
        )
        for mood in MOODS:
            apart = (given[mood].values - wanted.values[mood]) / self.network.heads[mood].deviation
            errors = errors + apart.square().mean(dim=1)
            errors = errors + 0.3 * functional.cross_entropy(
                given[mood].gate, torch.softmax(wanted.gates[mood], dim=1), reduction="none"
            )
        return masked_mean(errors, batch.music)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW, the backbone slower than the heads, with a one-cycle cosine schedule."""
        recipe = self.recipe
        backbone = [p for p in self.network.backbone.parameters() if p.requires_grad]
        inside = {id(p) for p in self.network.backbone.parameters()}
        heads = [p for p in self.parameters() if id(p) not in inside]
        rate = recipe.learning_rate
        groups = [{"params": heads, "lr": rate}]
        if backbone and recipe.backbone_rate > 0:
            groups.append({"params": backbone, "lr": rate * recipe.backbone_rate})
        optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
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

    Raises
    ------
    TeacherError
        The teacher was trained on labels of other kinds.

    Returns
    -------
    MultitaskNetwork
        The moving average of the weights, in evaluation mode. Equal arguments give equal networks
        on the same machine.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    L.seed_everything(recipe.seed, verbose=False)
    stem = StemMaps(bank, tagger, recipe.frozen_blocks)
    heads = heads_for(Labels.of([bank.tracks[row] for row in rows]))
    targets = None
    if teacher is not None:
        check_teacher(teacher, heads)
        targets = targets_of(teacher, bank, tagger, recipe.variants)
    sampler = CropSampler(stem, rows, recipe, targets)
    network = build_network(recipe, tagger, tags, heads).to(memory_format=torch.channels_last)
    sources = Labels.of(bank.tracks).sources
    module = MultitaskTraining(network, tagger, tags, recipe, sources)
    trainer = L.Trainer(
        max_epochs=recipe.epochs,
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if device().type == "cuda" else "32-true",
        gradient_clip_val=1.0,
        callbacks=[_moving_average(recipe.ema_decay)] if recipe.ema_decay else [],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, DataLoader(sampler, batch_size=None))
    return network.cpu().eval()


def _moving_average(decay: float) -> WeightAveraging:
    """Return what keeps a moving average of the weights, with the given decay a step.

    It interpolates, so that weights that do not change keep every bit; a sum of shares, as in
    Lightning's own callback for this, would round them.
    """
    return WeightAveraging(multi_avg_fn=get_ema_multi_avg_fn(decay))
