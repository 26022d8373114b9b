"""Heads on a backbone: any set of classification, regression and detection outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LabelSource:
    """Where labels of a regression come from, and how their values lie.

    Parameters
    ----------
    name
        Such as ``"rated"``.
    mean, deviation
        Of its labels, in the units of the head's range; the standard deviation is above 0.
    """

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class HeadSpec:
    """One output of a model.

    Parameters
    ----------
    name
        Such as ``"genre"``; the name of the graph's output as well.
    kind
        ``"classification"``: one logit a label; ``"regression"``: a value in [0, 1];
        ``"detection"``: a probability.
    labels
        The classes of a classification; empty for the others.
    sources
        The sources of a regression's labels, at least one; empty for the others. The output is on
        the scale of the first.
    """

    name: str
    kind: Literal["classification", "regression", "detection"]
    labels: tuple[str, ...] = ()
    sources: tuple[LabelSource, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "classification") != bool(self.labels):
            raise ValueError(
                f"head {self.name!r}: labels are for classifications, and needed there"
            )
        if (self.kind == "regression") != bool(self.sources):
            raise ValueError(f"head {self.name!r}: sources are for regressions, and needed there")


class SourceOutputs(NamedTuple):
    """What a `SourceMixture` gives.

    Attributes
    ----------
    values : Tensor [shape=(batch, sources)]
        What each source would say, in [0, 1], on its own scale.
    gate : Tensor [shape=(batch, sources)]
        Logits of the source that music like this has its labels from.
    """

    values: Tensor
    gate: Tensor


class SourceMixture(nn.Module):
    """A regression on labels of several sources, which judge by rules and on scales of their own.

    Every source has an output, so that none is bent to another's rule. Which of them counts for a
    piece is told by a gate, which learns what music each source was asked about: a mixture of
    experts (Jacobs et al., "Adaptive mixtures of local experts", Neural Computation 1991) whose
    experts have names.

    Parameters
    ----------
    inputs
        Size of what it reads.
    sources
        The sources; the result is on the scale of the first.
    """

    def __init__(self, inputs: int, sources: Sequence[LabelSource]) -> None:
        super().__init__()
        self.outputs = nn.Linear(inputs, len(sources))
        self.gate = nn.Linear(inputs, len(sources))
        for name in ("mean", "deviation"):
            numbers = torch.tensor([getattr(source, name) for source in sources])
            self.register_buffer(name, numbers, persistent=False)

    def forward(self, x: Tensor) -> SourceOutputs:
        return SourceOutputs(torch.sigmoid(self.outputs(x)), self.gate(x))

    def value(self, given: SourceOutputs) -> Tensor:
        """Return the one value of each example, ``(batch,)`` in [0, 1].

        The gate's mean of the sources' values, each moved to the first source's mean and deviation.
        """
        standard = (given.values - self.mean) / self.deviation
        moved = self.mean[0] + self.deviation[0] * standard
        return (torch.softmax(given.gate, dim=1) * moved).sum(dim=1).clamp(0, 1)


class MultitaskNetwork(nn.Module):
    """A backbone, a shared hidden layer, and heads on both.

    Classifications and detections read the hidden layer and, beside it, the whole embedding,
    normalised: a genre begins as the pretrained network's, out of the hidden layer. Regressions
    read a hidden layer of their own, which reads the same.

    Parameters
    ----------
    backbone
        Log-mel ``(batch, 1, n_mels, time)`` to embedding ``(batch, backbone.embedding_size)``; its
        ``final_mean`` of that feeds the hidden layer.
    heads
        The outputs.
    hidden_size, mood_size
        Width of the shared layer, and of the regressions' own.
    dropout
        Share of the heads' inputs dropped while training.
    """

    def __init__(
        self,
        backbone: nn.Module,
        heads: Sequence[HeadSpec],
        *,
        hidden_size: int = 512,
        mood_size: int = 80,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.specs = tuple(heads)
        self.backbone = backbone
        self.norm = nn.BatchNorm1d(backbone.embedding_size, affine=False)
        self.hidden = nn.Sequential(nn.Linear(backbone.final_size, hidden_size), nn.Hardswish())
        self.dropout = nn.Dropout(dropout)
        size = hidden_size + backbone.embedding_size
        self.hidden_norm = nn.BatchNorm1d(hidden_size, affine=False)
        self.mood_hidden = nn.Sequential(nn.Linear(size, mood_size), nn.Hardswish())
        self.heads = nn.ModuleDict(
            {
                head.name: SourceMixture(mood_size, head.sources)
                if head.kind == "regression"
                else nn.Linear(size, max(1, len(head.labels)))
                for head in heads
            }
        )

    @property
    def last_shared(self) -> Tensor:
        """The weights of the last layer that all classifications and regressions read.

        Regressions share one more with each other.
        """
        alone = all(head.kind != "classification" for head in self.specs)
        return (self.mood_hidden if alone else self.hidden)[0].weight

    def hidden_of(self, embedding: Tensor) -> Tensor:
        """Return the hidden layer's output for an embedding, ``(batch, hidden_size)``."""
        return self.hidden(self.backbone.final_mean(embedding))

    def head_outputs(self, embedding: Tensor) -> dict[str, Tensor | SourceOutputs]:
        """Return what the heads themselves give.

        Parameters
        ----------
        embedding : Tensor [shape=(batch, embedding_size)]

        Returns
        -------
        dict
            Logits ``(batch, classes)`` of classifications, ``(batch, 1)`` of detections, and the
            `SourceOutputs` of regressions.
        """
        hidden, normalised = self.hidden_of(embedding), self.norm(embedding)
        joined = torch.cat([hidden, normalised], dim=1)
        level = torch.cat([self.hidden_norm(hidden), normalised], dim=1)
        mood = self.dropout(self.mood_hidden(self.dropout(level)))
        return {
            name: head(mood if isinstance(head, SourceMixture) else self.dropout(joined))
            for name, head in self.heads.items()
        }

    def forward(self, logmel: Tensor) -> dict[str, Tensor]:
        """Return the outputs of the exported graph for log-mel ``(batch, time, n_mels)``.

        Classifications are logits ``(batch, classes)``; the others are ``(batch,)`` in [0, 1].
        """
        given = self.head_outputs(self.backbone(logmel.transpose(1, 2).unsqueeze(1)))
        return {spec.name: self._output(spec, given[spec.name]) for spec in self.specs}

    def _output(self, spec: HeadSpec, given: Tensor | SourceOutputs) -> Tensor:
        if isinstance(given, SourceOutputs):
            return self.heads[spec.name].value(given)
        return given if spec.kind == "classification" else torch.sigmoid(given).squeeze(1)
