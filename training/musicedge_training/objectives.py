"""The losses of the heads; every label may be missing, partial, or on a scale of its own source."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def partial_cross_entropy(logits: Tensor, allowed: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return cross-entropy to labels that say "one of these", one value an example.

    Parameters
    ----------
    logits : Tensor [shape=(batch, classes)]
    allowed : Tensor [shape=(batch, classes), dtype=bool]
        The classes that the label admits; a row without any counts as unlabelled and gives 0.
    smoothing
        The share of the target spread over all classes, in [0, 1).

    Returns
    -------
    Tensor [shape=(batch,)]

    Notes
    -----
    The loss is minus the logarithm of the admitted classes' summed probability (Jin and Ghahramani,
    "Learning with multiple labels", NeurIPS 2002); with one admitted class it is cross-entropy.
    """
    log_probabilities = functional.log_softmax(logits, dim=1)
    known = allowed.any(dim=1)
    masked = log_probabilities.masked_fill(~allowed & known[:, None], -torch.inf)
    loss = -torch.logsumexp(masked, dim=1)
    loss = (1 - smoothing) * loss - smoothing * log_probabilities.mean(dim=1)
    return torch.where(known, loss, torch.zeros_like(loss))


class SourceScales(nn.Module):
    """An affine map from the one output scale to each label source's own.

    The reference source keeps slope 1 and offset 0, so that the head learns its scale; slopes are
    kept positive, so that no source can turn a mood over.

    Parameters
    ----------
    sources
        The names of the sources.
    reference
        The source whose scale the output has.
    """

    def __init__(self, sources: Sequence[str], reference: str) -> None:
        super().__init__()
        self.sources = tuple(sources)
        self.log_slope = nn.Parameter(torch.zeros(len(sources)))
        self.offset = nn.Parameter(torch.zeros(len(sources)))
        free = torch.tensor([float(source != reference) for source in sources])
        self.register_buffer("free", free)

    def forward(self, value: Tensor, source: Tensor) -> Tensor:
        """Map values ``(batch,)`` in [0, 1] to the scale of each one's source, an index."""
        slope = torch.exp(self.log_slope * self.free)[source]
        return 0.5 + slope * (value - 0.5) + (self.offset * self.free)[source]


def masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of values ``(batch,)`` weighted by ``(batch,)``; 0 where no weight is."""
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)
