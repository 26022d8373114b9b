"""The losses of the heads; every label may be missing or partial."""

from __future__ import annotations

import torch
from torch import Tensor
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


def masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of values ``(batch,)`` weighted by ``(batch,)``; 0 where no weight is."""
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)
