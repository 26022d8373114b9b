"""The examples that a training draws: balanced batches of random pieces of a bank's crops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from musicedge_training.accelerator import processes, rank
from musicedge_training.architectures.cnn import LAYERS
from musicedge_training.architectures.heads import SourceOutputs
from musicedge_training.augmentation.catalogue import step_transforms
from musicedge_training.datasets.track import Track
from musicedge_training.labels import Labels
from musicedge_training.objectives import masked_mean
from musicedge_training.recipe import Recipe
from musicedge_training.stem import StemMaps
from musicedge_training.teacher import Targets


class Batch(NamedTuple):
    """The examples of one step: what the frozen layers give, and the labels.

    Attributes
    ----------
    maps : Tensor [shape=(batch, channels, bands, time)]
        A piece of a crop after the frozen layers; where all layers are frozen, the embedding of the
        whole crop, [shape=(batch, embedding)].
    tags : Tensor [shape=(batch, tags)]
        The pretrained network's own logits of the clean crop.
    genres : Tensor [shape=(batch, genres), dtype=bool]
        The genres that each may be.
    moods, mood_known, mood_source : Tensor [shape=(batch, moods)]
        As in `Labels`.
    music : Tensor [shape=(batch,)]
        1 for music, else 0.
    taught : Targets or None
        What the teacher says of the clean crop; None without a teacher.
    share : Tensor [shape=(2 * batch,)] or None
        Where examples are mixed, all fields but `maps` have two rows for each: what is asked of the
        first ones, then of their partners; and this is how much each row counts.
    """

    maps: Tensor
    tags: Tensor
    genres: Tensor
    moods: Tensor
    mood_known: Tensor
    mood_source: Tensor
    music: Tensor
    taught: Targets | None
    share: Tensor | None = None

    def mixed(self, shares: Tensor, partners: Tensor) -> Batch:
        """Return the examples mixed with others of the batch.

        Parameters
        ----------
        shares : Tensor [shape=(batch,)]
            What is kept of each example, in [0, 1]; the rest comes from its partner.
        partners : Tensor [shape=(batch,), dtype=int64]
        """
        kept = shares.view(-1, *[1] * (self.maps.ndim - 1))
        maps = kept * self.maps + (1 - kept) * self.maps[partners]

        def both(rows: Tensor) -> Tensor:
            return torch.cat([rows, rows[partners]])

        asked = [both(getattr(self, name)) for name in _ASKED]
        taught = None if self.taught is None else self.taught.map(both)
        return Batch(maps, *asked, taught, torch.cat([shares, 1 - shares]))

    def paired(self, outputs: Tensor | SourceOutputs) -> Tensor | SourceOutputs:
        """Return outputs ``(batch, ...)`` as often as there are rows that ask for them."""
        if self.share is None:
            return outputs
        if isinstance(outputs, SourceOutputs):
            return SourceOutputs(*map(self.paired, outputs))
        return torch.cat([outputs, outputs])

    def counted(self, weights: Tensor) -> Tensor:
        """Return the weights of the rows, each by its share."""
        return weights if self.share is None else weights * self.share

    def mean(self, errors: Tensor) -> Tensor:
        """Return the mean of the rows' errors, each by its share."""
        return errors.mean() if self.share is None else masked_mean(errors, self.share)


_ASKED = ("tags", "genres", "moods", "mood_known", "mood_source", "music")


class CropSampler(IterableDataset[Batch]):
    """Draws balanced batches of random pieces of random crops.

    Genres, collections and kinds are drawn with weights between their shares and equality, so that
    a rare genre is not lost and a rare track is not learned by heart.

    Parameters
    ----------
    stem
        The maps of a bank's crops after the frozen layers.
    rows
        The bank's tracks to draw from.
    recipe
        How many examples a batch and an epoch have, and how they are cut.
    labels
        Of all the bank's tracks.
    targets
        What a teacher says of each variant's crops; None without one.
    epoch
        The epoch that comes first. Each has draws of its own, whatever came before it, so that a
        training that goes on draws what it would have drawn.
    """

    def __init__(
        self,
        stem: StemMaps,
        rows: NDArray[np.int64],
        recipe: Recipe,
        labels: Labels,
        targets: Targets | None = None,
        *,
        epoch: int = 0,
    ) -> None:
        self._maps = [stem.open(variant) for variant in range(recipe.variants)]
        self._rows = rows
        self._labels = labels
        self._recipe = recipe
        self._targets = targets
        self._epoch = epoch
        self._transforms = step_transforms(recipe.augmentation)
        self._weights = sampling_weights([stem.bank.tracks[row] for row in rows])

    def __len__(self) -> int:
        return self._recipe.samples_per_epoch // self._recipe.batch_size

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng((self._recipe.seed, self._epoch, 0))
        # How examples are cut and changed, each process draws for its own.
        own = (
            rng
            if processes() == 1
            else np.random.default_rng((self._recipe.seed, self._epoch, rank() + 1))
        )
        self._epoch += 1
        for _ in range(len(self)):
            yield self._draw(rng, own)

    def _draw(self, rng: np.random.Generator, own: np.random.Generator) -> Batch:
        """Return the examples of one step: of several processes, the share of this one."""
        recipe = self._recipe
        rows = rng.choice(self._rows, recipe.batch_size, p=self._weights)
        variants = rng.integers(len(self._maps), size=len(rows))
        rough = rng.random(len(rows)) < recipe.rough_share
        share = slice(rank(), None, processes())
        rows, variants, rough = rows[share], variants[share], rough[share]
        picks = [self._maps[int(variant)] for variant in variants]
        chosen = [
            (maps.rough if r else maps.clean)[row]
            for row, maps, r in zip(rows, picks, rough, strict=True)
        ]
        if recipe.frozen_blocks < LAYERS:
            chosen = self._cut(chosen, own)
        tags = np.stack([maps.tags[row] for row, maps in zip(rows, picks, strict=True)])
        taught = None if self._targets is None else self._targets.take(variants, rows)
        batch = self._batch(np.stack(chosen), tags, rows, taught)
        for transform in self._transforms:
            batch = transform.apply(batch, own)
        return batch

    def clean(self, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield the clean crops of some tracks, once and in order: what a training is judged by."""
        maps, size = self._maps[0], self._recipe.batch_size
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            yield self._batch(maps.clean[part], maps.tags[part], part, None)

    def _batch(
        self,
        maps: NDArray[np.floating],
        tags: NDArray[np.floating],
        rows: NDArray[np.int64],
        taught: Targets | None,
    ) -> Batch:
        labels = self._labels
        return Batch(
            torch.from_numpy(maps.astype(np.float32)),
            torch.from_numpy(tags.astype(np.float32)),
            torch.from_numpy(labels.genres[rows]),
            torch.from_numpy(labels.moods[rows]),
            torch.from_numpy(labels.mood_known[rows]),
            torch.from_numpy(labels.mood_source[rows]),
            torch.from_numpy(labels.music[rows].astype(np.float32)),
            taught,
        )

    def _cut(
        self, maps: Sequence[NDArray[np.float16]], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return a random stretch of time of each map, (batch, channels, bands, time)."""
        steps = maps[0].shape[-1]
        length = max(1, round(steps * self._recipe.crop_share))
        starts = rng.integers(steps - length + 1, size=len(maps))
        parts = [m[..., start : start + length] for m, start in zip(maps, starts, strict=True)]
        return np.stack(parts).astype(np.float32)


def sampling_weights(tracks: Sequence[Track]) -> NDArray[np.float64]:
    """Return each track's probability, np.ndarray [shape=(n,)]; they sum to 1.

    The rarer its genre and its collection, the more often a track is drawn; 3 in 4 are music.
    """
    weights = np.ones(len(tracks))
    for key in (lambda t: t.genres if t.is_music else t.kind, lambda t: t.collection):
        names = [str(key(track)) for track in tracks]
        counts = {name: names.count(name) for name in set(names)}
        weights *= [counts[name] ** -0.35 for name in names]
    music = np.array([track.is_music for track in tracks])
    if 0 < music.sum() < len(music):
        weights[~music] *= 0.25 * weights[music].sum() / (0.75 * weights[~music].sum())
    return weights / weights.sum()
