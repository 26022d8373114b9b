"""Training one network from a recipe: the crops, the steps, the checkpoint."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import WeightAveraging
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from musicedge_training.architectures.cnn import LAYERS, POOLED, AudioTagger, MobileNetV3
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork
from musicedge_training.crops import CropBank
from musicedge_training.datasets.track import GENRES, MOODS
from musicedge_training.labels import REFERENCE_SOURCES, Labels
from musicedge_training.objectives import SourceScales, masked_mean, partial_cross_entropy
from musicedge_training.recipe import Recipe
from musicedge_training.sampling import Batch, CropSampler
from musicedge_training.stem import StemMaps

HEADS = (
    HeadSpec("genre", "classification", GENRES),
    *(HeadSpec(mood, "regression") for mood in MOODS),
    HeadSpec("music", "detection"),
)

PULLED = ("genre", *MOODS)
"""The heads that are pulled back to where they began."""

# The AudioSet class that each output of ours starts from, by its index in the published label list.
_TAGS = {
    "blues": "Blues",
    "classical": "Classical music",
    "country": "Country",
    "disco": "Disco",
    "electronic": "Electronic music",
    "hiphop": "Hip hop music",
    "jazz": "Jazz",
    "metal": "Heavy metal",
    "pop": "Pop music",
    "reggae": "Reggae",
    "rock": "Rock music",
    "music": "Music",
}


def build_network(recipe: Recipe, tagger: AudioTagger, tags: Sequence[str]) -> MultitaskNetwork:
    """Return a network whose layers and heads start from the AudioSet network.

    Parameters
    ----------
    recipe
        Its dropout is what the network gets.
    tagger
        The AudioSet network.
    tags
        The names of the AudioSet network's outputs, in order. Our genre and music outputs begin as
        its outputs of the same meaning, so that training starts from what it knows of every genre.

    Raises
    ------
    ValueError
        `tags` lacks one of the outputs that ours start from.
    """
    backbone = MobileNetV3(pooled=POOLED)
    state = tagger.state_dict()
    backbone.load_state_dict({k: v for k, v in state.items() if k.startswith("features.")})
    network = MultitaskNetwork(
        backbone, HEADS, hidden_size=tagger.hidden_size, dropout=recipe.dropout
    )
    network.hidden[0].load_state_dict(tagger.classifier[2].state_dict())
    last = tagger.classifier[5]
    with torch.no_grad():
        for name, labels in (("genre", GENRES), ("music", ("music",))):
            rows = [tags.index(_TAGS[label]) for label in labels]
            network.heads[name].weight.zero_()
            network.heads[name].weight[:, : tagger.hidden_size] = last.weight[rows]
            network.heads[name].bias.copy_(last.bias[rows])
        for mood in MOODS:
            network.heads[mood].weight.mul_(0.1)
            network.heads[mood].bias.zero_()
    return network


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
    labels
        Of all tracks of the bank: the moods' sources and their variances.
    """

    def __init__(
        self,
        network: MultitaskNetwork,
        tagger: AudioTagger,
        tags: Sequence[str],
        recipe: Recipe,
        labels: Labels,
    ) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.tagging = nn.Linear(tagger.hidden_size, tagger.classifier[5].out_features)
        self.tagging.load_state_dict(tagger.classifier[5].state_dict())
        self.genre_tags = [tags.index(_TAGS[genre]) for genre in GENRES]
        self.scales = nn.ModuleDict(
            {mood: SourceScales(labels.sources, REFERENCE_SOURCES[mood]) for mood in MOODS}
        )
        self.register_buffer("variance", _source_variances(labels))
        for name in PULLED:
            self.register_buffer(f"start_{name}", network.heads[name].weight.detach().clone())
        for parameter in network.backbone.features[: recipe.frozen_blocks].parameters():
            parameter.requires_grad_(False)

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
        logits = network.logits(embedding)
        known = batch.genres.any(dim=1).float()
        genre = partial_cross_entropy(
            logits["genre"], batch.genres, smoothing=recipe.label_smoothing
        )
        losses = {"genre": recipe.genre_weight * masked_mean(genre, known)}
        for column, mood in enumerate(MOODS):
            value = torch.sigmoid(logits[mood]).squeeze(1)
            source = batch.mood_source[:, column]
            error = self.scales[mood](value, source) - batch.moods[:, column]
            error = error.square() / self.variance[column][source]
            weight = batch.mood_known[:, column].float()
            losses[mood] = recipe.mood_weight * masked_mean(error, weight)
        music = logits["music"].squeeze(1)
        losses["music"] = recipe.music_weight * functional.binary_cross_entropy_with_logits(
            music, batch.music
        )
        losses["anchor"] = recipe.anchor_weight * masked_mean(
            functional.cross_entropy(
                logits["genre"],
                torch.softmax(batch.tags[:, self.genre_tags], dim=1),
                reduction="none",
            ),
            batch.music,
        )
        # Summed over the tags: most are near 0 and would vanish in a mean.
        tagging = functional.binary_cross_entropy_with_logits(
            self.tagging(network.hidden_of(embedding)), torch.sigmoid(batch.tags), reduction="none"
        ).sum(dim=1)
        losses["tagging"] = recipe.tagging_weight * 0.1 * tagging.mean()
        for name in PULLED:
            rate = recipe.genre_pull if name == "genre" else recipe.mood_pull
            start = self.get_buffer(f"start_{name}")
            moved = (network.heads[name].weight - start).square().sum()
            losses[f"pull/{name}"] = rate * moved
        self.log_dict(
            {f"loss/{name}": value for name, value in losses.items()},
            on_epoch=True,
            on_step=False,
            batch_size=len(embedding),
        )
        return torch.stack(list(losses.values())).sum()

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


def _source_variances(labels: Labels) -> Tensor:
    """Return the variance of each mood and source, (moods, sources); 1 where there is none."""
    variances = torch.ones(len(MOODS), max(1, len(labels.sources)))
    for column in range(len(MOODS)):
        for source in range(len(labels.sources)):
            mask = labels.mood_known[:, column] & (labels.mood_source[:, column] == source)
            if mask.sum() > 1:
                variances[column, source] = float(labels.moods[mask, column].var())
    return variances


def fit(
    recipe: Recipe,
    bank: CropBank,
    rows: NDArray[np.int64],
    tagger: AudioTagger,
    tags: Sequence[str],
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
    sampler = CropSampler(stem, rows, recipe)
    network = build_network(recipe, tagger, tags).to(memory_format=torch.channels_last)
    labels = Labels.of(bank.tracks)
    module = MultitaskTraining(network, tagger, tags, recipe, labels)
    trainer = L.Trainer(
        max_epochs=recipe.epochs,
        accelerator="auto",
        devices=1,
        gradient_clip_val=1.0,
        callbacks=[_moving_average(recipe.ema_decay)] if recipe.ema_decay else [],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, DataLoader(sampler, batch_size=None))
    return network.eval()


def _moving_average(decay: float) -> WeightAveraging:
    """Return what keeps a moving average of the weights, with the given decay a step.

    It interpolates, so that weights that do not change keep every bit; a sum of shares, as in
    Lightning's own callback for this, would round them.
    """
    return WeightAveraging(multi_avg_fn=get_ema_multi_avg_fn(decay))
