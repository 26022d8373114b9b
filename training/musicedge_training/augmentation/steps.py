"""What is done to a training step's examples, anew at every step."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from musicedge_training.augmentation.transform import Share, Transform

if TYPE_CHECKING:
    from musicedge_training.sampling import Batch


class StepTransform(Transform):
    """A random change of the examples of one step."""

    @abstractmethod
    def apply(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return the changed batch."""


class SpecAugment(StepTransform):
    """Blank random strips of bands and of time of each example.

    SpecAugment (Park et al., Interspeech 2019), without time warping; on feature maps as well as on
    spectrograms. Where all layers are frozen, a step has no maps, and nothing is blanked.
    """

    kind: Literal["spec-augment"] = "spec-augment"
    share: Share = 0.12
    """The widest strip, as a share of the bands or of the time."""
    strips: int = Field(default=2, ge=0, le=20)
    """How many strips of each direction."""

    def apply(self, batch: Batch, rng: np.random.Generator) -> Batch:
        if batch.maps.ndim < 4:
            return batch
        masked = self.mask(batch.maps.numpy(), rng)
        return batch._replace(maps=torch.from_numpy(masked))

    def mask(self, maps: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Blank strips in place, and return the maps.

        Parameters
        ----------
        maps : np.ndarray [shape=(batch, channels, bands, time)]
            A blanked value becomes the mean of its example's channel.
        rng
            Of where the strips are.
        """
        for example in maps:
            level = example.mean(axis=(1, 2), keepdims=True)
            for axis in (1, 2):
                size = example.shape[axis]
                for _ in range(self.strips):
                    width = rng.integers(int(self.share * size) + 2)
                    start = rng.integers(size)
                    strip = [slice(None)] * 3
                    strip[axis] = slice(start, start + width)
                    example[tuple(strip)] = level
        return maps


class Mixup(StepTransform):
    """Mix each example with another one of the step, and what is asked of both.

    Notes
    -----
    mixup (Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization", ICLR
    2018): of an example (x_i, y_i) and its partner (x_j, y_j),

        x = l x_i + (1 - l) x_j        y = l y_i + (1 - l) y_j        l ~ Beta(alpha, alpha)

    Here x is what the layers that learn get: log-mel, the frozen layers' maps (as in manifold
    mixup, Verma et al., ICML 2019), or embeddings. y is mixed in the loss,
    l L(x, y_i) + (1 - l) L(x, y_j). That is the same as mixed targets for cross-entropy, and has
    the same gradient for squared errors; and it has a meaning for labels that cannot be added up:
    sets of genres, moods that two sources judge each on its own scale, the teacher's answers, and
    labels that only one of the two has, which then count by that one's share.
    """

    kind: Literal["mixup"] = "mixup"
    alpha: float = Field(default=0.2, gt=0, le=100)
    """How much is mixed: near 0 hardly anything, at 1 every share is as likely."""
    probability: Share = 1.0
    """How many of the examples are mixed."""

    def apply(self, batch: Batch, rng: np.random.Generator) -> Batch:
        n = len(batch.maps)
        shares = rng.beta(self.alpha, self.alpha, n)
        shares[rng.random(n) >= self.probability] = 1.0
        partners = rng.permutation(n)
        return batch.mixed(torch.from_numpy(shares.astype(np.float32)), torch.from_numpy(partners))
