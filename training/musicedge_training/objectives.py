"""The losses of the heads, where every label may be missing or partial, and their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of values ``(batch,)`` weighted by ``(batch,)``; 0 where no weight is."""
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)


def concordance_loss(predicted: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return one minus Lin's concordance correlation of the weighted examples, in [0, 2].

    Parameters
    ----------
    predicted, truth : Tensor [shape=(batch,)]
    weights : Tensor [shape=(batch,)]
        0 leaves an example out; without two that count the loss is 0.

    Notes
    -----
    See `musicedge_training.scores.concordance`; a batch must be large for it to tell much.
    """
    p_mean, t_mean = masked_mean(predicted, weights), masked_mean(truth, weights)
    p, t = predicted - p_mean, truth - t_mean
    covariance = masked_mean(p * t, weights)
    spread = masked_mean(p.square(), weights) + masked_mean(t.square(), weights)
    spread = spread + (p_mean - t_mean).square()
    loss = 1 - 2 * covariance / spread.clamp_min(1e-6)
    return torch.where(weights.sum() > 1, loss, torch.zeros_like(loss))


def regression_loss(kind: str, predicted: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the error of the weighted examples.

    Parameters
    ----------
    kind
        ``"mse"``: squared; ``"ccc"``: `concordance_loss`; ``"mix"``: the mean of both.
    predicted, truth, weights : Tensor [shape=(batch,)]
    """
    if kind == "ccc":
        return concordance_loss(predicted, truth, weights)
    squared = masked_mean((predicted - truth).square(), weights)
    if kind == "mse":
        return squared
    return (squared + concordance_loss(predicted, truth, weights)) / 2


class TaskWeights(nn.Module):
    """Weighs tasks' losses against each other.

    Parameters
    ----------
    kind
        ``"uniform"`` and ``"fixed"``: each counts once, as it is. ``"uncertainty"``: by learned
        variances, exp(-s) L + s for each task (Kendall, Gal and Cipolla, "Multi-task learning using
        uncertainty to weigh losses", CVPR 2018). ``"dwa"``: by how slowly each loss falls from one
        epoch to the next, a softmax at temperature 2 that sums to the number of tasks (Liu, Johns
        and Davison, "End-to-end multi-task learning with attention", CVPR 2019). ``"gradnorm"``: so
        that all learn at the same rate; see `balance`.
    tasks
        Their names.
    alpha, rate
        Of ``"gradnorm"``.
    """

    def __init__(
        self, kind: str, tasks: Sequence[str], *, alpha: float = 1.5, rate: float = 0.025
    ) -> None:
        super().__init__()
        self.kind = kind
        self.tasks = tuple(tasks)
        self._alpha = alpha
        self._rate = rate
        self.log_variances = nn.Parameter(
            torch.zeros(len(self.tasks)), requires_grad=kind == "uncertainty"
        )
        self.register_buffer("weights", torch.ones(len(self.tasks)))
        self.register_buffer("sums", torch.zeros(len(self.tasks)))
        self.register_buffer("steps", torch.zeros(()))
        # The losses of the epoch before ("dwa"), or the first ones ("gradnorm").
        self.register_buffer("before", torch.zeros(len(self.tasks)))

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the tasks' losses."""
        values = torch.stack([losses[task] for task in self.tasks])
        if self.kind == "uncertainty":
            return (torch.exp(-self.log_variances) * values + self.log_variances).sum()
        self.sums += values.detach()
        self.steps += 1
        return (self.weights.clone() * values).sum()  # `balance` changes them before backward

    def balance(self, losses: Mapping[str, Tensor], shared: Tensor) -> None:
        """Set the weights of the next step, where they change by step.

        Parameters
        ----------
        losses
            This step's, by task, not weighted.
        shared
            The weights of the last layer that all tasks share.

        Notes
        -----
        GradNorm (Chen, Badrinarayanan, Lee and Rabinovich, "GradNorm: gradient normalization for
        adaptive loss balancing in deep multitask networks", ICML 2018). Of task i, w_i is the
        weight, G_i = |grad of w_i L_i by `shared`|, and r_i its loss as a share of its first one,
        divided by the tasks' mean of that: how far it is behind. The weights descend along

            sum_i |G_i - mean(G) r_i^alpha|

        with the second term held constant, so by rate * sign(...) * |grad of L_i|, and are then
        scaled to sum to the number of tasks. None falls below 0.001 before that. A task without a
        label in this step's batch is left out of the means, and its weight only scaled.
        """
        if self.kind != "gradnorm" or len(self.tasks) < 2:
            return
        values = torch.stack([losses[task].detach().float() for task in self.tasks])
        norms = torch.stack([_norm(losses[task], shared) for task in self.tasks])
        self.before.copy_(torch.where(self.before > 0, self.before, values))
        seen = (values > 0) & (norms > 0)
        if seen.sum() < 2:
            return
        shares = values / self.before.clamp_min(1e-8)
        behind = shares / shares[seen].mean()
        sizes = self.weights * norms
        wanted = sizes[seen].mean() * behind**self._alpha
        step = torch.where(seen, self._rate * torch.sign(sizes - wanted) * norms, 0.0)
        moved = (self.weights - step).clamp_min(1e-3)
        self.weights.copy_(moved * len(self.tasks) / moved.sum())

    def end_epoch(self) -> None:
        """Set the weights of the next epoch, where they change by epoch."""
        if self.kind != "dwa":
            return
        now = self.sums / self.steps.clamp_min(1)
        if (self.before > 0).all():
            falls = now / self.before.clamp_min(1e-8)
            self.weights.copy_(len(self.tasks) * torch.softmax(falls / 2, dim=0))
        self.before.copy_(now)
        self.sums.zero_()
        self.steps.zero_()


def _norm(loss: Tensor, shared: Tensor) -> Tensor:
    """Return the norm of a loss's gradient by `shared`, 0 where it does not depend on it."""
    (gradient,) = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    return torch.zeros_like(loss) if gradient is None else gradient.norm()
